"""What Earth Engine says of a run's tasks: read from one list, asked for by name where the list is silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice

from orchestrator.core import crash
from orchestrator.engine.batch.budget import Budget, OverspentTaskError
from orchestrator.engine.batch.ladder import Ladder, failed_state
from orchestrator.engine.batch.submission import OPERATION_STATES, Submitter, identity
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.work_records import Attempt, Task
from orchestrator.model.batch import Operation, OperationState, known_above
from orchestrator.model.states import TASK_LIVE, Failure, TaskState

# Operations by what tells those of one attempt from all others.
_Listed = dict[tuple[str, str, int] | str, list[Operation]]
_UNANSWERED = frozenset({TaskState.FAILED, TaskState.CANCELLED})
TO_POLL = TASK_LIVE | _UNANSWERED
# What a failure counts as whose operation the service knows no more.
_FORGOTTEN = {
    TaskState.FAILED: (OperationState.FAILED, Failure.TRANSIENT),
    TaskState.CANCELLED: (OperationState.CANCELLED, Failure.CANCELLED),
}
# Missing from this many lists, an operation is asked for by its name.
_MISSING_LISTS = 3
# Asked for by name after one list, at most, and one operation not more often than this.
_LOOKS = 20
_LOOK_SECONDS = 30.0


class Polling:
    """Follows the operations of one run. Used by the run's own thread."""

    def __init__(
        self, context: RunContext, watch: OperationsWatch, submitter: Submitter, ladder: Ladder, budget: Budget
    ) -> None:
        self._context = context
        self._watch = watch
        self._submitter = submitter
        self._ladder = ladder
        self._budget = budget
        self._serial = 0
        self._odd: set[tuple[str, str]] = set()
        self._missing: Counter[str] = Counter()
        self._identities: dict[str, tuple[str, str, int] | str] = {}  # by descriptions
        self._numbers: Mapping[str, int] = {}  # of the attempts at each task, when they were read
        self._attempts: Mapping[tuple[str, int], Attempt] = {}

    def poll(self, tasks: Sequence[Task]) -> bool:
        """Act on what the service lists; tell whether there was a new list."""
        serial, listed = self._watch.latest()
        if serial == self._serial:
            return False
        self._serial = serial
        attempts = self._attempts_at(tasks)
        ours: _Listed = {}
        for operation in listed:
            ours.setdefault(self._identity(operation.description), []).append(operation)
        unsettled = [task for task in tasks if task.state is TaskState.SUBMITTING]
        for task in unsettled:
            attempt = attempts[task.key, task.attempt]
            self._submitter.settle(task, attempt, ours.get(self._identity(attempt.description), []))
        current = self._context.store.tasks.of(self._context.run_id) if unsettled else tasks
        self._end_superseded(current, attempts, ours)
        self._end_forgotten(current, attempts, ours)
        told = self._follow(current, {operation.name: operation for operation in listed})
        self._answer(told)
        self._end_overspent()
        if len(self._identities) > 2 * (len(listed) + len(attempts)):
            self._identities.clear()  # a project's old operations are forgotten after days
        return True

    def _attempts_at(self, tasks: Sequence[Task]) -> Mapping[tuple[str, int], Attempt]:
        """Return all attempts, which are read again when a task has another one than before."""
        numbers = {task.key: task.attempt for task in tasks}
        if numbers != self._numbers:
            found = self._context.store.tasks.attempts(self._context.run_id)
            self._attempts, self._numbers = {(attempt.task, attempt.number): attempt for attempt in found}, numbers
        return self._attempts

    def _identity(self, description: str) -> tuple[str, str, int] | str:
        """Return the identity of a description, which takes a digest: each is met in every list."""
        known = self._identities.get(description)
        if known is None:
            known = self._identities[description] = identity(self._context.clients.route, description)
        return known

    def _end_overspent(self) -> None:
        """
        End a task under way that costs much more than it was forecast to.

        Raises:
            HoldError: There was one.
        """
        tasks = self._context.store.tasks.of(self._context.run_id)
        try:
            for task in tasks:
                self._budget.check_task(task, tasks)
        except OverspentTaskError as error:
            # In this order: after a crash in between it is found still under way, and ended again.
            self._context.check_prefix()
            self._context.clients.route.cancel(error.task.operation)
            crash.point("task.overspent")
            self._context.store.tasks.change(
                self._context.run_id, {error.task.key: TaskChange(state=TaskState.CANCELLED, error=str(error))}
            )
            raise

    def _end_superseded(
        self,
        tasks: Sequence[Task],
        attempts: Mapping[tuple[str, int], Attempt],
        listed: _Listed,
    ) -> None:
        """Cancel operations that came to life after their attempt was given up: nobody waits for their files."""
        numbers = {task.key: task.attempt for task in tasks}
        for (key, number), attempt in attempts.items():
            if number < numbers[key]:
                self._end_unwanted(key, number, listed.get(self._identity(attempt.description), ()))

    def _end_forgotten(
        self,
        tasks: Sequence[Task],
        attempts: Mapping[tuple[str, int], Attempt],
        listed: _Listed,
    ) -> None:
        """
        Cancel operations of attempts that a lost state made, unseen when it was rebuilt, where all is there without.

        Where it is not they are left alone: the task comes to that attempt, and its request id finds them.
        """
        there = {task.key: task.is_settled for task in tasks}
        for which, operations in listed.items():
            if isinstance(which, str) or which[0] != self._context.run_id or which[1:] in attempts:
                continue
            _run, key, number = which
            if there.get(known_above(key, there)):
                self._end_unwanted(key, number, operations)

    def _end_unwanted(self, key: str, number: int, operations: Sequence[Operation]) -> None:
        for operation in operations:
            if operation.is_live:
                self._context.check_prefix()
                self._context.record("task.duplicate", {"task": key, "attempt": number, "operation": operation.name})
                self._context.clients.route.cancel(operation.name)
                crash.point("operation.superseded")

    def _follow(self, tasks: Sequence[Task], listed: Mapping[str, Operation]) -> Mapping[str, Operation]:
        """Write what is new in one commit; return what is known of each task's operation."""
        live = [task for task in tasks if task.state in TASK_LIVE and task.operation]
        for task in live:
            if task.operation in listed:
                self._missing.pop(task.operation, None)
                self._context.waits.forget(f"gone {task.operation}")
            else:
                self._missing[task.operation] += 1
        looked = self._look_up([task for task in live if self._missing[task.operation] >= _MISSING_LISTS])
        told = {t.key: found for t in tasks if (found := listed.get(t.operation) or looked.get(t.operation))}
        changes: dict[str, TaskChange] = {}
        for task in live:
            change = self._change(task, told[task.key]) if task.key in told else self._gone(task, looked)
            if change is not None and _is_new(task, change):
                changes[task.key] = change
        self._context.store.tasks.change(self._context.run_id, changes)
        crash.point("tasks.polled")
        return told

    def _look_up(self, missing: Sequence[Task]) -> dict[str, Operation | None]:
        """Ask for some of the operations that lists do not show, by name; None is what the service does not know."""
        ripe = (task.operation for task in missing if self._may_look(task.operation))
        found: dict[str, Operation | None] = {}
        for name in islice(ripe, _LOOKS):
            found[name] = told = self._context.clients.route.find(name)
            if told is not None:
                self._watch.heard([told])
                self._context.waits.forget(f"gone {name}")
        return found

    def _may_look(self, name: str) -> bool:
        key = f"asked {name}"
        if self._missing[name] > _MISSING_LISTS and not self._context.waits.since(key, _LOOK_SECONDS):
            return False
        self._context.waits.forget(key)
        self._context.waits.since(key, 0.0)
        return True

    def _gone(self, task: Task, looked: Mapping[str, Operation | None]) -> TaskChange | None:
        """
        Take an operation that the service does not know, and has not known for as long as it may lag, as ended.

        Its objects then prove what became of it: nothing is exported again while it may live.
        """
        if task.operation not in looked:
            return None
        if not self._context.waits.since(f"gone {task.operation}", self._context.backoff.lag_seconds):
            return None
        self._context.record("task.vanished", {"task": task.key, "operation": task.operation})
        return TaskChange(state=TaskState.SUCCEEDED)

    def _change(self, task: Task, operation: Operation) -> TaskChange:
        state = OPERATION_STATES.get(operation.state)
        failure = None
        if state is None:
            state = task.state
            if (operation.name, operation.said) not in self._odd:
                self._odd.add((operation.name, operation.said))
                self._context.record("task.unknown_state", {"task": task.key, "state": operation.said})
        if state in _UNANSWERED:
            state = failed_state(operation)
        if operation.failure is Failure.EMPTY:
            # Every pixel is masked: that is what the task was to find out, and there is no file of it.
            state, failure = TaskState.SUCCEEDED, Failure.EMPTY
        return TaskChange(
            state=state,
            progress=operation.progress,
            eecu_seconds=operation.eecu_seconds,
            error=operation.error or None,
            failure=failure,
        )

    def _answer(self, told: Mapping[str, Operation]) -> None:
        """Answer every failure, also one that was written down before a crash and not answered."""
        for task in self._context.store.tasks.of(self._context.run_id):
            if task.state in _UNANSWERED:
                state, failure = _FORGOTTEN[task.state]
                forgotten = Operation(task.operation, state, error=task.error, failure=failure)
                self._ladder.answer(task, told.get(task.key, forgotten))


def _is_new(task: Task, change: TaskChange) -> bool:
    """Tell whether a change says anything that the row does not: thousands of waiting tasks are not written anew."""
    pairs = (
        (change.state, task.state),
        (change.progress, task.progress),
        (change.eecu_seconds, task.eecu_seconds),
        (change.error, task.error),
        (change.failure, task.failure),
    )
    return any(new is not None and new != old for new, old in pairs)
