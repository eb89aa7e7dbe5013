"""A running sandbox as a test has it: what shall go wrong is ordered in a line, and what happened is asked in one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.rules import Rule
from orchestrator.sandbox.server import Sandbox
from orchestrator.sandbox.web import ProtocolViolation


class OrderedSandbox:
    """
    What tests of every service do with a sandbox.

    Attributes:
        sandbox: The services themselves, for whatever this has no line for.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url})"

    @property
    def url(self) -> str:
        """Where all services answer."""
        return self.sandbox.url

    @property
    def clock(self) -> Clock:
        """The services' time; `clock.advance(seconds)` moves it on."""
        return self.sandbox.clock

    def fail(self, call: str, *, times: int | None = 1, http: int | None = None, **order: Any) -> int:
        """
        Let the next calls go wrong: by default, one is answered with HTTP 503.

        Args:
            call: The name of a method, whole (`image.computePixels`) or its last word where only one has it.
            times: How many calls; None is all.
            http: The status.
            order: What else a fault takes, such as `sentence="user_memory"`, `action="reset"`, `skip=2` or `text=...`;
                all of it stands in COVERAGE.md.

        Returns:
            The number of the order, for `acted`.

        Raises:
            ValueError: No such call, or no such fault.
        """
        status = {} if http is None else {"status": http}
        return self._order({"action": "http", "api": self._api(call), "count": times, **status, **order})

    def acted(self, number: int) -> int:
        """Tell how often an ordered fault has acted."""
        return next(int(each["consumed"]) for each in self.sandbox.faults.report() if each["id"] == number)

    def recover(self) -> None:
        """Forget all faults; what they held goes on."""
        self.sandbox.faults.clear()
        self.sandbox.tasks.nudge()

    def requests(self, call: str) -> int:
        """
        Count the requests of a call since the sandbox began.

        Raises:
            ValueError: No such call.
        """
        return int(self.sandbox.journal.summary()["requests"].get(self._api(call), 0))

    @property
    def violations(self) -> list[str]:
        """The requests that the real services would refuse as malformed, such as a misspelt option."""
        return [str(each) for each in self.sandbox.journal.summary()["violations"]]

    def _order(self, order: Mapping[str, Any]) -> int:
        try:
            return self.sandbox.faults.order(Rule.of(dict(order)))
        except ProtocolViolation as error:
            raise ValueError(str(error)) from None

    def _api(self, call: str) -> str:
        known = self.sandbox.apis()
        fitting = [call] if call in known else sorted(each for each in known if each.rpartition(".")[2] == call)
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise ValueError(f"{call!r} is the end of several calls: say which of {', '.join(fitting)}")
        near = difflib.get_close_matches(call, sorted(known), n=3, cutoff=0.4)
        raise ValueError(f"no call is named {call!r}; the nearest are {', '.join(near)}")
