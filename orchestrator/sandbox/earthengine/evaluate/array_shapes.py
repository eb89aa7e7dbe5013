"""Arrays put together, taken apart and turned: functions of batches, whose first axis counts arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.arrays import Batch, checked_axis, checked_size, whole_numbers
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated


def widened(name: str, batch: Batch, axis: int) -> Batch:
    """
    Give an array the axis that comes after its last, with length 1, if it is that one that is asked for.

    Raises:
        EvaluationError: If the axis lies beyond.
    """
    dimensions = batch.ndim - 1
    if axis == dimensions:
        return batch[..., np.newaxis]
    checked_axis(name, axis, dimensions)
    return batch


def joined(name: str, batches: Sequence[Batch], axis: int) -> Batch:
    """
    Concatenate along an axis, or along the one after the last.

    Raises:
        EvaluationError: If the shapes differ elsewhere.
    """
    wide = [widened(name, batch, axis) for batch in batches]
    others = {(*batch.shape[1 : axis + 1], *batch.shape[axis + 2 :]) for batch in wide}
    if len(others) > 1:
        raise EvaluationError(f"{name}: Array arguments must have same length along all axes but {axis}.")
    count = max(len(batch) for batch in wide)
    return np.concatenate([np.broadcast_to(batch, (count, *batch.shape[1:])) for batch in wide], axis + 1)


def sliced(name: str, batch: Batch, axis: int, start: int | None, end: int | None, step: int) -> Batch:
    """Take the positions at whole multiples of `step` from `start` up to `end` that exist; negative ones count back."""
    checked_axis(name, axis, batch.ndim - 1)
    if step < 1:
        raise EvaluationError(f"{name}: The step must be positive, found {step}.")
    length = batch.shape[axis + 1]
    first = 0 if start is None else start if start >= 0 else length + start
    last = length if end is None else end if end >= 0 else length + end
    if first < 0:
        first += -(first // step) * step  # the multiples that exist
    return batch.take(np.arange(first, max(first, min(last, length)), step), axis + 1)


def repeated(name: str, batch: Batch, axis: int, copies: int) -> Batch:
    """Put copies one after the other along an axis, or along the one after the last."""
    if copies < 1:
        raise not_imitated(f"{name}: {copies} copies")
    wide = widened(name, batch, axis)
    checked_size(name, copies, *wide.shape[1:])
    return np.concatenate([wide] * copies, axis + 1)


def reshaped(name: str, batch: Batch, lengths: Sequence[int]) -> Batch:
    """
    Fill another shape, the last axis fastest; one length may be -1, which is computed.

    Raises:
        EvaluationError: If the sizes do not fit.
    """
    lengths = whole_numbers(name, lengths)
    size = int(np.prod(batch.shape[1:]))
    known = int(np.prod([length for length in lengths if length != -1]))
    free = lengths.count(-1)
    fits = known > 0 and size % known == 0 if free == 1 else not free and known == size
    if min(lengths, default=0) < -1 or not fits:
        raise EvaluationError(f"{name}: Cannot reshape an array of {size} elements to {lengths}.")
    filled = [size // known if length == -1 else length for length in lengths]
    return batch.reshape((len(batch), *filled))


def transposed(name: str, batch: Batch, first: int, second: int) -> Batch:
    """Swap two axes."""
    for axis in (first, second):
        checked_axis(name, axis, batch.ndim - 1)
    return np.swapaxes(batch, first + 1, second + 1)


def projected(name: str, batch: Batch, axes: Sequence[int]) -> Batch:
    """
    Keep the named axes; the others, of length 1, go.

    Raises:
        EvaluationError: If another axis is longer.
    """
    kept = [checked_axis(name, axis, batch.ndim - 1) for axis in whole_numbers(name, axes)]
    if kept != sorted(set(kept)):
        raise not_imitated(f"{name}: axes in another than their natural order")
    dropped = [axis for axis in range(batch.ndim - 1) if axis not in kept]
    if any(batch.shape[axis + 1] == 0 for axis in dropped):
        raise not_imitated(f"{name}: dropping an axis without elements")
    if any(batch.shape[axis + 1] != 1 for axis in dropped):
        raise EvaluationError(f"{name}: Dropped axes must have length 1, found lengths {list(batch.shape[1:])}.")
    return np.squeeze(batch, tuple(axis + 1 for axis in dropped))


def padded(name: str, batch: Batch, lengths: Sequence[int], pad: float) -> Batch:
    """Append a value along each axis up to a length; an axis that is long enough stays."""
    if len(lengths) != batch.ndim - 1:
        raise EvaluationError(f"{name}: Expected {batch.ndim - 1} lengths, found {len(lengths)}.")
    if batch.dtype.kind != "f" and not float(pad).is_integer():
        raise not_imitated(f"{name}: a fraction in an array of integers")
    longer = [max(want, have) for want, have in zip(whole_numbers(name, lengths), batch.shape[1:], strict=True)]
    checked_size(name, *longer)
    widths = [(0, want - have) for want, have in zip(longer, batch.shape[1:], strict=True)]
    return np.pad(batch, [(0, 0), *widths], constant_values=pad)


def picked(name: str, batch: Batch, position: Sequence[int]) -> Batch:
    """
    Give the element at a position of each array.

    Raises:
        EvaluationError: If there is none.
    """
    place = whole_numbers(name, position)
    if len(place) != batch.ndim - 1:
        raise EvaluationError(f"{name}: Expected {batch.ndim - 1} coordinates, found {len(place)}.")
    if any(not 0 <= at < length for at, length in zip(place, batch.shape[1:], strict=True)):
        raise EvaluationError(f"{name}: Position {place} is outside of an array of {list(batch.shape[1:])}.")
    for at in place:
        batch = batch[:, at]
    return batch


def cut(name: str, batch: Batch, position: Sequence[int]) -> Batch:
    """Take one position of each axis, or of an axis with -1 all; every axis stays."""
    if len(position) != batch.ndim - 1:
        raise EvaluationError(f"{name}: Expected {batch.ndim - 1} positions, found {len(position)}.")
    for axis, at in enumerate(whole_numbers(name, position)):
        if at == -1:
            continue
        if not 0 <= at < batch.shape[axis + 1]:
            raise EvaluationError(f"{name}: Position {at} is outside of axis {axis}.")
        batch = batch.take([at], axis + 1)
    return batch


def many_axis(name: str, keys: Batch, batch: Batch) -> int:
    """
    Give the only axis along which keys or masks vary.

    Raises:
        EvaluationError: If they vary along several, or do not fit the arrays.
    """
    lengths = keys.shape[1:]
    if keys.ndim != batch.ndim:
        raise not_imitated(f"{name}: arguments of different dimensions")
    long = [axis for axis, length in enumerate(lengths) if length != 1]
    if len(long) > 1:
        raise EvaluationError(f"{name}: Only one axis may have several elements, found lengths {list(lengths)}.")
    if not long:
        long = [axis for axis, length in enumerate(batch.shape[1:]) if length == 1][:1]
    if not long or lengths[long[0]] != batch.shape[long[0] + 1]:
        raise EvaluationError(
            f"{name}: Lengths {list(lengths)} do not fit an array of lengths {list(batch.shape[1:])}."
        )
    return long[0]


def masked(name: str, batch: Batch, mask: Batch) -> Batch:
    """Keep the positions along an axis where the mask is not zero: arrays of several lengths, as objects."""
    axis = many_axis(name, mask, batch)
    count = max(len(batch), len(mask))
    batch, mask = (np.broadcast_to(each, (count, *each.shape[1:])) for each in (batch, mask))
    kept = mask.reshape(count, mask.shape[axis + 1]) != 0
    if batch.ndim > 2 and batch[0].size == 1 and not kept.all():
        raise not_imitated(f"{name}: along which axis the only element of a matrix goes")
    found = np.empty(count, object)
    patterns, at = np.unique(kept, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        chosen = np.flatnonzero(at.reshape(-1) == number)
        for place, array in zip(chosen, np.compress(pattern, batch[chosen], axis + 1), strict=True):
            found[place] = array
    return found


def ordered(name: str, batch: Batch, keys: Batch | None, *, ties: bool = False) -> Batch:
    """
    Sort along the axis in which the keys vary, or of a vector by its own values; `ties` keep their order.

    Raises:
        NotImitatedError: If equal keys leave the order of different elements open without `ties`, or a key is NaN.
    """
    key = batch if keys is None else keys
    axis = many_axis(name, key, batch)
    flat = key.reshape(len(key), key.shape[axis + 1])
    if flat.dtype.kind == "f" and np.isnan(flat).any():
        raise not_imitated(f"{name}: NaN among the keys")
    order = np.argsort(flat, axis=1, kind="stable")
    count = max(len(batch), len(key))
    wide = np.broadcast_to(batch, (count, *batch.shape[1:]))
    columns = [1] * batch.ndim
    columns[0], columns[axis + 1] = len(order), order.shape[1]
    found = np.take_along_axis(wide, np.broadcast_to(order.reshape(columns), wide.shape), axis + 1)
    if keys is not None and not ties:
        ranked = np.take_along_axis(flat, order, 1)
        tied = ranked[:, 1:] == ranked[:, :-1]
        if tied.any() and _differ(found, axis, tied):
            raise not_imitated(f"{name}: the order of different elements with equal keys")
    return found


def _differ(found: Batch, axis: int, tied: Batch) -> bool:
    """Tell whether neighbours along an axis differ where they are tied, (array, pair)."""
    moved = np.moveaxis(found, axis + 1, 1)
    unlike = (moved[:, 1:] != moved[:, :-1]).reshape(len(moved), moved.shape[1] - 1, -1).any(axis=2)
    return bool((unlike & tied).any())


def first_highest(batch: Batch) -> Batch:
    """Give the position of the highest element, the first of equals, in row order: (array, axis)."""
    flat = batch.reshape(len(batch), -1).argmax(axis=1)
    return np.stack(np.unravel_index(flat, batch.shape[1:]), axis=1)
