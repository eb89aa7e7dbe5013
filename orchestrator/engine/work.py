"""What a run works on, one kind of work beside another, and the loop that carries all of it to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from orchestrator.core.errors import OrchestratorError, Stopped

# A stop or a request to cancel is heeded within this, however long the pause between two rounds.
_HEED_SECONDS = 1.0


class HoldError(OrchestratorError):
    """
    Something outside must change first.

    Attributes:
        alone: Whether that may happen without a person.
        until: When to look again, seconds since 1970; 0 is after the usual wait.
    """

    def __init__(self, reason: str, *, alone: bool, until: float = 0.0) -> None:
        super().__init__(reason)
        self.alone = alone
        self.until = until
        self.exit_code = 5 if alone else 3  # of a command that cannot leave it at that


class LeaveError(HoldError):
    """The run is to leave its slot, also where its time to go on has come by then."""

    def __init__(self, reason: str, until: float) -> None:
        super().__init__(reason, alone=True, until=until)


class OutputTakenError(HoldError):
    """Another run makes the same output: it may end at any moment, and to look at its lock costs nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, alone=True)


class CancelledByUserError(Stopped):
    """The run's own user asked for its end."""


class Work(Protocol):
    """One kind of work of a run: batch exports, units. Its block is open while its threads live."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads; what they have begun is given up or finished."""

    def round(self) -> bool:
        """
        Do everything that can be done now, without waiting; tell whether nothing is left to do.

        Asked again after it was done, since another work may have brought something new.

        Raises:
            HoldError, PermanentError, IntegrityError, SpaceError, TransientError: The run cannot go on now.
            Stopped: The process or the run was asked to stop.
        """

    def pause_seconds(self) -> float:
        """Return after how long something may have changed by itself."""


def carry_all(works: Sequence[Work], wake: threading.Event, obey: Callable[[], None]) -> None:
    """
    Go on with all works until nothing is left to do in any; `wake` ends a pause. Errors as `Work.round`.

    `obey` raises when the process or the run was asked to stop.
    """
    with ExitStack() as opened:
        for work in works:
            opened.enter_context(work)
        while True:
            left = one_round(works, obey)
            if not left:
                return
            _rest(min(work.pause_seconds() for work in left), wake, obey)
            wake.clear()


def _rest(seconds: float, wake: threading.Event, obey: Callable[[], None]) -> None:
    """Wait until `wake`, at most so long, in slices: a large run looks seldom, and heeds a stop all the same."""
    while seconds > 0 and not wake.wait(min(seconds, _HEED_SECONDS)):
        seconds -= _HEED_SECONDS
        if seconds > 0:
            obey()


def one_round(works: Sequence[Work], obey: Callable[[], None]) -> list[Work]:
    """Give every work its round; return those that are not done."""
    obey()
    return [work for work in works if not work.round()]
