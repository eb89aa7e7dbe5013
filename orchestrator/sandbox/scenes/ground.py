"""
Squares of the ground: where the pixels of a UTM zone lie on the globe.

A square is SQUARE × SQUARE pixels, anchored to the zone's own coordinates and never to a window or a tile.
All fields are computed for whole squares, so that a pixel has the same value whatever window asks for it.
Axis order is (row, col); rows go south.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from orchestrator.sandbox.scenes.noise import WORLD_METRES, catmull_rom, upsample

SQUARE = 512
# Node distance of the exact map projection. Between nodes the world coordinates are interpolated: at 10 m
# pixels (640 m) the error is below a centimetre per tan(latitude).
_PROJECTION_STEP = 64


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

    All arrays are (row, col) of shape (SQUARE / step + 1 + 2 * margin) squared.
    """

    step: int
    margin: int
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def spread(self, field: NDArray[np.floating], offset: float) -> NDArray[np.float32]:
        """Interpolate a field on the nodes to the (SQUARE, SQUARE) pixels."""
        return upsample(field, SQUARE, self.step, self.margin, offset)

    def carry(self, field: NDArray[np.floating], fine: Mesh) -> NDArray[np.float64]:
        """Interpolate a field on the nodes to those of a mesh of the same square with a smaller step."""
        if fine.step == self.step:
            return np.asarray(field, np.float64)
        matrix = _carry_matrix(self.step, fine.step, fine.margin)
        return _both_ways(matrix, field)


@dataclass(frozen=True)
class Square:
    """
    A square of ground.

    Attributes:
        epsg: UTM zone, 326zz or 327zz.
        spacing: Distance of pixels in metres.
        phase_x: Easting of any pixel's west edge modulo `spacing`.
        phase_y: Northing of any pixel's north edge modulo `spacing`, downward.
        row: Square index southward: pixel row `row * SQUARE` is its first.
        col: Square index eastward.
        offset: Where in a pixel its value is taken: 0.5 is the centre.
    """

    epsg: int
    spacing: int
    phase_x: int
    phase_y: int
    row: int
    col: int
    offset: float = 0.5

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
        return float(self.phase_x + self.col * SQUARE * self.spacing)

    @property
    def north(self) -> float:
        return float(-(self.phase_y + self.row * SQUARE * self.spacing))

    def mesh_within(self, metres: int) -> Mesh:
        """Nodes at most `metres` apart, but not closer than pixels; only powers of two divide a square."""
        return self.mesh(min(_PROJECTION_STEP, 1 << max(0, (metres // self.spacing).bit_length() - 1)))

    def mesh(self, step: int, margin: int = 2) -> Mesh:
        """Nodes every `step` pixels; world coordinates interpolated from the exact ones every 64 pixels."""
        lon, lat, x, y = self._projection
        if step == _PROJECTION_STEP:
            return Mesh(step, 2, lon, lat, x, y)
        count = SQUARE // step + 1 + 2 * margin
        matrix = _mesh_matrix(count, step, margin)
        return Mesh(step, margin, *(_both_ways(matrix, field) for field in (lon, lat, x, y)))

    @cached_property
    def _projection(self) -> tuple[NDArray[np.float64], ...]:
        nodes = np.arange(-2, SQUARE // _PROJECTION_STEP + 3) * _PROJECTION_STEP * self.spacing
        easting, northing = np.meshgrid(self.west + nodes, self.north - nodes)
        lon, lat = lonlat(self.epsg, easting, northing)
        return (lon, lat, *world(lon, lat))

    def pixels(self) -> tuple[NDArray[np.float32], NDArray[np.float32], float, float]:
        """
        World position of each pixel as metres from an anchor.

        Returns:
            East and south offsets in Mercator metres (SQUARE, SQUARE), and the anchor's world x and y.
        """
        mesh = self.mesh(_PROJECTION_STEP)
        anchor_x, anchor_y = float(mesh.x[2, 2]), float(mesh.y[2, 2])
        east = mesh.spread((mesh.x - anchor_x) * WORLD_METRES, self.offset)
        south = mesh.spread((mesh.y - anchor_y) * WORLD_METRES, self.offset)
        return east, south, anchor_x, anchor_y


def _both_ways(matrix: NDArray[np.float64], field: NDArray[np.floating]) -> NDArray[np.float64]:
    """Weight rows, then columns. Not by a matrix product, whose threads would fight over the cores."""
    return np.asarray(np.einsum("ik,jk->ij", np.einsum("ij,jk->ik", matrix, field), matrix), np.float64)


@lru_cache(maxsize=16)
def _carry_matrix(wide: int, fine: int, margin: int) -> NDArray[np.float64]:
    """Catmull-Rom weights (fine nodes, wide nodes); both meshes have the same margin, in nodes."""
    count, nodes = SQUARE // wide + 1 + 2 * margin, np.arange(SQUARE // fine + 1 + 2 * margin)
    position = margin + (nodes - margin) * fine / wide
    first = np.floor(position).astype(int)
    matrix = np.zeros((nodes.size, count))
    for tap, weights in enumerate(catmull_rom(position - first), start=-1):
        # Beyond the last node weights are 0.
        matrix[nodes, np.clip(first + tap, 0, count - 1)] += weights
    return matrix


@lru_cache(maxsize=16)
def _mesh_matrix(count: int, step: int, margin: int) -> NDArray[np.float64]:
    """Linear weights (count, projection nodes); the margin of the mesh lies inside that of the projection."""
    position = 2.0 + (np.arange(count) - margin) * step / _PROJECTION_STEP
    first = np.floor(position).astype(int)
    matrix = np.zeros((count, SQUARE // _PROJECTION_STEP + 5))
    matrix[np.arange(count), first] = 1.0 - (position - first)
    matrix[np.arange(count), np.minimum(first + 1, matrix.shape[1] - 1)] += position - first
    return matrix
