"""Faults ordered per call, task or view of the tasks: drawn where a rule fits, counted when it acts."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.rules import (
    CALL_ACTIONS,
    COST_ACTIONS,
    HEADER_ACTIONS,
    NAME_ACTIONS,
    PROJECT_ACTIONS,
    RESTRICTED_HEADERS,
    RESTRICTED_SECONDS,
    TAG_ACTIONS,
    TASK_ACTIONS,
    Rule,
)
from orchestrator.sandbox.web import Request

__all__ = ["Fault", "Faults", "Rule", "Seen"]


class Fault:
    """A rule that acts, now, on one call or task."""

    def __init__(self, rule: Rule, released: threading.Event, stretch: float = 1.0) -> None:
        self.rule = rule
        self._released = released
        self._stretch = stretch

    def hold(self) -> None:
        """Wait until the rule is released, at most for its `seconds`, stretched as its `tail` was drawn."""
        self._released.wait(self.seconds)

    @property
    def seconds(self) -> float | None:
        """How long a hold lasts; None is until it is released."""
        return None if self.rule.seconds is None else self.rule.seconds * self._stretch

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
    chance: random.Random = field(init=False)
    began: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.ordered
        self.chance = random.Random(self.rule.seed)  # noqa: S311  an order to hold, nothing to guard

    @property
    def pause(self) -> float:
        """Seconds between two tasks in restricted mode."""
        return RESTRICTED_SECONDS if self.rule.seconds is None else self.rule.seconds

    def fault(self) -> Fault:
        """Draw what acts on one call."""
        tail = self.rule.tail
        return Fault(self.rule, self.released, 1.0 if tail is None else self.chance.paretovariate(tail))

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
                    return each.fault()
        return None

    def headers_for_call(self, api: str, request: Request, service: str) -> dict[str, str]:
        """Return what every fitting rule adds to the answer's headers, and restricted mode to Earth Engine's."""
        with self._lock:
            ours = self._restrictions() and service == "earthengine"
            found = [RESTRICTED_HEADERS] if ours else []
            found += [
                dict(each.rule.headers)
                for each in self._orders
                if each.rule.action in HEADER_ACTIONS and each.rule.fits_call(api, request) and each.take()
            ]
        return {name: value for headers in found for name, value in headers.items()}

    def restricted(self) -> bool:
        """Tell whether projects are in restricted mode."""
        with self._lock:
            return any(self._restrictions())

    def may_start(self) -> bool:
        """Tell whether restricted mode, if there is one, lets another task begin now."""
        now = self._clock.now()
        with self._lock:
            return all(now >= each.began + timedelta(seconds=each.pause) for each in self._restrictions())

    def note_start(self) -> None:
        """A task begins: in restricted mode the next one has to wait."""
        with self._lock:
            for each in self._restrictions():
                each.began = self._clock.now()
                each.consumed += 1

    def lift_restrictions(self) -> None:
        """End restricted mode."""
        with self._lock:
            for each in self._restrictions():
                each.released.set()

    def _restrictions(self) -> list[_Order]:
        return [each for each in self._orders if each.rule.action in PROJECT_ACTIONS and not each.released.is_set()]

    def no_data_tag(self, api: str, request: Request) -> float | None:
        """Return the value without data that a GeoTIFF shall name, or None."""
        with self._lock:
            for each in self._orders:
                if each.rule.action in TAG_ACTIONS and each.rule.fits_call(api, request) and each.take():
                    return each.rule.value
        return None

    def for_task(self, description: str, destination: str = "bucket") -> Fault | None:
        return self._for_task(TASK_ACTIONS, description, destination)

    def for_names(self, description: str, destination: str) -> Fault | None:
        return self._for_task(NAME_ACTIONS, description, destination)

    def for_cost(self, description: str, destination: str) -> float | None:
        """Return what a task costs, EECU-seconds, or None where that is not ordered."""
        fault = self._for_task(COST_ACTIONS, description, destination)
        return None if fault is None else fault.rule.value

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

    def hidden(self, request: Request, seen: Iterable[Seen], *, listed: bool) -> set[str]:
        """Return the names of those that the answer must not know; a rule acts only where it hides something."""
        now, gone = self._clock.now(), set[str]()
        with self._lock:
            orders = self._views(request)
            seen = list(seen) if orders else []
            for order in orders:
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
