"""
Splits by parallel bands across an area: train, ..., test, ..., val, ..., and again.

Bands of equal width are those of geetiles 0.1.7, to the letter: in degrees, leftover bands favour train, and a share is
what comes of it. Bands by count are cut where the shares come out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.raster.arrays import Floats
from orchestrator.tiling.neighbours import Codes

# geetiles 0.1.7, partitions.py: the widths that are tried, and points of the envelope's ring whose mean stands for a
# tile, the first corner being its last too.
_WIDTHS = np.linspace(0.1, 50, 10000)
_RING = [[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]]
_LATTICE_METRES = 1e-3  # tiles of one row of a lattice stand at one place of a band


def pattern_of(shares: Sequence[float], bands: int) -> Codes:
    """
    Return the split of each of so many bands, in order.

    Raises:
        UserError: There are fewer bands than the shares need.
    """
    least = min(share for share in shares if share)
    counts = [round(share / least) for share in shares]  # half to even, as numpy.round
    if sum(counts) > bands:
        raise UserError(
            f"{bands} bands are too few for shares of {', '.join(f'{share:g}' for share in shares)}; increase --bands "
            f"to at least {sum(counts)}"
        )
    return np.resize(np.repeat(np.arange(len(shares)), counts), bands).astype(np.int64)


def bands_of_width(bounds: Floats, bands: int, radians: float) -> Codes:
    """
    Return the band of each tile, counted from 0: equal widths at an angle, as geetiles 0.1.7 has them.

    Args:
        bounds: Of the tiles, degrees, (tiles, [west, south, east, north]).
        bands: How many; where no width of those that are tried gives so many, the last one is taken.
        radians: 0 makes bands of latitude, half of pi bands of longitude.
    """
    points = bounds[:, _RING].mean(axis=1)
    spread = np.ptp(points, axis=0)
    scaled = (points - points.min(axis=0)) / np.where(spread == 0, 1, spread)
    if radians < 0:
        scaled = 1 - scaled
    quarter = math.pi / 4
    if abs(radians) < quarter:
        along, up = abs(radians) / quarter, 1.0
    else:
        along, up = math.copysign(1, radians), (math.pi / 2 - abs(radians)) / quarter
    positions = along * scaled[:, 0] + up * scaled[:, 1]
    return _ranks(positions, bands)


def _ranks(positions: Floats, bands: int) -> Codes:
    ordered = np.sort(positions)
    for width in _WIDTHS:
        if np.count_nonzero(np.diff((ordered / (width / bands)).astype(np.int64))) + 1 == bands:
            break
    return np.unique((positions / (width / bands)).astype(np.int64), return_inverse=True)[1].astype(np.int64)


def positions_of(middles: Floats, radians: float) -> tuple[Floats, Floats]:
    """
    Return where points lie across bands and along them, metres, from points in a plane (n, [x, y]).

    Args:
        middles: The points.
        radians: Of the way across, from north clockwise: 0 makes bands of latitude.
    """
    x, y = middles.T
    sine, cosine = math.sin(radians), math.cos(radians)
    across, along = x * sine + y * cosine, x * cosine - y * sine
    return np.round(across / _LATTICE_METRES), np.round(along / _LATTICE_METRES)


def bands_by_count(positions: tuple[Floats, Floats], sizes: NDArray[np.int64], wanted: NDArray[np.int64]) -> Codes:
    """
    Return the band of each unit, counted from 0, such that each holds as many tiles as wanted, to half a unit.

    Args:
        positions: Of the units across the bands and along them; equal ones stay in their order.
        sizes: Tiles in each unit, a tile or a group of them.
        wanted: Tiles in each band.
    """
    order = np.lexsort((positions[1], positions[0]))
    middle = np.cumsum(sizes[order]) - sizes[order] / 2
    bands = np.empty(len(sizes), np.int64)
    bands[order] = np.searchsorted(np.cumsum(wanted)[:-1], middle, side="right")
    return bands


def counts_of(pattern: Codes, shares: Floats, tiles: int) -> NDArray[np.int64]:
    """Return how many tiles each band takes, so that each split has its share to one tile."""
    each = apportion(shares, tiles)
    counts = np.zeros(len(pattern), np.int64)
    for split, total in enumerate(each):
        here = np.flatnonzero(pattern == split)
        counts[here] = apportion(np.ones(len(here)), int(total)) if len(here) else 0
    return counts


def apportion(shares: Floats, total: int) -> NDArray[np.int64]:
    """Return whole numbers in proportion to shares that add up to `total`, by largest remainders."""
    exact = np.asarray(shares, np.float64) / np.sum(shares) * total
    counts = np.floor(exact).astype(np.int64)
    rest = np.round(exact - counts, 9)
    counts[np.argsort(-rest, kind="stable")[: total - int(counts.sum())]] += 1
    return counts
