"""What a dataset means for the chips of a file of tiles, and what such chips would take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.app.costs import published_cost_of
from orchestrator.app.verbs.busy import Tell, untold
from orchestrator.app.verbs.datasets import ChosenDataset, choose, is_name
from orchestrator.model.eecu import Forecast, forecast
from orchestrator.model.job import Job

if TYPE_CHECKING:
    from orchestrator.app.application import Application
    from orchestrator.model.tile_expression import Ring
    from orchestrator.products.chips.document import ChipPlan


@dataclass(frozen=True, slots=True)
class ChipReport:
    """
    The plan of chips, as far as it is known without asking anybody.

    Attributes:
        plan: Zones, windows, bands.
        scale: Side of a pixel in units of the CRS.
        requests: How many are sent where no chip is there yet.
        raw_bytes: What the pixels of all chips weigh uncompressed.
        notes: What a person should know, a sentence each.
        cost: What the pixels are forecast to cost; None where nothing is published of the recipe.
        cost_source: What the forecast rests on.
    """

    plan: ChipPlan
    scale: float
    requests: int
    raw_bytes: int
    notes: tuple[str, ...]
    cost: Forecast | None
    cost_source: str


def plan_chips(app: Application, job: Job, say: Tell = untold) -> ChipReport:
    """
    Plan chips for today; nobody is asked, and nothing is stored.

    Raises:
        UserError: The job cannot be done as declared.
    """
    from orchestrator.products.chips.settle import chip_units, local_chips  # noqa: PLC0415  geopandas is heavy

    dated = job.dated(app.clock.now().date())
    context = app.product_context(dated.route, say)
    local = local_chips(dated, context)
    plan = local.plan
    requests = len(chip_units(plan, context.direct_limits))
    pixels = sum(chip.window.pixels for chip in plan.chips)
    rate = published_cost_of(dated, len(plan.pixels.bands), plan.zones[0])
    return ChipReport(
        plan,
        local.scale,
        requests,
        pixels * plan.pixels.bytes_per_pixel,
        local.notes,
        forecast(pixels, requests, (), rate),
        rate.source if rate else "",
    )


def choose_for_tiles(
    app: Application,
    tiles: Path | None,
    text: str,
    *,
    name: str = "",
    bands: Sequence[str] = (),
    params: Mapping[str, str] | None = None,
) -> ChosenDataset:
    """
    Return what is meant by the name of a dataset or a Python file, of which bands may be asked of the service.

    Args:
        app: See `choose`.
        tiles: File of tiles, for the first of which the image of a file is then made; None for a place of no meaning.
        text: Name of a dataset, or a Python file.
        name: What the dataset shall be called; empty for its own name.
        bands: Names in order; all of the image where there are none.
        params: Of the recipe.

    Raises:
        UserError: There is no such dataset, or there are no tiles.
    """
    ring = _first_ring(tiles) if not bands and tiles is not None and not is_name(text) else None
    return choose(app, text, name=name, ring=ring, bands=bands, params=params)


def _first_ring(path: Path) -> Ring:
    from orchestrator.tiling.degrees import in_degrees  # noqa: PLC0415  geopandas is heavy
    from orchestrator.tiling.file import read_tiles  # noqa: PLC0415

    (shape,) = in_degrees(read_tiles(path).frame.iloc[:1])
    envelope = shape.envelope
    return tuple((x, y) for x, y, *_ in envelope.exterior.coords)
