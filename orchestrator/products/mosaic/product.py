"""The mosaic as the engine knows it: one clipped raster over the area."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.model.audit import Asked, AuditReport
from orchestrator.model.direct import PixelRequest
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.mosaic import MosaicReport, MosaicSpec
from orchestrator.model.places import ObjectPlace, PlacedObject
from orchestrator.model.plan import Plan
from orchestrator.model.plan_json import plan_from_json
from orchestrator.model.ports import Finishable, Stop
from orchestrator.model.product import Evidence, Finishing, Made, RunSnapshot, Settled, Sink, Step
from orchestrator.model.strip import STRIP, STRIP_GRID, OutputStrip
from orchestrator.model.unit import Cell, UnitPlan
from orchestrator.plan.requests import RequestSize
from orchestrator.products.context import ProductContext
from orchestrator.products.fetch import KIND, Fetch, units_of
from orchestrator.products.mosaic.covering import prove_cover
from orchestrator.products.mosaic.files import files
from orchestrator.products.mosaic.routing import DIRECT_ROUTES, whole_of
from orchestrator.products.mosaic.settle import LocalPlan, local_plan, settle
from orchestrator.products.mosaic.sink import MosaicSink
from orchestrator.products.mosaic.strip_sink import IndexFolder, IndexObjects, JoinedStrips, StripSink
from orchestrator.products.mosaic.strips import STRIPS, MakeStrip, kept_at, strips_of
from orchestrator.products.mosaic.tags import tags

if TYPE_CHECKING:
    from orchestrator.products.mosaic.audit import MosaicAudit


def make(context: ProductContext) -> MosaicProduct:
    """Return the product for one run."""
    return MosaicProduct(context)


class MosaicProduct:
    """See `model.product.Product`."""

    name = "mosaic"
    shared = frozenset({KIND, STRIP})

    def __init__(self, context: ProductContext) -> None:
        self._context = context
        self._places: list[ObjectPlace] = []

    def files(self, job: Job) -> tuple[Path, ...]:
        return files(job)

    def local(self, job: Job, today: date | None = None) -> LocalPlan:
        """Plan without any remote call; see `settle.local_plan`."""
        return local_plan(job, self._context, today)

    def check(self, job: Job) -> tuple[str, ...]:
        return self.local(job).notes

    def prepare(self, job: Job) -> Settled:
        return settle(job, self._context)

    def exports(self, run: RunSnapshot) -> Plan:
        return plan_from_json(run.document)

    def instead(self, run: RunSnapshot, window: Window) -> Sequence[UnitPlan]:
        limits = self._context.direct_limits
        if run.job.route != "auto" or limits is None:
            return ()
        plan = plan_from_json(run.document)
        return units_of(map(Cell, whole_of(plan, window, limits)), RequestSize.of(plan.pixels, limits))

    def strips(self, run: RunSnapshot) -> tuple[OutputStrip, ...]:
        """See `model.product.Stripping`."""
        return strips_of(run)

    def kept_at(self, run: RunSnapshot) -> str:
        """See `model.product.Stripping`."""
        return kept_at(run)

    def forget_strips(self, run: RunSnapshot) -> None:
        """See `model.product.Stripping`."""
        if kept := kept_at(run):
            place = self._bucket(run)
            for found in place.find(f"{kept}/"):
                place.delete(found)

    def steps(self, run: RunSnapshot) -> Mapping[str, Step]:
        if strips_of(run) and self._context.parts is not None:
            place = partial(self._strips_place, run)
            made = MakeStrip(self._spec(run), self._context.parts, place, self._context.downloads)
            return MappingProxyType({STRIP: made})
        if run.job.route not in DIRECT_ROUTES or self._context.direct is None:
            return MappingProxyType({})
        route, plan = self._context.direct(), plan_from_json(run.document)
        size, image = RequestSize.of(plan.pixels, route.limits), run.image
        asked = Fetch(route, size, lambda cell: PixelRequest(image, plan.grid, cell.window, plan.pixels))
        return MappingProxyType({KIND: asked})

    def open(self, run: RunSnapshot, folder: Path) -> MosaicSink | StripSink:
        if strips_of(run):
            return StripSink(self._indexes(run, folder), self._spec(run))
        from orchestrator.assemble.mosaic import BlockAssembler  # noqa: PLC0415  GDAL is heavy

        return MosaicSink(BlockAssembler().open(self._spec(run), folder, examining=True))

    def _indexes(self, run: RunSnapshot, folder: Path) -> IndexFolder | IndexObjects:
        kept = kept_at(run)
        return IndexObjects(self._bucket(run), f"{kept}/indexes/", self._context.stop) if kept else IndexFolder(folder)

    def _strips_place(self, run: RunSnapshot, folder: Path) -> tuple[ObjectPlace, str]:
        """Return where strips of a run with this folder are kept, and what their names begin with."""
        kept = kept_at(run)
        return (self._bucket(run), f"{kept}/{STRIPS}/") if kept else (self._context.place(folder / STRIPS), "")

    def _bucket(self, run: RunSnapshot) -> ObjectPlace:
        if not self._places:
            self._places.append(self._context.bucket(run.job.deliver))
        return self._places[0]

    def _spec(self, run: RunSnapshot) -> MosaicSpec:
        plan = plan_from_json(run.document)
        return MosaicSpec(
            grid=plan.grid,
            pixels=plan.pixels,
            area_wkb=plan.area_wkb,
            options=run.job.options,
            threads=self._context.threads,
            tags=tags(run, self._context.version),
        )

    def finish(self, about: Finishing, sink: Sink | None, evidence: Evidence) -> Made:
        from orchestrator.assemble.quicklook import Quicklook  # noqa: PLC0415  GDAL is heavy
        from orchestrator.products.mosaic.publication import make_result  # noqa: PLC0415

        # What a strip is made of are parts, each with its origin.
        evidence = replace(evidence, brought=[b for b in evidence.brought if b.cell.grid != STRIP_GRID])
        plan = plan_from_json(about.run.document)
        prove_cover(plan, (brought.cell.window for brought in evidence.brought))
        return make_result(
            about,
            plan,
            self._finishable(about, sink, evidence),
            evidence,
            audit=lambda: self._audit(about.run, about.stop),
            raster_of=partial(self._raster, about.run),
            illustrator=Quicklook(),
            version=self._context.version,
            today=self._context.today(),
        )

    def _finishable(self, about: Finishing, sink: Sink | None, evidence: Evidence) -> Finishable:
        if isinstance(sink, StripSink):
            folder = about.folder.parent
            place, prefix = self._strips_place(about.run, folder)
            return JoinedStrips(self._spec(about.run), sink, evidence.units, place, prefix, folder / STRIPS)
        if isinstance(sink, MosaicSink):
            return sink.mosaic
        raise IntegrityError(f"run {about.run.id} has no unfinished raster to complete")

    def _raster(self, run: RunSnapshot, report: MosaicReport) -> Path | PlacedObject:
        """Return a finished raster, wherever its pixels lie."""
        return report.path if report.placed is None else PlacedObject(self._bucket(run), report.placed)

    def audit(
        self, run: RunSnapshot, asked: Asked, proof: Mapping[str, Any], stop: Stop, say: Callable[[str], None]
    ) -> AuditReport:
        """See `model.audit.Audited`."""
        return self._audit(run, stop).report(asked, proof["parts"], say)

    def amended(self, files: Mapping[str, bytes], report: AuditReport) -> Mapping[str, bytes]:
        """See `model.audit.Audited`."""
        from orchestrator.products.mosaic.verdict import amended  # noqa: PLC0415

        return amended(files, report)

    def _audit(self, run: RunSnapshot, stop: Stop) -> MosaicAudit:
        from orchestrator.products.mosaic.audit import MosaicAudit  # noqa: PLC0415  GDAL is heavy

        if self._context.direct is None:
            raise UserError(f"run {run.id} cannot be audited: nothing here answers requests for pixels")
        return MosaicAudit(self._context.direct(), plan_from_json(run.document), run, self._context.policy, stop)

    def close(self) -> None:
        while self._places:
            self._places.pop().close()
