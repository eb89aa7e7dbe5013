"""The grid of an output, fixed once: CRS, lattice, extent."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import AreaError, PlanError
from orchestrator.model.grid import Grid, Transform
from orchestrator.plan.reproject import (
    LONLAT,
    METRES_PER_DEGREE,
    crosses_antimeridian,
    crs_name,
    longitude_span,
    parse_crs,
    reproject,
    to_lonlat,
    transformer_between,
    within_180,
)
from orchestrator.plan.tear import cut_longitude, is_polar
from orchestrator.raster.spans import some_polygons

DEFAULT_SCALE_METRES = 10.0
# The Earth's equator in pixels of 2.4 m; columns and rows must also stay far below the 32 bits of TIFF's numbers.
MAX_SIDE = 2**24
# Russia, Canada and Antarctica fit at 10 m; what is larger is a mistake of units more often than a request.
MAX_PIXELS = 5 * 10**11
# Norway's coast with all its islands crosses ten million rows of 10 m. Each crossing needs about 100 bytes.
MAX_CROSSINGS = 30_000_000
MAX_LONGITUDES = 180.0
POLAR = {True: "EPSG:3413", False: "EPSG:3031"}
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
    lonlat: BaseGeometry | None = None,
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
        lonlat: What `to_lonlat` makes of the area, where it was made already.

    Raises:
        PlanError: If the CRS is unknown, the scale cannot be inferred or contradicts `crs_transform`,
            or the grid would exceed 2^24 pixels a side or 5·10^11 in all, or the CRS is cut within the area.
        AreaError: If the area cannot be drawn in the CRS.
    """
    if crs_transform and not out_crs:
        raise PlanError("a lattice (--crs-transform) means nothing without its CRS; add --crs, e.g. --crs EPSG:32633")
    if lonlat is None:
        lonlat = to_lonlat(geometry, crs)
    target = crs_name(parse_crs(out_crs)) if out_crs else _utm_of(lonlat)
    lattice = lattice_of(parse_crs(target), scale, crs_transform)
    _refuse_round_the_world(lonlat, target)
    if parse_crs(target).is_projected and (cut := cut_longitude(lonlat, target)) is not None:
        raise PlanError(_torn(lonlat, lattice, target, cut))
    area = reproject(_as_drawn(geometry, crs, target), crs, target)
    grid = _snap(area, target, lattice)
    _refuse_endless(area, grid)
    return grid, area


def utm_crs(geometry: BaseGeometry, crs: str) -> str:
    """
    Return the UTM zone (WGS 84) that holds the middle of the area, as `EPSG:n`.

    Raises:
        PlanError: If the middle lies beyond latitude 84 N or 80 S, where UTM ends.
    """
    return _utm_of(to_lonlat(geometry, crs))


def _utm_of(lonlat: BaseGeometry) -> str:
    middle = lonlat.centroid
    if not UTM_SOUTH <= middle.y <= UTM_NORTH:
        polar = POLAR[middle.y > 0]
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


def _refuse_round_the_world(lonlat: BaseGeometry, target: str) -> None:
    """Refuse what no grid in `target` can show in one piece, by its longitudes."""
    west, south, east, north = lonlat.bounds
    if parse_crs(target).is_geographic and crosses_antimeridian(west, east) and east - west <= MAX_LONGITUDES:
        raise PlanError(
            f"the area crosses longitude 180 (from {west:.2f} to {east:.2f}) and {target} would tear it apart; "
            "leave --crs out (UTM) or name a projected CRS"
        )
    if east - west <= MAX_LONGITUDES:
        return
    is_northern = south + north > 0
    if is_polar(target, north=is_northern):
        return
    polar = POLAR[is_northern]
    # One that comes near neither pole is shown by no polar CRS in useful shape.
    way = f"name a polar CRS (--crs {polar})" if max(north, -south) > 60 else "cut it into several areas (--split-by)"
    raise AreaError(
        f"the area spans {east - west:.1f} degrees of longitude, more than the 180 one grid in {target} can show; {way}"
    )


def _as_drawn(geometry: BaseGeometry, crs: str, target: str) -> BaseGeometry:
    """Return `geometry` with longitudes within ±180 where the grid counts in degrees, too."""
    both = parse_crs(crs).is_geographic and parse_crs(target).is_geographic
    return within_180(geometry) if both else geometry


def _torn(lonlat: BaseGeometry, lattice: Transform, target: str, cut: float) -> str:
    west, _south, east, _north = lonlat.bounds
    transformer = transformer_between(parse_crs(LONLAT), parse_crs(target))
    xy = np.column_stack(transformer.transform(*shapely.get_coordinates(lonlat).T))
    width, height = np.ceil(np.ptp(xy[np.isfinite(xy).all(axis=1)], axis=0) / (lattice[0], -lattice[4])).astype(int)
    return (
        f"the area reaches from longitude {west:.2f} to {east:.2f}, and {target} is cut at {cut:g}: its grid would be "
        f"a strip round the Earth of {width:,} × {height:,} pixels; leave --crs out (UTM) or name a CRS that is cut "
        "elsewhere"
    )


def lattice_of(crs: pyproj.CRS, scale: float | None, crs_transform: Transform | None) -> Transform:
    """
    Return the lattice of a CRS: the one that is given, or with corners on multiples of `scale`, by default 10 m.

    Raises:
        PlanError: The scale is none, cannot be inferred, or contradicts `crs_transform`.
    """
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


# Beyond this a float no longer tells one pixel from the next.
_COUNTABLE = 2.0**52


def _snap(area: BaseGeometry, crs: str, lattice: Transform) -> Grid:
    a, _b, c, _d, e, f = lattice
    left, bottom, right, top = area.bounds
    longest = max((right - left) / a, (top - bottom) / -e)
    if not longest < _COUNTABLE:
        raise PlanError(f"pixels of {a:g} × {-e:g} make a side of {longest:.3g} pixels: give a larger --scale")
    first_col, last_col = _outward((left - c) / a, (right - c) / a)
    first_row, last_row = _outward((top - f) / e, (bottom - f) / e)
    height, width = last_row - first_row, last_col - first_col
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
        raise PlanError(
            f"pixels of {a:g} × {-e:g} make a grid of {height:,} rows × {width:,} columns = {height * width:.3g} "
            f"pixels; a side may have {MAX_SIDE:,} and a grid {MAX_PIXELS:.0e} at most: give a larger --scale"
            + _unit_hint(parse_crs(crs), a)
        )
    return Grid(crs, (a, 0.0, c + a * first_col, 0.0, e, f + e * first_row), height, width)


def _unit_hint(crs: pyproj.CRS, scale: float) -> str:
    """Return words for who typed degrees where the CRS counts in metres."""
    if crs.is_geographic or scale >= 0.01:
        return ""
    unit = crs.axis_info[0].unit_name
    return f" (it counts in units of {unit} here; {scale:g} degrees would be {scale * METRES_PER_DEGREE:.3g} m)"


def _refuse_endless(area: BaseGeometry, grid: Grid) -> None:
    """Refuse an outline that would take hours to be followed from row to row of the grid."""
    crossed = 0.0
    for polygons in some_polygons(area):
        xy, ring = shapely.get_coordinates(shapely.get_rings(polygons), return_index=True)
        crossed += float(np.abs(np.diff(xy[:, 1]))[ring[:-1] == ring[1:]].sum()) / -grid.transform[4]
    if crossed > MAX_CROSSINGS:
        raise PlanError(
            f"the area's outline crosses rows of pixels {crossed:,.0f} times, {MAX_CROSSINGS:,} at most: "
            "give a larger --scale, or cut the area into several (--split-by)"
        )


def _outward(low: float, high: float) -> tuple[int, int]:
    first, last = math.floor(low + ON_LINE_PIXELS), math.ceil(high - ON_LINE_PIXELS)
    return first, max(last, first + 1)


__all__ = ["LONLAT", "Transform", "fix_grid", "utm_crs", "zones_spanned"]
