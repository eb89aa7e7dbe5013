"""
Windows of chips that are larger than their tiles: they may meet where the tiles of two splits are kept apart.

The gap that a split left between tiles stands in the file's remarks, by the column of the split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.model.grid import Transform
from orchestrator.plan.reproject import LONLAT
from orchestrator.tiling.degrees import Geometries
from orchestrator.tiling.neighbours import cross_pairs, lay
from orchestrator.tiling.plane import lay_out

GAPS = "gaps"
_NOISE_PIXELS = 0.02  # less of a pixel is no overlap: edges bend a little from one projection to another


class Georeferenced(Protocol):
    """A raster that tells where it lies."""

    @property
    def crs(self) -> str: ...

    @property
    def transform(self) -> Transform: ...

    @property
    def shape(self) -> tuple[int, int]: ...


@dataclass(frozen=True, slots=True)
class MeetingWindows:
    """
    Pairs of windows of different splits.

    Attributes:
        gap: Metres that the split left between tiles; 0 where it left none, or none is known.
        overlapping: Pairs that have pixels in common, as (pairs, [first, second]): places in the windows asked about.
        near: Likewise those that are nearer than the gap, with those that overlap.
    """

    gap: float
    overlapping: NDArray[np.int64]
    near: NDArray[np.int64]


def with_gaps(about: Mapping[str, Any], gaps: Mapping[str, float]) -> dict[str, Any]:
    """Return the remarks of a file of tiles with the gap, metres, of each column of splits; 0 is not written."""
    known = {**about.get(GAPS, {}), **gaps}
    kept = {column: float(metres) for column, metres in known.items() if metres}
    rest = {name: value for name, value in about.items() if name != GAPS}
    return rest | ({GAPS: kept} if kept else {})


def gap_of(about: Mapping[str, Any], column: str) -> float:
    """Return the gap in metres that the remarks of a file of tiles tell of a column of splits; 0 for none."""
    return float((about.get(GAPS) or {}).get(column, 0.0))


def meeting_windows(windows: Sequence[Georeferenced], splits: Sequence[str], gap: float) -> MeetingWindows:
    """
    Return which windows of different splits overlap, and which are nearer than `gap` metres.

    Args:
        windows: At least one.
        splits: Of each; empty for none.
        gap: Metres.
    """
    import geopandas  # noqa: PLC0415  heavy

    nothing = np.empty((0, 2), np.int64)
    names = sorted({split for split in splits if split})
    if len(names) < 2:
        return MeetingWindows(gap, nothing, nothing)
    codes = np.array([names.index(split) if split else -1 for split in splits])
    shapes, crs = _outlines(windows)
    laid = lay(geopandas.GeoDataFrame(geometry=shapes, crs=crs))
    touching = cross_pairs(laid, codes, gap or 1e-3)
    inside = shapely.buffer(laid.geometries, -_noise(windows, laid.geometries), join_style="mitre")
    return MeetingWindows(
        gap,
        touching[shapely.intersects(inside[touching[:, 0]], inside[touching[:, 1]])],
        touching if gap else nothing,
    )


def _outlines(windows: Sequence[Georeferenced]) -> tuple[Geometries, str]:
    """Return the outline of each window, and their CRS: degrees where they have several."""
    corners = np.array([_corners(window) for window in windows])
    shapes: Geometries = np.asarray(shapely.polygons(corners), object)
    own = np.array([window.crs for window in windows])
    if len(crs := set(own)) == 1:
        return shapes, str(own[0])
    for each in crs:
        shapes[own == each] = lay_out(shapes[own == each], str(each), LONLAT)
    return shapes, LONLAT


def _corners(window: Georeferenced) -> NDArray[np.float64]:
    a, b, c, d, e, f = window.transform
    height, width = window.shape
    col, row = np.array([(0, 0), (width, 0), (width, height), (0, height)]).T
    return np.column_stack((a * col + b * row + c, d * col + e * row + f))


def _noise(windows: Sequence[Georeferenced], laid: Geometries) -> NDArray[np.float64]:
    """Return what is shaved off each window, in the plane: half of what is no overlap."""
    pixels = np.array([window.shape[0] * window.shape[1] for window in windows])
    return np.asarray(np.sqrt(shapely.area(laid) / pixels) * _NOISE_PIXELS / 2)
