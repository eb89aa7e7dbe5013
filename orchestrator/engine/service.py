"""Several runs at once in one process, each under its own lock."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core import log
from orchestrator.core.clock import Clock
from orchestrator.core.errors import (
    ConfigError,
    CredentialError,
    FencedError,
    OrchestratorError,
    Stopped,
    UserError,
)
from orchestrator.core.locks import LockedError
from orchestrator.engine.execution import Execution
from orchestrator.engine.interrupts import Interrupts
from orchestrator.engine.leases import Lease
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Run, Waiting
from orchestrator.engine.trouble import StoreTrouble
from orchestrator.engine.turns import Turns
from orchestrator.model.ports import Stop
from orchestrator.model.states import RUN_FINAL, RUN_TRANSITIONS, RunState, Who

# How often the store is asked for what other processes brought; what ends or falls due here is seen at once.
LOOK_SECONDS = 2.0
# A run that another process works on, or that could not be written down, is left alone for so long.
REST_SECONDS = 5.0
SHORTEST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 300.0
# Work shorter than this that ends as it began was a look, no progress.
REAL_WORK_SECONDS = 60.0
_GIVES_WAY = "gives way"


class ElsewhereError(ConfigError):
    """A run belongs to another service than the one this process speaks to; its row is left as it is."""


@dataclass(frozen=True, slots=True)
class Summary:
    """
    How the runs are that one process worked on, and those it left.

    Attributes:
        failed: Runs that failed here.
        unjoined: Runs that wait because a setting or a credential is wrong.
        person: Runs that wait for a person.
        later: Other runs that have not ended.
    """

    failed: int = 0
    unjoined: int = 0
    person: int = 0
    later: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """
    Works on whatever the store says is unfinished.

    Attributes:
        store: Where runs are.
        execute: Builds the execution of a run; its `work` returns when the run has ended or is held.
        lock: Holds a run for the time of a block, and gives its lease, if it has one; raises `LockedError` when
            another process has it.
        slots: Runs at once.
        stop: Set to end the service.
        clock: See `core.clock`.
        notify: Told the events of the service itself.
        hold_seconds: When a run that cannot be joined is looked at again.
        idle_limit_seconds: So long after the last progress, `until_idle` still waits for runs held for time.
        looked: Called after each look with the number of runs in slots and of those that wait.
        interrupts: Where a run is asked to give way to one that has a deadline and a higher priority.
    """

    store: Store
    execute: Callable[[Run], Execution]
    lock: Callable[[str], AbstractContextManager[Lease | None]]
    slots: int
    stop: Stop
    clock: Clock
    notify: Callable[[str, str, Mapping[str, Any]], None]
    hold_seconds: float = 300.0
    idle_limit_seconds: float = 900.0
    looked: Callable[[int, int], None] = field(default=lambda _busy, _waiting: None)
    interrupts: Interrupts = field(default_factory=Interrupts)

    def work(self, *, until_idle: bool = False) -> Summary:
        """
        Go on until `stop` is set; then let each run end its step and return.

        With `until_idle`, end too when no run is ready and none will be within that time.

        Raises:
            OrchestratorError: With `until_idle`: the store could not be used for that long.
        """
        return _Shift(self).work(until_idle=until_idle)


class _Shift:
    """One call of `Service.work`: who is in a slot, whose turn is next, what came out."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._turns = Turns(service.clock)
        self._busy: dict[str, Waiting] = {}
        self._waiting: list[Waiting] = []
        self._failed: set[str] = set()
        self._unjoined: dict[str, str] = {}
        self._locked: set[str] = set()
        self._failures: dict[str, int] = {}
        self._tried: set[str] = set()  # came out of a slot unfinished
        self._until_idle = False
        self._trouble = StoreTrouble(service.clock, service.notify)
        self._progress_at = service.clock.monotonic()
        self._closing = False
        self._guard = threading.Lock()

    def work(self, *, until_idle: bool) -> Summary:
        self._until_idle = until_idle
        with ThreadPoolExecutor(self._service.slots, thread_name_prefix="run") as self._pool:
            try:
                while not self._service.stop.is_set():
                    self._fill()
                    self._service.looked(len(self._busy), len(self._waiting))
                    if until_idle and self._is_idle():
                        break
                    self._service.stop.wait(self._wait())
            finally:
                with self._guard:
                    self._closing = True
        return self._summary()

    # ------------------------------------------------------------- the loop

    def _fill(self) -> None:
        """Give free slots to those whose turn it is. Called at each look, and by each run that leaves a slot."""
        with self._guard:
            if self._closing or self._service.stop.is_set() or self._trouble.left() > 0:
                return
            try:
                self._waiting = self._service.store.queue.waiting()
            except OrchestratorError as error:
                self._trouble.begin(error)
                return
            self._trouble.end()
            self._forget_ended()
            ready = [run for run in self._turns.ready(self._waiting) if not self._is_given_up(run)]
            for run in ready:
                if run.id in self._busy or self._is_beside(run) or self._is_after_other(run, ready):
                    continue
                if len(self._busy) >= self._service.slots:
                    self._make_room(ready)
                    return
                for lower_id in self._turns.take(run.id):
                    self._service.interrupts.withdraw(lower_id, _GIVES_WAY)
                self._busy[run.id] = run
                self._pool.submit(self._carry, run)

    def _forget_ended(self) -> None:
        """Keep nothing of runs that have ended: a daemon lives for months."""
        there = {run.id for run in self._waiting} | self._busy.keys()
        self._locked &= there
        self._tried &= there
        self._unjoined = {run_id: why for run_id, why in self._unjoined.items() if run_id in there}
        self._failures = {run_id: count for run_id, count in self._failures.items() if run_id in there}

    def _is_beside(self, run: Waiting) -> bool:
        """Tell whether another date of the same job is in a slot: one after the other, since they share a place."""
        return run.declaration != "" and any(run.declaration == busy.declaration for busy in self._busy.values())

    def _is_after_other(self, run: Waiting, ready: Sequence[Waiting]) -> bool:
        """Tell whether a run left its slot to another that is still to have one: it does not take it back."""
        other_id = self._turns.gave_way_to(run.id)
        return any(other.id == other_id and not self._is_beside(other) for other in ready)

    def _make_room(self, ready: Sequence[Waiting]) -> None:
        """Ask runs of a lower priority to leave their slots to those that are ready and have a deadline."""
        urgent = [run for run in ready if run.finish_by > 0 and self._may_displace(run)]
        below = sorted(self._busy.values(), key=lambda run: (run.priority, -run.created))
        for run, lower in zip(urgent, below, strict=False):
            if lower.priority < run.priority:
                self._turns.give_way(lower.id, run.id)
                why = f"it gives way to run {run.id}, which has a deadline and priority {run.priority}"
                self._service.interrupts.ask(lower.id, _GIVES_WAY, why, self._service.clock.now().timestamp())

    def _may_displace(self, run: Waiting) -> bool:
        """Tell whether a run would use a slot: not where the last one was in vain, or where another process has it."""
        elsewhere = run.id in self._busy or run.id in self._locked or self._is_beside(run)
        return not elsewhere and not self._turns.is_behind(run)

    def _is_given_up(self, run: Waiting) -> bool:
        """Tell whether runs that come out of their slots unfinished have had their time."""
        return self._until_idle and run.id in self._tried and self._now() > self._give_up_at()

    def _give_up_at(self) -> float:
        return self._progress_at + self._service.idle_limit_seconds

    def _wait(self) -> float:
        """Return how long nothing can become ready, at most until the next look."""
        with self._guard:
            if self._trouble.error is not None:
                return max(0.1, self._trouble.left())
            resting = [run for run in self._waiting if run.id not in self._busy]
            soonest = self._turns.soonest(resting) if len(self._busy) < self._service.slots else None
            # What is ready and not in a slot waits for its neighbour, which calls when it leaves.
            return min(LOOK_SECONDS, soonest) if soonest else LOOK_SECONDS

    def _is_idle(self) -> bool:
        with self._guard:
            if self._busy:
                return False
            if self._trouble.error is not None:
                if self._now() > self._give_up_at():
                    raise self._trouble.error
                return False
            ours = [run for run in self._waiting if run.id not in self._locked and not self._is_given_up(run)]
            soonest = self._turns.soonest(ours)
            return soonest is None or (soonest > 0 and self._now() + soonest > self._give_up_at())

    def _now(self) -> float:
        return self._service.clock.monotonic()

    # -------------------------------------------------------------- one run

    def _carry(self, waiting: Waiting) -> None:
        with log.correlated(run=waiting.id):
            self._carry_on(waiting)

    def _carry_on(self, waiting: Waiting) -> None:
        began = self._now()
        try:
            with self._service.lock(waiting.id) as lease:
                store = lease.store if lease else self._service.store
                try:
                    self._conclude(waiting, began, self._work_on(store, waiting.id))
                except OrchestratorError:
                    raise
                except Exception as error:  # noqa: BLE001  the edge of a thread: one run's fault ends no service
                    self._fault(store, waiting.id, error)
        except LockedError:
            self._rest(waiting.id, REST_SECONDS, locked=True)
        except FencedError as error:
            self._service.notify("run.lease_lost", waiting.id, {"error": str(error)})
            self._rest(waiting.id, REST_SECONDS, locked=True)
        except Stopped:
            self._service.notify("run.stopped", waiting.id, {})
        except ElsewhereError as error:
            self._service.notify("run.elsewhere", waiting.id, {"error": str(error)})
            with self._guard:
                self._turns.leave(waiting.id)
        except OrchestratorError as error:
            self._error(waiting.id, error)
        except Exception as error:  # noqa: BLE001  likewise: even its lock file may be at fault
            self._fault(self._service.store, waiting.id, error)
        finally:
            with self._guard:
                del self._busy[waiting.id]
            self._service.interrupts.withdraw(waiting.id, _GIVES_WAY)
            self._fill()

    def _work_on(self, store: Store, run_id: str) -> Run:
        """Join a run and carry it on; one that cannot be joined is held until somebody mends the settings."""
        run = store.runs.get(run_id)
        if run.state is RunState.HELD and run.next_at > self._service.clock.now().timestamp():
            # Its time has come by the clock that nobody sets; the time of day in its row is of another opinion.
            run = store.runs.set_state(run_id, RunState.HELD, run.reason, who=run.who)
        log.correlate(job=run.job_name, service=str(json.loads(run.job).get("service", "")))
        try:
            execution = self._service.execute(run)
        except ElsewhereError:
            raise
        except (UserError, CredentialError) as error:
            return self._hold_unjoined(store, run, str(error))
        with self._guard:
            self._unjoined.pop(run.id, None)
            self._locked.discard(run.id)
        return execution.work()

    def _hold_unjoined(self, store: Store, run: Run, sentence: str) -> Run:
        with self._guard:
            is_news = self._unjoined.get(run.id) != sentence
            self._unjoined[run.id] = sentence
        next_at = self._service.clock.now().timestamp() + self._service.hold_seconds
        held = store.runs.set_state(run.id, RunState.HELD, sentence, who=Who.TIME, next_at=next_at)
        if is_news:
            store.events.record(run.id, "run.held", {"reason": sentence})
            self._service.notify("run.held", run.id, {"reason": sentence})
        return held

    def _conclude(self, before: Waiting, began: float, after: Run) -> None:
        with self._guard:
            self._failures.pop(before.id, None)
            is_short = self._now() - began < REAL_WORK_SECONDS
            in_vain = (
                is_short and before.state is after.state is RunState.HELD and not self._turns.gave_way_to(before.id)
            )
            self._turns.looked_at(before.id, in_vain=in_vain)
            if after.state is RunState.FAILED:
                self._note_failed(after.id)
            if after.state in RUN_FINAL or not is_short:
                self._progress_at = self._now()
            if after.state not in RUN_FINAL:
                self._tried.add(after.id)
            if after.state not in RUN_FINAL and not after.needs_person:
                # Not at once again, whatever its row says.
                named = after.state is RunState.HELD and after.next_at > 0
                self._turns.rest(after.id, SHORTEST_REST_SECONDS if named else self._service.hold_seconds)

    def _error(self, run_id: str, error: OrchestratorError) -> None:
        """The run ended with an error, or how it ended could not be written down; then it goes on in a while."""
        self._service.notify("run.error", run_id, {"error": str(error)})
        with self._guard:
            self._tried.add(run_id)
            self._turns.looked_at(run_id, in_vain=True)
            count = self._failures[run_id] = self._failures.get(run_id, 0) + 1
        self._rest(run_id, min(LONGEST_REST_SECONDS, REST_SECONDS * 2 ** min(count - 1, 10)))
        self._count_failure(run_id)

    def _fault(self, store: Store, run_id: str, error: Exception) -> None:
        """A fault of ours: the run is failed with it, or held when its result is there, so that it does not loop."""
        sentence = f"{type(error).__name__}: {error}"
        self._service.notify("run.fault", run_id, {"error": sentence, "exc_info": error})
        self._rest(run_id, LONGEST_REST_SECONDS)
        try:
            if RunState.FAILED in RUN_TRANSITIONS[store.runs.head(run_id).state]:
                store.runs.set_state(run_id, RunState.FAILED, sentence)
                store.events.record(run_id, "run.failed", {"reason": sentence})
            else:
                store.runs.set_state(run_id, RunState.HELD, sentence, who=Who.PERSON)
                store.events.record(run_id, "run.held", {"reason": sentence, "who": Who.PERSON})
        except OrchestratorError as trouble:
            self._service.notify("run.error", run_id, {"error": str(trouble)})
        self._count_failure(run_id)

    def _count_failure(self, run_id: str) -> None:
        try:
            if self._service.store.runs.head(run_id).state is RunState.FAILED:
                with self._guard:
                    self._note_failed(run_id)
                    self._progress_at = self._now()
        except OrchestratorError:
            pass  # the store is in trouble, which the next look says

    def _note_failed(self, run_id: str) -> None:
        if self._until_idle:  # a daemon that works for ever has no summary
            self._failed.add(run_id)

    def _rest(self, run_id: str, seconds: float, *, locked: bool = False) -> None:
        with self._guard:
            self._turns.rest(run_id, seconds)
            if locked:
                self._locked.add(run_id)

    def _summary(self) -> Summary:
        try:
            left = self._service.store.queue.waiting()
        except OrchestratorError:
            left = self._waiting
        ours = [run for run in left if run.id not in self._locked and not self._turns.is_left(run.id)]
        person = sum(run.state is RunState.HELD and run.who is Who.PERSON for run in ours)
        unjoined = sum(run.id in self._unjoined for run in ours)
        return Summary(len(self._failed), unjoined, person, len(ours) - person - unjoined)
