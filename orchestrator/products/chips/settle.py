"""From a job to the plan of its chips: tiles, lattice, image and requests, joined."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import shapely

from orchestrator.core.errors import PlanError, UserError
from orchestrator.core.units import format_bytes, format_count
from orchestrator.model.direct import DirectLimits
from orchestrator.model.job import Job
from orchestrator.model.product import Settled
from orchestrator.model.spec import PixelSpec
from orchestrator.model.tile_expression import Ring, depends_on_tile
from orchestrator.model.unit import UnitPlan
from orchestrator.plan.region import ee_region
from orchestrator.plan.requests import RequestSize
from orchestrator.products.chips.choosing import ChosenTiles, chip_keys, chosen_tiles
from orchestrator.products.chips.document import ChipPlan, PlannedChip
from orchestrator.products.chips.fetch import CARRY
from orchestrator.products.chips.files import chips_folder
from orchestrator.products.chips.keys import ChipKeys
from orchestrator.products.chips.lattice import LaidChips, lay_chips
from orchestrator.products.chips.meeting import meeting_notes
from orchestrator.products.chips.published import carried_from, published_rows
from orchestrator.products.chips.sink import FORMAT
from orchestrator.products.context import ProductContext
from orchestrator.products.fetch import units_of
from orchestrator.products.mosaic.remarks import check_dates
from orchestrator.products.mosaic.settle import check_output, look_at
from orchestrator.products.table.pieces import parquet
from orchestrator.recipes.contract import ImageRequest, Recipe
from orchestrator.tiling.degrees import in_degrees
from orchestrator.tiling.file import IDENTIFIER

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

# A chip is put together in memory.
MOST_CHIP_BYTES = 512 << 20
_NO_TILES = hashlib.sha256(b"[[], []]").hexdigest()


@dataclass(frozen=True, slots=True)
class LocalChips:
    """
    What can be settled without asking anybody.

    Attributes:
        keys: Of the job.
        chosen: Its tiles.
        plan: Without what depends on the image.
        recipe: What the pixels are.
        request: What is wanted of it.
        scale: Side of a pixel in units of the CRS.
        notes: What a person should know, a sentence each.
    """

    keys: ChipKeys
    chosen: ChosenTiles
    plan: ChipPlan
    recipe: Recipe
    request: ImageRequest
    scale: float
    notes: tuple[str, ...]


def local_chips(job: Job, context: ProductContext) -> LocalChips:
    """
    Read the tiles and lay their chips, without any remote call. `job` has settled dates.

    Raises:
        UserError: It cannot be done as declared.
    """
    keys = chip_keys(job)
    chips_folder(job)
    parquet("a table of chips")
    if context.direct_limits is None:
        raise PlanError("no route brings pixels in the answers to requests, and chips come by no other")
    if job.grid.crs_transform is not None:
        raise UserError("chips lie on multiples of their pixel size; leave crs_transform out")
    context.say("reading the tiles")
    recipe = context.recipe(job.recipe)
    start, end = job.dates(date.min)
    request = ImageRequest({}, start, end, job.bands, job.params)
    chosen = chosen_tiles(job)
    pixels = recipe.pixels(request)
    dateless = job.recipe in context.undated
    notes = check_dates(job, recipe, request, context.today(), dateless=dateless) + recipe.notes(request)
    size = (keys.height, keys.width) if keys.width else None
    laid = lay_chips(chosen.frame, chosen.about, size=size, scale=job.grid.scale, crs=job.grid.crs)
    empty = ChipPlan((), pixels, (), band_groups(pixels, context.direct_limits), keys.outside)
    plan = _with_chips(empty, chosen, laid)
    _check_weight(plan.chips, pixels)
    check_output(job)
    count = format_count(len(plan.chips), "chip")
    note = f"{count} of {_sizes(plan.chips)} pixels of {laid.scale:g} in {_zones(plan)}."
    notes = (note, *meeting_notes(plan, chosen), *notes)
    return LocalChips(keys, chosen, plan, recipe, request, laid.scale, notes)


def _with_chips(plan: ChipPlan, chosen: ChosenTiles, laid: LaidChips) -> ChipPlan:
    """Return a plan of other chips."""
    chips = tuple(PlannedChip(name, *place) for name, place in zip(chosen.identifiers, laid.places, strict=True))
    shapes = tuple(shapely.to_wkb(laid.shapes, hex=True)) if plan.outside == "nodata" else ()
    return replace(plan, zones=laid.zones, chips=chips, shapes=shapes)


def settle_chips(job: Job, context: ProductContext) -> Settled:
    """Plan, and ask Earth Engine for the scenes and the bands; see `model.product.Product.prepare`."""
    local = local_chips(job, context)
    context.say("signing in to Earth Engine")
    context.imagery.connect()
    # Of all tiles of the file: which of them are wanted makes no other image.
    chosen = local.chosen
    region = ee_region(chosen.whole.geometry.union_all(), chosen.whole.crs.to_string())
    code = _code(job)
    request = replace(local.request, region=region, tiles=_rings(chosen.whole) if code else ())
    image = local.recipe.image(request)
    context.say("asking Earth Engine for the scenes")
    scenes = look_at(context.imagery, local.recipe, request, image, local.plan.pixels.bands)
    expression = context.imagery.serialise(image)
    facts = local.recipe.facts(request) | {"scenes": scenes, "tiles": local.chosen.stem, "scale": local.scale}
    plan = replace(local.plan, code=code, notes=local.notes, made_by=_made_by(expression, local.plan, job))
    plan, chosen = with_what_is_there(local, plan, job)
    plan = replace(plan, rings=_rings(chosen.frame) if code or depends_on_tile(expression) else ())
    if plan.carried:
        context.say(f"{format_count(len(plan.carried), 'chip')} of an earlier run are there")
    return Settled(plan.to_json(), expression, facts, units=chip_units(plan, context.direct_limits))


def with_what_is_there(local: LocalChips, plan: ChipPlan, job: Job) -> tuple[ChipPlan, ChosenTiles]:
    """
    Return a plan that takes over what the published folder holds, also of tiles that are not asked for this time.

    Nothing where every chip is there, and no other: whoever asks again then wants them anew.

    Raises:
        PlanError: Chips of such tiles lie there that are made another way: they would be lost.
    """
    folder, chosen = chips_folder(job), local.chosen
    made_by, rows = published_rows(folder)
    others = (rows.keys() - set(chosen.identifiers)) & set(chosen.whole[IDENTIFIER])
    if others:
        chosen = chosen.with_others(others)
        size = (local.keys.height, local.keys.width) if local.keys.width else None
        laid = lay_chips(chosen.frame, chosen.about, size=size, scale=local.scale, crs=job.grid.crs)
        plan = _with_chips(plan, chosen, laid)
    carried = carried_from(rows, plan) if made_by == plan.made_by else {}
    kept = {plan.chips[number].identifier for number in carried}
    if lost := others - kept:
        raise PlanError(
            f"{folder} holds {format_count(len(lost), 'chip')} of tiles that are not asked for this time, made another "
            "way, that would be lost; choose another --name, or move the folder away"
        )
    if not others and len(carried) == len(plan.chips):
        carried = {}
    return replace(plan, carried=MappingProxyType(dict(carried))), chosen


def chip_units(plan: ChipPlan, limits: DirectLimits | None) -> tuple[UnitPlan, ...]:
    """Return a unit for each chip that is to be asked for, and one for each that is there."""
    if limits is None:
        return ()
    size = size_of(plan, limits)
    asked = [number for number in range(len(plan.chips)) if number not in plan.carried]
    cells = [cell for number in asked for cell in plan.cells_of(number)]
    carried = [next(plan.cells_of(number)) for number in plan.carried]
    return (*units_of(cells, size), *(UnitPlan(CARRY, f"{cell.time:07d}", cell) for cell in carried))


def size_of(plan: ChipPlan, limits: DirectLimits) -> RequestSize:
    """Return what one request may ask for, by the largest group of bands."""
    return RequestSize.of(replace(plan.pixels, bands=max(plan.groups, key=len)), limits)


def band_groups(pixels: PixelSpec, limits: DirectLimits) -> tuple[tuple[str, ...], ...]:
    """Return the bands in as many groups as requests for one pixel of them are, nearly equal in number."""
    bands = pixels.bands
    count = -(-len(bands) // limits.max_bands)
    most = -(-len(bands) // count)
    return tuple(bands[first : first + most] for first in range(0, len(bands), most))


def _rings(frame: GeoDataFrame) -> tuple[Ring, ...]:
    """Return the corners of each tile in degrees; of one in several parts those of its envelope."""
    lonlat = in_degrees(frame)
    whole = [shape if shape.geom_type == "Polygon" else shapely.box(*shape.bounds) for shape in lonlat]
    return tuple(tuple((x, y) for x, y, *_ in shape.exterior.coords) for shape in whole)


def _code(job: Job) -> str:
    """
    Return the user's own file that a dataset is defined in.

    Raises:
        UserError: It is not the one that the job was declared with.
    """
    pin, file = job.pins.get("code"), job.params.get("file")
    if not pin or not file:
        return ""
    content = Path(str(file)).read_bytes()
    if hashlib.sha256(content).hexdigest() != pin:
        raise UserError(f"{file} has changed since the job was declared; start the job anew")
    return content.decode()


def _made_by(expression: str, plan: ChipPlan, job: Job) -> str:
    """Return what tells chips that are made another way apart: image, pixels, hooks, cut, layout of the file."""
    told: dict[str, Any] = {
        "format": FORMAT,
        "expression": hashlib.sha256(expression.encode()).hexdigest(),
        "pixels": str(plan.pixels),
        "outside": plan.outside,
        "tiles": _NO_TILES,  # an identifier is of its tile's shape, and tells it
        "code": job.pins.get("code", ""),
        "service": job.service,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _check_weight(chips: Sequence[PlannedChip], pixels: PixelSpec) -> None:
    heaviest = max(chips, key=lambda chip: chip.window.pixels)
    weight = heaviest.window.pixels * pixels.bytes_per_pixel
    if weight > MOST_CHIP_BYTES:
        raise PlanError(
            f"the chip of tile {heaviest.identifier} would be {heaviest.window.width:,} × {heaviest.window.height:,} "
            f"pixels, {format_bytes(weight)}, and a chip has {format_bytes(MOST_CHIP_BYTES)} at most; for rasters as "
            "large as that, `orchestrator run --each identifier --area TILES.geojson` exports one for each tile"
        )


def _sizes(chips: Sequence[PlannedChip]) -> str:
    widths, heights = [c.window.width for c in chips], [c.window.height for c in chips]
    low, high = (min(widths), min(heights)), (max(widths), max(heights))
    return f"{low[0]} × {low[1]}" + ("" if low == high else f" to {high[0]} × {high[1]}")


def _zones(plan: ChipPlan) -> str:
    return ", ".join(zone.crs for zone in plan.zones)
