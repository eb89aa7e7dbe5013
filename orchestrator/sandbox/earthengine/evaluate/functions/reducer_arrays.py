"""Reducers that give arrays: regressions, histograms of fixed bins, covariances, and element by element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.array_reductions import reduced_kinds
from orchestrator.sandbox.earthengine.evaluate.arrays import Array, shaped
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.reducer import weighed
from orchestrator.sandbox.earthengine.evaluate.limits import within_limit
from orchestrator.sandbox.earthengine.evaluate.records import Stack, at_once, plane_by_plane
from orchestrator.sandbox.earthengine.evaluate.reducing import Inputs, Reducer, any_valid, not_for_images
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.scenes.catalogue import PixelType

_RANK = 1e-12  # relative; singular values below are rounding
_AT_ONCE = 16  # times as many buckets as one value may have, for all pixels of a tile


@function("Reducer.linearRegression")
def linear_regression(count_x: int, count_y: int) -> Reducer:
    """Give the weighted least squares coefficients (numX, numY) and the root mean square residuals (numY)."""
    within_limit("Reducer.linearRegression", count_x + count_y, "inputs")
    if count_x < 1 or count_y < 1:
        raise EvaluationError(f"Reducer.linearRegression: numX and numY must be positive, found {count_x}, {count_y}.")

    def statistic(columns: Sequence[Stack], weights: Stack) -> list[Any]:
        shares = np.where(np.isnan(columns[0]), 0, weights).T  # (place, record)
        x, y = (
            np.nan_to_num(np.stack(part, axis=-1)).swapaxes(0, 1) for part in (columns[:count_x], columns[count_x:])
        )
        found, fits = _least_squares(x, y, shares)
        off = (y - x @ found) ** 2 * shares[:, :, None]
        total = shares.sum(axis=1)[:, None]
        residuals = np.sqrt(np.divide(off.sum(axis=1), total, out=np.zeros((len(x), count_y)), where=total > 0))
        fits &= (shares > 0).sum(axis=1) > count_x
        return [np.where(fits[:, None, None], found, np.nan), np.where(fits[:, None], residuals, np.nan)]

    def kinds(kind: PixelType, count: int) -> list[PixelType]:
        del kind, count
        return [shaped(pixel_types.DOUBLE, 2), shaped(pixel_types.DOUBLE, 1)]

    what = "Reducer.linearRegression"
    return Reducer(
        ("coefficients", "residuals"),
        not_for_images,
        at_once(statistic, 2, heeds=True, what=what, pairs=False),
        kinds,
        (True,) * (count_x + count_y),
        many=plane_by_plane(statistic, 2, heeds=True, what=what),
        drops=True,
    )


def _least_squares(x: Any, y: Any, shares: Any) -> tuple[Any, Any]:
    """Solve (place, record, x) for (place, record, y); tell for each place whether there is one solution."""
    root = np.sqrt(shares)[:, :, None]
    u, sizes, v = np.linalg.svd(x * root, full_matrices=False)
    if sizes.shape[-1] < x.shape[-1]:
        return np.zeros((len(x), x.shape[-1], y.shape[-1])), np.zeros(len(x), np.bool_)
    fits = sizes[:, -1] > _RANK * np.maximum(sizes[:, 0], 1e-300)
    inverse = np.where(fits[:, None], 1 / np.where(sizes > 0, sizes, 1), 0)
    found = v.swapaxes(1, 2) @ (inverse[:, :, None] * (u.swapaxes(1, 2) @ (y * root)))
    return found, fits


@function("Reducer.fixedHistogram")
def fixed_histogram(low: float, high: float, steps: int, cumulative: bool) -> Reducer:
    """Give the lower edge and the weight of each of some bins of equal width; what lies outside is ignored."""
    if steps < 1 or not low < high:
        raise EvaluationError(f"Reducer.fixedHistogram: Cannot divide [{low}, {high}) into {steps} buckets.")
    within_limit("Reducer.fixedHistogram", steps, "buckets")
    edges = low + np.arange(steps) * ((high - low) / steps)

    def bins(values: Any) -> Any:
        found: Any = np.searchsorted(edges, values, side="right") - 1
        return np.where((values >= low) & (values < high), found, -1)

    def scalars(inputs: Inputs) -> list[Any]:
        values, weights = weighed(inputs)
        if not len(values):
            return [None]
        at: Any = bins(np.asarray(values, np.float64))
        counts = np.bincount(at[at >= 0], weights=weights[at >= 0], minlength=steps)
        return [Array.of(_table(edges, counts, cumulative=cumulative), pixel_types.DOUBLE)]

    def planes(tiles: Sequence[Tile], dtype: np.dtype[Any]) -> list[Tile]:
        del dtype
        within_limit("Reducer.fixedHistogram", tiles[0].values.size * steps // _AT_ONCE, "buckets of all pixels")
        counts = np.zeros((*tiles[0].values.shape, steps))
        height, width = tiles[0].values.shape
        rows, cols = np.mgrid[0:height, 0:width]
        for tile in tiles:
            at = bins(tile.values)
            inside = (at >= 0) & (tile.weights() > 0)
            counts[rows[inside], cols[inside], at[inside]] += np.asarray(tile.weights(), np.float64)[inside]
        return [Tile(_table(edges, counts, cumulative=cumulative), any_valid(tiles))]

    def kinds(kind: PixelType, count: int) -> list[PixelType]:
        del kind, count
        return [shaped(pixel_types.DOUBLE, 2)]

    return Reducer(("histogram",), planes, scalars, kinds, (True,), weighing=planes)


def _table(edges: Any, counts: Any, *, cumulative: bool) -> Any:
    """Put edges beside counts (..., bin), as (..., bin, 2)."""
    shown = np.cumsum(counts, axis=-1) if cumulative else counts
    return np.stack([np.broadcast_to(edges, shown.shape), shown], axis=-1)


def _covariance(name: str, *, centred: bool) -> None:
    """Average the products of the elements of arrays, less those of their means unless they are centred."""

    def scalars(inputs: Inputs) -> list[Any]:
        arrays, weights = weighed(inputs)
        if not len(arrays):
            return [None]
        rows = _stacked(name, arrays)
        if rows.ndim != 2:
            raise EvaluationError(f"Reducer.{name}: Expected arrays of one dimension, found {rows.ndim - 1}.")
        off = rows if centred else rows - np.average(rows, axis=0, weights=weights)
        found = (off * weights[:, None]).T @ off / weights.sum()
        return [Array.of(found, pixel_types.DOUBLE)]

    def kinds(kind: PixelType, count: int) -> list[PixelType]:
        del kind, count
        return [shaped(pixel_types.DOUBLE, 2)]

    made = Reducer((name,), not_for_images, scalars, kinds, (True,), arrays=True)
    function(f"Reducer.{name}")(lambda: made)


def _stacked(name: str, arrays: Any) -> Any:
    """
    Stack arrays of one shape, (record, axis 0, axis 1, ...), as doubles.

    Raises:
        EvaluationError: If they are none, or of several shapes.
    """
    if not all(isinstance(each, Array) for each in arrays):
        raise EvaluationError(f"Reducer.{name}: Only arrays can be reduced.")
    shapes = {each.values.shape for each in arrays}
    if len(shapes) > 1:
        raise EvaluationError(f"Reducer.{name}: All arrays must have the same shape, found {sorted(shapes)}.")
    return np.stack([each.values for each in arrays]).astype(np.float64)


_covariance("covariance", centred=False)
_covariance("centeredCovariance", centred=True)


@function("Reducer.forEachElement")
def for_each_element(reducer: Reducer) -> Reducer:
    """Reduce each position of arrays of one shape for itself."""
    if reducer.inputs != 1:
        raise not_imitated("Reducer.forEachElement: a reducer of several inputs")

    def scalars(inputs: Inputs) -> list[Any]:
        (arrays,), (weights,) = inputs.columns, inputs.weights
        if not len(arrays):
            return [None] * len(reducer.outputs)
        rows = _stacked("forEachElement", arrays)
        flat = rows.reshape(len(rows), -1)
        found = [
            reducer.scalars(Inputs((np.ascontiguousarray(flat[:, at]),), (weights,), inputs.whole))
            for at in range(flat.shape[1])
        ]
        if not all(isinstance(value, (int, float, np.number)) for row in found for value in row):
            raise not_imitated("Reducer.forEachElement: results that are no numbers")
        kind = reduced_kinds(reducer, arrays[0].kind, len(arrays))
        return [
            Array.of(np.asarray([row[at] for row in found], np.float64).reshape(rows.shape[1:]), kind)
            for at in range(len(reducer.outputs))
        ]

    def kinds(kind: PixelType, count: int) -> list[PixelType]:
        del kind, count
        raise not_imitated("Reducer.forEachElement as an image")

    return Reducer(reducer.outputs, not_for_images, scalars, kinds, reducer.weighted, arrays=True)
