"""Chips as the engine knows them: a small raster for each tile, in one folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.model.direct import PixelRequest
from orchestrator.model.grid import Window
from orchestrator.model.hooks import NO_HOOKS, FailedTile, Hooks
from orchestrator.model.job import Job
from orchestrator.model.product import Evidence, Finishing, Made, RunSnapshot, Settled, Sink, Step
from orchestrator.model.tile_expression import depends_on_tile, for_tile
from orchestrator.model.unit import Cell, Unit, UnitPlan
from orchestrator.products.chips.document import ChipPlan
from orchestrator.products.chips.fetch import CARRY, Carry, if_wanted
from orchestrator.products.chips.files import chip_files, chips_folder
from orchestrator.products.chips.hooks import tell
from orchestrator.products.chips.keys import ChipKeys
from orchestrator.products.context import ProductContext
from orchestrator.products.enduring import Enduring
from orchestrator.products.fetch import KIND, Fetch, units_of
from orchestrator.products.terms import tags_of
from orchestrator.recipes.contract import Hooked, ImageRequest

if TYPE_CHECKING:
    from orchestrator.products.chips.settle import LocalChips
    from orchestrator.products.chips.sink import ChipSink


def make_chips(context: ProductContext) -> ChipProduct:
    """Return the product for one run."""
    return ChipProduct(context)


class ChipProduct:
    """See `model.product.Product`."""

    name = "chips"
    shared = frozenset({KIND})

    def __init__(self, context: ProductContext) -> None:
        self._context = context
        self._sink: ChipSink | None = None

    def files(self, job: Job) -> tuple[Path, ...]:
        return chip_files(job)

    def local(self, job: Job) -> LocalChips:
        """Plan without any remote call; see `settle.local_chips`."""
        from orchestrator.products.chips.settle import local_chips  # noqa: PLC0415  geopandas is heavy

        return local_chips(job, self._context)

    def check(self, job: Job) -> tuple[str, ...]:
        return self.local(job).notes

    def prepare(self, job: Job) -> Settled:
        from orchestrator.products.chips.settle import settle_chips  # noqa: PLC0415

        return settle_chips(job, self._context)

    def exports(self, run: RunSnapshot) -> None:  # noqa: ARG002  the port's signature
        return None

    def instead(self, run: RunSnapshot, window: Window) -> Sequence[UnitPlan]:  # noqa: ARG002  the port's signature
        return ()

    def steps(self, run: RunSnapshot) -> Mapping[str, Step]:
        from orchestrator.products.chips.published import origins_of  # noqa: PLC0415  pyarrow is heavy
        from orchestrator.products.chips.settle import size_of  # noqa: PLC0415

        if self._context.direct is None:
            return MappingProxyType({})
        route, plan = self._context.direct(), ChipPlan.from_json(run.document)
        size, hooks, folder = size_of(plan, route.limits), self._hooks(run, plan), chips_folder(run.job)

        depends = depends_on_tile(run.image)

        def path_of(number: int) -> Path:
            return folder / f"{plan.chips[number].identifier}.tif"

        def request_for(cell: Cell) -> PixelRequest:
            image = for_tile(run.image, plan.rings[cell.time]) if depends else run.image
            return PixelRequest(image, plan.zones[cell.grid], cell.window, plan.pixels_of(cell.group))

        def chip_of(unit: Unit) -> int:
            return unit.plan.cell.time if unit.plan.cell else 0

        def on_failed(unit: Unit, error: Exception) -> None:
            number = chip_of(unit)
            tell(hooks, failed_tile(plan, number, path_of(number)), error)

        def asked_for(unit: Unit) -> UnitPlan:
            assert unit.plan.cell is not None  # noqa: S101  every unit of a chip has pixels
            return units_of([unit.plan.cell], size)[0]

        attempts = min(ChipKeys.model_validate(dict(run.job.keys)).attempts, self._context.policy.attempts)
        step = if_wanted(Fetch(route, size, request_for), path_of, hooks)
        enduring = Enduring(
            step,
            "chip",
            has_answers=lambda: bool(self._sink and self._sink.chips),
            attempts=attempts,
            count=len(plan.chips),
            on_failed=on_failed,
            thing_of=chip_of,
        )
        origins = origins_of(folder) if plan.carried else {}
        return MappingProxyType({CARRY: Carry(plan, folder, origins, asked_for), KIND: enduring})

    def open(self, run: RunSnapshot, folder: Path) -> ChipSink:
        from orchestrator.products.chips.sink import ChipSink  # noqa: PLC0415  GDAL is heavy

        plan = ChipPlan.from_json(run.document)
        tags = (("ORCHESTRATOR_DATASET", run.job.base_name), *tags_of(run, self._context.version))
        self._sink = ChipSink(plan, folder, tags, self._hooks(run, plan))
        return self._sink

    def finish(self, about: Finishing, sink: Sink | None, evidence: Evidence) -> Made:
        from orchestrator.products.chips.publication import make_chips_result  # noqa: PLC0415
        from orchestrator.products.chips.sink import ChipSink  # noqa: PLC0415

        if not isinstance(sink, ChipSink):
            raise IntegrityError(f"run {about.run.id} has no chips to put together")
        plan = ChipPlan.from_json(about.run.document)
        return make_chips_result(about, plan, sink, evidence, self._context.version)

    def close(self) -> None:
        """Nothing is kept open between calls."""

    def _hooks(self, run: RunSnapshot, plan: ChipPlan) -> Hooks:
        """
        Return the functions of a user's dataset.

        Raises:
            UserError: The file that defines them is not the one that the run was planned with.
        """
        job = run.job
        recipe = self._context.recipe(job.recipe)
        if not plan.code or not isinstance(recipe, Hooked):
            return NO_HOOKS
        start, end = job.dates(date.min)
        request = ImageRequest({}, start, end, job.bands, job.params)
        if recipe.pins(request).get("code") != job.pins.get("code"):
            raise UserError(f"{job.params.get('file')} has changed since run {run.id} was planned; put it back")
        return recipe.hooks(request)


def failed_tile(plan: ChipPlan, number: int, path: Path) -> FailedTile:
    """Return a tile as a user's code is told of it."""
    import shapely  # noqa: PLC0415  heavy

    outline = shapely.Polygon(plan.rings[number]) if plan.rings else None
    return FailedTile(plan.chips[number].identifier, outline, path)
