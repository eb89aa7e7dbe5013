"""The pixels that points and shapes lie in: those of images in a UTM zone, or of one lattice for all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import AreaError, PlanError
from orchestrator.model.grid import Grid, Transform
from orchestrator.model.job import GridRequest
from orchestrator.plan.align import ON_LINE_PIXELS, POLAR, UTM_NORTH, UTM_SOUTH, lattice_of
from orchestrator.plan.reproject import LONLAT, crs_name, parse_crs, reproject, transformer_between
from orchestrator.raster.arrays import Floats, Ints

# So many zones away an image of a zone may still reach: a scene of 185 km has 10 degrees of longitude at 80 N.
_NEAR_ZONES = 2


@dataclass(frozen=True, slots=True)
class Zonal:
    """
    The pixels of images that lie in a UTM zone.

    Attributes:
        crs: Of the zone, `EPSG:n`.
        transform: The lattice; places so far away that no image of the zone reaches them lie on the like of it in
            their own zone.
    """

    crs: str
    transform: Transform

    def crs_at(self, zone: str) -> str:
        """Return the CRS in which places of a zone are laid."""
        if not (zone.startswith(_UTM_CODES) and self.crs.startswith(_UTM_CODES)):
            return zone
        away = (int(zone[-2:]) - int(self.crs[-2:])) % 60
        return self.crs if min(away, 60 - away) <= _NEAR_ZONES else zone


_UTM_CODES = ("EPSG:326", "EPSG:327")


@dataclass(frozen=True, slots=True)
class Laid:
    """
    Places on lattices.

    Attributes:
        grids: One for each zone that has places, in the order of the zones' codes; or the one in the CRS that is named.
        grid: For each place, which of the grids: the same, whatever the lattice.
        row: For each place, the row of the pixel that it lies in; of a shape, that of its middle.
        col: Its column.
        lonlat: (place, [longitude, latitude]): of the points, or of the middles of the shapes, in degrees.
        shapes: Polygons in the CRS of their zones.
        zones: For each grid, the CRS of the zone, or the one that is named.
    """

    grids: tuple[Grid, ...]
    grid: Ints
    row: Ints
    col: Ints
    lonlat: Floats
    shapes: NDArray[np.object_]
    zones: tuple[str, ...] = ()


def lay(geometries: NDArray[np.object_], crs: str, request: GridRequest, zonal: Zonal | None = None) -> Laid:
    """
    Return places on the lattice of images, of their UTM zones, or of the CRS that is asked for.

    Corners of pixels lie on multiples of the scale, or on `crs_transform`, which holds for the one CRS that is named.
    A point on the line between two pixels lies in the one to the right of it, or below.

    Args:
        geometries: Points, or polygons.
        crs: Theirs.
        request: How grids are fixed.
        zonal: That of images in a zone, where `request` names none.

    Raises:
        AreaError: A place cannot be expressed in its CRS.
        PlanError: A CRS is unknown, or the scale contradicts the lattice.
    """
    if request.crs_transform and not request.crs:
        raise PlanError("a lattice (--crs-transform) means nothing without its CRS; add --crs, e.g. --crs EPSG:32633")
    points = bool((shapely.get_type_id(geometries) == shapely.GeometryType.POINT).all())
    lonlat = _lonlat(shapely.get_coordinates(geometries if points else shapely.centroid(geometries)), crs)
    named = crs_name(parse_crs(request.crs)) if request.crs else ""
    wanted = [named] * len(lonlat) if named else utm_zones(lonlat)
    grid, row, col = (np.zeros(len(lonlat), np.int64) for _ in range(3))
    shapes = geometries.copy()
    grids: list[Grid] = []
    zones = sorted(set(wanted))
    for zone in zones:
        code = zonal.crs_at(zone) if zonal else zone
        lattice = zonal.transform if zonal else lattice_of(parse_crs(code), request.scale, request.crs_transform)
        members = np.flatnonzero(np.array([each == zone for each in wanted]))
        middles = _middles(geometries, shapes, members, (crs, zone, code), points=points)
        made = _around(middles if points or code != zone else shapely.bounds(shapes[members]), code, lattice)
        row[members], col[members] = _pixels(middles, made)
        grid[members] = len(grids)
        grids.append(made)
    return Laid(tuple(grids), grid, row, col, lonlat, shapes, tuple(zones))


def _middles(
    geometries: NDArray[np.object_],
    shapes: NDArray[np.object_],
    members: Ints,
    codes: tuple[str, str, str],
    *,
    points: bool,
) -> Floats:
    """Return points, or the middles of shapes, in the CRS of their grid; shapes are laid into that of their zone."""
    crs, zone, code = codes
    if points:
        return _moved(shapely.get_coordinates(geometries[members]), crs, code)
    shapes[members] = _projected(geometries[members], crs, zone)
    return _moved(shapely.get_coordinates(shapely.centroid(shapes[members])), zone, code)


def utm_zones(lonlat: Floats) -> list[str]:
    """Return the zone of each place; beyond 84 N and 80 S, where UTM ends, a polar CRS."""
    zone = np.minimum(((lonlat[:, 0] + 180) % 360 // 6).astype(int) + 1, 60)
    codes = np.where(lonlat[:, 1] >= 0, 32600, 32700) + zone
    return [
        f"EPSG:{code}" if UTM_SOUTH <= lat <= UTM_NORTH else POLAR[bool(lat > 0)]
        for code, lat in zip(codes, lonlat[:, 1], strict=True)
    ]


def centres(grid: Grid, row: Ints, col: Ints) -> Floats:
    """Return (pixel, [longitude, latitude]) of the centres of pixels, in degrees."""
    a, _b, c, _d, e, f = grid.transform
    return _lonlat(np.column_stack((c + (col + 0.5) * a, f + (row + 0.5) * e)), grid.crs)


def _lonlat(xy: Floats, crs: str) -> Floats:
    found = _moved(xy, crs, LONLAT)
    found[:, 0] = np.where(np.abs(found[:, 0]) > 180, (found[:, 0] + 180) % 360 - 180, found[:, 0])
    return found


def _moved(xy: Floats, source: str, target: str) -> Floats:
    one, other = parse_crs(source), parse_crs(target)
    if one.equals(other, ignore_axis_order=True):
        return xy.astype(np.float64)
    found = np.column_stack(transformer_between(one, other).transform(xy[:, 0], xy[:, 1]))
    lost = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(lost):
        x, y = xy[lost[0]]
        raise AreaError(f"the place at {x:g}, {y:g} cannot be expressed in {_told(other)}; choose another --crs")
    return found


def _told(crs: pyproj.CRS) -> str:
    return str(crs.name)


def _projected(geometries: NDArray[np.object_], crs: str, target: str) -> NDArray[np.object_]:
    array = np.empty(len(geometries), object)
    array[:] = [_polygon(each, crs, target) for each in geometries]
    return array


def _polygon(geometry: BaseGeometry, crs: str, target: str) -> BaseGeometry:
    return reproject(geometry, crs, target)


def _around(bounds: Floats, crs: str, lattice: Transform) -> Grid:
    """Return the smallest grid of the lattice that holds every place: points (x, y), or boxes."""
    a, _b, c, _d, e, f = lattice
    left, bottom, right, top = bounds[:, 0].min(), bounds[:, 1].min(), bounds[:, -2].max(), bounds[:, -1].max()
    first_col, last_col = _floor((left - c) / a), _floor((right - c) / a)
    first_row, last_row = _floor((top - f) / e), _floor((bottom - f) / e)
    height, width = last_row - first_row + 1, last_col - first_col + 1
    return Grid(crs, (a, 0.0, c + a * first_col, 0.0, e, f + e * first_row), height, width)


def _floor(value: float) -> int:
    # A place this close to a line of the lattice lies on it: reprojected coordinates carry noise.
    return math.floor(value + ON_LINE_PIXELS)


def _pixels(xy: Floats, grid: Grid) -> tuple[Ints, Ints]:
    a, _b, c, _d, e, f = grid.transform
    cols = np.floor((xy[:, 0] - c) / a + ON_LINE_PIXELS).astype(np.int64)
    rows = np.floor((xy[:, 1] - f) / e + ON_LINE_PIXELS).astype(np.int64)
    return rows, cols


def small_region(lonlat: Floats) -> bytes:
    """
    Return a small polygon in degrees that holds every place, as WKB: for choosing scenes, not for cutting.

    Few places are boxes of some metres each; more are the hull of them all.
    """
    margin = 1e-5
    boxes = shapely.box(lonlat[:, 0] - margin, lonlat[:, 1] - margin, lonlat[:, 0] + margin, lonlat[:, 1] + margin)
    if len(boxes) > _FEW:
        return bytes(shapely.to_wkb(shapely.convex_hull(shapely.union_all(boxes))))
    return bytes(shapely.to_wkb(shapely.union_all(boxes)))


_FEW = 40


def vertices_lonlat(shape: bytes, crs: str) -> bytes:
    """Return a shape, WKB in `crs`, with its vertices in degrees, as WKB."""
    return bytes(shapely.to_wkb(shapely.transform(shapely.from_wkb(shape), lambda xy: _lonlat(xy, crs))))
