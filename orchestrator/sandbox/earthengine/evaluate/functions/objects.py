"""Objects: connected pixels of one value, counted and labelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import default_band
from orchestrator.sandbox.earthengine.evaluate.kernels import Kernel
from orchestrator.sandbox.earthengine.evaluate.nodes import NeighbourhoodNode, Node
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image
from orchestrator.sandbox.scenes.catalogue import PixelType

Integers = NDArray[np.int64]
Structure = NDArray[np.bool_]
_FOUR = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.bool_)
EIGHT = np.ones((3, 3), np.bool_)
# Labels are whole numbers of 31 bits, unique among objects less than this many rows and columns apart.
_APART = 46_340
_MOST = 1024  # pixels of an object (release notes of Earth Engine)


def objects_in(tile: Tile, structure: Structure) -> Integers:
    """Number the objects: one number for connected valid pixels of one value; each masked pixel has its own."""
    values, mask = tile.values, tile.mask()
    index = np.arange(values.size).reshape(values.shape)
    edges = [(index[:0, 0], index[:0, 0])]
    for row, col in np.argwhere(structure[1:]) - (0, 1):
        if row == 0 and col <= 0:
            continue  # each pair of neighbours once
        here, there = _overlap(values.shape, int(row), int(col))
        same = mask[here] & mask[there] & (values[here] == values[there])
        edges.append((index[here][same], index[there][same]))
    starts, ends = (np.concatenate(side) for side in zip(*edges, strict=True))
    # Not at the top: the sandbox starts faster without it.
    sparse, graphs = import_module("scipy.sparse"), import_module("scipy.sparse.csgraph")
    graph = sparse.coo_matrix((np.ones(starts.size, np.uint8), (starts, ends)), (values.size, values.size))
    _, numbers = graphs.connected_components(graph, directed=False)
    return np.asarray(numbers, np.int64).reshape(values.shape)


def _overlap(shape: tuple[int, ...], row: int, col: int) -> tuple[Any, Any]:
    """Give the pixels that have a neighbour `row` down and `col` across, and the neighbours."""
    height, width = shape
    down = slice(0, height - row), slice(row, height)
    across = slice(max(0, -col), width - max(0, col)), slice(max(0, col), width - max(0, -col))
    return (down[0], across[0]), (down[1], across[1])


def _reaching(source: Node, most: int, measure: Callable[[Tile, Grid], Tile]) -> Node:
    """Look as far as an object of `most` pixels can reach."""
    support = source.support.widened(most * 1000.0) if source.support else None
    return NeighbourhoodNode(measure, source, lambda _grid: most, support)


def inner_part(padded: NDArray[Any], reach: int) -> NDArray[Any]:
    return padded[reach : padded.shape[0] - reach, reach : padded.shape[1] - reach]


def expect_size(name: str, most: int) -> None:
    """Refuse objects larger than Earth Engine knows."""
    if not 1 <= most <= _MOST:
        raise EvaluationError(f"{name}: maxSize must be between 1 and {_MOST}, found {most}.")


@function("Image.connectedPixelCount")
def connected_pixel_count(image: Image, most: int, eight: bool) -> Image:
    """Give the number of pixels of the object that a pixel belongs to, at most `maxSize`, for each band alone."""
    expect_size("Image.connectedPixelCount", most)
    measure = partial(_counted, most=most, structure=EIGHT if eight else _FOUR)
    kind = PixelType("int", 0, most)
    return image.with_bands(replace(band, node=_reaching(band.node, most, measure), type=kind) for band in image.bands)


def _counted(tile: Tile, grid: Grid, *, most: int, structure: Structure) -> Tile:
    del grid
    numbers = objects_in(tile, structure)
    sizes = np.minimum(np.bincount(numbers.ravel()), most)
    found = sizes[inner_part(numbers, most)].astype(pixel_types.dtype_of(PixelType("int", 0, most)))
    return Tile(found, None if tile.valid is None else inner_part(tile.valid, most))


@function("Image.connectedComponents")
def connected_components(image: Image, connectedness: Kernel, most: int) -> Image:
    """Add a band `labels` with a number for each object of the first band; larger objects are masked in all bands."""
    expect_size("Image.connectedComponents", most)
    if not image.bands:
        raise EvaluationError("Image.connectedComponents: The image has no bands.")
    measure = partial(_labelled, most=most, kernel=connectedness)
    first = image.bands[0]
    labels = _reaching(first.node, most, measure)
    kind = PixelType("int", 0, _APART**2)
    return image.with_bands([*image.bands, default_band("labels", labels, kind, first)])


def _structure(kernel: Kernel, grid: Grid) -> Structure:
    weights = kernel.weights(grid)
    if weights.reach != 1:
        raise not_imitated("Image.connectedComponents with a kernel that reaches other than to the next pixel")
    near = weights.centred(1) != 0
    near[1, 1] = True
    if not (near == near[::-1, ::-1]).all():
        raise not_imitated("Image.connectedComponents with a kernel that is not symmetric")
    return np.asarray(near)


def _labelled(tile: Tile, grid: Grid, *, most: int, kernel: Kernel) -> Tile:
    """An object's number is the place of its first pixel, so that every window gives it the same."""
    numbers = objects_in(tile, _structure(kernel, grid))
    sizes, flat = np.bincount(numbers.ravel()), numbers.ravel()
    first = np.empty(sizes.size, np.int64)
    first[flat[::-1]] = np.arange(flat.size)[::-1]  # of several pixels the last written stays: the first one
    width = tile.values.shape[1]
    row, col = first // width + grid.row - most, first % width + grid.col - most
    labels = (row % _APART * _APART + col % _APART)[inner_part(numbers, most)]
    small = (sizes <= most)[inner_part(numbers, most)]
    return Tile(labels.astype(np.int32), small & inner_part(tile.mask(), most))
