"""A machine loses its state, or has an old copy of it put back; and what `recover` then does, over the model."""

from __future__ import annotations

from model_product import WorldProduct
from model_world import BLOCK, NAMING, NoStop, WorldRoute

from orchestrator.engine.manifests import read_manifest
from orchestrator.engine.recovery import Recovery, look
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.job import Job
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RunState
from orchestrator.plan.split import cut

MOST_LAG = 8  # lists, a few seconds apart


def put_back(machine, *, copy: bool = False) -> None:
    """Put a copy of the state, or an empty one, in the place of what there is; recover; begin the process anew."""
    job, admitted = machine.store.runs.get(machine.run_id).job, machine.run_id
    machine.countdown, machine.world.list_fails, machine.was_lost = -1, False, True
    for started in machine.world.started.values():
        started.unlisted = min(started.unlisted, MOST_LAG) if not started.unknown else started.unlisted
    machine.process.execution.close()
    machine.store.close()
    machine.state.put_back(copy=copy)
    recover(machine)
    machine.world.shown = set()  # which ends nothing
    machine.run_id = _admitted_again(machine, Job.from_json(job))
    assert machine.run_id == admitted
    machine._start()


def recover(machine) -> None:
    store, route = SqlStore(machine.state.url, machine.clock), WorldRoute(machine.world)
    try:
        seen = look(route, route.operations())
        recovery = Recovery(store, route, cut_again, seen, NoStop(machine.clock))
        manifests = [
            read_manifest(route, source, NoStop(machine.clock))
            for objects in seen.objects.values()
            for source in objects
            if source.name == NAMING.manifest(route.run_of(source.name))
        ]
        for manifest in manifests:
            recovery.rebuild(manifest, WorldProduct())
        known = {manifest.run_id for manifest in manifests}
        for head in store.runs.heads():
            if head.id not in known:
                recovery.look_at_result(store.runs.get(head.id), WorldProduct())
    finally:
        store.close()


def cut_again(task: TaskPlan):
    return cut(task) if task.window.pixels > BLOCK * BLOCK else None


def _admitted_again(machine, job: Job) -> str:
    """The same command once more: it continues the run, or begins it anew where nothing of it was remote."""
    store = SqlStore(machine.state.url, machine.clock)
    try:
        return store.runs.admit(Admission("night", "", job.fingerprints(), job.to_json())).id
    finally:
        store.close()


def is_recoverable(machine) -> bool:
    """Tell whether a loss can be made good: a result without its run's rows is nobody's, and so is a meddled object."""
    told = all("holiday" in name or "0000009984" in name for name in machine.foreign)
    over = (machine.folder / "out_clipped.tif").exists() and NAMING.manifest(machine.run_id) not in machine.world.blobs
    return told and not over and machine._state() not in (RunState.CLEANED, RunState.CANCELLED, RunState.FAILED)
