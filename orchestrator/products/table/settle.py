"""From a job to its plan: places, images, columns and requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from orchestrator.core.errors import AreaError, PlanError, UserError
from orchestrator.core.files import sha256_of
from orchestrator.core.units import format_count
from orchestrator.model.credit import credit_of
from orchestrator.model.job import GridRequest, Job
from orchestrator.model.product import Settled
from orchestrator.model.scene import SceneQuery
from orchestrator.model.table import TableRoute
from orchestrator.plan.align import fix_grid, utm_crs
from orchestrator.plan.area import Area
from orchestrator.plan.declared import area_of
from orchestrator.plan.features import existing_path
from orchestrator.plan.lattices import Laid, Zonal, lay, small_region
from orchestrator.plan.places import Places, read_places
from orchestrator.plan.region import ee_region
from orchestrator.plan.reproject import LONLAT, to_lonlat
from orchestrator.products.context import ProductContext
from orchestrator.products.mosaic.remarks import check_dates
from orchestrator.products.mosaic.settle import check_output, look_at
from orchestrator.products.table.batches import row_units
from orchestrator.products.table.columns import ImageGroup, ImageLattice, group_images, reduced, value_columns
from orchestrator.products.table.document import StoredImage, TablePlan, ValueColumn, table_to_json
from orchestrator.products.table.keys import TableKeys
from orchestrator.products.table.pieces import parquet
from orchestrator.raster.arrays import Floats
from orchestrator.recipes.contract import ImageRequest

# Pixels of an area × images: what is more is a cube, and comes faster as pixels.
MOST_PAIRS = 20_000_000


@dataclass(frozen=True, slots=True)
class LocalTable:
    """
    What can be settled without asking anybody.

    Attributes:
        keys: Of the job.
        places: Points or polygons; None where the places are the pixels of an area.
        area: That area; None elsewhere.
        notes: What a person should know, a sentence each.
    """

    keys: TableKeys
    places: Places | None
    area: Area | None
    notes: tuple[str, ...]


def keys_of(job: Job) -> TableKeys:
    """Return the keys of a job's table."""
    return TableKeys.model_validate(dict(job.keys))


def local_table(job: Job, context: ProductContext) -> LocalTable:
    """
    Read what the job names, without any remote call. `job` has settled dates.

    Raises:
        UserError: It cannot be done as declared.
    """
    check_output(job)
    parquet()
    keys = keys_of(job)
    notes: tuple[str, ...] = ()
    if keys.collection:
        job.dates(date.min)
    else:
        recipe, request = context.recipe(job.recipe), _bare(job)
        recipe.pixels(request)
        dateless = job.recipe in context.undated
        notes = check_dates(job, recipe, request, context.today(), dateless=dateless) + recipe.notes(request)
    if keys.at == "pixels":
        context.say("reading the area")
        area = area_of(job)
        return LocalTable(keys, None, area, (*area.notes, *notes))
    context.say(f"reading the {keys.at}")
    places = read_places(keys.source, keys.at, layer=keys.layer, crs=keys.crs, where=keys.where, id_field=keys.id)
    _check_pin(job, keys)
    if len(places.ids):
        lay(places.geometries, places.crs, job.grid)  # what is wrong with CRS and scale is said here
    return LocalTable(keys, places, None, (*places.notes, *notes))


def _check_pin(job: Job, keys: TableKeys) -> None:
    path, pin = existing_path(keys.source), job.pins.get(keys.at)
    if pin and path is not None and sha256_of(Path(path)) != pin:
        raise AreaError(f"{path.name} has changed since the job was declared; start the job anew")


def _bare(job: Job) -> ImageRequest:
    start, end = job.dates(date.min)
    return ImageRequest({}, start, end, job.bands, job.params)


def settle_table(job: Job, context: ProductContext) -> Settled:
    """Plan, and ask Earth Engine for the images and their bands; see `model.product.Product.prepare`."""
    local = local_table(job, context)
    context.say("signing in to Earth Engine")
    context.imagery.connect()
    route = _route(context)
    try:
        return (_of_collection if local.keys.collection else _of_picture)(job, local, context, route)
    finally:
        route.close()


def _route(context: ProductContext) -> TableRoute:
    if context.tables is None:
        raise UserError("there is no way for tables here")
    return context.tables()


# ------------------------------------------------------------------ collections


def _of_collection(job: Job, local: LocalTable, context: ProductContext, route: TableRoute) -> Settled:
    images = _images(job, local, context)
    found = value_columns(context.imagery, images, job.bands, job.grid)
    facts = {"collection": local.keys.collection, "images": len(images)}
    facts |= credit_of((image.asset, image.time_ms) for image in images)
    groups = group_images(images, found.lattices, job.grid) if images else ()
    plan = _plan(job, local, found.columns, groups, dated=True)
    if not images and (local.area or (local.places and local.places.ids)):  # without a place none is asked for
        over = "area" if local.area else local.keys.at
        note = f"no image of {local.keys.collection} from {job.start_date} to {job.end_date} meets the {over}"
        plan = replace(plan, notes=(*plan.notes, f"{note}: the table is empty."))
    return _settled(plan, route, facts)


def _images(job: Job, local: LocalTable, context: ProductContext) -> tuple[StoredImage, ...]:
    region = _region(local)
    if region is None:
        return ()
    if context.scenes is None:
        raise UserError("there is nobody to ask for images here")
    context.say(f"asking for the images of {local.keys.collection}")
    start, end = job.dates(date.min)
    keys = local.keys
    query = SceneQuery(keys.collection, start, end, region, keys.max_cloud, keys.filter, unique=False)
    found = sorted((scene.time_ms, scene.asset) for scene in context.scenes(query))
    return tuple(StoredImage(asset, time_ms) for time_ms, asset in found)


def _region(local: LocalTable) -> bytes | None:
    """Return where images are looked for, in degrees; None where there is no place."""
    if local.area is not None:
        return bytes(shapely.to_wkb(to_lonlat(local.area.geometry, local.area.crs)))
    if local.places is None or not local.places.ids:
        return None
    if local.keys.at == "polygons":
        whole = shapely.union_all([to_lonlat(each, local.places.crs) for each in local.places.geometries])
        return bytes(shapely.to_wkb(whole))
    return small_region(lay(local.places.geometries, local.places.crs, GridRequest()).lonlat)


# -------------------------------------------------------------------- a picture


def _of_picture(job: Job, local: LocalTable, context: ProductContext, route: TableRoute) -> Settled:
    region = _region(local)
    request = _bare(job)
    recipe = context.recipe(job.recipe)
    pixels = recipe.pixels(request)
    columns = tuple(ValueColumn(band, pixels.dtype) for band in pixels.bands)
    plan = _plan(job, local, columns, (), dated=False)
    if region is None:
        return _settled(plan, route, {})
    request = replace(request, region=ee_region(shapely.from_wkb(region), "EPSG:4326"))
    image = recipe.image(request)
    context.say("asking Earth Engine for the scenes")
    scenes = look_at(context.imagery, recipe, request, image, pixels.bands)
    facts = recipe.facts(request) | {"scenes": scenes}
    return _settled(plan, route, facts, context.imagery.serialise(image))


# ------------------------------------------------------------------------- plan


def _plan(
    job: Job,
    local: LocalTable,
    columns: Sequence[ValueColumn],
    groups: Sequence[ImageGroup],
    *,
    dated: bool,
) -> TablePlan:
    """Return the plan: places on the lattices of the images, unless another is asked for."""
    keys = local.keys
    polygons = keys.at == "polygons"
    plan = TablePlan(
        at=keys.at,
        bands=tuple(column.name for column in columns),
        columns=reduced(columns, keys.reducers) if polygons else tuple(columns),
        images=tuple(image for group in groups for image in group.images),
        dated=dated,
        reducers=keys.reducers if polygons else (),
        notes=local.notes,
    )
    if local.area is not None:
        return _with_area(plan, local.area, groups, job.grid)
    if local.places is None or not local.places.ids:
        return plan
    if len(groups) * len(local.places.ids) > MOST_PAIRS:
        raise PlanError(
            f"the images have pixels of {len(groups):,} phases or zones, which is too many for so many places; say "
            "which pixels are meant, with --crs and --scale"
        )
    if len(groups) > 1:
        note = f"the images have pixels of {len(groups)} sizes, phases or zones: each image's own pixels are read."
        plan = replace(plan, notes=(*plan.notes, note))
    laid = [_laid(local.places, group.lattice, job.grid) for group in groups] or [_laid(local.places, None, job.grid)]
    return _with_places(plan, local.places, laid, groups)


def _laid(places: Places, lattice: ImageLattice | None, asked: GridRequest) -> Laid:
    """Return places on the pixels of images."""
    return lay(places.geometries, places.crs, *_fixed(lattice, asked))


def _fixed(lattice: ImageLattice | None, asked: GridRequest) -> tuple[GridRequest, Zonal | None]:
    if lattice is None:
        return asked, None
    request, transform = lattice.fixed(asked)
    return request, Zonal(lattice.crs, transform) if transform else None


def _with_area(plan: TablePlan, area: Area, groups: Sequence[ImageGroup], asked: GridRequest) -> TablePlan:
    """Return the plan with the pixels of an area: those of most of its images."""
    main = max(groups, key=lambda group: len(group.images), default=None)
    plan = replace(plan, images=tuple(sorted(plan.images, key=lambda image: (image.time_ms, image.asset))))
    if main is not None and len(main.images) < len(plan.images):
        others, every = len(plan.images) - len(main.images), len(plan.images)
        note = (
            f"{others} of {every} images have pixels of another size, phase or zone than those that the rows are of: "
            "their values are those of the pixels that hold the centres of these."
        )
        plan = replace(plan, notes=(*plan.notes, note))
    request, zonal = _fixed(main.lattice if main else None, asked)
    if zonal:
        zone = utm_crs(area.geometry, area.crs)
        request = GridRequest(crs=zonal.crs_at(zone), crs_transform=zonal.transform)
    grid, shape = fix_grid(
        area.geometry,
        area.crs,
        scale=request.scale,
        out_crs=request.crs or None,
        crs_transform=request.crs_transform,
    )
    plan = replace(plan, grids=(grid,), area_wkb=bytes(shapely.to_wkb(shape)))
    _check_size(plan)
    return plan


def _with_places(plan: TablePlan, places: Places, laid: Sequence[Laid], groups: Sequence[ImageGroup]) -> TablePlan:
    one, polygons = laid[0], plan.at == "polygons"
    order = np.argsort(one.grid, kind="stable").astype(np.int64)
    starts = np.cumsum([0, *(len(group.images) for group in groups)])[:-1].tolist()
    elsewhere = polygons and one.zones != tuple(grid.crs for grid in one.grids)
    return replace(
        plan,
        grids=tuple(grid for each in laid for grid in each.grids),
        ids=tuple(places.ids[at] for at in order),
        grid=one.grid[order],
        row=np.concatenate([each.row[order] for each in laid]),
        col=np.concatenate([each.col[order] for each in laid]),
        lonlat=_as_given(plan, places, one)[order],
        order=order,
        shapes=tuple(bytes(shapely.to_wkb(one.shapes[at])) for at in order) if polygons else (),
        shape_crs=one.zones if elsewhere else (),
        starts=tuple(starts) if len(groups) > 1 else (),
    )


def _as_given(plan: TablePlan, places: Places, laid: Laid) -> Floats:
    """Return where places lie in degrees; points that are told in degrees by the same numbers, 200 for 160 W too."""
    if plan.at == "points" and places.crs == LONLAT:
        return np.asarray(shapely.get_coordinates(places.geometries))
    return laid.lonlat


def _check_size(plan: TablePlan) -> None:
    pairs = plan.places * max(1, plan.pictures)
    if pairs > MOST_PAIRS:
        raise PlanError(
            f"the area's box has {plan.places:,} pixels, with {format_count(plan.pictures, 'image')} {pairs:,} rows; a "
            f"table of pixels has {MOST_PAIRS:,} at most: take fewer dates or a larger --scale, or `orchestrator cube`"
        )


def _settled(plan: TablePlan, route: TableRoute, facts: dict[str, Any], image: str = "") -> Settled:
    return Settled(table_to_json(plan), image, facts, units=row_units(plan, route.limits))
