"""Patches as the engine knows them: shards of windows of scenes, with a table of every window, in one folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.product import Evidence, Finishing, Made, RunSnapshot, Settled, Sink, Step
from orchestrator.model.unit import UnitPlan
from orchestrator.products.context import ProductContext
from orchestrator.products.patches.files import patch_files

if TYPE_CHECKING:
    from orchestrator.products.patches.sink import PatchSink


def make_patches(context: ProductContext) -> PatchProduct:
    """Return the product for one run."""
    return PatchProduct(context)


class PatchProduct:
    """See `model.product.Product`."""

    name = "patches"
    shared = frozenset({"measure", "shard"})

    def __init__(self, context: ProductContext) -> None:
        self._context = context

    def files(self, job: Job) -> tuple[Path, ...]:
        return patch_files(job)

    def check(self, job: Job) -> tuple[str, ...]:
        from orchestrator.products.patches.settle import notes_of, plan_patches  # noqa: PLC0415  GDAL is heavy

        return notes_of(plan_patches(job))

    def prepare(self, job: Job) -> Settled:
        from orchestrator.products.patches.settle import settle_patches  # noqa: PLC0415

        return settle_patches(job, self._context)

    def exports(self, run: RunSnapshot) -> None:  # noqa: ARG002  the port's signature
        return None

    def instead(self, run: RunSnapshot, window: Window) -> Sequence[UnitPlan]:  # noqa: ARG002  the port's signature
        return ()

    def steps(self, run: RunSnapshot) -> Mapping[str, Step]:
        from orchestrator.products.patches.document import PatchPlan  # noqa: PLC0415
        from orchestrator.products.patches.steps import ARRANGE, MEASURE, SHARD, Patching  # noqa: PLC0415

        patching = Patching(PatchPlan.from_json(run.document), self._context.free_bytes)
        return MappingProxyType({MEASURE: patching.measure, ARRANGE: patching.arrange, SHARD: patching.shard})

    def open(self, run: RunSnapshot, folder: Path) -> PatchSink:
        from orchestrator.products.patches.document import PatchPlan  # noqa: PLC0415
        from orchestrator.products.patches.sink import PatchSink  # noqa: PLC0415

        return PatchSink(PatchPlan.from_json(run.document), folder)

    def finish(self, about: Finishing, sink: Sink | None, evidence: Evidence) -> Made:
        from orchestrator.products.patches.document import PatchPlan  # noqa: PLC0415
        from orchestrator.products.patches.publication import make_patches_result  # noqa: PLC0415
        from orchestrator.products.patches.sink import PatchSink  # noqa: PLC0415

        if not isinstance(sink, PatchSink):
            raise IntegrityError(f"run {about.run.id} has no patches to put together")
        plan = PatchPlan.from_json(about.run.document)
        return make_patches_result(about, plan, sink, evidence, self._context.version)

    def close(self) -> None:
        """Nothing is kept open between calls."""
