"""What a run is, written down beside its objects before the first of them is asked for, and deleted after the last."""

from __future__ import annotations

from orchestrator import __version__
from orchestrator.core import crash
from orchestrator.core.errors import GenerationError, IntegrityError, TransientError
from orchestrator.engine.batch.feedback import HEAVIEST, kind_of
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Run
from orchestrator.engine.work import HoldError
from orchestrator.model.batch import BatchRoute
from orchestrator.model.job import Job
from orchestrator.model.manifest import RunManifest
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import Plan
from orchestrator.model.ports import Stop
from orchestrator.model.states import TaskState, UnitState


def keep_manifest(run: Run, plan: Plan, context: RunContext) -> None:
    """
    Write down what a run is, unless that was done: a lost state is rebuilt from it, so it comes before any export.

    Raises:
        HoldError: Something else lies at its place.
    """
    store, route = context.store, context.clients.route
    name = route.manifest_name(run.id)
    if any(not owned.outcome for owned in store.ledger.of(run.id, name)):
        return
    manifest = _manifest_of(run, plan, store, context.process.owner, context.now())
    crash.point("manifest.intended")
    try:
        written = route.objects.create(name, manifest.to_json().encode())
    except GenerationError:
        written = _found(run, name, context)
    crash.point("manifest.written")
    store.ledger.own(run.id, [written])
    crash.point("manifest.owned")


def read_manifest(route: BatchRoute, source: StoredObject, stop: Stop) -> RunManifest:
    """
    Return the manifest that an object is.

    Raises:
        IntegrityError: It is none, or that of another run than its name says.
    """
    found = RunManifest.from_json(route.objects.read(source, lambda _bytes: None, stop).decode("utf-8", "replace"))
    if route.manifest_name(found.run_id) != source.name:
        raise IntegrityError(f"{source.name} says that it is of run {found.run_id} of {found.installation}")
    return found


def _found(run: Run, name: str, context: RunContext) -> StoredObject:
    """Return what lies there already: written before a crash, or before the state was lost."""
    route = context.clients.route
    here = [source for source in route.objects.find(name) if source.name == name]
    if not here:
        raise TransientError(f"{name} is said to be there, and is not listed yet")
    try:
        if read_manifest(route, here[0], context.process.stop).installation == context.process.owner:
            return here[0]
    except IntegrityError as error:
        raise HoldError(
            f"{name} is not what this run would write there: {error}; look at it, then retry", alone=False
        ) from None
    said = f"{name} was written by another installation; look at it, then `orchestrator retry {run.id}`"
    raise HoldError(said, alone=False)


def _manifest_of(run: Run, plan: Plan, store: Store, installation: str, now: float) -> RunManifest:
    job = Job.from_json(run.job)
    written = min([now, *(attempt.first_posted for attempt in store.tasks.attempts(run.id))])
    tasks = {task.key: task.plan for task in store.tasks.of(run.id) if task.state is not TaskState.SPLIT}
    units = tuple(unit.plan for unit in store.units.of(run.id) if unit.state is not UnitState.SPLIT)
    return RunManifest(
        run_id=run.id,
        installation=installation,
        program=__version__,
        written=written,
        job_name=run.job_name,
        base_name=run.base_name,
        product=run.product,
        logical_date=run.logical_date,
        scheduled=bool(store.dates.known(run.job_name, [run.logical_date])) if run.logical_date else False,
        turn=run.turn,
        fingerprint=run.fingerprint,
        declaration=run.declaration,
        overwrite=run.overwrite,
        priority=run.priority,
        finish_by=run.finish_by,
        created=run.created,
        job=run.job,
        plan=run.plan,
        image=run.image,
        facts=run.facts,
        tasks=tasks,
        units=units,
        bytes_per_pixel=store.lessons.get(kind_of(job, plan), HEAVIEST) or 0.0,
    )
