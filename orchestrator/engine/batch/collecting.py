"""The objects of finished tasks: matched with their parts, or shown to a person when they fit none."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core import crash
from orchestrator.engine.batch.feedback import Feedback
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.work_records import Attempt, Task
from orchestrator.engine.work import HoldError
from orchestrator.model.batch import Matched
from orchestrator.model.states import Failure, TaskState

# So many names of objects stand in a sentence.
_SHOWN = 3


class Collecting:
    """Matches what one run's tasks have written."""

    def __init__(self, context: RunContext, feedback: Feedback) -> None:
        self._context = context
        self._feedback = feedback

    def collect(self, tasks: Sequence[Task]) -> list[Task]:
        """
        Match the objects of every finished task that is due; return those of which something has changed.

        Raises:
            HoldError: Objects of ours lie there that cannot be matched, or a task came to nothing too often.
        """
        done = [t for t in tasks if t.state is TaskState.SUCCEEDED and not t.collected]
        due = [t for t in done if self._context.waits.due(f"collect {t.key}", t.next_at)]
        if not due:
            return []
        attempts = {(a.task, a.number): a for a in self._context.store.tasks.attempts(self._context.run_id)}
        return [task for task in due if self._collect(task, attempts[task.key, task.attempt])]

    def again(self, task: Task, why: str) -> None:
        """Export a task anew whose objects cannot be used; after many times only when a person says so."""
        self._context.store.tasks.reset(self._context.run_id, task.key, TaskChange(error=why))
        if task.counted >= self._context.backoff.max_attempts:
            reason = f"task {task.key} succeeded {task.attempt} times, but {why}; look into the bucket, then retry"
            raise HoldError(reason, alone=False)

    def _collect(self, task: Task, attempt: Attempt) -> bool:
        matched = self._context.clients.route.files(task.plan, attempt.prefix, attempt.first_posted)
        if task.failure is Failure.EMPTY and not matched.found and not matched.strange:
            self._context.store.parts.empty(self._context.run_id, task.key)
            self._context.record("task.empty", {"task": task.key, "parts": task.plan.part_count})
            return True
        if len(matched.found) < task.plan.part_count:
            self._incomplete(task, attempt, matched)
            return False
        self._feedback.learn(matched.found)
        if self._feedback.refuse(task, matched.found):
            return True
        crash.point("task.collecting")
        self._context.store.parts.collect(self._context.run_id, task.key, matched.found, task.attempt)
        crash.point("task.collected")
        sizes = [source.size for source in matched.found.values()]
        facts = {"task": task.key, "parts": len(sizes), "bytes": sum(sizes), "eecu_seconds": task.eecu_seconds}
        self._context.record("task.exported", facts)
        return True

    def _incomplete(self, task: Task, attempt: Attempt, matched: Matched) -> None:
        """Look again for a while; then export again what left nothing, and show a person what left something."""
        backoff = self._context.backoff
        if task.tries + 1 < backoff.collect_tries:
            change = TaskChange(tries=task.tries + 1, next_at=self._context.now() + backoff.collect_seconds)
            self._context.store.tasks.change(self._context.run_id, {task.key: change})
            return
        found, wanted = len(matched.found), task.plan.part_count
        facts = {"task": task.key, "found": found, "wanted": wanted}
        self._context.record("task.objects_missing", facts | {"strange": [s.name for s in matched.strange][:20]})
        # A person who saw the objects and asked for another try has decided that this attempt's are of no use.
        ordered = task.forgiven >= task.attempt
        if (found or matched.strange) and not ordered:
            raise HoldError(self._unmatched(task, attempt, matched), alone=False)
        self.again(task, f"only {found} of {wanted} files appeared")

    def _unmatched(self, task: Task, attempt: Attempt, matched: Matched) -> str:
        names = [source.name for source in matched.strange][:_SHOWN]
        more = len(matched.strange) - len(names)
        strange = (
            f"; these fit no part of it: {', '.join(names)}{f' and {more} more' if more > 0 else ''}" if names else ""
        )
        return (
            f"task {task.key} has succeeded, but only {len(matched.found)} of its {task.plan.part_count} files can "
            f"be told among the objects under {attempt.prefix}{strange}. Nothing is exported again while they lie "
            f"there: look at them; `orchestrator retry {self._context.run_id}` looks once more and else exports again"
        )
