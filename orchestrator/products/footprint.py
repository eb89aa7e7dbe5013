"""Where on Earth an area is, as GeoJSON has it: degrees of WGS 84, cut at longitude 180."""

from __future__ import annotations

import json
from typing import Any

import shapely

from orchestrator.plan.region import ee_region
from orchestrator.plan.reproject import to_lonlat, within_180

MAX_VERTICES = 1000  # of an outline that is shown as it is; a catalogue is searched by it, nothing is cut
DIGITS = 7  # about a centimetre
CLOSE = 1e-5  # degrees, about a metre: edges are made of many short ones on their way to degrees


def footprint(area_wkb: bytes, crs: str) -> tuple[dict[str, Any], list[float]]:
    """
    Return (geometry, bounding box) of an area that is given as WKB in `crs`.

    An outline of very many vertices is replaced by one of few that contains it. The box is west, south, east, north;
    where the area lies across longitude 180, west is the larger number, as RFC 7946 has it.
    """
    area = shapely.from_wkb(area_wkb)
    lonlat = to_lonlat(area, crs)
    shape = shapely.simplify(lonlat, CLOSE)
    if shapely.get_num_coordinates(shape) <= MAX_VERTICES:
        shape = within_180(shape)
    else:
        shape = shapely.from_geojson(json.dumps(ee_region(area, crs)))
    parts = shapely.get_parts(shape)
    # Outer rings counterclockwise, as RFC 7946 asks.
    outline = shapely.orient_polygons(parts[0] if len(parts) == 1 else shape)
    geometry = shapely.geometry.mapping(outline)
    return {"type": geometry["type"], "coordinates": _rounded(geometry["coordinates"])}, _box(lonlat.bounds)


def _box(bounds: tuple[float, float, float, float]) -> list[float]:
    west, south, east, north = bounds
    if east - west >= 360:
        west, east = -180.0, 180.0
    return [_within(west, -180.0), south, _within(east, 180.0), north]


def _within(longitude: float, edge: float) -> float:
    """Return a longitude from -180 to 180; `edge` is what either of these two is taken for."""
    if -180 < longitude < 180:
        return longitude
    turned = (longitude + 180) % 360 - 180
    return edge if abs(turned) == 180 else turned


def _rounded(coordinates: Any) -> Any:
    if isinstance(coordinates, (list, tuple)):
        return [_rounded(each) for each in coordinates]
    return round(float(coordinates), DIGITS)
