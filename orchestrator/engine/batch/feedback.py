"""What finished parts weighed, and what follows for the parts not yet asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.engine.batch.exports import Exports
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.work_records import Task
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.states import PartState, TaskState

HEAVIEST = "bytes_per_pixel"
REFITTED = "refitted"
# Smaller files are mostly headers and padding; they say little about pixels.
LEAST_PIXELS = 256 * 256
# Lighter than this share of the raw pixels is not believed: parts without data weigh nothing and tell nothing.
LEAST_SHARE = 0.5
# Tasks handed over before anything is known of the weight of their parts: what Earth Engine runs at once anyway.
PILOT_TASKS = 2


def kind_of(job: Job, plan: Plan) -> str:
    """Return what jobs share whose pixels weigh alike: recipe, parameters, bands, number type and pixel size."""
    a, _b, _c, _d, e, _f = plan.grid.transform
    pixels = plan.pixels
    facts = [job.recipe, sorted(job.params.items()), pixels.bands, pixels.dtype, round(a, 9), round(e, 9), job.route]
    return hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()[:32]


class Feedback:
    """Learns from one run's parts."""

    def __init__(self, context: RunContext, exports: Exports) -> None:
        self._context = context
        self._run_id = context.run_id
        self._store = context.store
        self._plan = exports.plan
        self._kind = exports.kind
        self._refit = exports.refit

    def learn(self, found: Mapping[Window, StoredObject]) -> None:
        """Remember the heaviest part of this kind, for this run and for later ones."""
        seen = [source.size / window.pixels for window, source in found.items() if window.pixels >= LEAST_PIXELS]
        known = self._store.lessons.get(self._kind, HEAVIEST)
        if seen and (known is None or max(seen) > known):
            self._store.lessons.learn(self._kind, HEAVIEST, max(seen))

    def ready(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """
        Return the tasks that may be handed over now, with their final part sizes.

        Sizes change once a run: at its start when the kind is known, else when the first tasks, the pilots, have
        come. The same pilots give the same sizes, so that a run that was killed ends with the same bytes.
        """
        if self._refit is None or self._store.lessons.get(self._run_id, REFITTED) is not None:
            return tasks
        heaviest = self._store.lessons.get(self._kind, HEAVIEST)
        pilots = [task for task in tasks if task.state is not TaskState.SPLIT][:PILOT_TASKS]
        begun = any(task.attempt > 0 for task in tasks)
        if begun and not all(task.state is TaskState.SUCCEEDED and task.collected for task in pilots):
            return pilots
        if not begun and heaviest is None:
            return pilots
        return self._enlarge(tasks, heaviest or 0.0)

    def _enlarge(self, tasks: Sequence[Task], heaviest: float) -> Sequence[Task]:
        least = self._plan.pixels.bytes_per_pixel * LEAST_SHARE
        changed = [
            self._reshape(task, self._refit(task.plan, self._plan, max(heaviest, least)))
            for task in tasks
            if self._refit is not None and task.state is TaskState.PLANNED and task.attempt == 0
        ]
        self._store.lessons.learn(self._run_id, REFITTED, max(heaviest, least))
        if sizes := {(task.plan.part_height, task.plan.part_width) for task in changed}:
            height, width = max(sizes)
            facts = {"tasks": len(changed), "part_height": height, "part_width": width, "bytes_per_pixel": heaviest}
            self._context.record("run.refitted", facts)
        return self._store.tasks.of(self._run_id)

    def refuse(self, task: Task, found: Mapping[Window, StoredObject]) -> bool:
        """
        Tell whether a task's files are heavier than allowed and were exported too large by our own estimate.

        If so they are owned, to be deleted, and the task is PLANNED again in parts that no data can make too heavy.
        """
        largest = max(source.size for source in found.values())
        if largest <= self._plan.max_part_bytes:
            return False
        facts = {"task": task.key, "bytes": largest, "allowed": self._plan.max_part_bytes}
        self._context.record("part.over_threshold", facts)
        safe = self._refit(task.plan, self._plan, None) if self._refit else task.plan
        if safe == task.plan or self._begun(task):
            return False
        self._store.ledger.own(self._run_id, list(found.values()))
        self._store.tasks.reset(self._run_id, task.key, TaskChange(error=f"a part had {largest} bytes"))
        self._reshape(task, safe)
        return True

    def _begun(self, task: Task) -> bool:
        """Tell whether an earlier attempt has brought some of the task's parts already."""
        return any(state is not PartState.WAITING for state in self._store.parts.tally_of(self._run_id, task.key))

    def _reshape(self, task: Task, plan: TaskPlan) -> Task:
        if (plan.part_height, plan.part_width) != (task.plan.part_height, task.plan.part_width):
            self._store.tasks.reshape(self._run_id, task.key, plan)
        return replace(task, plan=plan)
