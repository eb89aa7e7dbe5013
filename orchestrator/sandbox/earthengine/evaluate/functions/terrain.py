"""Slope, aspect and hillshade of elevations in metres, from the four neighbours of each pixel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import default_band
from orchestrator.sandbox.earthengine.evaluate.nodes import NeighbourhoodNode
from orchestrator.sandbox.earthengine.evaluate.projection import (
    METRES_PER_DEGREE,
    WGS84,
    Floats,
    Grid,
    parse_crs,
    reproject_points,
)
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Mask, Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand
from orchestrator.sandbox.scenes.catalogue import PixelType

Measure = Callable[[Floats, Floats], NDArray[Any]]
_AZIMUTH, _ELEVATION = 270.0, 45.0  # degrees: where the light of `products` comes from


def _relief(band: ImageBand, name: str, measure: Measure, kind: PixelType) -> ImageBand:
    """Make a band of a function of the gradient: metres upward per metre to the east, and per metre to the north."""
    support = band.node.support.widened(1000.0) if band.node.support else None
    node = NeighbourhoodNode(partial(_measured, measure=measure), band.node, lambda _grid: 1, support)
    return default_band(name, node, kind, band)


def _measured(tile: Tile, grid: Grid, *, measure: Measure) -> Tile:
    heights = tile.values.astype(np.float64)
    across, down = _spacing(grid)
    east = (heights[1:-1, 2:] - heights[1:-1, :-2]) / (2 * across)
    north = (heights[2:, 1:-1] - heights[:-2, 1:-1]) / (2 * down)
    return Tile(measure(east, north), _surrounded(tile.valid))


def _surrounded(valid: Mask | None) -> Mask | None:
    """Tell which pixels are valid with all of their four neighbours."""
    if valid is None:
        return None
    beside = valid[1:-1, 2:] & valid[1:-1, :-2] & valid[2:, 1:-1] & valid[:-2, 1:-1]
    return np.asarray(valid[1:-1, 1:-1] & beside)


def _spacing(grid: Grid) -> tuple[Any, Any]:
    """
    Give the metres east per column and north per row, as numbers or as columns of a number per row.

    Degrees and the metres of Mercator's projections are measured on the sphere of Earth Engine's nominal scales.

    Raises:
        NotImitatedError: If the lattice is turned.
    """
    if not grid.projection.is_axis_aligned:
        raise not_imitated("Terrain on a lattice that is turned")
    a, _, _, _, e, _ = grid.projection.transform
    crs = parse_crs(grid.crs)
    if crs.is_geographic:
        return a * METRES_PER_DEGREE * _narrowing(grid), e * METRES_PER_DEGREE
    unit = grid.projection.nominal_scale() / np.sqrt(abs(a * e))
    operation = crs.coordinate_operation
    if operation is not None and "Mercator" in operation.method_name and "Transverse" not in operation.method_name:
        unit = unit * _narrowing(grid)
    return a * unit, e * unit


def _narrowing(grid: Grid) -> Floats:
    """Give the cosine of the latitude of each row, (height, 1)."""
    rows = np.arange(grid.row, grid.row + grid.height) + 0.5
    x, y = grid.projection.world(np.full(grid.height, grid.col + 0.5), rows)
    _, latitudes = reproject_points(grid.crs, WGS84, x, y)
    return np.asarray(np.cos(np.radians(latitudes)))[:, None]


def _slope(east: Floats, north: Floats) -> NDArray[np.float32]:
    return np.degrees(np.arctan(np.hypot(east, north))).astype(np.float32)


def _aspect(east: Floats, north: Floats) -> NDArray[np.float32]:
    """Give the direction downhill, clockwise from north; of a plain, 0."""
    downhill = np.degrees(np.arctan2(-east, -north)) % 360
    downhill[(east == 0) & (north == 0)] = 0.0
    found = downhill.astype(np.float32)
    return np.asarray(np.where(found >= 360, np.float32(0), found))


def _hillshade(east: Floats, north: Floats, *, azimuth: float, elevation: float) -> NDArray[np.uint8]:
    """Give 255 times the cosine between the light and the ground's normal, 0 where the light does not reach."""
    light, height = np.radians(azimuth), np.radians(elevation)
    towards = -east * np.sin(light) - north * np.cos(light)
    cosine = (np.sin(height) + np.cos(height) * towards) / np.sqrt(1 + east**2 + north**2)
    return np.asarray(np.clip(255 * cosine, 0, 255).astype(np.uint8))


def _elevation(name: str, image: Image) -> ImageBand:
    band = image.bands[0] if len(image.bands) == 1 else image.band("elevation")
    if band is None:
        raise EvaluationError(f"{name}: The input must have a single band or one named 'elevation': {image.names}.")
    return band


@function("Terrain.slope")
def slope(image: Image) -> Image:
    return image.with_bands([_relief(_elevation("Terrain.slope", image), "slope", _slope, pixel_types.FLOAT)])


@function("Terrain.aspect")
def aspect(image: Image) -> Image:
    return image.with_bands([_relief(_elevation("Terrain.aspect", image), "aspect", _aspect, pixel_types.FLOAT)])


@function("Terrain.hillshade")
def hillshade(image: Image, azimuth: float, elevation: float) -> Image:
    measure = partial(_hillshade, azimuth=azimuth, elevation=elevation)
    band = _elevation("Terrain.hillshade", image)
    return image.with_bands([_relief(band, "hillshade", measure, pixel_types.BYTE)])


@function("Terrain", "Terrain.products")
def products(image: Image) -> Image:
    """Add slope, aspect and hillshade to the image."""
    band = _elevation("Terrain.products", image)
    shade = partial(_hillshade, azimuth=_AZIMUTH, elevation=_ELEVATION)
    added = [
        _relief(band, "slope", _slope, pixel_types.FLOAT),
        _relief(band, "aspect", _aspect, pixel_types.FLOAT),
        _relief(band, "hillshade", shade, pixel_types.BYTE),
    ]
    return image.with_bands([*image.bands, *added])
