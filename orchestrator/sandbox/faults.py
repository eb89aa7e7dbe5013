"""Faults ordered per call, task or view of the tasks: what shall go wrong, when, how often; counted when it acts."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.web import ProtocolViolation, Request

# What can be ordered for a call. Each but `http`, `reset`, `request_id_burnt` and `request_id_refused` lets the
# method run and spoils the answer; `stall` holds the call before it runs.
CALL_ACTIONS = frozenset(
    {
        "http",  # answer `status` without running the method; `html` makes it a page, `body` gives the text
        "reset",  # break the connection (RST) without running the method
        "commit_then_fail",  # run the method, then `then`: "reset", "stall" or an HTTP status (as `http` answers it)
        "truncate",  # send the headers and the first `bytes` of the body (default: half), then close
        "stall",  # hold the call for `seconds`, or until released; with `bytes`, hold inside the body
        "slow",  # send the body at `bytes_per_second`; the rest at once when released
        "flip",  # invert one bit of the byte at `offset` of the body
        "short",  # leave out the last `bytes` of the body and say nothing
        "inflate",  # send the body gzipped behind `bytes` (default: 3 GiB) of blanks, a thousandth of that on the wire
        "endless_pages",  # a list: each page names a next one, which is the first page again
        "request_id_refused",  # image.export: a request id seen before is refused instead of answered again
        "request_id_burnt",  # image.export: answer `status`, start nothing, refuse the id from now on
    }
)

# What is added to an answer, beside any other fault: `headers`.
HEADER_ACTIONS = frozenset({"headers"})

# What can be ordered for a task; drawn when the task is submitted.
TASK_ACTIONS = frozenset(
    {
        "task_fail",  # FAILED with `message` after the fraction `after` of the work
        "task_cancelled",  # CANCELLED by someone else after the fraction `after`
        "task_stuck",  # stays READY until released
        "task_hold",  # stays RUNNING at the fraction `after` until released, or for `seconds`
        "task_retried",  # the service repeats the task once: `attempt` becomes 2
        "task_lose_file",  # SUCCEEDED, but the file number `offset` is never written
        # SUCCEEDED, but the first `bytes` (default: 8) of the file number `offset` are zeros: no TIFF. Its checksums
        # are those of these bytes; with `stale_checksum` those of the whole file, which no download will ever have.
        "task_damage_file",
    }
)

# How a task names its files, beside any other fault of the task: with `dash` between prefix and offsets, or without.
NAME_ACTIONS = frozenset({"part_names"})

# What the tasks look like from outside; drawn when they are listed or looked up. With `seconds` and no `count` there
# is no limit to the number of answers.
VIEW_ACTIONS = frozenset(
    {
        # A page of the list lacks the tasks whose name or description fits `text`. With `seconds` this lasts so long
        # after the order, or after the submission, whichever is later.
        "operation_unlisted",
        "operation_unknown",  # the same, and get and cancel answer 404
        "operations_lag",  # a page of the list is as old as `seconds`
    }
)

ACTIONS = CALL_ACTIONS | HEADER_ACTIONS | TASK_ACTIONS | NAME_ACTIONS | VIEW_ACTIONS
DESTINATIONS = ("bucket", "drive")


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One order. It fits a call when `api`, `method`, `path` (a regular expression over path and query), `text` (one
    over the body, or a task's name and description) and `ranged` fit; it lets `skip` fitting calls pass, then acts on
    `count`, or on all with None.
    """

    action: str
    api: str | None = None
    method: str | None = None
    path: str | None = None
    text: str | None = None
    ranged: bool | None = None
    destination: str | None = None
    skip: int = 0
    count: int | None = 1
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
    chunked: bool = False
    offset: int = 0
    seconds: float | None = None
    after: float = 0.0
    code: int = 3
    dash: bool = True
    stale_checksum: bool = False

    @staticmethod
    def of(order: Any) -> Rule:
        """
        Read an order.

        Raises:
            ProtocolViolation: If a name, the action or the destination is unknown, or the pattern is none.
        """
        if not isinstance(order, dict):
            raise ProtocolViolation("a fault is an object")
        known = {each.name for each in fields(Rule)}
        if unknown := sorted(set(order) - known):
            raise ProtocolViolation(f"unknown names in a fault: {unknown}; known are {sorted(known)}")
        action = order.get("action")
        if action not in ACTIONS:
            raise ProtocolViolation(f"unknown action {action!r}; known are {sorted(ACTIONS)}")
        if order.get("destination") not in (None, *DESTINATIONS):
            raise ProtocolViolation(f"unknown destination {order['destination']!r}; known are {list(DESTINATIONS)}")
        for name in ("path", "text"):
            _check_pattern(order.get(name))
        if action in VIEW_ACTIONS and order.get("seconds") is not None:
            order = {"count": None, **order}
        return Rule(**order)

    def fits_call(self, api: str, request: Request) -> bool:
        if self.action not in CALL_ACTIONS | HEADER_ACTIONS or (self.api is not None and self.api != api):
            return False
        if self.method is not None and self.method != request.method:
            return False
        if self.ranged is not None and self.ranged != ("range" in request.headers):
            return False
        return self._fits_path(request) and self._fits_text(request.body.decode("utf-8", "replace"))

    def fits_task(self, description: str, destination: str) -> bool:
        fits_place = self.destination in (None, destination)
        return self.action in TASK_ACTIONS | NAME_ACTIONS and fits_place and self._fits_text(description)

    def fits_view(self, request: Request) -> bool:
        return self.action in VIEW_ACTIONS and self._fits_path(request)

    def hides(self, name: str, description: str) -> bool:
        return self.action != "operations_lag" and (self._fits_text(name) or self._fits_text(description))

    def _fits_path(self, request: Request) -> bool:
        target = request.path + "?" + "&".join(f"{k}={v}" for k, v in request.query.items())
        return self.path is None or bool(re.search(self.path, target))

    def _fits_text(self, text: str) -> bool:
        return self.text is None or bool(re.search(self.text, text))


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

    def pause(self, seconds: float) -> bool:
        """Wait for `seconds`, or until the rule is released; say whether it is."""
        return self._released.wait(seconds)

    @property
    def released(self) -> bool:
        return self._released.is_set()


@dataclass(slots=True)
class _Order:
    number: int
    rule: Rule
    ordered: datetime
    skipped: int = 0
    consumed: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def take(self) -> bool:
        """Count a fitting call; say whether the rule acts on it."""
        if self.skipped < self.rule.skip:
            self.skipped += 1
            return False
        if self.rule.count is not None and self.consumed >= self.rule.count:
            return False
        self.consumed += 1
        return True

    def lasts(self, created: datetime, now: datetime) -> bool:
        """Say whether a view's time is not over yet for what was `created` then."""
        if self.rule.seconds is None or self.rule.action == "operations_lag":
            return True
        return now < max(self.ordered, created) + timedelta(seconds=self.rule.seconds)

    def report(self) -> dict[str, Any]:
        return {
            "id": self.number,
            "rule": {k: v for k, v in asdict(self.rule).items() if v not in (None, {})},
            "skipped": self.skipped,
            "consumed": self.consumed,
            "pending": None if self.rule.count is None else self.rule.count - self.consumed,
            "released": self.released.is_set(),
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """What a task's place in a list or look-up depends on."""

    name: str
    description: str
    created: datetime


class Faults:
    """The ordered faults. A call goes to the first rule that fits and has acts left; headers go to every one."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._lock = threading.Lock()
        self._orders: list[_Order] = []
        self._next = 1

    def order(self, rule: Rule) -> int:
        """Append `rule`; return its number."""
        with self._lock:
            self._orders.append(_Order(self._next, rule, self._clock.now()))
            self._next += 1
            return self._next - 1

    def for_call(self, api: str, request: Request) -> Fault | None:
        with self._lock:
            for each in self._orders:
                if each.rule.action in CALL_ACTIONS and each.rule.fits_call(api, request) and each.take():
                    return Fault(each.rule, each.released)
        return None

    def headers_for_call(self, api: str, request: Request) -> dict[str, str]:
        """Return what every fitting rule adds to the answer's headers."""
        with self._lock:
            found = [
                each.rule.headers
                for each in self._orders
                if each.rule.action in HEADER_ACTIONS and each.rule.fits_call(api, request) and each.take()
            ]
        return {name: value for headers in found for name, value in headers.items()}

    def for_task(self, description: str, destination: str = "bucket") -> Fault | None:
        return self._for_task(TASK_ACTIONS, description, destination)

    def for_names(self, description: str, destination: str) -> Fault | None:
        return self._for_task(NAME_ACTIONS, description, destination)

    def _for_task(self, actions: frozenset[str], description: str, destination: str) -> Fault | None:
        with self._lock:
            for each in self._orders:
                rule = each.rule
                if rule.action in actions and rule.fits_task(description, destination) and each.take():
                    return Fault(rule, each.released)
        return None

    def lag(self, request: Request) -> timedelta:
        """How old the page that `request` asks for shall be."""
        with self._lock:
            for each in self._views(request):
                if each.rule.action == "operations_lag" and each.take():
                    return timedelta(seconds=each.rule.seconds or 0)
        return timedelta(0)

    def hidden(self, request: Request, seen: list[Seen], *, listed: bool) -> set[str]:
        """Return the names of those that the answer must not know; a rule acts only where it hides something."""
        now, gone = self._clock.now(), set[str]()
        with self._lock:
            for order in self._views(request):
                if not listed and order.rule.action != "operation_unknown":
                    continue
                names = {
                    each.name
                    for each in seen
                    if order.rule.hides(each.name, each.description) and order.lasts(each.created, now)
                }
                if names and order.take():
                    gone |= names
        return gone

    def _views(self, request: Request) -> list[_Order]:
        return [each for each in self._orders if each.rule.fits_view(request) and not each.released.is_set()]

    def release(self, number: int | None = None) -> None:
        """Let go whatever the rule `number`, or every rule, holds or hides; also what it would hold later."""
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
