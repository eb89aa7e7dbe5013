"""From a job to the plan of a cube: area, scenes, bands, grid and lattice, joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.core.errors import PermanentError, PlanError, UserError
from orchestrator.core.units import format_bytes, format_count
from orchestrator.model.credit import credit_of
from orchestrator.model.direct import DirectLimits
from orchestrator.model.job import Job
from orchestrator.model.product import Settled
from orchestrator.model.scene import Scene, StoredBand
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.requests import RequestSize
from orchestrator.products.context import Imagery, ProductContext
from orchestrator.products.cube.document import CubeDate, CubePlan
from orchestrator.products.cube.lattice import shard_shape, shard_windows
from orchestrator.products.cube.moments import grouped, taken
from orchestrator.products.cube.scenes import scenes_of
from orchestrator.products.cube.sensors import band_names, finest_scale, pixels_of
from orchestrator.products.cube.smoothing import check_lattice, margin_around
from orchestrator.products.fetch import units_of
from orchestrator.products.mosaic.settle import check_output
from orchestrator.raster.reduce_time import Reducer
from orchestrator.raster.smooth import SIXTY_METRES, TWENTY_METRES, cell_metres

if TYPE_CHECKING:
    from orchestrator.plan.area import Area
    from orchestrator.products.cube.reach import Reach

# Of the limit of a request: the service may count otherwise than is known, and a little is fetched around a window.
_MARGIN = 0.9
_AROUND = 32  # pixels at most


def check(job: Job) -> tuple[str, ...]:
    """Look at what is declared, without asking anybody; see `model.product.Product.check`."""
    from orchestrator.plan.declared import area_of  # noqa: PLC0415  geopandas is heavy

    check_output(job)
    if not job.bands:
        raise UserError("a cube needs its bands, in order; give --bands, for example B4,B3,B2")
    for name in job.keys.get("reduce", ()):
        Reducer(name)
    return area_of(job).notes


def settle_cube(job: Job, context: ProductContext) -> Settled:
    """Plan, and ask Earth Engine for the scenes and the bands; see `model.product.Product.prepare`."""
    from orchestrator.plan.declared import area_of  # noqa: PLC0415  geopandas is heavy

    check(job)
    if context.direct_limits is None:
        raise PlanError("no route brings pixels in the answers to requests, and a cube comes by no other")
    context.say("reading the area")
    area = area_of(job)
    context.say("signing in to Earth Engine")
    context.imagery.connect()
    scenes, keys = scenes_of(job, context, area), job.keys
    groups = grouped(scenes, keys.get("order", "most-overlap"), apart=keys.get("same_day") == "apart")
    context.say("asking Earth Engine for the bands")
    plan = lay_out(job, area, groups, context.imagery, context.direct_limits)
    units = units_of(plan.cells(), RequestSize.of(plan.pixels, context.direct_limits))
    if not units:
        told = format_count(sum(map(len, groups)), "scene")
        raise UserError(f"none of {told} touches {area.name}, by their footprints; give other scenes or another area")
    check_room(job, plan, context.free_bytes(job.output))
    facts = {"scenes": sum(map(len, groups)), "dates": len(groups), "area_sha256": area.sha256}
    facts |= credit_of((scene.asset, scene.time_ms) for group in groups for scene in group)
    return Settled(plan.to_json(), facts=facts, units=units)


def lay_out(
    job: Job, area: Area, groups: Sequence[Sequence[Scene]], imagery: Imagery, limits: DirectLimits
) -> CubePlan:
    """Return the plan of the scenes of each moment on the job's grid."""
    import shapely  # noqa: PLC0415  heavy

    from orchestrator.plan.align import fix_grid  # noqa: PLC0415
    from orchestrator.products.cube.reach import Reach  # noqa: PLC0415
    from orchestrator.raster.spans import SpanTable  # noqa: PLC0415

    sensors = _sensors(groups, imagery)
    names = _names(job, sensors)
    pixels = pixels_of(sensors, names, job.keys.get("nodata"))
    wanted = job.grid
    scale = wanted.scale if wanted.scale or wanted.crs_transform else finest_scale(sensors, names)
    grid, geometry = fix_grid(
        area.geometry, area.crs, scale=scale, out_crs=wanted.crs or None, crs_transform=wanted.crs_transform
    )
    clipped = job.keys.get("clip", True)
    spans = SpanTable.from_geometry(geometry, grid) if clipped else SpanTable.full(grid)
    if spans.pixels() == 0:
        raise PlanError(
            f"area {area.name}: no pixel of {grid.transform[0]:g} has its centre inside; give a smaller --scale"
        )
    shard = shard_shape(grid, _request_size(pixels, limits))
    windows = shard_windows(grid, shard, spans)
    reach = Reach(grid, windows)
    plan = CubePlan(
        grid=grid,
        pixels=pixels,
        labels=job.bands,
        moments=tuple(_moment(group, names, pixels.dtype, imagery, reach) for group in groups),
        windows=windows,
        shard=shard,
        area_wkb=shapely.to_wkb(geometry) if clipped else b"",
        area_pixels=spans.pixels(),
        smooth=_smoothed(job),
        notes=area.notes,
    )
    assets = (scene.asset for group in groups for scene in group)
    check_lattice(plan, assets, lambda asset: _bands_of(asset, imagery))
    margin_around(plan, plan.windows[0])  # refuses a grid whose pixels do not divide the bands' own
    return plan


def _smoothed(job: Job) -> tuple[int, ...]:
    """
    Return the sides, in metres, of the pixels that are interpolated.

    Raises:
        UserError: None of the bands has such pixels.
    """
    sixty = job.keys.get("smooth_60m", False)
    sides = (20, 60) if sixty else (20,) if job.keys.get("smooth_20m") else ()
    if sides and not any(cell_metres(band, sixty=sixty) for band in job.bands):
        raise UserError(f"none of the bands {', '.join(job.bands)} is smoothed: {_for(sixty)}; leave it out")
    return sides


def _for(sixty: bool) -> str:
    names = sorted(TWENTY_METRES | (SIXTY_METRES if sixty else frozenset()), key=lambda name: (len(name), name))
    return f"it is for Sentinel-2's {', '.join(names)}, and not for finer bands or for classes such as SCL"


def _sensors(groups: Sequence[Sequence[Scene]], imagery: Imagery) -> Mapping[str, Sequence[StoredBand]]:
    """Ask for the bands of the first image of each satellite."""
    first: dict[str, str] = {}
    for group in groups:
        for scene in group:
            first.setdefault(scene.satellite, scene.asset)
    return {satellite: _bands_of(asset, imagery) for satellite, asset in first.items()}


def _bands_of(asset: str, imagery: Imagery) -> tuple[StoredBand, ...]:
    try:
        bands = imagery.stored_bands(asset)
    except PermanentError as error:
        raise UserError(f"image {asset} cannot be read: {error}") from None
    if not bands:
        raise UserError(f"{asset} is no image with bands; give ids of images")
    return bands


def _names(job: Job, sensors: Mapping[str, Sequence[StoredBand]]) -> tuple[str, ...]:
    """Return Earth Engine's names of the job's bands, which every sensor must have."""
    found = {
        band_names(job.bands, [band.name for band in there], satellite or "the image")
        for satellite, there in sensors.items()
    }
    return min(found)


def _moment(group: Sequence[Scene], names: Sequence[str], dtype: str, imagery: Imagery, reach: Reach) -> CubeDate:
    assets = tuple(scene.asset for scene in group)
    expression = imagery.serialise(imagery.scene_image(assets, names, dtype))
    untouched = reach.untouched([scene.footprint for scene in group])
    return CubeDate(taken(group), group[0].satellite, group[0].solar_day, assets, expression, untouched)


def _request_size(pixels: PixelSpec, limits: DirectLimits) -> RequestSize:
    """Return what a request for a shard may ask for."""
    size = RequestSize.of(pixels, limits)
    return replace(size, most=int(size.most * _MARGIN), max_side=size.max_side - 2 * _AROUND)


def check_room(job: Job, plan: CubePlan, free: int) -> None:
    """
    Refuse a cube that would not fit, at its raw size inside the area, even if it compresses to a quarter.

    Raises:
        UserError: The disk has less room than that.
    """
    least = plan.raw_bytes // 4
    if free < least:
        dates, bands = format_count(len(plan.moments), "date"), format_count(len(plan.labels), "band")
        raise UserError(
            f"{job.output} has {format_bytes(free)} free; a cube of {dates} × {bands} × {plan.area_pixels:,} pixels "
            f"is {format_bytes(plan.raw_bytes)}, at least {format_bytes(least)} even if it compresses to a quarter. "
            "Free some space, give a larger --scale, or choose another --output"
        )
