"""Scenes made ready for training, as the engine knows them: a folder for each, an index, and the run's manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.core import crash
from orchestrator.core.errors import UserError
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.product import Evidence, Finishing, Made, RunSnapshot, Settled, Sink, Step, StepContext
from orchestrator.model.unit import Done, Outcome, Unit, UnitPlan
from orchestrator.products.context import ProductContext
from orchestrator.products.enduring import Enduring
from orchestrator.products.preprocess.files import COUNTS, SAMPLES, preprocess_files, stats_path
from orchestrator.products.preprocess.keys import PreprocessKeys, preprocess_keys

if TYPE_CHECKING:
    from orchestrator.products.preprocess.document import PreprocessPlan
    from orchestrator.products.preprocess.work import Workers


def make_preprocess(context: ProductContext) -> PreprocessProduct:
    """Return the product for one run."""
    return PreprocessProduct(context)


class PreprocessProduct:
    """See `model.product.Product`."""

    name = "preprocess"
    shared = frozenset({"scene"})

    def __init__(self, context: ProductContext) -> None:
        self._context = context
        self._workers: Workers | None = None

    def files(self, job: Job) -> tuple[Path, ...]:
        return preprocess_files(job)

    def check(self, job: Job) -> tuple[str, ...]:
        from orchestrator.products.preprocess.settle import plan_samples  # noqa: PLC0415  GDAL is heavy

        return plan_samples(job, self._context).notes

    def prepare(self, job: Job) -> Settled:
        from orchestrator.products.preprocess.settle import settled  # noqa: PLC0415

        return settled(job, self._context)

    def exports(self, run: RunSnapshot) -> None:  # noqa: ARG002  the port's signature
        return None

    def instead(self, run: RunSnapshot, window: Window) -> Sequence[UnitPlan]:  # noqa: ARG002  the port's signature
        return ()

    def steps(self, run: RunSnapshot) -> Mapping[str, Step]:
        from orchestrator.products.preprocess.document import PreprocessPlan  # noqa: PLC0415
        from orchestrator.products.preprocess.settle import SCENE  # noqa: PLC0415

        plan, keys = PreprocessPlan.from_json(run.document), preprocess_keys(run.job.keys)
        _check_unchanged(run.job)
        if keys.writes_samples:
            _check_folders(run, plan)
        step = SceneStep(plan, keys, self._workers_for(keys), self._context)
        # A scene's own files are at fault, never a service: it is given up at once.
        return MappingProxyType({SCENE: Enduring(step, "scene", has_answers=lambda: True, attempts=1)})

    def open(self, run: RunSnapshot, folder: Path) -> None:
        """Samples get their names one by one."""

    def finish(self, about: Finishing, sink: Sink | None, evidence: Evidence) -> Made:  # noqa: ARG002
        from orchestrator.products.preprocess.publication import make_preprocess_result  # noqa: PLC0415

        return make_preprocess_result(about, evidence, self._context.version)

    def close(self) -> None:
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    def _workers_for(self, keys: PreprocessKeys) -> Workers:
        from orchestrator.products.preprocess.work import Here, WorkerProcesses  # noqa: PLC0415

        self._workers = self._workers or (WorkerProcesses(keys.num_workers) if keys.num_workers else Here())
        return self._workers


class SceneStep:
    """The step of the kind `scene`: it is computed, and its folder gets its name."""

    def __init__(self, plan: PreprocessPlan, keys: PreprocessKeys, workers: Workers, context: ProductContext) -> None:
        self._plan, self._keys, self._workers, self._context = plan, keys, workers, context

    def __call__(self, context: StepContext, unit: Unit) -> Outcome:
        from orchestrator.core.files import make_folder  # noqa: PLC0415
        from orchestrator.core.trees import publish_tree  # noqa: PLC0415
        from orchestrator.products.preprocess.work import SceneTask  # noqa: PLC0415

        scene, job = self._plan.scenes[int(unit.plan.spec["scene"])], context.run.job
        final = Path(job.output) / scene.folder
        request = SceneTask(
            scene=scene,
            keys=self._keys,
            run_id=job.base_name,
            final=final,
            made=context.folder / SAMPLES / unit.key / f"{unit.fence}",
            counts=context.folder / COUNTS / f"{unit.key}.npz",
            stats=str(stats_path(job, self._keys)) if self._keys.normalize.mode == "apply_with_stats" else "",
            version=self._context.version,
            threads=1 if self._keys.num_workers else self._context.threads,
        )
        answer = self._workers.do(request, context.stop)
        if answer.made is not None:
            context.note(answer.result)
            make_folder(final.parent)
            publish_tree(answer.made, final)
            crash.point("sample.named")
        return Done(answer.result)


def _check_unchanged(job: Job) -> None:
    """
    Make sure that statistics are still those that the run was begun with.

    Raises:
        UserError: They are not.
    """
    from orchestrator.products.preprocess.settle import preprocess_pins  # noqa: PLC0415

    pin = job.pins.get("stats")
    if pin and preprocess_pins(replace(job, pins=MappingProxyType({}))).get("stats") != pin:
        path = stats_path(job, preprocess_keys(job.keys))
        raise UserError(f"{path} has changed since the run was begun; put it back, or begin a new run")


def _check_folders(run: RunSnapshot, plan: PreprocessPlan) -> None:
    """
    Make sure that no folder would be replaced that another run, or somebody else, has made.

    Raises:
        UserError: One would.
    """
    from orchestrator.products.preprocess.meta import check_ours  # noqa: PLC0415

    for scene in plan.scenes:
        if why := check_ours(Path(run.job.output) / scene.folder, run.job.base_name, overwrite=run.overwrite):
            raise UserError(why)
