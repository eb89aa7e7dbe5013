"""
A lost or old state is rebuilt from what others remember: manifests, operations, objects, and what was published.

Nothing is begun here and nothing is ended. An attempt that was seen becomes the current one of its task, in the shape
that its operation says; what is not seen is asked for again under the same request id, which starts nothing twice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import remove_tree
from orchestrator.engine.batch.exports import Cut
from orchestrator.engine.batch.feedback import HEAVIEST, kind_of
from orchestrator.engine.batch.submission import early_state
from orchestrator.engine.cleanup import own_late_objects
from orchestrator.engine.context import unleased
from orchestrator.engine.output import folder_of, snapshot_of
from orchestrator.engine.proofs import find_named
from orchestrator.engine.publication import is_file
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Run
from orchestrator.engine.stores.work_records import Attempt, Task
from orchestrator.model.batch import AttemptNames, BatchRoute, Described, Operation, OperationState, OrderShape
from orchestrator.model.job import Job
from orchestrator.model.manifest import RunManifest
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.ports import Stop
from orchestrator.model.product import Product, Stripping
from orchestrator.model.states import RUN_FINAL, RunState, TaskState

_OFFSETS = re.compile(r"-?([0-9]{10})-([0-9]{10})\.tiff?")
# The better, the sooner it is the one that counts, of several operations of one attempt.
_RANK = {OperationState.SUCCEEDED: 0, OperationState.RUNNING: 1, OperationState.QUEUED: 2}
_WAY = (RunState.PLANNED, RunState.EXPORTING, RunState.ASSEMBLING, RunState.PUBLISHED)


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What the services show of this installation.

    Attributes:
        operations: Those of each attempt: run, task, number.
        objects: Those below each run's prefix.
    """

    operations: Mapping[tuple[str, str, int], Sequence[Operation]]
    objects: Mapping[str, Sequence[StoredObject]]

    def runs(self) -> set[str]:
        """Return the runs that operations or objects are of."""
        return {run_id for run_id, _task, _number in self.operations} | set(self.objects)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """
    What became of a run.

    Attributes:
        run_id: Of the run.
        job_name: What people call it.
        logical_date: What it is for.
        is_new: Whether the state did not know it.
        adopted: Tasks whose operation or files were found, and that the state did not know of.
        state: As it is now.
    """

    run_id: str
    job_name: str
    logical_date: str
    is_new: bool
    adopted: int
    state: RunState


def look(route: BatchRoute, operations: Sequence[Operation]) -> Seen:
    """List what this installation has at the services."""
    known: defaultdict[tuple[str, str, int], list[Operation]] = defaultdict(list)
    for operation in operations:
        if said := route.described(operation.description):
            known[said.run_id, said.task, said.number].append(operation)
    objects: defaultdict[str, list[StoredObject]] = defaultdict(list)
    for source in route.objects.find(route.run_prefix("")):
        if run_id := route.run_of(source.name):
            objects[run_id].append(source)
    return Seen(known, objects)


REBUILT = "run.rebuilt"  # the event that says that a run's rows were made anew


class Recovery:
    """Rebuilds runs. The caller holds the lock of each."""

    def __init__(
        self,
        store: Store,
        route: BatchRoute,
        cut: Cut,
        seen: Seen,
        stop: Stop,
        check_prefix: Callable[[], None] = unleased,
    ) -> None:
        self._store = store
        self._route = route
        self._cut = cut
        self._seen = seen
        self._stop = stop
        self._check_prefix = check_prefix

    def rebuild(self, manifest: RunManifest, product: Product) -> Rebuilt:
        """Make the rows of a run what its manifest, its operations, its objects and its result say; repeatable."""
        is_new = not any(head.id == manifest.run_id for head in self._store.runs.heads(run_id=manifest.run_id))
        run = self._store.runs.restore(manifest)
        crash.point("recovery.restored")
        adopted = 0
        if run.state not in RUN_FINAL and run.state is not RunState.PUBLISHED:
            self._remember(manifest, run, product)
            self._forget_unfinished(run, product)
            adopted = self._adopt_all(manifest)
            crash.point("recovery.adopted")
        self.look_at_result(run, product)
        self._own_what_is_given_up(run.id)
        crash.point("recovery.owned")
        return self._told(run, adopted, is_new=is_new)

    def _own_what_is_given_up(self, run_id: str) -> None:
        numbers = {task.key: task.attempt for task in self._store.tasks.of(run_id) if not task.is_settled}
        attempts = self._store.tasks.attempts(run_id)
        spared = {attempt.prefix for attempt in attempts if attempt.number == numbers.get(attempt.task)}
        own_late_objects(self._store.runs.get(run_id), store=self._store, route=self._route, spared=spared)

    def look_at_result(self, run: Run, product: Product) -> Rebuilt | None:
        """Recognise a result that was published after an old state was saved; None where there is none."""
        if run.state in (RunState.CLEANED, RunState.PUBLISHED):
            return None
        return self._told(run, 0, is_new=False) if self._settle_published(run, product) else None

    def _told(self, run: Run, adopted: int, *, is_new: bool) -> Rebuilt:
        state = self._store.runs.head(run.id).state
        if is_new or adopted or state is not run.state:
            self._store.events.record(run.id, REBUILT, {"tasks": adopted, "state": state})
        return Rebuilt(run.id, run.job_name, run.logical_date, is_new, adopted, state)

    def _remember(self, manifest: RunManifest, run: Run, product: Product) -> None:
        """What parts of the kind weigh decides how large the others are asked for."""
        plan = product.exports(snapshot_of(run)) if manifest.bytes_per_pixel else None
        if plan is not None:
            kind = kind_of(Job.from_json(run.job), plan)
            if self._store.lessons.get(kind, HEAVIEST) is None:
                self._store.lessons.learn(kind, HEAVIEST, manifest.bytes_per_pixel)

    def _forget_unfinished(self, run: Run, product: Product) -> None:
        """Give an unfinished output up whose pieces the state cannot tell the origin of; they are brought again."""
        tasks = {task.key: task for task in self._store.tasks.of(run.id)}
        newest = self._newest(run.id)
        if any(key not in tasks or _is_news(tasks[key], number) for key, number in newest.items()):
            if isinstance(product, Stripping):
                product.forget_strips(snapshot_of(run))
            folder = folder_of(run) / product.name
            if folder.exists():
                remove_tree(folder)
                reason = "the state was rebuilt and does not know what its pieces were made of"
                self._store.events.record(run.id, "output.lost", {"reason": reason})

    # ----------------------------------------------------------------- tasks

    def _adopt_all(self, manifest: RunManifest) -> int:
        """Make the newest attempt that shows at each task the current one; return how many are new to the state."""
        newest = self._newest(manifest.run_id)
        count = 0
        # Those that were cut come before their halves.
        for key in sorted(newest, key=lambda key: (key.count("."), key)):
            task = self._task(manifest, key)
            if task.state is not TaskState.SPLIT and _is_news(task, newest[key]):
                self._adopt(manifest, task, newest[key])
                count += 1
        return count

    def _newest(self, run_id: str) -> dict[str, int]:
        numbers: dict[str, int] = {}
        seen = [(task, number) for run, task, number in self._seen.operations if run == run_id]
        seen += [(said.task, said.number) for said in self._written(run_id)]
        for task, number in seen:
            numbers[task] = max(number, numbers.get(task, 0))
        return numbers

    def _written(self, run_id: str) -> dict[Described, list[StoredObject]]:
        """Return the objects of a run by the attempt whose prefix they bear."""
        found: defaultdict[Described, list[StoredObject]] = defaultdict(list)
        for source in self._seen.objects.get(run_id, ()):
            if said := self._route.attempt_of(source.name):
                found[said].append(source)
        return found

    def _task(self, manifest: RunManifest, key: str) -> Task:
        """Return a task; a half of one that was cut is made as it was then."""
        tasks = {task.key: task for task in self._store.tasks.of(manifest.run_id)}
        if key in tasks:
            return tasks[key]
        above, _, _half = key.rpartition(".")
        if not above:
            raise IntegrityError(f"task {key} is none of run {manifest.run_id}'s plan")
        self._cut_again(manifest, self._task(manifest, above))
        return self._task_there(manifest.run_id, key)

    def _cut_again(self, manifest: RunManifest, task: Task) -> None:
        halves = self._cut(task.plan)
        if halves is None:
            raise IntegrityError(f"task {task.key} of run {manifest.run_id} cannot have been cut as its operations say")
        if task.state is not TaskState.FAILED:
            self._adopt(manifest, task, max(task.attempt, 1), TaskState.FAILED)
        rung = self._task_there(manifest.run_id, task.key).rung + 1
        children = [(f"{task.key}.{i}", half, rung) for i, half in enumerate(halves)]
        self._store.tasks.split(manifest.run_id, task.key, children, task.failure)

    def _task_there(self, run_id: str, key: str) -> Task:
        for task in self._store.tasks.of(run_id):
            if task.key == key:
                return task
        raise IntegrityError(f"task {key} of run {run_id} is not what cutting its rectangle gives")

    def _adopt(self, manifest: RunManifest, task: Task, number: int, state: TaskState | None = None) -> None:
        """Make an attempt the current one of its task: by its operation, or, where that is forgotten, by its files."""
        run_id = manifest.run_id
        found = sorted(self._seen.operations.get((run_id, task.key, number), ()), key=_rank)
        files = [s for said, there in self._written(run_id).items() if _is(said, task.key, number) for s in there]
        said = self._route.described(found[0].description) if found else None
        asked = (said.asked if said else None) or _asked_of(task, files)
        names = self._route.name_attempt(run_id, task.key, number, asked)
        attempt = _attempt(manifest, task, number, names, found)
        plan = replace(task.plan, part_height=asked.part_height, part_width=asked.part_width)
        now = state or (early_state(found[0]) if found else _by_files(plan, files))
        for earlier in range(1, number):
            self._remember_attempt(manifest, task, earlier)
        self._store.tasks.adopt(run_id, attempt, plan, asked.rung, now)
        for other in found[1:]:
            if other.is_live:
                self._check_prefix()
                self._store.events.record(run_id, "task.duplicate", {"task": task.key, "operation": other.name})
                self._route.cancel(other.name)

    def _remember_attempt(self, manifest: RunManifest, task: Task, number: int) -> None:
        """Write down an attempt that was overtaken: what it still writes is ours, and is told by its prefix."""
        known = {(a.task, a.number) for a in self._store.tasks.attempts(manifest.run_id)}
        if (task.key, number) in known:
            return
        found = self._seen.operations.get((manifest.run_id, task.key, number), ())
        names = self._route.name_attempt(manifest.run_id, task.key, number)
        attempt = _attempt(manifest, task, number, names, found)
        self._store.tasks.adopt(manifest.run_id, attempt, task.plan, task.rung, TaskState.FAILED)

    # ---------------------------------------------------------------- result

    def _settle_published(self, run: Run, product: Product) -> bool:
        """Recognise the result of a run by its proof; tell whether it is there, whole."""
        result = find_named(product.files(Job.from_json(run.job)), run.id, self._stop)
        if result is None:
            return False
        main = result.main
        # Also of a result some files of which have their names: they are the run's own, and it completes them.
        self._store.runs.save_result(run.id, result.to_json())
        self._store.outputs.claim(str(main.path), run.id, run.declaration)
        if not is_file(main, self._stop):
            return False
        self._store.outputs.publish(str(main.path), run.id, main.sha256, main.bytes)
        now = self._store.runs.head(run.id).state
        ahead = _WAY[_WAY.index(now) + 1 :] if now in _WAY else (RunState.PUBLISHED,)
        for state in ahead:
            self._store.runs.set_state(run.id, state)
        return True


def _attempt(
    manifest: RunManifest, task: Task, number: int, names: AttemptNames, found: Sequence[Operation]
) -> Attempt:
    """Return an attempt as it was written down once: by the first of its operations, where one is known."""
    return Attempt(
        task=task.key,
        number=number,
        request_id=names.request_id,
        description=found[0].description if found else names.description,
        prefix=names.prefix,
        operation=found[0].name if found else "",
        first_posted=manifest.written,
    )


def _rank(operation: Operation) -> tuple[int, str, str]:
    return _RANK.get(operation.state, len(_RANK)), operation.created, operation.name


def _is(said: Described, task: str, number: int) -> bool:
    return (said.task, said.number) == (task, number)


def _is_news(task: Task, number: int) -> bool:
    """Tell whether the state does not know of an attempt, or not which operation it is."""
    return number > task.attempt or (number == task.attempt and task.state is TaskState.SUBMITTING)


def _by_files(plan: TaskPlan, files: Sequence[StoredObject]) -> TaskState:
    """
    Return the state of a task whose operation no list shows, by its files: they prove it done when all are there.

    Else the operation may live and lists lag: it is asked for again under its request id, which starts no second one.
    """
    begin = plan.window
    wanted = {(part.row - begin.row, part.col - begin.col) for part in plan.parts()}
    there = {_begins(file) for file in files}
    return TaskState.SUCCEEDED if wanted <= there else TaskState.SUBMITTING


def _begins(file: StoredObject) -> tuple[int, int]:
    """Return the row and column that a file begins at in its export, by its name."""
    said = _OFFSETS.search(file.name)
    return (int(said[1]), int(said[2])) if said else (0, 0)


def _asked_of(task: Task, files: Sequence[StoredObject]) -> OrderShape:
    """
    Return the sizes that names of files tell by where these begin; the planned ones where they do not tell.

    Some of the files may not be there yet, so only a whole lattice of several tells anything.
    """
    plan: TaskPlan = task.plan
    offsets = {(int(m[1]), int(m[2])) for file in files if (m := _OFFSETS.search(file.name))}
    if files and not offsets:
        return OrderShape(plan.window.height, plan.window.width, task.rung)  # such a name is that of a whole rectangle
    rows, cols = sorted({row for row, _ in offsets}), sorted({col for _, col in offsets})
    height = _step(rows, plan.window.height, plan.part_height)
    width = _step(cols, plan.window.width, plan.part_width)
    if height and width and len(offsets) == len(rows) * len(cols):
        return OrderShape(height, width, task.rung)
    return OrderShape(plan.part_height, plan.part_width, task.rung)


def _step(begins: Sequence[int], length: int, planned: int) -> int:
    """Return the step of a lattice along one side; 0 where it cannot be told."""
    if len(begins) < 2:
        return planned if length <= planned else 0
    step = begins[1] - begins[0]
    return step if list(begins) == list(range(0, length, step)) else 0
