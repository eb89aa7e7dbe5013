"""
Turns of what a project may do so often at once and a second, shared with every process of the state.

A process is granted its share for some seconds and divides it among its threads, so that a request costs no commit.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from orchestrator.core.clock import Clock
from orchestrator.core.errors import LONGEST_ASKED_SECONDS, OrchestratorError, Stopped, ThrottleError
from orchestrator.core.process import process_id, process_name
from orchestrator.engine.stores.contract_limits import SharedLimits
from orchestrator.engine.stores.limit_records import Ask, Complaint, LimitRow, LimitShare
from orchestrator.model.ports import Stop

# How often whoever waits for a turn looks whether the process is asked to stop.
_LOOK_SECONDS = 0.1
# Starts are spread a little wider than evenly: the service counts when they arrive, and the way there is uneven.
_SPREAD = 1.1
# Own pauses; a longer one was asked for, and no thread waits for its end.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
# A share holds for so long, and is asked for anew so often: by whoever begins something, or by a thread of its own.
LEASE_SECONDS = 10.0
SYNC_SECONDS = 1.0
# Whoever has less than it would use asks sooner.
HUNGRY_SECONDS = 0.25
# Whoever has waited for so long says for whom: to divide the places anew takes a little less.
TELL_SECONDS = 3.0


@dataclass(slots=True)
class _Standing:
    """What this process may do now, by the clock that only grows."""

    amount: int = 0
    per_second: float = 0.0
    until: float = float("-inf")  # the share ends
    ask_at: float = float("-inf")
    asking: bool = False  # nothing begins while the share is asked for: what is under way was told
    under_way: int = 0
    waiting: int = 0
    successes: int = 0
    begun: int = 0
    next_start: float = float("-inf")
    paused_until: float = 0.0  # as the row says, seconds since 1970
    resume: float = float("-inf")
    why: str = ""  # what the service said when it asked for the pause
    others: tuple[str, ...] = ()


def _unheard(_who: str) -> None:
    pass


class RequestLimits:
    """
    One limit of things at once, for every run of every process of a state. Safe to use from several threads.

    After an answer that asks for fewer requests half as many go at once and all pause, twice as long each time it
    comes again; successes make it more again, slowly.
    """

    def __init__(
        self,
        name: str,
        at_once: int,
        per_second: float,
        *,
        store: SharedLimits,
        clock: Clock,
        chance: random.Random | None = None,
        holder: str = "",
    ) -> None:
        """Take the limit's name in the store, how much the settings allow, and who this process is."""
        self.name = name
        self._at_once, self._per_second, self._store, self._clock = at_once, per_second, store, clock
        self._chance = chance or random.Random()  # noqa: S311  spreads waits, guards nothing
        self._holder = holder or process_name()
        self._standing = _Standing()
        self._changed = threading.Condition()
        self._asking = threading.Lock()
        self._beating: threading.Thread | None = None
        self._ended = threading.Event()

    @property
    def allowed(self) -> int:
        """How many may be under way in this process now."""
        with self._changed:
            return self._standing.amount

    @contextmanager
    def turn(self, stop: Stop, waiting: Callable[[str], None] = _unheard) -> Iterator[None]:
        """
        Hold a place as `hold` does, for what a service answers: fewer go at once when it asks for that.

        Raises:
            ThrottleError: The service asked for a pause so long that nobody waits for its end here.
            Exception: As `hold`.
        """
        with self.hold(stop, waiting):
            try:
                yield
            except ThrottleError as error:
                self._slow_down(error)
                raise
            else:
                with self._changed:
                    self._standing.successes += 1

    @contextmanager
    def hold(self, stop: Stop, waiting: Callable[[str], None] = _unheard) -> Iterator[None]:
        """
        Wait until something may begin, and hold its place until the block ends.

        `waiting` is told, once, that other processes leave no place, and which.

        Raises:
            Stopped: `stop` was set while waiting.
            TransientError, SpaceError: The state cannot be asked for a share.
        """
        self._enter(stop, waiting)
        try:
            yield
        finally:
            with self._changed:
                self._standing.under_way -= 1
                self._changed.notify_all()

    # ------------------------------------------------------------- beginning

    def _enter(self, stop: Stop, waiting: Callable[[str], None]) -> None:
        told, since = False, self._clock.monotonic()
        with self._changed:
            self._standing.waiting += 1
        try:
            while True:
                if stop.is_set():
                    raise Stopped("stopped while waiting for a turn; the same command continues this run")
                self._ask_if_due()
                if self._begins():
                    return
                told = told or self._tells(since, waiting)
        finally:
            with self._changed:
                self._standing.waiting -= 1

    def _begins(self) -> bool:
        """Take a place, if there is one now; else wait a little."""
        with self._changed:
            standing, left = self._standing, self._left()
            if left > LONGEST_PAUSE_SECONDS:
                raise ThrottleError(f"a pause that was asked for is not over: {standing.why}", left)
            if left > 0:
                self._changed.wait(min(left, _LOOK_SECONDS))
                return False
            standing.under_way += 1
            standing.begun += 1
            standing.next_start = self._clock.monotonic() + _SPREAD / standing.per_second
            self._keep_beating()
            return True

    def _left(self) -> float:
        """Return how many seconds to wait before looking again; 0 is now."""
        standing, now = self._standing, self._clock.monotonic()
        full = standing.under_way >= standing.amount or standing.per_second <= 0
        if full or standing.asking or now >= standing.until:
            return max(_LOOK_SECONDS, standing.resume - now)
        return max(standing.next_start, standing.resume) - now

    def _tells(self, since: float, waiting: Callable[[str], None]) -> bool:
        """Say that others have the places, once that has been so for longer than sharing them takes."""
        with self._changed:
            standing = self._standing
            full = standing.under_way >= standing.amount and standing.others
            if not full or self._clock.monotonic() - since < TELL_SECONDS:
                return False
            own = [self._holder] if standing.under_way else []
            by = by_processes([*standing.others, *own], process_id(self._holder), "this one")
        things = _THINGS.get(self.name.partition("@")[0], "places")
        waiting(f"all {self._at_once} {things} are taken, by {by}: waiting for one")
        return True

    # --------------------------------------------------------------- sharing

    def _ask_if_due(self) -> None:
        """Ask for a share, if it is time; one thread asks, and the others go on with what there is."""
        if self._is_due() and self._asking.acquire(blocking=False):
            try:
                if self._is_due():
                    self._ask()
            finally:
                self._asking.release()

    def _is_due(self) -> bool:
        with self._changed:
            standing, now = self._standing, self._clock.monotonic()
            full = standing.under_way >= standing.amount or standing.per_second <= 0
            hungry = standing.waiting > 0 and full and standing.others
            early = SYNC_SECONDS - HUNGRY_SECONDS if hungry else 0.0
            return now >= standing.ask_at - early

    def _ask(self) -> None:
        with self._changed:
            standing, began = self._standing, self._clock.monotonic()
            standing.asking = True
            successes, standing.successes = standing.successes, 0
            ask = self._made_ask(standing, successes)
        share = None
        try:
            share = self._store.share(ask)
        except OrchestratorError:
            with self._changed:
                standing.ask_at, standing.successes = began + SYNC_SECONDS, standing.successes + successes
                if began >= standing.until:
                    raise
        finally:
            with self._changed:
                standing.asking = False
                if share is not None:
                    self._take(share, began)
                self._changed.notify_all()

    def _made_ask(self, standing: _Standing, successes: int) -> Ask:
        return Ask(
            self.name,
            self._holder,
            self._at_once,
            self._per_second,
            standing.under_way,
            standing.under_way + standing.waiting,
            successes,
            LEASE_SECONDS,
        )

    def _take(self, share: LimitShare, began: float) -> None:
        standing = self._standing
        standing.amount, standing.per_second = share.amount, share.per_second
        standing.until, standing.ask_at = began + LEASE_SECONDS, began + SYNC_SECONDS
        standing.others = tuple(holder for holder, amount in share.others.items() if amount)
        self._heed(share.row)

    def _heed(self, row: LimitRow) -> None:
        """Take a pause of the row over, once: the time that is left is counted by the clock that only grows."""
        standing = self._standing
        standing.amount = min(standing.amount, max(1, int(row.allowed)))
        if row.resume != standing.paused_until:
            left = min(row.resume - self._clock.now().timestamp(), LONGEST_ASKED_SECONDS)
            standing.paused_until, standing.why = row.resume, row.why
            standing.resume = self._clock.monotonic() + left

    def _slow_down(self, error: ThrottleError) -> None:
        complaint = Complaint(
            self.name,
            self._at_once,
            str(error),
            error.wait_seconds,
            FIRST_PAUSE_SECONDS,
            LONGEST_PAUSE_SECONDS,
            self._chance.random(),
        )
        with suppress(OrchestratorError):  # the state is in trouble, which the next look says
            row = self._store.throttle(complaint)
            with self._changed:
                self._heed(row)
                self._changed.notify_all()

    # ------------------------------------------------------------ the thread

    def _keep_beating(self) -> None:
        if self._beating is None:
            self._beating = threading.Thread(target=self._beat, name="limits", daemon=True)
            self._beating.start()

    def _beat(self) -> None:
        """Keep the share while something is under way, however long that takes; give it up when nothing is."""
        begun = -1
        while not self._ended.wait(SYNC_SECONDS):
            with suppress(OrchestratorError):
                if self._gives_up(begun):
                    return
                self._ask_if_due()
            begun = self._standing.begun

    def _gives_up(self, begun: int) -> bool:
        """Give the share up, if nothing has been under way since `begun` had; nobody asks meanwhile."""
        with self._asking:
            with self._changed:
                standing = self._standing
                if standing.under_way or standing.waiting or standing.begun != begun:
                    return False
                self._beating = None
                standing.until = standing.ask_at = float("-inf")
            with suppress(OrchestratorError):  # it ends by itself, too
                self._store.give_up(self.name, self._holder)
        return True

    def close(self) -> None:
        """End the thread, which would ask the store; the share is given up. Nothing is under way any more."""
        self._ended.set()
        with self._changed:
            beating, self._beating = self._beating, None
        if beating is not None:
            beating.join()
            with suppress(OrchestratorError):  # it ends by itself, too
                self._store.give_up(self.name, self._holder)


# What a limit is about, as the object of a sentence.
_THINGS = {"copernicus.sessions": "sessions of Copernicus", "downloads": "downloads"}


def by_processes(holders: Iterable[str], own: str, name: str) -> str:
    """Return who holds places, as the end of a sentence: the process with the id `own` by `name`, after the others."""
    ids = sorted({process_id(holder) for holder in holders})
    others = [one for one in ids if one != own]
    told = [f"process{'es' if len(others) > 1 else ''} {', '.join(others)}"] if others else []
    return " and ".join([*told, name] if len(others) < len(ids) else told)
