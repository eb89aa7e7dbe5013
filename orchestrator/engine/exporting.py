"""The EXPORTING state: submit, poll, collect, download and place, until every part has its place."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.core import crash
from orchestrator.core.errors import GenerationError, IntegrityError, NotFoundError, Stopped
from orchestrator.engine.feedback import Feedback
from orchestrator.engine.ladder import HoldError, Ladder, failed_state
from orchestrator.engine.progress import Progress
from orchestrator.engine.publication import not_placed
from orchestrator.engine.setting import Hands, Surroundings
from orchestrator.engine.stores.contract import Store, TaskChange
from orchestrator.engine.stores.records import Attempt, Part, Tally, Task
from orchestrator.engine.submission import OPERATION_STATES, Submitter
from orchestrator.engine.transfers import StaleError, Transfers, Trouble
from orchestrator.engine.watch import OperationsWatch
from orchestrator.model.plan import Plan
from orchestrator.model.ports import Mosaic, Operation
from orchestrator.model.states import PART_DONE, TASK_LIVE, Failure, PartState, TaskState

_ON_THE_WAY = frozenset({PartState.EXPORTED, PartState.DOWNLOADING, PartState.VERIFIED})
_UNANSWERED = frozenset({TaskState.FAILED, TaskState.CANCELLED})
_TO_POLL = TASK_LIVE | _UNANSWERED
# What a failure counts as whose operation the service lists no more.
_FORGOTTEN = {TaskState.FAILED: Failure.TRANSIENT, TaskState.CANCELLED: Failure.CANCELLED}
# Missing in this many answers of the service, an operation is taken as gone and its objects are looked for.
_MISSING_LISTS = 3


class CancelledByUserError(Stopped):
    """The run's own user asked for its end."""


class Exporting:
    """One run's way from planned tasks to placed parts. Used by one thread; see `Transfers` for the others."""

    def __init__(
        self,
        run_id: str,
        plan: Plan,
        image: str,
        *,
        store: Store,
        hands: Hands,
        around: Surroundings,
        watch: OperationsWatch,
        ladder: Ladder,
        feedback: Feedback,
        progress: Progress,
        record: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self._run_id = run_id
        self._plan = plan
        self._store = store
        self._hands = hands
        self._around = around
        self._watch = watch
        self._ladder = ladder
        self._feedback = feedback
        self._progress = progress
        self._record = record
        self._submitter = Submitter(run_id, plan, image, store, hands, around, record)
        self._wake = threading.Event()
        self._serial = 0
        self._to_offer = True  # whether parts may have come that the transfers do not know
        self._odd: set[tuple[str, str]] = set()
        self._missing: Counter[str] = Counter()
        self._bytes_per_pixel = plan.bucket_bytes / max(1, sum(t.window.pixels for t in plan.tasks))

    def work(self, mosaic: Mosaic, folder: Path | None) -> None:
        """
        Go on until every part is placed; without a `folder` no part touches a disk on its way.

        Raises:
            HoldError, PermanentError, IntegrityError, SpaceError, TransientError: The run cannot go on now.
            Stopped: The process or the run was asked to stop.
        """
        with self.transfers(mosaic, folder) as transfers:
            while not self.round(transfers):
                self._wake.wait(self._pause())
                self._wake.clear()

    def _bring_back(self, mosaic: Mosaic) -> None:
        """Bring parts again that were placed in an unfinished output which is not there any more."""
        lacking = not_placed(mosaic, self._store.parts(self._run_id, [PartState.MERGED]))
        if lacking:
            self._store.set_parts(self._run_id, [part.window for part in lacking], PartState.EXPORTED)
            self._record("output.parts_again", {"parts": len(lacking)})

    def transfers(self, mosaic: Mosaic, folder: Path | None) -> Transfers:
        """Return what brings and places this run's parts; leaving its block ends it."""
        self._bring_back(mosaic)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        return Transfers(
            self._run_id,
            store=self._store,
            objects=self._hands.route.objects,
            mosaic=mosaic,
            folder=folder,
            downloads=self._around.patience.downloads,
            stop=self._around.stop,
            progress=self._progress,
            wake=self._wake.set,
            record=self._record,
        )

    def round(self, transfers: Transfers) -> bool:
        """Do everything that can be done now, without waiting; tell whether nothing is left to do. Errors as `work`."""
        self._obey()
        for trouble in transfers.troubles():
            self._face(trouble)
        tasks: Sequence[Task] = self._store.tasks(self._run_id)
        if any(task.state in _TO_POLL for task in tasks) and self._poll(tasks):
            tasks = self._store.tasks(self._run_id)
        done = [task for task in tasks if task.state is TaskState.SUCCEEDED and not task.collected]
        attempts = {(a.task, a.number): a for a in self._store.attempts(self._run_id)} if done else {}
        for task in done:
            if task.next_at <= self._now():
                self._collect(task, attempts[task.key, task.attempt])
        tally = self._store.tally(self._run_id)
        tasks = self._submit(tally)
        if self._to_offer or transfers.idle():
            self._to_offer = False
            for part in self._store.parts(self._run_id, _ON_THE_WAY):
                transfers.offer(part)
        self._show(tally, tasks)
        return tally.keys() <= PART_DONE

    def _obey(self) -> None:
        if self._around.stop.is_set():
            raise Stopped("stopped; the same command continues this run")
        if self._store.run(self._run_id).wish == "cancel":
            raise CancelledByUserError("cancelled by request")

    # ------------------------------------------------------------- submission

    def _submit(self, tally: Mapping[PartState, Tally]) -> Sequence[Task]:
        """Hand over what there is room for; return the tasks as they were before."""
        tasks: Sequence[Task] = self._store.tasks(self._run_id)
        live = [task for task in tasks if task.state in TASK_LIVE]
        room = self._around.patience.live_tasks - len(live)
        undelivered = sum(tally[state].bytes for state in _ON_THE_WAY if state in tally)
        budget = self._around.patience.bucket_bytes - sum(self._bytes_of(task) for task in live) - undelivered
        for task in self._feedback.ready(tasks) if room > 0 else ():
            # A task that is too heavy for the budget goes alone, when nothing else lies in the bucket.
            if room <= 0 or (budget < self._bytes_of(task) and (live or undelivered)):
                break
            if task.state is TaskState.PLANNED and task.next_at <= self._now():
                self._obey()
                self._submitter.begin(task)
                self._watch.hasten()
                live.append(task)
                room -= 1
                budget -= self._bytes_of(task)
        return tasks

    def _bytes_of(self, task: Task) -> float:
        return task.plan.window.pixels * self._bytes_per_pixel

    # ---------------------------------------------------------------- polling

    def _poll(self, tasks: Sequence[Task]) -> bool:
        """Act on what the service lists; tell whether there was anything new."""
        serial, listed = self._watch.latest()
        if serial == self._serial:
            return False
        self._serial = serial
        self._progress.set(detail="")
        by_name = {operation.name: operation for operation in listed}
        by_description: dict[str, list[Operation]] = {}
        for operation in listed:
            by_description.setdefault(operation.description, []).append(operation)
        attempts = {(a.task, a.number): a for a in self._store.attempts(self._run_id)}
        for task in tasks:
            if task.state is TaskState.SUBMITTING:
                self._submitter.settle(task, attempts[task.key, task.attempt], by_description)
        current = self._store.tasks(self._run_id)
        self._end_superseded(current, attempts, by_description)
        self._follow([t for t in current if t.state in TASK_LIVE and t.operation], by_name)
        self._answer(by_name)
        return True

    def _end_superseded(
        self,
        tasks: Sequence[Task],
        attempts: Mapping[tuple[str, int], Attempt],
        by_description: Mapping[str, Sequence[Operation]],
    ) -> None:
        """Cancel operations that came to life after their attempt was given up: nobody waits for their files."""
        numbers = {task.key: task.attempt for task in tasks}
        for (key, number), attempt in attempts.items():
            for operation in by_description.get(attempt.description, ()) if number < numbers[key] else ():
                if operation.state in ("PENDING", "RUNNING"):
                    self._record("task.duplicate", {"task": key, "attempt": number, "operation": operation.name})
                    self._hands.route.cancel(operation.name)

    def _follow(self, tasks: Sequence[Task], by_name: Mapping[str, Operation]) -> None:
        """Write what the operations say in one commit."""
        changes: dict[str, TaskChange] = {}
        for task in tasks:
            operation = by_name.get(task.operation)
            if operation is None:
                changes |= self._vanished(task)
                continue
            self._missing.pop(task.key, None)
            changes[task.key] = self._change(task, operation)
        self._store.change_tasks(self._run_id, changes)
        crash.point("tasks.polled")

    def _answer(self, by_name: Mapping[str, Operation]) -> None:
        """Answer every failure, also one that was written down before a crash and not answered."""
        for task in self._store.tasks(self._run_id):
            if task.state in _UNANSWERED:
                forgotten = Operation(task.operation, task.state, error=task.error, failure=_FORGOTTEN[task.state])
                self._ladder.answer(task, by_name.get(task.operation, forgotten))
                self._to_offer = True

    def _change(self, task: Task, operation: Operation) -> TaskChange:
        state = OPERATION_STATES.get(operation.state)
        if state is None:
            state = task.state
            if (operation.name, operation.state) not in self._odd:
                self._odd.add((operation.name, operation.state))
                self._record("task.unknown_state", {"task": task.key, "state": operation.state})
        if state in (TaskState.FAILED, TaskState.CANCELLED):
            state = failed_state(operation)
        return TaskChange(
            state=state,
            progress=operation.progress,
            eecu_seconds=operation.eecu_seconds,
            error=operation.error or None,
        )

    def _vanished(self, task: Task) -> dict[str, TaskChange]:
        """An operation that is no longer listed counts as finished; collecting then proves it or not."""
        self._missing[task.key] += 1
        if self._missing[task.key] < _MISSING_LISTS:
            return {}
        self._record("task.vanished", {"task": task.key, "operation": task.operation})
        return {task.key: TaskChange(state=TaskState.SUCCEEDED)}

    # ------------------------------------------------------------- collecting

    def _collect(self, task: Task, attempt: Attempt) -> None:
        """Match the objects under the attempt's prefix with the task's parts; all must be there."""
        listed = {source.name: source for source in self._hands.route.objects.find(attempt.prefix)}
        wanted = {task.plan.file_name(attempt.prefix, window): window for window in task.plan.parts()}
        found = {window: listed[name] for name, window in wanted.items() if name in listed}
        if len(found) < len(wanted):
            self._incomplete(task, len(found), len(wanted))
            return
        self._feedback.learn(found)
        if self._feedback.refuse(task, found):
            return
        crash.point("task.collecting")
        self._store.collect(self._run_id, task.key, found, task.attempt)
        self._to_offer = True
        crash.point("task.collected")
        sizes = [source.size for source in found.values()]
        facts = {"task": task.key, "parts": len(found), "bytes": sum(sizes), "eecu_seconds": task.eecu_seconds}
        self._record("task.exported", facts)

    def _incomplete(self, task: Task, found: int, wanted: int) -> None:
        patience = self._around.patience
        if task.tries + 1 < patience.collect_tries:
            change = TaskChange(tries=task.tries + 1, next_at=self._now() + patience.collect_seconds)
            self._store.change_tasks(self._run_id, {task.key: change})
            return
        facts = {"task": task.key, "found": found, "wanted": wanted}
        self._record("task.objects_missing", facts)
        self._again(task, f"only {found} of {wanted} files appeared")

    def _again(self, task: Task, why: str) -> None:
        """Export a task anew whose objects cannot be used; after many times only when a person says so."""
        self._store.reset_task(self._run_id, task.key, why, 0.0)
        if task.attempt >= self._around.patience.max_attempts:
            reason = f"task {task.key} succeeded {task.attempt} times, but {why}; look into the bucket, then retry"
            raise HoldError(reason, alone=False)

    # --------------------------------------------------------------- troubles

    def _face(self, trouble: Trouble) -> None:
        part, error = trouble.part, trouble.error
        self._to_offer = True
        if isinstance(error, StaleError) or not self._current(part):
            return
        facts = {"row": part.window.row, "col": part.window.col, "error": str(error)}
        self._record("part.trouble", facts)
        if trouble.placing or not isinstance(error, (GenerationError, NotFoundError, IntegrityError)):
            raise error
        # The object is gone, was replaced, or arrives damaged again and again: only a new export helps. Where one is
        # under way already, it brings this part too.
        task = next(task for task in self._store.tasks(self._run_id) if task.key == part.task)
        if task.state is TaskState.SUCCEEDED and task.collected:
            self._again(task, f"an object cannot be used: {error}")
        self._lose(part)

    def _current(self, part: Part) -> bool:
        """Tell whether a part is still the one that was offered: the same window with the same object, on its way."""
        now = {p.window: p for p in self._store.parts(self._run_id, _ON_THE_WAY)}.get(part.window)
        return now is not None and now.source == part.source

    def _lose(self, part: Part) -> None:
        """Let a part wait for the next export, unless it does already; one on disk stands until it proves useless."""
        if self._current(part):
            self._store.lose_part(self._run_id, part.window)

    # ------------------------------------------------------------------ pause

    def _pause(self) -> float:
        """Seconds until something may have changed by itself; a wake-up ends the pause at once."""
        return max(0.05, min(0.5, self._watch.due_in() or 0.5))

    def _show(self, tally: Mapping[PartState, Tally], tasks: Sequence[Task]) -> None:
        self._progress.count(tally, tasks)

    def _now(self) -> float:
        return self._around.clock.now().timestamp()
