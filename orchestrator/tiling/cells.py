"""
Cells of a square lattice that share surface with an area, each with its piece of it.

The lattice is that of a projected CRS, at multiples of the size; an area is cut in quarters, again and again, so that
what lies inside is never cut and what is cut has few vertices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.plan.reproject import polygons_only
from orchestrator.tiling.degrees import Geometries

Integers = NDArray[np.int64]
# A piece of a smaller share, of the cell or of the area, is noise of a projection (some 1e-8 m) along a lattice line.
NOISE = 1e-10
# A block of which so little is missing is whole.
WHOLE = 1e-12
POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


@dataclass(frozen=True, slots=True)
class Cells:
    """
    Cells, row by row from the north, each row from the west.

    Attributes:
        size: Side, in units of the CRS.
        col, row: Left and lower side of each, in sizes from the CRS's origin, arrays of (cells,).
        piece: What it has of the area; None where that is the whole cell.
    """

    size: float
    col: Integers
    row: Integers
    piece: Geometries

    def boxes(self) -> Geometries:
        """Return the cells as squares; neighbours have the very same coordinates."""
        return _boxes(self.col, self.row, 1, self.size)

    def clipped(self) -> Geometries:
        """Return what each cell has of the area."""
        found = self.boxes()
        cut = self.is_cut
        found[cut] = self.piece[cut]
        return found

    @property
    def is_cut(self) -> NDArray[np.bool_]:
        return ~shapely.is_missing(self.piece)

    @property
    def share(self) -> NDArray[np.float64]:
        """How much of each cell the area is, 0 to 1."""
        share = np.ones(len(self.col))
        cut = self.is_cut
        share[cut] = shapely.area(self.piece[cut]) / self.size**2
        return share

    def take(self, chosen: NDArray[np.bool_]) -> Cells:
        return Cells(self.size, self.col[chosen], self.row[chosen], self.piece[chosen])


def cut_into_cells(area: BaseGeometry, size: float) -> Cells:
    """
    Return the cells that share surface with an area.

    Args:
        area: Polygons in a projected CRS.
        size: Side of a cell, in its units.
    """
    left, bottom, right, top = area.bounds
    first_col, first_row = math.floor(left / size), math.floor(bottom / size)
    sides = max(math.ceil(right / size) - first_col, math.ceil(top / size) - first_row, 1)
    side = 2 ** math.ceil(math.log2(sides))
    blocks = _Blocks(side, np.array([first_col]), np.array([first_row]), np.array([area], dtype=object))
    least = NOISE * min(size**2, area.area)
    done = []
    while len(blocks.col):
        whole = shapely.area(blocks.piece) >= (1 - WHOLE) * (blocks.side * size) ** 2
        done.append(blocks.take(whole).all_cells())
        blocks = blocks.take(~whole)
        if blocks.side == 1:
            done.append(blocks)
            break
        blocks = blocks.quarters(size, least)
    return _in_order(done, size)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Squares of `side` × `side` cells, and what each has of the area."""

    side: int
    col: Integers
    row: Integers
    piece: Geometries

    def take(self, chosen: NDArray[np.bool_]) -> _Blocks:
        return _Blocks(self.side, self.col[chosen], self.row[chosen], self.piece[chosen])

    def all_cells(self) -> _Blocks:
        """Return every cell of blocks that are whole."""
        row, col = (step.ravel() for step in np.indices((self.side, self.side)))
        cols, rows = (self.col[:, None] + col).ravel(), (self.row[:, None] + row).ravel()
        return _Blocks(1, cols, rows, np.full(len(cols), None, dtype=object))

    def quarters(self, size: float, least: float) -> _Blocks:
        """Return those quarters that have more than `least` of the area."""
        half = self.side // 2
        col = (self.col[:, None] + np.array([0, half, 0, half])).ravel()
        row = (self.row[:, None] + np.array([0, 0, half, half])).ravel()
        piece = shapely.intersection(np.repeat(self.piece, 4), _boxes(col, row, half, size))
        kept = shapely.area(piece) > least
        return _Blocks(half, col[kept], row[kept], _polygons(piece[kept]))


def _polygons(pieces: Geometries) -> Geometries:
    """Return pieces without the lines and points where the area touches the side of a block."""
    for index in np.flatnonzero(~np.isin(shapely.get_type_id(pieces), POLYGONAL)):
        pieces[index] = polygons_only(pieces[index])
    return pieces


def _boxes(col: Integers, row: Integers, side: int, size: float) -> Geometries:
    boxes: Geometries = shapely.box(col * size, row * size, (col + side) * size, (row + side) * size)
    return boxes


def _in_order(done: list[_Blocks], size: float) -> Cells:
    col, row = (np.concatenate([getattr(blocks, name) for blocks in done]) for name in ("col", "row"))
    piece = np.concatenate([blocks.piece for blocks in done])
    order = np.lexsort((col, -row))
    return Cells(size, col[order], row[order], piece[order])
