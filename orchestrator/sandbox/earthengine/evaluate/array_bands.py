"""
Bands whose pixels are arrays.

A function of arrays is written for a batch of equal shapes. Here it meets the pixels of tiles: all at once where they
have one shape, group by group where they do not. `tiles.Tile` tells how arrays lie in a tile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.arrays import Array, Batch, aligned, storage
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.fractions import with_fractions
from orchestrator.sandbox.earthengine.evaluate.images import common_support, default_band
from orchestrator.sandbox.earthengine.evaluate.nodes import Node, Pull
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Reducer
from orchestrator.sandbox.earthengine.evaluate.support import Support
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, assembled, both, empty
from orchestrator.sandbox.earthengine.evaluate.values import ImageBand
from orchestrator.sandbox.scenes.catalogue import PixelType

_SIDE = 128  # pixels of a window in which arrays become numbers again: so many arrays are kept at once

_OF_ARRAYS = frozenset({("first",), ("last",), ("list",), ("count",)})

Batched = Callable[..., Batch]


def over_pixels(function: Batched, tiles: Sequence[Tile]) -> Tile:
    """
    Apply a function of batches to the pixels that are masked in no tile.

    Args:
        function: From a batch per tile, all equally long, to a batch; arrays of several lengths as objects.
        tiles: Of one window, at least one.
    """
    if any(tile.weight is not None for tile in tiles):
        return with_fractions(lambda *whole: over_pixels(function, whole), tiles)
    shape = tiles[0].shape
    valid = tiles[0].valid
    for tile in tiles[1:]:
        valid = both(valid, tile.valid)
    if valid is None and all(tile.values.strides[:2] == (0, 0) for tile in tiles):
        one = compacted(_grouped(function, [_batch(tile, 1, None) for tile in tiles]))
        return Tile(np.broadcast_to(one[np.newaxis], (*shape, *one.shape[1:])))
    where = None if valid is None else np.flatnonzero(valid)
    count = shape[0] * shape[1] if where is None else len(where)
    if not count:
        return empty(shape, np.dtype(np.float64))
    found = compacted(_grouped(function, [_batch(tile, count, where) for tile in tiles]))
    if where is None:
        return Tile(found.reshape((*shape, *found.shape[1:])))
    whole = np.zeros((shape[0] * shape[1], *found.shape[1:]), found.dtype)
    whole[where] = found
    return Tile(whole.reshape((*shape, *found.shape[1:])), valid)


def _batch(tile: Tile, count: int, where: Any) -> Batch:
    """Give the chosen pixels as a batch."""
    values = tile.values
    if values.strides[:2] == (0, 0) and values.dtype != object:
        return np.broadcast_to(values[0, 0], (count, *values.shape[2:]))
    if count == 1 and where is None:
        return values[0, :1]
    flat = values.reshape((-1, *values.shape[2:]))
    return flat if where is None else flat[where]


def _grouped(function: Batched, batches: Sequence[Batch]) -> Batch:
    """Call a function once for each combination of shapes."""
    ragged = [batch for batch in batches if batch.dtype == object]
    if not ragged:
        return function(*batches)
    groups: defaultdict[Any, list[int]] = defaultdict(list)
    for at, arrays in enumerate(zip(*ragged, strict=True)):
        groups[tuple(array.shape for array in arrays)].append(at)
    parts = []
    for places in groups.values():
        chosen = np.asarray(places)
        stacks = [np.stack(list(each[chosen])) if each.dtype == object else each[chosen] for each in batches]
        parts.append((chosen, function(*stacks)))
    return scattered(parts, len(batches[0]))


def by_parameters(function: Callable[..., Batch], parameters: Batch, *batches: Batch) -> Batch:
    """
    Call a function once for each set of parameters.

    Args:
        function: From the parameters, a list of numbers or null for NaN, and the batches to a batch.
        parameters: (array, parameter).
        batches: What it is applied to.
    """
    found, at = np.unique(parameters.astype(np.float64), axis=0, return_inverse=True)
    at = at.reshape(-1)
    parts = []
    for number, row in enumerate(found):
        chosen = np.flatnonzero(at == number)
        given = [None if np.isnan(value) else value for value in row.tolist()]
        parts.append((chosen, function(given, *(batch[chosen] for batch in batches))))
    return scattered(parts, len(parameters))


def scattered(parts: Sequence[tuple[Any, Batch]], count: int) -> Batch:
    """Join the batches of parts of the pixels."""
    if len(parts) == 1 and len(parts[0][0]) == count:
        return parts[0][1]
    lengths = {batch.shape[1:] for _, batch in parts}
    ragged = len(lengths) > 1 or any(batch.dtype == object for _, batch in parts)
    dtype = np.dtype(object) if ragged else np.result_type(*(batch.dtype for _, batch in parts))
    whole = np.empty(count if ragged else (count, *lengths.pop()), dtype)
    for chosen, batch in parts:
        if ragged:
            for at, array in zip(chosen, batch, strict=True):
                whole[at] = array
        else:
            whole[chosen] = batch
    return whole


def compacted(batch: Batch) -> Batch:
    """Give arrays that turn out to be of one shape as a plain batch."""
    if batch.dtype != object or len({array.shape for array in batch}) > 1:
        return batch
    return np.stack(list(batch))


class ArrayNode(Node):
    """
    A function of arrays at one place.

    Where it gives numbers, a large window is computed in pieces, so that the arrays below it need not all be kept.
    """

    __slots__ = ("function", "numbers")

    def __init__(self, function: Batched, inputs: Sequence[Node], support: Support | None, *, numbers: bool) -> None:
        """Keep a function of batches, and whether it gives a number for each array."""
        super().__init__(inputs, support)
        self.function = function
        self.numbers = numbers

    def compute(self, pull: Pull, grid: Grid) -> Tile:
        if self.numbers:
            return in_pieces(self._whole, pull, grid)
        return self._whole(pull, grid)

    def _whole(self, pull: Pull, grid: Grid) -> Tile:
        return over_pixels(self.function, [pull.read(node, grid) for node in self.inputs])


def in_pieces(compute: Callable[[Pull, Grid], Tile], pull: Pull, grid: Grid) -> Tile:
    """Compute a window piece by piece; what a piece needs is forgotten with it."""
    if max(grid.shape) <= _SIDE:
        return compute(pull, grid)
    return assembled(grid, [(half, in_pieces(compute, pull.scope(), half)) for half in grid.halves()])


def array_band(
    name: str, function: Batched, kind: PixelType, *inputs: ImageBand, like: ImageBand | None = None
) -> ImageBand:
    """Make a band of a function of other bands' arrays, with the default projection of the first, or of `like`."""
    nodes = [band.node for band in inputs]
    apply = partial(_stored, function=function, dtype=storage(kind))
    node = ArrayNode(apply, nodes, common_support(*nodes), numbers=kind.dimensions == 0)
    return default_band(name, node, kind, like or inputs[0])


def _stored(*batches: Batch, function: Batched, dtype: np.dtype[Any]) -> Batch:
    """Bring results to their dtype; means of a pyramid of integers stay fractions."""
    found = function(*batches)
    if found.dtype in (object, dtype) or (found.dtype.kind == "f" and dtype.kind != "f"):
        return found
    return found.astype(dtype)


def elementwise(*batches: Batch, name: str, function: Callable[..., Batch]) -> Batch:
    """
    Apply a function to the elements of arrays of one shape, or of arrays and numbers.

    Raises:
        NotImitatedError: If a defined operand gives an undefined result.
    """
    operands = aligned(name, *batches)
    with np.errstate(all="ignore"):
        found = np.asarray(function(*operands))
    if found.dtype.kind == "f" and not np.isfinite(found).all() and all(np.isfinite(each).all() for each in operands):
        raise not_imitated(f"{name}: an undefined or infinite element of an array")
    return found


def cell(value: Any, kind: PixelType) -> Any:
    """Give a pixel as a value: a number, or an array."""
    return Array.of(value, kind) if kind.dimensions else value.item()


def reduced_arrays(name: str, reducer: Reducer, inputs: Inputs, kind: PixelType) -> list[Any]:
    """
    Reduce the pixels of an array band to one of them or to a list of them, or count them.

    Raises:
        NotImitatedError: If the reducer gives anything else: which reducers take arrays is not told for all.
    """
    if not reducer.arrays and reducer.outputs not in _OF_ARRAYS:
        raise not_imitated(f"{name}: the reducer of {', '.join(reducer.outputs)} of an array band")
    column = np.empty(len(inputs.columns[0]), object)
    for at, value in enumerate(inputs.columns[0]):
        column[at] = cell(value, kind)
    return reducer.scalars(Inputs((column,), inputs.weights, inputs.whole))


def expect_arrays(name: str, bands: Iterable[ImageBand], dimensions: int | None = None) -> None:
    """
    Refuse bands of numbers where arrays are needed, or arrays of other dimensions than wanted.

    Raises:
        EvaluationError: For the first such band.
    """
    for band in bands:
        if not band.type.dimensions or dimensions not in (None, band.type.dimensions):
            wanted = "arrays" if dimensions is None else f"arrays of {dimensions} dimensions"
            raise EvaluationError(
                f"{name}: Band '{band.name}' must hold {wanted}, found {band.type.dimensions} dimensions."
            )
