"""Images as features: connected pixels of one value become polygons, boxes or points."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
import rasterio.features
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate import sphere
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.reducer import reduced
from orchestrator.sandbox.earthengine.evaluate.functions.reducer_counts import EVERY
from orchestrator.sandbox.earthengine.evaluate.functions.region import affordable, within
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.pixels import region_grid, strips, working_projection
from orchestrator.sandbox.earthengine.evaluate.projection import DEFAULT_PROJECTION, Grid, Projection
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import INDEX, Collection, Feature, Image

_NAME = "Image.reduceToVectors"
_KINDS = ("polygon", "bb", "centroid")
_EIGHT = np.ones((3, 3), np.int8)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is asked of each segment: its shape, its label, its reduction, and where its geometry lies."""

    kind: str
    eight: bool
    label: str | None
    reducer: Reducer | None
    native: bool


@function("Image.reduceToVectors")
def reduce_to_vectors(
    image: Image,
    reducer: Reducer | None,
    region: Geometry | None,
    scale: float | None,
    kind: str,
    eight: bool,
    label: str | None,
    crs: Projection | None,
    transform: list[Any] | None,
    best_effort: bool,
    most: int,
    tile_scale: float,
    native: bool,
) -> Collection:
    """
    Make a feature of each group of connected valid pixels with one value in the first band.

    Without a reducer, `count` is the number of its pixels.
    """
    del tile_scale
    reducer = None if reducer is EVERY else reducer  # which is the default
    _check(image, reducer, kind)
    place = within(_NAME, image, region)
    lattice = working_projection(_NAME, image, crs, transform, scale)
    grid = region_grid(place, affordable(_NAME, place, lattice, most, best_effort=best_effort))
    order = _Order(kind, eight, label, reducer, native)
    return Collection(lambda: _features(image, place, grid, order), kind="FeatureCollection")


def _check(image: Image, reducer: Reducer | None, kind: str) -> None:
    if kind not in _KINDS:
        raise EvaluationError(f"{_NAME}: Invalid geometry type '{kind}': one of {', '.join(_KINDS)}.")
    if image.bands[0].type.precision != "int":
        raise EvaluationError(
            f"{_NAME}: The first band must be of an integer type, found {image.bands[0].type.precision}."
        )
    inputs = len(image.bands) - 1
    if reducer is None or reducer.inputs == inputs:
        return
    if reducer.inputs == 1 and inputs > 1:
        raise not_imitated(f"{_NAME}: a reducer that is repeated for several bands")
    raise EvaluationError(f"{_NAME}: The reducer has {reducer.inputs} inputs, but the image has {inputs} bands for it.")


def _features(image: Image, place: Geometry, grid: Grid, order: _Order) -> Iterator[Feature]:
    values, valid = _read(image, place, grid)
    numbers = _segments(values[0], valid[0], eight=order.eight)
    shapes = _shapes(numbers, grid)
    for number, where in enumerate(_pixels(numbers), start=1):
        properties: dict[str, Any] = {INDEX: str(number - 1)}
        if order.label is not None:
            properties[order.label] = values[0][where][0].item()
        properties |= _reduction(order.reducer, values[1:], valid[1:], where)
        yield Feature(_geometry(shapes.get(number), where, grid, order), properties)


def _read(image: Image, place: Geometry, grid: Grid) -> tuple[list[NDArray[Any]], list[NDArray[np.bool_]]]:
    """Read the pixels whose centre lies in a place, each band as (height, width)."""
    values: list[Any] = [None] * len(image.bands)
    valid = [np.zeros(grid.shape, np.bool_) for _ in image.bands]
    for strip in strips(image, place, grid):
        rows = slice(strip.grid.row - grid.row, strip.grid.row - grid.row + strip.grid.height)
        for at, (pixels, seen) in enumerate(zip(strip.values, strip.valid, strict=True)):
            if values[at] is None:
                values[at] = np.zeros(grid.shape, pixels.dtype)
            values[at][rows], valid[at][rows] = pixels, seen & strip.inside
    return [np.zeros(grid.shape) if each is None else each for each in values], valid


def _segments(labels: NDArray[Any], valid: NDArray[np.bool_], *, eight: bool) -> NDArray[np.int32]:
    """Number groups of connected pixels of one value from 1, in the order of their first pixels; 0 is none."""
    from scipy import ndimage  # noqa: PLC0415 - only where pixels are made into features

    found = np.zeros(labels.shape, np.int32)
    for value in np.unique(labels[valid]):
        groups, _ = ndimage.label(valid & (labels == value), _EIGHT if eight else None)
        found[groups > 0] = groups[groups > 0] + found.max()
    _, first = np.unique(found[found > 0], return_index=True)
    renumbered = np.zeros(len(first) + 1, np.int32)
    renumbered[np.argsort(first) + 1] = np.arange(1, len(first) + 1)
    return renumbered[found]


def _pixels(numbers: NDArray[np.int32]) -> Iterator[tuple[Any, Any]]:
    """Yield the rows and columns of each group, by its number."""
    flat = numbers.ravel()
    order = np.argsort(flat, kind="stable")
    ends = np.cumsum(np.bincount(flat))
    for start, end in itertools.pairwise(ends):
        yield np.divmod(order[start:end], numbers.shape[1])


def _shapes(numbers: NDArray[np.int32], grid: Grid) -> dict[int, BaseGeometry]:
    """Give the outline of each group, in pixels of the lattice; what only touches at corners is several polygons."""
    frame = rasterio.Affine(1, 0, grid.col, 0, 1, grid.row)
    parts: dict[int, list[BaseGeometry]] = {}
    for shape, number in rasterio.features.shapes(numbers, numbers > 0, 4, frame):
        shell, *holes = shape["coordinates"]
        parts.setdefault(int(number), []).append(shapely.Polygon(shell, holes))
    return {number: shapely.union_all(each) if len(each) > 1 else each[0] for number, each in parts.items()}


def _reduction(
    reducer: Reducer | None, values: list[NDArray[Any]], valid: list[NDArray[np.bool_]], where: tuple[Any, Any]
) -> dict[str, Any]:
    if reducer is None:
        return {"count": len(where[0])}
    seen = np.logical_and.reduce([mask[where] for mask in valid])
    columns = [pixels[where][seen] for pixels in values]
    return dict(zip(reducer.outputs, reduced(_NAME, reducer, Inputs.of(*columns)), strict=True))


def _geometry(shape: BaseGeometry | None, where: tuple[Any, Any], grid: Grid, order: _Order) -> Geometry:
    rows, cols = where[0] + grid.row, where[1] + grid.col
    if order.kind == "centroid":
        shape = shapely.Point(cols.mean() + 0.5, rows.mean() + 0.5)
    elif order.kind == "bb":
        shape = shapely.box(cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
    assert shape is not None  # noqa: S101 - every group has an outline
    base = Projection(grid.crs)
    found = Geometry(grid.projection.shape_to_world(shape), base)
    if order.native or base == DEFAULT_PROJECTION:
        return found
    return Geometry(sphere.drawn(_NAME, found, 1.0))
