"""The queue of tasks: slots that take the most urgent, run it through its states, and answer for it."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.sandbox.earthengine.attempt import Attempt, Stopped, TaskCancelled, TaskFailed, Workplace
from orchestrator.sandbox.earthengine.exports import DASHED, PLAIN
from orchestrator.sandbox.earthengine.operations import (
    CANCELLED_CODE,
    IMAGE,
    TERMINAL,
    Operations,
    Task,
    requeue_interrupted,
)
from orchestrator.sandbox.earthengine.order import Order
from orchestrator.sandbox.faults import Fault, Faults
from orchestrator.sandbox.journal import Journal
from orchestrator.sandbox.web import ApiError

STAGES = ("Create Local Files", "Write Files to Destination")
STOP_SECONDS = 10  # a window under way is finished within this time, or abandoned with the process
ALREADY_STARTED = "A different Operation was already started with the given request_id."


class Tasks:
    """Run tasks in `slots` threads, by priority, then by submission."""

    def __init__(
        self,
        operations: Operations,
        faults: Faults,
        journal: Journal,
        workplace: Workplace,
        *,
        slots: int = 2,
        queue_limit: int = 3000,
        answer_repeated: bool = False,
    ) -> None:
        self._operations = operations
        self._faults = faults
        self._journal = journal
        self._workplace = workplace
        self._wake = threading.Condition()
        self._stopping = False
        self._drawn: dict[str, Fault] = {}
        self._forms: dict[str, str] = {}
        self._costs: dict[str, float] = {}
        self._spent: dict[str, Callable[[], float]] = {}
        self._burnt: set[str] = set()
        self._queue_limit = queue_limit
        self._answer_repeated = answer_repeated
        self._slots = slots
        self._busy = 0
        self._most_live = 0
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        requeue_interrupted(self._operations)
        self._add_threads()

    @property
    def slots(self) -> int:
        """How many tasks run at a time."""
        return self._slots

    @property
    def most_live(self) -> int:
        """How many tasks waited or ran at the most, ever."""
        return self._most_live

    def set_slots(self, slots: int) -> None:
        """Let so many tasks run at a time from now on; what runs is not stopped."""
        with self._wake:
            if slots > self._slots:  # a project that is raised to a higher tier is not restricted any more
                self._faults.lift_restrictions()
            self._slots = slots
        self._add_threads()
        self.nudge()

    def _add_threads(self) -> None:
        while len(self._threads) < self._slots:
            thread = threading.Thread(target=self._work, name=f"slot-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop the slots; what was running stays RUNNING on disk and is queued again at the next start."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        until = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def submit(
        self, project: str, body: Mapping[str, Any], export: Order, *, kind: str = IMAGE, refuse_known: bool = False
    ) -> Task:
        """
        Queue an export that has been checked. A request id seen before starts nothing: it is refused, unless the
        behaviour answers the same request with the same task again and `refuse_known` does not order the contrary.

        Raises:
            ApiError: 400 for a request id that belongs to another task or is burnt; 429 if the queue is full.
        """
        with self._wake:
            known = self._operations.by_request_id(export.request_id)
            answered = self._answer_repeated and not refuse_known
            if known is not None and answered and dict(known.request) == dict(body):
                return known
            if known is not None or export.request_id in self._burnt:
                raise ApiError(400, ALREADY_STARTED)
            if self.pending() >= self._queue_limit:
                raise ApiError(
                    429,
                    f"Too many tasks already in the queue ({self._queue_limit}). "
                    "Please wait for some of them to complete.",
                )
            task = self._operations.add(project=project, request=body, priority=export.priority, kind=kind)
            self._most_live = max(self._most_live, sum(not each.done for each in self._operations.all()))
            place = export.destination.kind
            if (fault := self._faults.for_task(task.description, place)) is not None:
                self._drawn[task.id] = fault
            if (names := self._faults.for_names(task.description, place)) is not None:
                self._forms[task.id] = names.rule.form or (DASHED if names.rule.dash else PLAIN)
            if (cost := self._faults.for_cost(task.description, place)) is not None:
                self._costs[task.id] = cost
            self._wake.notify_all()
        return task

    def burn(self, request_id: str) -> None:
        """Refuse `request_id` from now on, although no task carries it."""
        with self._wake:
            self._burnt.add(request_id)

    def cancel(self, task: Task) -> None:
        """
        Ask for the end of `task`; a running one ends at its next window.

        Raises:
            ApiError: 400 if it is done.
        """
        with self._wake:
            current = self._operations.get(task.project, task.id)
            if current.done:
                raise ApiError(400, "Operation is already done.")
            if current.state == "PENDING":
                self._operations.change(task.id, state="CANCELLED", error=(CANCELLED_CODE, "Cancelled."))
            elif current.state == "RUNNING":
                self._operations.change(task.id, state="CANCELLING")

    def nudge(self) -> None:
        """Look at the queue again: a stuck task may have been released."""
        with self._wake:
            self._wake.notify_all()

    def wait(self, number: str, *states: str, timeout_seconds: float = 60) -> Task:
        """
        Wait until the task `number` is in one of `states`; without states, until it is done.

        Raises:
            TimeoutError: If it does not get there in time.
        """
        wanted = frozenset(states) or TERMINAL

        def found() -> Task | None:
            return next((each for each in self._operations.all() if each.id == number and each.state in wanted), None)

        with self._wake:
            self._wake.wait_for(lambda: found() is not None, timeout_seconds)
            task = found()
        if task is None:
            raise TimeoutError(f"operation {number} is in none of {sorted(wanted)}")
        return task

    def pending(self) -> int:
        return sum(1 for each in self._operations.all() if each.state == "PENDING")

    def _work(self) -> None:
        while (task := self._take()) is not None:
            try:
                self._run(task)
            finally:
                with self._wake:
                    self._busy -= 1
                    self._wake.notify_all()

    def _take(self) -> Task | None:
        """Wait for the most urgent task and mark it RUNNING; None when the sandbox closes."""
        with self._wake:
            while not self._stopping:
                ready = self._ready()
                if ready:
                    best = min(ready, key=lambda each: (-each.priority, each.order))
                    self._busy += 1
                    self._faults.note_start()
                    self._wake.notify_all()
                    # A task that has just begun shows its stages without numbers.
                    return self._operations.change(
                        best.id, state="RUNNING", stages=tuple({"displayName": name} for name in STAGES)
                    )
                self._wake.wait(timeout=60)
        return None

    def _ready(self) -> list[Task]:
        if self._busy >= self._slots or not self._faults.may_start():
            return []
        return [each for each in self._operations.all() if each.state == "PENDING" and not self._stuck(each)]

    def _stuck(self, task: Task) -> bool:
        fault = self._drawn.get(task.id)
        return fault is not None and fault.rule.action == "task_stuck" and not fault.released

    def _run(self, task: Task) -> None:
        began = time.thread_time()
        attempt = Attempt(self, task, self._workplace, self._drawn.get(task.id), form=self._forms.get(task.id))

        def spent() -> float:
            return max(0.001, time.thread_time() - began + attempt.seconds_elsewhere)

        self._spent[task.id] = spent
        try:
            uris = attempt.export()
        except Stopped:
            return
        except TaskCancelled:
            self._end(task, spent(), state="CANCELLED", error=(CANCELLED_CODE, "Cancelled."))
        except TaskFailed as failure:
            self._end(task, spent(), state="FAILED", error=(failure.code, str(failure)))
        except Exception as error:  # noqa: BLE001  the edge of the slot's thread: recorded, and the task fails
            self._journal.trouble(traceback.format_exc())
            self._end(task, spent(), state="FAILED", error=(13, f"An internal error has occurred: {error!r}"))
        else:
            self._end(task, spent(), state="SUCCEEDED", progress=1.0, uris=uris)

    def _end(self, task: Task, seconds: float, **changes: Any) -> None:
        with self._wake:
            if self._stopping:  # the sandbox has closed its books; the task begins again at the next start
                return
            stages = tuple({"displayName": name, "completeWorkUnits": 1, "totalWorkUnits": "1"} for name in STAGES)
            share = 1.0 if changes["state"] == "SUCCEEDED" else self._operations.get(task.project, task.id).progress
            cost = self._costs.pop(task.id) * share if task.id in self._costs else seconds
            self._operations.change(task.id, eecu_seconds=cost, stages=stages, **changes)
            self._spent.pop(task.id, None)
            self._drawn.pop(task.id, None)
            self._forms.pop(task.id, None)
            self._wake.notify_all()

    def repeat(self, task: Task) -> None:
        """Do what the service does after an intermittent failure: begin again with the next attempt."""
        with self._wake:
            if self._operations.get(task.project, task.id).state == "RUNNING":
                self._operations.change(task.id, state="PENDING", attempt=task.attempt + 1, progress=0.0)
                self._operations.change(task.id, state="RUNNING")

    def check_in(self, task: Task, progress: float) -> None:
        """
        Note progress and look for reasons to end.

        Raises:
            Stopped: The sandbox closes.
            TaskCancelled: Somebody cancelled the task.
        """
        if self._stopping:
            raise Stopped
        spent = self._costs[task.id] * progress if task.id in self._costs else self._spent[task.id]()
        if self._operations.advance(task.id, progress, spent).state == "CANCELLING":
            raise TaskCancelled
