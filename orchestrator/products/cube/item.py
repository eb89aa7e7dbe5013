"""The cube as a catalogue knows it: a STAC item with the extension datacube, of a store or of a GeoTIFF a date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import shapely

from orchestrator.core.units import format_count
from orchestrator.model.grid import Grid
from orchestrator.model.product import RunSnapshot
from orchestrator.model.spec import PixelSpec
from orchestrator.products.cube.document import CubeDate, CubePlan
from orchestrator.products.cube.lattice import CHUNK
from orchestrator.products.stac import RASTER, ItemFile, described, item_json, number
from orchestrator.products.terms import facility_of

DATACUBE = "https://stac-extensions.github.io/datacube/v2.2.0/schema.json"
ZARR = "application/vnd+zarr; version=3"


def cube_item(run: RunSnapshot, plan: CubePlan, name: str, files: Sequence[ItemFile], version: str) -> bytes:
    """
    Return the item as JSON; equal arguments give equal bytes.

    Args:
        run: What was asked for, and what is known of its sources.
        plan: Grid, area and dates.
        name: Of the item.
        files: Its assets.
        version: Of the program.
    """
    area = plan.area_wkb or bytes(shapely.to_wkb(shapely.box(*plan.grid.bounds())))
    properties = described(run, lineage_of(run, plan), version) | _datacube(plan)
    when = _moments(plan.moments)
    return item_json(run, name, plan.grid, area, when, properties, files, [RASTER, DATACUBE])


def lineage_of(run: RunSnapshot, plan: CubePlan) -> str:
    """Return how a cube was made, in a sentence."""
    dates, images = len(plan.moments), sum(len(moment.images) for moment in plan.moments)
    smooth = f", bands of {' and '.join(f'{side} m' for side in plan.smooth)} interpolated" if plan.smooth else ""
    return (
        f"{format_count(images, 'image')} of {', '.join(collections_of(plan))} as {format_count(dates, 'date')} on one "
        f"grid, computed by {facility_of(run.job)}, brought window by window by {run.job.route}{smooth}."
    )


def collections_of(plan: CubePlan) -> tuple[str, ...]:
    """Return the collections of a cube's images."""
    return tuple(sorted({image.rpartition("/")[0] for moment in plan.moments for image in moment.images}))


def fields_of_cube(plan: CubePlan) -> dict[str, Any]:
    """Return what is said of the store, whose bands have the job's names."""
    return _fields(plan, replace(plan.pixels, bands=plan.labels))


def fields_of_date(plan: CubePlan, moment: CubeDate) -> dict[str, Any]:
    """Return what is said of the GeoTIFF of a date, whose bands have Earth Engine's names."""
    return {"datetime": _rfc(moment), **_fields(plan, plan.pixels)}


def fields_of_reduced(plan: CubePlan, pixels: PixelSpec) -> dict[str, Any]:
    """Return what is said of a reduction over time."""
    return _fields(plan, pixels)


def _fields(plan: CubePlan, pixels: PixelSpec) -> dict[str, Any]:
    bands = [{"name": name, "data_type": pixels.dtype, "nodata": number(pixels.nodata)} for name in pixels.bands]
    return {"bands": bands, "raster:spatial_resolution": abs(plan.grid.transform[0])}


def _moments(moments: Sequence[CubeDate]) -> dict[str, Any]:
    """Return the first and the last moment; a single one is the item's own."""
    first, last = (datetime.fromtimestamp(m.time_ms / 1000, UTC) for m in (moments[0], moments[-1]))
    if first == last:
        return {"datetime": first}
    return {"datetime": None, "start_datetime": first, "end_datetime": last}


def _rfc(moment: CubeDate) -> str:
    return moment.at.replace("+00:00", "Z")


def _datacube(plan: CubePlan) -> dict[str, Any]:
    """Return the properties of the extension; extents are those of the pixels' outer edges."""
    left, bottom, right, top = plan.grid.bounds()
    a, e = plan.grid.transform[0], plan.grid.transform[4]
    place = {"type": "spatial", "reference_system": _reference(plan.grid)}
    times = [_rfc(moment) for moment in plan.moments]
    dimensions: Mapping[str, Any] = {
        "time": {"type": "temporal", "extent": [times[0], times[-1]], "values": times},
        "band": {"type": "bands", "values": list(plan.labels)},
        "y": {**place, "axis": "y", "extent": sorted((bottom, top)), "step": e},
        "x": {**place, "axis": "x", "extent": sorted((left, right)), "step": a},
    }
    variable = {
        "type": "data",
        "dimensions": list(dimensions),
        "description": f"pixels of Earth Engine images, in chunks of {CHUNK} × {CHUNK}",
    }
    return {"cube:dimensions": dimensions, "cube:variables": {"cube": variable}}


def _reference(grid: Grid) -> int | str:
    from orchestrator.plan.reproject import parse_crs  # noqa: PLC0415  heavy

    code = grid.crs.removeprefix("EPSG:")
    return int(code) if code.isdigit() else str(parse_crs(grid.crs).to_wkt("WKT2_2019"))
