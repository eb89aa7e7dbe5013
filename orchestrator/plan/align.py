"""The grid of an output, fixed once: CRS, lattice, extent. And the coarse region Earth Engine is told about."""

from __future__ import annotations

import math
from typing import Any

import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import Grid
from orchestrator.plan.reproject import (
    LONLAT,
    METRES_PER_DEGREE,
    crosses_antimeridian,
    crs_name,
    longitude_span,
    parse_crs,
    reproject,
    shift_longitude,
    to_lonlat,
)

Transform = tuple[float, float, float, float, float, float]

DEFAULT_SCALE_METRES = 10.0
# Rows and columns travel as 32-bit numbers in Earth Engine's `dimensions` and in TIFF.
MAX_SIDE = 2**31 - 1
# A bound this close to a lattice line, in pixels, lies on it: reprojected coordinates carry noise near 1e-9 m.
ON_LINE_PIXELS = 1e-6
# UTM is defined between these latitudes (NGA.STND.0037); the poles have their own projections.
UTM_SOUTH, UTM_NORTH = -80.0, 84.0


def fix_grid(
    geometry: BaseGeometry,
    crs: str,
    *,
    scale: float | None = None,
    out_crs: str | None = None,
    crs_transform: Transform | None = None,
) -> tuple[Grid, BaseGeometry]:
    """
    Return the grid of an area and the area in the grid's CRS, valid and exact.

    The CRS is `out_crs`, or the UTM zone of the area's middle. The lattice is that of `crs_transform`
    (in the order of `Grid.transform`), or has corners on multiples of `scale`. The extent is the bounding box of the
    area, rounded outward to whole pixels: no smaller grid of the lattice covers it.

    Args:
        geometry: Polygons in `crs`.
        crs: The CRS of `geometry`.
        scale: Side of a pixel in units of the grid's CRS; 10 m where the CRS counts in metres.
        out_crs: The CRS of the grid.
        crs_transform: A lattice to lie on, in `out_crs`; it fixes origin and pixel size.

    Raises:
        PlanError: If the CRS is unknown, the scale cannot be inferred or contradicts `crs_transform`,
            or a side would exceed 2,147,483,647 pixels.
        AreaError: If the area cannot be drawn in the CRS.
    """
    if crs_transform and not out_crs:
        raise PlanError("a lattice (--crs-transform) means nothing without its CRS; add --crs, e.g. --crs EPSG:32633")
    target = crs_name(parse_crs(out_crs)) if out_crs else utm_crs(geometry, crs)
    _refuse_torn(geometry, crs, target)
    lattice = _lattice(parse_crs(target), scale, crs_transform)
    area = reproject(geometry, crs, target)
    return _snap(area, target, lattice), area


def utm_crs(geometry: BaseGeometry, crs: str) -> str:
    """
    Return the UTM zone (WGS 84) that holds the middle of the area, as `EPSG:n`.

    Raises:
        PlanError: If the middle lies beyond latitude 84 N or 80 S, where UTM ends.
    """
    middle = to_lonlat(geometry, crs).centroid
    if not UTM_SOUTH <= middle.y <= UTM_NORTH:
        polar = "EPSG:3413" if middle.y > 0 else "EPSG:3031"
        raise PlanError(
            f"the area's middle lies at latitude {middle.y:.2f}, where UTM ends (84 N, 80 S); "
            f"name a polar CRS, e.g. --crs {polar}"
        )
    lon = (middle.x + 180) % 360
    zone = min(int(lon // 6) + 1, 60)
    return f"EPSG:{32600 + zone if middle.y >= 0 else 32700 + zone}"


def zones_spanned(geometry: BaseGeometry, crs: str) -> int:
    """Return how many UTM zones the area's longitudes touch."""
    west, east = longitude_span(geometry, crs)
    return max(1, math.ceil((east + 180) / 6 - 1e-9) - math.floor((west + 180) / 6 + 1e-9))


def _refuse_torn(geometry: BaseGeometry, crs: str, target: str) -> None:
    if not parse_crs(target).is_geographic:
        return
    west, east = longitude_span(geometry, crs)
    if crosses_antimeridian(west, east):
        raise PlanError(
            f"the area crosses longitude 180 (from {west:.2f} to {east:.2f}) and {target} would tear it apart; "
            "leave --crs out (UTM) or name a projected CRS"
        )


def _lattice(crs: pyproj.CRS, scale: float | None, crs_transform: Transform | None) -> Transform:
    if scale is not None and not (math.isfinite(scale) and scale > 0):
        raise PlanError(f"the scale is {scale}; it must be a number above 0, in units of {crs.name}")
    if crs_transform is not None:
        Grid(crs.name, crs_transform, 1, 1)  # refuses rotated, flipped and infinite lattices
        if scale is not None and not (math.isclose(scale, crs_transform[0]) and math.isclose(scale, -crs_transform[4])):
            raise PlanError(
                f"--scale {scale} contradicts --crs-transform with pixels of {crs_transform[0]} × "
                f"{-crs_transform[4]}; give one of them"
            )
        return crs_transform
    if scale is None:
        scale = _default_scale(crs)
    return (scale, 0.0, 0.0, 0.0, -scale, 0.0)


def _default_scale(crs: pyproj.CRS) -> float:
    unit = crs.axis_info[0].unit_name
    if unit == "metre":
        return DEFAULT_SCALE_METRES
    example = f"--scale {DEFAULT_SCALE_METRES / METRES_PER_DEGREE:.6f}" if crs.is_geographic else "--scale 30"
    raise PlanError(f"{crs.name} counts in units of {unit}, so 10 m is no scale in it; give one, e.g. {example}")


def _snap(area: BaseGeometry, crs: str, lattice: Transform) -> Grid:
    a, _b, c, _d, e, f = lattice
    left, bottom, right, top = area.bounds
    first_col, last_col = _outward((left - c) / a, (right - c) / a)
    first_row, last_row = _outward((top - f) / e, (bottom - f) / e)
    height, width = last_row - first_row, last_col - first_col
    if max(height, width) > MAX_SIDE:
        raise PlanError(
            f"pixels of {a:g} × {-e:g} make a grid of {height} rows × {width} columns; "
            f"a side may have {MAX_SIDE} at most: give a larger --scale"
        )
    return Grid(crs, (a, 0.0, c + a * first_col, 0.0, e, f + e * first_row), height, width)


def _outward(low: float, high: float) -> tuple[int, int]:
    first, last = math.floor(low + ON_LINE_PIXELS), math.ceil(high - ON_LINE_PIXELS)
    return first, max(last, first + 1)


def ee_region(geometry: BaseGeometry, crs: str, *, max_vertices: int = 200) -> dict[str, Any]:
    """
    Return a small GeoJSON geometry in EPSG:4326 (longitude, latitude) that contains the area.

    It only selects scenes; the exact cut is local. The outline is widened and then simplified by less than the
    widening, coarser until it has `max_vertices` vertices at most; the bounding box is the last resort. An area
    across longitude 180 becomes pieces on both sides of it.
    """
    lonlat = to_lonlat(geometry, crs)
    simple = _simplified_outward(lonlat, max_vertices)
    return dict(shapely.geometry.mapping(_within_180(simple)))


def _simplified_outward(area: BaseGeometry, max_vertices: int) -> BaseGeometry:
    west, south, east, north = area.bounds
    size = max(east - west, north - south)
    # Buffers of outlines with millions of vertices are slow; thinning first is paid back by a wider buffer.
    for fraction in (0.005, 0.01, 0.02, 0.05, 0.1):
        margin = max(size * fraction, 1e-4)
        thinned = area.simplify(margin / 4, preserve_topology=True)
        if thinned.is_empty or not thinned.is_valid:
            thinned = polygons_hull(area)
        outline = thinned.buffer(margin, quad_segs=2, join_style="mitre", mitre_limit=2)
        candidate = _without_holes(outline).simplify(margin / 4)
        if shapely.get_num_coordinates(candidate) <= max_vertices - 4 and candidate.contains(area):
            return _clipped_to_world(candidate)
    return _clipped_to_world(shapely.box(west, south, east, north))


def polygons_hull(area: BaseGeometry) -> BaseGeometry:
    """Return the convex hulls of the polygons of `area`, dissolved."""
    return shapely.union_all(shapely.convex_hull(shapely.get_parts(area)))


def _without_holes(geometry: BaseGeometry) -> BaseGeometry:
    return shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(geometry)])


def _clipped_to_world(geometry: BaseGeometry) -> BaseGeometry:
    west, _south, east, _north = geometry.bounds
    return geometry.intersection(shapely.box(west, -90, east, 90))


def _within_180(geometry: BaseGeometry) -> BaseGeometry:
    pieces = []
    for turn in (-360.0, 0.0, 360.0):
        world = shapely.box(-180 + turn, -90, 180 + turn, 90)
        piece = geometry.intersection(world)
        if piece.area:
            pieces.append(shift_longitude(piece, -turn))
    return shapely.union_all(pieces)


__all__ = ["LONLAT", "Transform", "ee_region", "fix_grid", "utm_crs", "zones_spanned"]
