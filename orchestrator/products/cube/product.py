"""The cube as the engine knows it: scenes of one area, date by date, on one grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.product import Evidence, Finishing, Made, RunSnapshot, Settled, Sink, Step
from orchestrator.model.unit import UnitPlan
from orchestrator.plan.requests import RequestSize
from orchestrator.products.context import ProductContext
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.files import cube_files, date_names
from orchestrator.products.cube.settle import check, settle_cube
from orchestrator.products.cube.smoothing import request_for, smoothed
from orchestrator.products.fetch import KIND, Fetch
from orchestrator.products.terms import tags_of

if TYPE_CHECKING:
    from orchestrator.products.cube.sink import CubeSink


def make_cube(context: ProductContext) -> CubeProduct:
    """Return the product for one run."""
    return CubeProduct(context)


class CubeProduct:
    """See `model.product.Product`."""

    name = "cube"
    shared = frozenset({KIND})

    def __init__(self, context: ProductContext) -> None:
        self._context = context

    def files(self, job: Job) -> tuple[Path, ...]:
        return cube_files(job)

    def check(self, job: Job) -> tuple[str, ...]:
        return check(job)

    def prepare(self, job: Job) -> Settled:
        return settle_cube(job, self._context)

    def exports(self, run: RunSnapshot) -> None:  # noqa: ARG002  the port's signature
        return None

    def instead(self, run: RunSnapshot, window: Window) -> Sequence[UnitPlan]:  # noqa: ARG002  the port's signature
        return ()

    def steps(self, run: RunSnapshot) -> Mapping[str, Step]:
        if self._context.direct is None:
            return MappingProxyType({})
        route, plan = self._context.direct(), CubePlan.from_json(run.document)

        asked = Fetch(
            route,
            RequestSize.of(plan.pixels, route.limits),
            lambda cell: request_for(plan, cell),
            lambda cell, content: smoothed(plan, cell, content),
        )
        return MappingProxyType({KIND: asked})

    def open(self, run: RunSnapshot, folder: Path) -> Sink:
        from orchestrator.products.cube.about import about_cube  # noqa: PLC0415
        from orchestrator.products.cube.sink import ZarrSink  # noqa: PLC0415  numpy and GDAL are heavy

        plan = CubePlan.from_json(run.document)
        if run.job.keys.get("format") == "cog":
            from orchestrator.products.cube.cogs import CogSink  # noqa: PLC0415

            tags = tags_of(run, self._context.version)
            return CogSink(plan, folder, date_names(run.job, plan), self._context.threads, tags)
        return ZarrSink(plan, folder, about_cube(run, plan, self._context.version))

    def finish(self, about: Finishing, sink: Sink | None, evidence: Evidence) -> Made:
        from orchestrator.products.cube.publication import make_cube_result  # noqa: PLC0415  GDAL is heavy

        if sink is None:
            raise IntegrityError(f"run {about.run.id} has no unfinished cube to complete")
        plan, context = CubePlan.from_json(about.run.document), self._context
        made = cast("CubeSink", sink)  # what `open` returned
        return make_cube_result(about, plan, made, evidence, threads=context.threads, version=context.version)

    def close(self) -> None:
        """Nothing is kept open between calls."""
