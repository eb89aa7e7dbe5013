"""
Squares of the ground: where the pixels of a UTM zone lie on the globe.

A square is SQUARE × SQUARE pixels, or fewer where little is asked for at a time, anchored to the zone's own
coordinates and never to a window or a tile. All fields are computed for whole squares, so that a pixel has the same
value whatever window asks for it.
Axis order is (row, col); rows go south.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from orchestrator.sandbox.scenes.noise import WORLD_METRES
from orchestrator.sandbox.scenes.store import Store
from orchestrator.sandbox.scenes.upsampling import upsample

SQUARE = 512
Cut = tuple[slice, slice]  # rows and columns of a square, both with a start and a stop
# Node distance of the exact map projection. Between nodes the world coordinates are interpolated: at 10 m
# pixels (640 m) the error is below a centimetre per tan(latitude).
_PROJECTION_STEP = 64
_MERCATOR_END = 85.0  # degrees of latitude; nearer to a pole the ground is that of this parallel
_MARGIN = 2  # nodes of a mesh beyond its square
_MESH_BYTES = 24 << 20  # of meshes kept


def blocks(
    row: int, col: int, height: int, width: int, side: int = SQUARE
) -> Iterator[tuple[Cut, tuple[int, int], Cut]]:
    """Yield (where in the window, square index, where in the square) for a window of pixels."""
    for down in range(row // side, -(-(row + height) // side)):
        rows = max(row, down * side), min(row + height, (down + 1) * side)
        for right in range(col // side, -(-(col + width) // side)):
            cols = max(col, right * side), min(col + width, (right + 1) * side)
            place = slice(rows[0] - row, rows[1] - row), slice(cols[0] - col, cols[1] - col)
            cut = (
                slice(rows[0] - down * side, rows[1] - down * side),
                slice(cols[0] - right * side, cols[1] - right * side),
            )
            yield place, (down, right), cut


@lru_cache(maxsize=256)
def to_lonlat(epsg: int) -> Transformer:
    """Transformer of a UTM zone to longitude and latitude in degrees."""
    return Transformer.from_crs(epsg, 4326, always_xy=True)


def central_meridian(epsg: int) -> float:
    """Central meridian of the UTM zone `326zz` or `327zz`, in degrees."""
    return (epsg % 100) * 6.0 - 183.0


def lonlat(
    epsg: int, easting: NDArray[np.floating], northing: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude in degrees; longitudes run on beyond ±180 instead of jumping inside a zone."""
    raw = to_lonlat(epsg).transform(easting, northing)
    lon: NDArray[np.float64] = np.asarray(raw[0], np.float64)
    lat: NDArray[np.float64] = np.asarray(raw[1], np.float64)
    meridian = central_meridian(epsg)
    around = meridian + np.mod(lon - meridian + 180.0, 360.0) - 180.0
    return np.asarray(around, np.float64), lat


def world(lon: NDArray[np.floating], lat: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """World coordinates (x east, y south; circumference 1) of degrees."""
    x = lon / 360.0 + 0.5
    y = 0.5 - np.arctanh(np.sin(np.radians(lat))) / (2.0 * np.pi)
    return np.asarray(x, np.float64), np.asarray(y, np.float64)


@dataclass(frozen=True, slots=True)
class Mesh:
    """
    Nodes every `step` pixels over a square, with `margin` nodes beyond it on each side.

    Attributes:
        step: Pixels from node to node.
        margin: Nodes beyond the square.
        x: World coordinates, (row, col) of shape (side / step + 1 + 2 * margin) squared.
        y: The same.
    """

    step: int
    margin: int
    x: NDArray[np.float64]
    y: NDArray[np.float64]

    @property
    def nbytes(self) -> int:
        return self.x.nbytes + self.y.nbytes

    def spread(self, field: NDArray[np.floating], offset: float, cut: Cut) -> NDArray[np.float32]:
        """Interpolate a field on the nodes to the pixels of a part of the square."""
        rows, cols = ((part.start, part.stop) for part in cut)
        return upsample(field, self.step, self.margin, offset, rows, cols)

    def around(self, field: NDArray[np.float32], cut: Cut) -> NDArray[np.float32]:
        """The nodes that the pixels of a part of the square are interpolated from."""
        rows, cols = (
            slice(part.start // self.step + self.margin - 1, -(-part.stop // self.step) + self.margin + 2)
            for part in cut
        )
        return field[rows, cols]


@dataclass(frozen=True)
class Square:
    """
    A square of ground.

    Attributes:
        epsg: UTM zone, 326zz or 327zz.
        spacing: Distance of pixels in metres.
        phase_x: Easting of any pixel's west edge modulo `spacing`.
        phase_y: Northing of any pixel's north edge modulo `spacing`, downward.
        row: Square index southward: pixel row `row * side` is its first.
        col: Square index eastward.
        offset: Where in a pixel its value is taken: 0.5 is the centre.
        side: Pixels to a side, a power of two from 64 on.
    """

    epsg: int
    spacing: int
    phase_x: int
    phase_y: int
    row: int
    col: int
    offset: float = 0.5
    side: int = SQUARE

    @property
    def whole(self) -> Cut:
        """All of its pixels."""
        return slice(0, self.side), slice(0, self.side)

    def quarters(self) -> list[Square]:
        """The four squares of half the spacing that cover this one: north west, north east, south west, south east."""
        half = self.spacing // 2
        return [
            Square(self.epsg, half, self.phase_x, self.phase_y, 2 * self.row + down, 2 * self.col + right)
            for down in (0, 1)
            for right in (0, 1)
        ]

    @property
    def west(self) -> float:
        return float(self.phase_x + self.col * self.side * self.spacing)

    @property
    def north(self) -> float:
        return float(-(self.phase_y + self.row * self.side * self.spacing))

    def mesh_within(self, metres: int) -> Mesh:
        """Nodes at most `metres` apart, but not closer than pixels; only powers of two divide a square."""
        return self.mesh(min(_PROJECTION_STEP, 1 << max(0, (metres // self.spacing).bit_length() - 1)))

    def mesh(self, step: int) -> Mesh:
        """Nodes every `step` pixels; world coordinates interpolated from the exact ones every 64 pixels."""
        return _meshes.get((self, step), lambda: self._mesh(step))

    def _mesh(self, step: int) -> Mesh:
        _, _, x, y = _projected(self)
        if step == _PROJECTION_STEP:
            return Mesh(step, _MARGIN, x, y)
        matrix = _mesh_matrix(step, self.side)
        return Mesh(step, _MARGIN, _both_ways(matrix, x), _both_ways(matrix, y))

    def lonlat_at(
        self, rows: NDArray[np.number], cols: NDArray[np.number]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude (rows, cols) of pixel coordinates within the square, in degrees."""
        return lonlat(self.epsg, *np.meshgrid(self.west + cols * self.spacing, self.north - rows * self.spacing))

    def nodes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude of the nodes of `mesh(64)`."""
        return _projected(self)[:2]

    def places(self, step: int = _PROJECTION_STEP) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude every `step` pixels (64 or more) from the first corner to the last, both included."""
        inside = slice(_MARGIN, -_MARGIN, step // _PROJECTION_STEP)
        lon, lat, _, _ = _projected(self)
        return lon[inside, inside], lat[inside, inside]

    def refine(self, field: NDArray[np.floating], step: int, fine: Mesh) -> NDArray[np.float64]:
        """Carry a field that is all but linear from `places(step)` to the nodes of a mesh."""
        return _both_ways(_refine_matrix(step, fine.step, self.side), field)

    def pixels(self, cut: Cut) -> tuple[NDArray[np.float32], NDArray[np.float32], float, float]:
        """
        World position of each pixel of a part as metres from an anchor.

        Returns:
            East and south offsets in Mercator metres (row, col), and the anchor's world x and y.
        """
        mesh = self.mesh(_PROJECTION_STEP)
        anchor_x, anchor_y = float(mesh.x[2, 2]), float(mesh.y[2, 2])
        east = mesh.spread((mesh.x - anchor_x) * WORLD_METRES, self.offset, cut)
        south = mesh.spread((mesh.y - anchor_y) * WORLD_METRES, self.offset, cut)
        return east, south, anchor_x, anchor_y


_meshes: Store[Mesh] = Store(_MESH_BYTES)


def _both_ways(matrix: NDArray[np.float64], field: NDArray[np.floating]) -> NDArray[np.float64]:
    """Weight rows, then columns. Not by a matrix product, whose threads would fight over the cores."""
    return np.asarray(np.einsum("ik,jk->ij", np.einsum("ij,jk->ik", matrix, field), matrix), np.float64)


@lru_cache(maxsize=32)
def _mesh_matrix(step: int, side: int) -> NDArray[np.float64]:
    """Linear weights (nodes every `step` pixels, projection nodes); both meshes have the same margin, in nodes."""
    known = np.arange(-_MARGIN, side // _PROJECTION_STEP + 1 + _MARGIN) * _PROJECTION_STEP
    return _linear_matrix(step, side, known)


@lru_cache(maxsize=32)
def _refine_matrix(wide: int, step: int, side: int) -> NDArray[np.float64]:
    """Linear weights (nodes every `step` pixels, places every `wide` pixels); the margin runs on straight."""
    return _linear_matrix(step, side, np.arange(side // wide + 1) * wide)


def _linear_matrix(step: int, side: int, known: NDArray[np.int64]) -> NDArray[np.float64]:
    nodes = np.arange(side // step + 1 + 2 * _MARGIN)
    pixels = (nodes - _MARGIN) * step
    first = np.clip(np.searchsorted(known, pixels, side="right") - 1, 0, known.size - 2)
    share = (pixels - known[first]) / (known[1] - known[0])
    matrix = np.zeros((nodes.size, known.size))
    matrix[nodes, first] = 1.0 - share
    matrix[nodes, first + 1] = share
    return matrix


_Projected = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@lru_cache(maxsize=1024)
def _projected(square: Square) -> _Projected:
    """Longitude, latitude and world coordinates of nodes every 64 pixels, 6 kB."""
    nodes = np.arange(-_MARGIN, square.side // _PROJECTION_STEP + 1 + _MARGIN) * _PROJECTION_STEP
    lon, lat = square.lonlat_at(nodes, nodes)
    return lon, lat, *world(lon, np.clip(lat, -_MERCATOR_END, _MERCATOR_END))
