"""
Where chips lie: all of one zone on one lattice, corners on multiples of the pixel size from 0.

So chips of neighbouring tiles share their pixels' edges, and can be laid together without resampling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.core.errors import PlanError, UserError
from orchestrator.model.grid import Grid, Window
from orchestrator.plan.align import MAX_SIDE, ON_LINE_PIXELS, UTM_NORTH, UTM_SOUTH
from orchestrator.plan.reproject import LONLAT, crs_name, parse_crs
from orchestrator.tiling.degrees import in_degrees

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

Numbers = NDArray[np.float64]
# Tiles whose sides differ from that of the chip by more than this share are not shown by it.
TOLERANCE = 0.1
# Edges are straight in the CRS of the tiles; each is bent into the zone at so many points.
_POINTS = 16
# Of a pixel: what rounding in degrees, and drawing from one CRS into another, leave of an edge that lies on a line.
_SLACK = 0.01
_SMALLEST, _LARGEST, _FARTHEST = 1e-9, 5e7, 1 << 40


@dataclass(frozen=True, slots=True)
class LaidChips:
    """
    Chips on their lattices.

    Attributes:
        zones: A grid for each CRS; its extent is that of its chips.
        places: For each tile the index of its zone and its window there.
        scale: Side of a pixel in units of the CRS.
        shapes: The tiles in the CRS of their zones.
    """

    zones: tuple[Grid, ...]
    places: tuple[tuple[int, Window], ...]
    scale: float
    shapes: NDArray[np.object_]


def lay_chips(
    frame: GeoDataFrame,
    about: Mapping[str, Any],
    *,
    size: tuple[int, int] | None = None,
    scale: float | None = None,
    crs: str = "",
) -> LaidChips:
    """
    Return where the chip of each tile lies.

    With `size` each has exactly so many pixels, around the middle of its tile; else it is the smallest window that
    contains the tile.

    Args:
        frame: Tiles, in the CRS in which they were laid out.
        about: How they were made: the `crs` of a full grid is that of its chips, `size` the side of its tiles.
        size: Rows and columns of each chip.
        scale: Side of a pixel; without it, that of a tile over the columns of `size`.
        crs: Of the chips; without it, the UTM zone of each tile's centroid.

    Raises:
        PlanError: Neither `size` nor `scale` is given, the tiles differ too much to be shown by chips of one size, or
            one lies where UTM ends.
        UserError: The CRS is unknown.
    """
    if size is None and scale is None:
        raise PlanError(
            "how large is a chip? Give its pixels, --pixels WIDTH HEIGHT, or the side of one, --scale METRES"
        )
    if scale is not None:
        _check_scale(scale)
    names, zone = _zones(frame, crs or _full_grid_crs(about))
    shapes = _projected(frame, names, zone, bent=about.get("cover") != "full")
    bounds = shapely.bounds(shapes)
    if scale is None:
        assert size is not None  # noqa: S101  looked at above
        scale = _scale_of(bounds, about, size)
    rows_cols = _around(bounds, size, scale) if size else _containing(bounds, scale)
    return _laid(names, zone, rows_cols, scale, shapes)


def rounded_scale(scale: float) -> float:
    """Return a pixel size in two significant digits where that changes it by less than one per cent, else in three."""
    for digits in (2, 3):
        found = float(f"{scale:.{digits}g}")
        if digits == 3 or abs(found - scale) < 0.01 * scale:
            break
    return found


def _full_grid_crs(about: Mapping[str, Any]) -> str:
    """Return the CRS of a grid on one lattice; one of several zones is told in degrees."""
    crs = str(about.get("crs", "")) if about.get("cover") == "full" else ""
    return "" if about.get("zones") or crs == LONLAT else crs


def _zones(frame: GeoDataFrame, crs: str) -> tuple[list[str], NDArray[np.int64]]:
    """Return the CRSs that chips are in, and for each tile which of them."""
    if crs:
        return [crs_name(parse_crs(crs))], np.zeros(len(frame), np.int64)
    middles = shapely.centroid(in_degrees(frame))
    lon, lat = shapely.get_x(middles), shapely.get_y(middles)
    beyond = np.flatnonzero((lat < UTM_SOUTH) | (lat > UTM_NORTH))
    if len(beyond):
        raise PlanError(
            f"the tile at {lon[beyond[0]]:.4f}, {lat[beyond[0]]:.4f} lies where UTM ends; name a CRS with --crs, for "
            "example EPSG:3413 in the north or EPSG:3031 in the south"
        )
    number = np.minimum(((lon + 180) % 360 // 6).astype(np.int64) + 1, 60) * 2 + (lat < 0)
    kinds, zone = np.unique(number, return_inverse=True)
    return [f"EPSG:{32600 + kind // 2 + 100 * (kind % 2)}" for kind in kinds.tolist()], zone.astype(np.int64)


def _projected(
    frame: GeoDataFrame, names: Sequence[str], zone: NDArray[np.int64], *, bent: bool
) -> NDArray[np.object_]:
    """Return the tiles in the CRS of their zones; `bent` where their edges are straight in the CRS of the file."""
    shapes: NDArray[np.object_] = np.empty(len(frame), object)
    geometry = frame.geometry
    if frame.crs.is_geographic and parse_crs(LONLAT).equals(frame.crs, ignore_axis_order=True):
        geometry = type(geometry)(in_degrees(frame), index=geometry.index, crs=frame.crs)
    for index, name in enumerate(names):
        chosen = zone == index
        some = geometry[chosen]
        if parse_crs(name) != some.crs:
            extents = shapely.bounds(some.to_numpy())
            longest = np.maximum(extents[:, 2] - extents[:, 0], extents[:, 3] - extents[:, 1]) / _POINTS
            points = shapely.segmentize(some.to_numpy(), longest) if bent else some.to_numpy()
            some = type(some)(points, crs=some.crs).to_crs(name)
        shapes[chosen] = some.to_numpy()
    if not np.isfinite(shapely.bounds(shapes)).all():
        raise UserError(f"some tiles cannot be drawn in {', '.join(names)}; name another CRS with --crs")
    return shapes


def _scale_of(bounds: Numbers, about: Mapping[str, Any], size: tuple[int, int]) -> float:
    """Return the pixel size with which a chip is as wide as a tile."""
    height, width = size
    across, down = bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]
    side = about.get("size")
    metric = side if isinstance(side, int | float) and 0.5 < np.median(across) / side < 2 else np.median(across)
    scale = rounded_scale(float(metric) / width)
    for what, sides, pixels in (("wide", across, width), ("high", down, height)):
        low, high, shown = float(sides.min()), float(sides.max()), pixels * scale
        if low < shown * (1 - TOLERANCE) or high > shown * (1 + TOLERANCE):
            raise PlanError(
                f"the tiles are {low:,.6g} to {high:,.6g} {what}, too different for chips of {width} × {height} pixels "
                f"that show {shown:,.6g}: give the side of a pixel too, --scale, and every chip shows as much around "
                "the middle of its tile; or leave --pixels out, and each is as large as its tile"
            )
    return scale


def _around(bounds: Numbers, size: tuple[int, int], scale: float) -> NDArray[np.int64]:
    """Return (tile, 4) of row, column, height and width on the lattice, around the middles."""
    height, width = size
    x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    # A middle half-way between two lattice lines, as far as can be told, goes to the same one whatever its last digit.
    col = np.floor(x / scale - width / 2 + 0.5 + ON_LINE_PIXELS)
    row = np.floor(-y / scale - height / 2 + 0.5 + ON_LINE_PIXELS)
    return _whole(np.column_stack((row, col, np.full(len(row), height), np.full(len(row), width))), scale)


def _containing(bounds: Numbers, scale: float) -> NDArray[np.int64]:
    """Return the same, of the smallest windows that contain the tiles."""
    left, bottom, right, top = (bounds / scale).T
    col, row = np.floor(left + _SLACK), np.floor(-top + _SLACK)
    width, height = np.ceil(right - _SLACK) - col, np.ceil(-bottom - _SLACK) - row
    return _whole(np.column_stack((row, col, np.maximum(height, 1), np.maximum(width, 1))), scale)


def _whole(windows: Numbers, scale: float) -> NDArray[np.int64]:
    if (windows[:, 2:] > MAX_SIDE).any() or (np.abs(windows[:, :2]) > _FARTHEST).any():
        raise PlanError(
            f"a chip would have {windows[:, 2:].max():,.6g} pixels of {scale:g} a side, or lie {_FARTHEST:,} pixels "
            "from the origin of its CRS; give a larger --scale"
        )
    return windows.astype(np.int64)


def _check_scale(scale: float) -> None:
    if not _SMALLEST < scale < _LARGEST:
        raise PlanError(f"a pixel's side is {scale:g}; give a --scale above 0, such as 10, and smaller than the Earth")


def _laid(
    names: Sequence[str],
    zone: NDArray[np.int64],
    windows: NDArray[np.int64],
    scale: float,
    shapes: NDArray[np.object_],
) -> LaidChips:
    grids, origins = [], np.zeros((len(windows), 2), np.int64)
    for index, name in enumerate(names):
        mine = windows[zone == index]
        row, col = int(mine[:, 0].min()), int(mine[:, 1].min())
        bottom, right = int((mine[:, 0] + mine[:, 2]).max()), int((mine[:, 1] + mine[:, 3]).max())
        transform = (scale, 0.0, col * scale, 0.0, -scale, -row * scale)
        grids.append(Grid(name, transform, bottom - row, right - col))
        origins[zone == index] = row, col
    windows[:, :2] -= origins
    places = tuple((int(z), Window(*map(int, w))) for z, w in zip(zone, windows, strict=True))
    return LaidChips(tuple(grids), places, scale, shapes)
