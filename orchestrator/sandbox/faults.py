"""Faults ordered per API call: what shall go wrong, when, how often; counted, and reported as consumed."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from orchestrator.sandbox.web import ProtocolViolation, Request

# What can be ordered for a call. Each but `http`, `reset`, `request_id_burnt` and `request_id_refused` lets the
# method run and spoils the answer; `stall` holds the call before it runs.
CALL_ACTIONS = frozenset(
    {
        "http",  # answer `status` without running the method; `html` makes it a page, `body` gives the text
        "reset",  # break the connection (RST) without running the method
        "commit_then_fail",  # run the method, then `then`: "reset", "stall" or an HTTP status
        "truncate",  # send the headers and the first `bytes` of the body, then close
        "stall",  # hold the call for `seconds`, or until released; with `bytes`, hold inside the body
        "slow",  # send the body at `bytes_per_second`
        "flip",  # invert one bit of the byte at `offset` of the body
        "short",  # leave out the last `bytes` of the body and say nothing
        "request_id_refused",  # image.export: a request id seen before is refused instead of answered again
        "request_id_burnt",  # image.export: answer `status`, start nothing, refuse the id from now on
    }
)

# What can be ordered for a task (api `task`); drawn when the task is submitted.
TASK_ACTIONS = frozenset(
    {
        "task_fail",  # FAILED with `message` after the fraction `after` of the work
        "task_cancelled",  # CANCELLED by someone else after the fraction `after`
        "task_stuck",  # stays READY until released
        "task_hold",  # stays RUNNING at the fraction `after` until released, or for `seconds`
        "task_retried",  # the service repeats the task once: `attempt` becomes 2
        "task_lose_file",  # SUCCEEDED, but the file number `offset` is never written
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One order. It fits a call when `api`, `method`, `path` (a regular expression over path and query), `text` (one
    over the body, or a task's description) and `ranged` fit; it lets `skip` fitting calls pass, then acts on `count`.
    """

    action: str
    api: str | None = None
    method: str | None = None
    path: str | None = None
    text: str | None = None
    ranged: bool | None = None
    skip: int = 0
    count: int = 1
    status: int = 503
    message: str | None = None
    reason: str | None = None
    status_name: str | None = None
    html: bool = False
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    then: str | int = "reset"
    bytes: int | None = None
    bytes_per_second: int = 1000
    offset: int = 0
    seconds: float | None = None
    after: float = 0.0
    code: int = 3

    @staticmethod
    def of(order: Any) -> Rule:
        """
        Read an order.

        Raises:
            ProtocolViolation: If a name or the action is unknown, or the pattern is none.
        """
        if not isinstance(order, dict):
            raise ProtocolViolation("a fault is an object")
        known = {each.name for each in fields(Rule)}
        if unknown := sorted(set(order) - known):
            raise ProtocolViolation(f"unknown names in a fault: {unknown}; known are {sorted(known)}")
        if order.get("action") not in CALL_ACTIONS | TASK_ACTIONS:
            raise ProtocolViolation(f"unknown action {order.get('action')!r}")
        if order["action"] in TASK_ACTIONS:
            order = {**order, "api": "task"}
        for name in ("path", "text"):
            _check_pattern(order.get(name))
        return Rule(**order)

    def fits_call(self, api: str, request: Request) -> bool:
        if self.action in TASK_ACTIONS or (self.api is not None and self.api != api):
            return False
        if self.method is not None and self.method != request.method:
            return False
        if self.ranged is not None and self.ranged != ("range" in request.headers):
            return False
        target = request.path + "?" + "&".join(f"{k}={v}" for k, v in request.query.items())
        if self.path is not None and not re.search(self.path, target):
            return False
        return self.text is None or bool(re.search(self.text, request.body.decode("utf-8", "replace")))

    def fits_task(self, description: str) -> bool:
        fits_text = self.text is None or bool(re.search(self.text, description))
        return self.action in TASK_ACTIONS and fits_text


def _check_pattern(pattern: Any) -> None:
    try:
        re.compile(pattern or "")
    except (re.error, TypeError) as error:
        raise ProtocolViolation(f"{pattern!r} is no regular expression: {error}") from error


class Fault:
    """A rule that acts, now, on one call or task."""

    def __init__(self, rule: Rule, released: threading.Event) -> None:
        self.rule = rule
        self._released = released

    def hold(self) -> None:
        """Wait until the rule is released, at most for its `seconds`."""
        self._released.wait(self.rule.seconds)

    @property
    def released(self) -> bool:
        return self._released.is_set()


@dataclass(slots=True)
class _Order:
    number: int
    rule: Rule
    skipped: int = 0
    consumed: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def take(self) -> bool:
        """Count a fitting call; say whether the rule acts on it."""
        if self.skipped < self.rule.skip:
            self.skipped += 1
            return False
        if self.consumed >= self.rule.count:
            return False
        self.consumed += 1
        return True

    def report(self) -> dict[str, Any]:
        return {
            "id": self.number,
            "rule": {k: v for k, v in asdict(self.rule).items() if v not in (None, {})},
            "skipped": self.skipped,
            "consumed": self.consumed,
            "pending": self.rule.count - self.consumed,
            "released": self.released.is_set(),
        }


class Faults:
    """The ordered faults. A call goes to the first rule that fits and has acts left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[_Order] = []
        self._next = 1

    def order(self, rule: Rule) -> int:
        """Append `rule`; return its number."""
        with self._lock:
            self._orders.append(_Order(self._next, rule))
            self._next += 1
            return self._next - 1

    def for_call(self, api: str, request: Request) -> Fault | None:
        with self._lock:
            for each in self._orders:
                if each.rule.fits_call(api, request) and each.take():
                    return Fault(each.rule, each.released)
        return None

    def for_task(self, description: str) -> Fault | None:
        with self._lock:
            for each in self._orders:
                if each.rule.fits_task(description) and each.take():
                    return Fault(each.rule, each.released)
        return None

    def release(self, number: int | None = None) -> None:
        """Let go whatever the rule `number`, or every rule, holds; also what it would hold later."""
        with self._lock:
            for each in self._orders:
                if number is None or each.number == number:
                    each.released.set()

    def clear(self) -> None:
        """Forget all rules and let go whatever they hold."""
        self.release()
        with self._lock:
            self._orders.clear()

    def report(self) -> list[dict[str, Any]]:
        with self._lock:
            return [each.report() for each in self._orders]
