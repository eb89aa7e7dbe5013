"""
Where pixels live: a projection is a CRS with an affine transform, a grid is a window of whole pixels on it.

The transform (a, b, c, d, e, f) maps (col, row) of a pixel's corner to world (x, y): x = a*col + b*row + c,
y = d*col + e*row + f. World coordinates are always (x, y), longitude before latitude.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import pyproj.exceptions
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, shown
from orchestrator.sandbox.scenes.catalogue import Affine6

Floats = NDArray[np.floating[Any]]

WGS84 = "EPSG:4326"
METRES_PER_DEGREE = 6378137.0 * np.pi / 180  # on the equator of WGS 84: Earth Engine's nominal scale of 1 degree
_AFFINE = 6
_SNAP = 1e-6  # pixels; corners closer than this to a lattice line lie on it
_ROUND_PARTS = 64  # of a pixel: an origin on such a part of one is meant to be there
_ROUNDING = 1e-7  # pixels; more than the products of large numbers are off
# Names that Earth Engine knows and PROJ does not: MODIS's sinusoidal grid on a sphere (spatialreference.org).
_OTHER_NAMES = {"SR-ORG:6974": "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"}
_local = threading.local()


@lru_cache(maxsize=256)
def _metres_per_unit(crs: str) -> float:
    parsed = parse_crs(crs)
    if parsed.is_geographic:
        return float(METRES_PER_DEGREE)
    return float(parsed.axis_info[0].unit_conversion_factor) if parsed.axis_info else 1.0


@lru_cache(maxsize=256)
def parse_crs(crs: str) -> pyproj.CRS:
    """
    Parse `EPSG:n`, WKT or another name of a CRS.

    Raises:
        EvaluationError: If it is none.
    """
    try:
        return pyproj.CRS.from_user_input(standard_crs(crs))
    except pyproj.exceptions.CRSError:
        raise EvaluationError(f"Projection: The CRS of a map projection could not be parsed: '{crs}'.") from None


def standard_crs(crs: str) -> str:
    """Give a name of a CRS that other libraries know."""
    return _OTHER_NAMES.get(crs, crs)


def _transformer(source: str, target: str) -> Any:
    # Transformers are not safe to share between threads; each thread keeps its own few.
    cache: dict[tuple[str, str], Any] = _local.__dict__.setdefault("transformers", {})
    key = (source, target)
    if key not in cache:
        if len(cache) > 64:
            cache.clear()
        cache[key] = pyproj.Transformer.from_crs(parse_crs(source), parse_crs(target), always_xy=True)
    return cache[key]


def reproject_points(source: str, target: str, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Carry points from one CRS to another; a point that has no image becomes infinite."""
    if source == target:
        return x, y
    there: tuple[Floats, Floats] = _transformer(source, target).transform(x, y)
    return there


def reproject_shape(shape: BaseGeometry, source: str, target: str) -> BaseGeometry:
    """Carry a shape from one CRS to another, with long edges broken up so that they bend."""
    if source == target:
        return shape
    x0, y0, x1, y1 = shape.bounds
    longest = max(x1 - x0, y1 - y0) / 32
    dense = shapely.segmentize(shape, longest) if longest > 0 else shape

    def carry(points: Any) -> Any:
        x, y = reproject_points(source, target, points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    return shapely.transform(dense, carry)


def _whole(value: float) -> float:
    """Undo the rounding of a product that is meant to be whole: 20, never 19.999999999999996."""
    near = float(round(value))
    return near if abs(value - near) < 1e-9 * abs(value) else value


@dataclass(frozen=True, slots=True)
class Projection:
    """A CRS and the lattice of pixels on it."""

    crs: str
    transform: Affine6 = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    @property
    def is_axis_aligned(self) -> bool:
        return self.transform[1] == 0 and self.transform[3] == 0

    def nominal_scale(self) -> float:
        """Side of a pixel in metres, where the projection is true to scale."""
        a, b, _, d, e, _ = self.transform
        return float(np.sqrt(abs(a * e - b * d))) * _metres_per_unit(self.crs)

    def at_scale(self, metres: float) -> Projection:
        """Scale the pixels to `metres`, keeping the origin."""
        if not (math.isfinite(metres) and metres > 0):
            raise EvaluationError(f"Projection: The scale must be a positive number of metres, found {metres}.")
        factor = metres / self.nominal_scale()
        a, b, c, d, e, f = self.transform
        linear = [_whole(value * factor) for value in (a, b, d, e)]
        return Projection(self.crs, (linear[0], linear[1], c, linear[2], linear[3], f))

    def north_up(self) -> Projection:
        """Give the same lattice with rows counted from north to south, as files are written."""
        a, b, c, d, e, f = self.transform
        return Projection(self.crs, (a, b, c, d, -e, f)) if self.is_axis_aligned and e > 0 else self

    def anchor(self) -> tuple[Projection, int, int]:
        """
        Give the same lattice with its origin less than a pixel from (0, 0), and the (row, col) there of pixel (0, 0).

        However far apart two windows of one lattice begin, they have one anchor, so that what is computed from it is
        the same to the last bit: a pixel has one value whatever window it is asked in.
        """
        return _anchor(self)

    def coarsened(self, factor: int) -> Projection:
        """Merge `factor` x `factor` pixels into one, from the same origin."""
        a, b, c, d, e, f = self.transform
        return Projection(self.crs, (a * factor, b * factor, c, d * factor, e * factor, f))

    def world(self, cols: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """Carry pixel corners (col, row) to world (x, y)."""
        a, b, c, d, e, f = self.transform
        return a * cols + b * rows + c, d * cols + e * rows + f

    def pixel(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Carry world (x, y) to pixel corners (col, row)."""
        a, b, c, d, e, f = self.transform
        det = a * e - b * d
        dx, dy = x - c, y - f
        return (e * dx - b * dy) / det, (a * dy - d * dx) / det

    def shape_to_pixels(self, shape: BaseGeometry) -> BaseGeometry:
        """Carry a shape from world to pixel coordinates (col, row)."""
        return shapely.transform(shape, lambda points: np.column_stack(self.pixel(points[:, 0], points[:, 1])))

    def shape_to_world(self, shape: BaseGeometry) -> BaseGeometry:
        """Carry a shape from pixel coordinates (col, row) to world."""
        return shapely.transform(shape, lambda points: np.column_stack(self.world(points[:, 0], points[:, 1])))


@lru_cache(maxsize=4096)
def _anchor(lattice: Projection) -> tuple[Projection, int, int]:
    a, b, c, d, e, f = lattice.transform
    det = a * e - b * d
    if det == 0 or not np.isfinite(lattice.transform).all():
        return lattice, 0, 0
    (col, col_part), (row, row_part) = _split((e * c - b * f) / det), _split((a * f - d * c) / det)
    if col_part is None or row_part is None:
        origin = c - a * col - b * row, f - d * col - e * row
    else:
        origin = a * col_part + b * row_part, d * col_part + e * row_part
    return Projection(lattice.crs, (a, b, origin[0], d, e, origin[1])), row, col


def _split(pixels: float) -> tuple[int, float | None]:
    """Split into whole pixels and the rest, in 64ths; None if it is no such part."""
    whole = math.floor(pixels + _ROUNDING)
    part = round((pixels - whole) * _ROUND_PARTS) / _ROUND_PARTS
    return whole, part if abs(pixels - whole - part) < _ROUNDING else None


def checked_transform(values: Any) -> Affine6:
    """
    Give a transform (a, b, c, d, e, f) that can be undone.

    Raises:
        EvaluationError: If it has not six finite numbers, or maps the plane onto a line.
    """
    numbers = [float(value) for value in values if isinstance(value, (int, float))]
    if len(numbers) != len(values) or len(numbers) != _AFFINE or not np.isfinite(numbers).all():
        raise EvaluationError(f"Projection: The transform must be a list of 6 numbers, found: {shown(list(values))}.")
    a, b, c, d, e, f = numbers
    if a * e == b * d:
        raise EvaluationError(f"Projection: The transform {shown(numbers)} cannot be undone.")
    return a, b, c, d, e, f


# A composite of several projections has one degree of WGS 84 as its default.
DEFAULT_PROJECTION = Projection(WGS84)


@dataclass(frozen=True, slots=True)
class Grid:
    """A window of `height` x `width` whole pixels at (row, col) of a projection's lattice."""

    projection: Projection
    row: int
    col: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def crs(self) -> str:
        return self.projection.crs

    @property
    def transform(self) -> Affine6:
        """The affine transform of the window's own top left corner."""
        a, b, c, d, e, f = self.projection.transform
        return a, b, a * self.col + b * self.row + c, d, e, d * self.col + e * self.row + f

    def anchored(self) -> Grid:
        """Give the same window, numbered from the anchor of its lattice."""
        lattice, row, col = self.projection.anchor()
        return Grid(lattice, self.row + row, self.col + col, self.height, self.width)

    def on(self, lattice: Projection) -> Grid | None:
        """Give the same window numbered as `lattice` numbers it; None if that is another lattice."""
        if self.projection == lattice:
            return self
        if self.projection.crs != lattice.crs:
            return None
        own, row, col = self.projection.anchor()
        other, other_row, other_col = lattice.anchor()
        if own != other:
            return None
        return Grid(lattice, self.row + row - other_row, self.col + col - other_col, self.height, self.width)

    def padded(self, pixels: int) -> Grid:
        """Widen the window on every side."""
        extra = 2 * pixels
        return Grid(self.projection, self.row - pixels, self.col - pixels, self.height + extra, self.width + extra)

    def part(self, row: int, col: int, height: int, width: int) -> Grid:
        """Take the window at (row, col) of this window."""
        return Grid(self.projection, self.row + row, self.col + col, height, width)

    def halves(self) -> tuple[Grid, Grid]:
        """Cut across the longer side."""
        if self.height >= self.width:
            top = self.height // 2
            return self.part(0, 0, top, self.width), self.part(top, 0, self.height - top, self.width)
        left = self.width // 2
        return self.part(0, 0, self.height, left), self.part(0, left, self.height, self.width - left)

    def bounds(self) -> tuple[float, float, float, float]:
        """Give (x_min, y_min, x_max, y_max) of the window in world coordinates."""
        a, b, c, d, e, f = self.transform
        across, down = (0.0, a * self.width), (0.0, b * self.height)
        xs = [c + x + y for x in across for y in down]
        across, down = (0.0, d * self.width), (0.0, e * self.height)
        ys = [f + x + y for x in across for y in down]
        return min(xs), min(ys), max(xs), max(ys)

    def outline(self) -> BaseGeometry:
        """Give the window's rectangle in world coordinates."""
        box = shapely.box(self.col, self.row, self.col + self.width, self.row + self.height)
        return self.projection.shape_to_world(box)


def grid_around(projection: Projection, pixel_bounds: tuple[float, float, float, float]) -> Grid:
    """
    Give the smallest window of whole pixels around (col_min, row_min, col_max, row_max).

    Raises:
        EvaluationError: If the bounds are not finite.
    """
    if not np.isfinite(pixel_bounds).all():
        raise EvaluationError("Unable to transform geometry into requested projection.")
    col0, row0 = (int(np.floor(value + _SNAP)) for value in pixel_bounds[:2])
    col1, row1 = (int(np.ceil(value - _SNAP)) for value in pixel_bounds[2:])
    return Grid(projection, row0, col0, max(row1 - row0, 1), max(col1 - col0, 1))
