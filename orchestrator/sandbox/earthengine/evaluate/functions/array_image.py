"""Array images: bands of numbers put into arrays, arrays turned and cut pixel by pixel, and back to numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import array_shapes as shapes
from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.array_bands import (
    array_band,
    by_parameters,
    expect_arrays,
)
from orchestrator.sandbox.earthengine.evaluate.array_reductions import accumulated, reduced
from orchestrator.sandbox.earthengine.evaluate.arrays import INT64, Batch, checked_axis, shaped, whole_numbers
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import paired
from orchestrator.sandbox.earthengine.evaluate.nodes import ConstantNode, Node, PointwiseNode
from orchestrator.sandbox.earthengine.evaluate.reducing import Reducer
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand
from orchestrator.sandbox.scenes.catalogue import PixelType

LENGTH = PixelType("int", 0, 2**31 - 1)
Kinds = Callable[[PixelType], PixelType]


def each_band(name: str, image: Image, apply: Callable[[Batch], Batch], kind: Kinds) -> Image:
    """Apply a function of batches to each band of arrays."""
    expect_arrays(name, image.bands)
    return image.with_bands(array_band(band.name, apply, kind(band.type), band) for band in image.bands)


def pairs(name: str, left: Image, right: Image) -> Iterator[tuple[ImageBand, ImageBand, str]]:
    """Match the bands of two operands, all of arrays."""
    for image in (left, right):
        expect_arrays(name, image.bands)
    return paired(name, left, right)


@function("Image.toArray")
def to_array(image: Image, axis: int) -> Image:
    """Put all bands into one of arrays, named `array`."""
    if not image.bands:
        raise EvaluationError("Image.toArray: The image has no bands.")
    dimensions = _common_dimensions("Image.toArray", image.bands, axis)
    kind = shaped(pixel_types.union(band.type for band in image.bands), max(dimensions, axis + 1))
    join = partial(_joined, name="Image.toArray", axis=axis)
    return image.with_bands([array_band("array", join, kind, *image.bands)])


def _joined(*batches: Batch, name: str, axis: int) -> Batch:
    return shapes.joined(name, batches, axis)


def _common_dimensions(name: str, bands: Sequence[ImageBand], axis: int) -> int:
    dimensions = {band.type.dimensions for band in bands}
    if len(dimensions) > 1:
        raise EvaluationError(f"{name}: All bands must have the same dimensions, found {sorted(dimensions)}.")
    (found,) = dimensions
    if not 0 <= axis <= found:
        raise EvaluationError(f"{name}: The axis must be between 0 and {found}, found {axis}.")
    return found


@function("Image.arrayCat")
def cat(left: Image, right: Image, axis: int) -> Image:
    name = "Image.arrayCat"
    bands = []
    for first, second, label in pairs(name, left, right):
        dimensions = _common_dimensions(name, (first, second), axis)
        kind = shaped(pixel_types.union((first.type, second.type)), max(dimensions, axis + 1))
        bands.append(array_band(label, partial(_joined, name=name, axis=axis), kind, first, second))
    return left.with_bands(bands)


@function("Image.arrayRepeat")
def repeat(image: Image, axis: int, copies: Image) -> Image:
    name = "Image.arrayRepeat"
    expect_arrays(name, image.bands)

    def apply(batch: Batch, counts: Batch) -> Batch:
        return by_parameters(
            lambda given, part: shapes.repeated(name, part, axis, *whole_numbers(name, given)),
            counts.reshape(-1, 1),
            batch,
        )

    return image.with_bands(
        array_band(label, apply, shaped(band.type, max(band.type.dimensions, axis + 1)), band, count)
        for band, count, label in paired(name, image, copies)
    )


@function("Image.arrayReshape")
def reshape(image: Image, lengths: Image, dimensions: int) -> Image:
    name = "Image.arrayReshape"
    expect_arrays(name, image.bands)
    expect_arrays(name, lengths.bands, 1)
    if len(lengths.bands) != 1:
        raise EvaluationError(f"{name}: The lengths must be an image of one band, found {len(lengths.bands)}.")

    def apply(batch: Batch, wanted: Batch) -> Batch:
        if wanted.shape[1] != dimensions:
            raise EvaluationError(f"{name}: Expected {dimensions} lengths, found {wanted.shape[1]}.")
        return by_parameters(lambda given, part: shapes.reshaped(name, part, given), wanted, batch)

    return image.with_bands(
        array_band(band.name, apply, shaped(band.type, dimensions), band, lengths.bands[0]) for band in image.bands
    )


@function("Image.arrayTranspose", "Image.matrixTranspose")
def transpose(image: Image, first: int, second: int) -> Image:
    name = "Image.arrayTranspose"
    return each_band(name, image, lambda batch: shapes.transposed(name, batch, first, second), lambda kind: kind)


@function("Image.arrayProject")
def project(image: Image, axes: list[Any]) -> Image:
    name = "Image.arrayProject"
    if not axes:
        raise not_imitated(f"{name}: arrays without axes")
    return each_band(
        name, image, lambda batch: shapes.projected(name, batch, axes), lambda kind: shaped(kind, len(axes))
    )


@function("Image.arrayPad")
def pad(image: Image, lengths: list[Any], value: float) -> Image:
    name = "Image.arrayPad"
    return each_band(name, image, lambda batch: shapes.padded(name, batch, lengths, value), lambda kind: kind)


@function("Image.arraySlice")
def cut_out(image: Image, axis: int, start: Image | None, end: Image | None, step: int) -> Image:
    """Slice; where the start or the end is masked, the array itself starts or ends."""
    name = "Image.arraySlice"
    expect_arrays(name, image.bands)
    starts, ends = (_limits(name, image, limit) for limit in (start, end))

    def apply(batch: Batch, first: Batch, last: Batch) -> Batch:
        def cut(given: list[Any], part: Batch) -> Batch:
            from_, to = (None if value is None else whole_numbers(name, [value])[0] for value in given)
            return shapes.sliced(name, part, axis, from_, to, step)

        return by_parameters(cut, np.stack((first, last), axis=1), batch)

    return image.with_bands(
        array_band(band.name, apply, band.type, band, first, last)
        for band, first, last in zip(image.bands, starts, ends, strict=True)
    )


def _limits(name: str, image: Image, limit: Image | None) -> list[ImageBand]:
    """Give a limit of slices for each band, NaN where it is masked."""
    if limit is None:
        limit = Image((ImageBand("none", _open(None), pixel_types.DOUBLE),))
    else:
        limit = limit.with_bands(replace(band, node=_open(band)) for band in limit.bands)
    if len(limit.bands) not in {1, len(image.bands)}:
        raise EvaluationError(f"{name}: Expected 1 band of limits or {len(image.bands)}, found {len(limit.bands)}.")
    return list(limit.bands) if len(limit.bands) == len(image.bands) else list(limit.bands) * len(image.bands)


def _open(band: ImageBand | None) -> Node:
    if band is None:
        return ConstantNode(np.nan, np.dtype(np.float64))
    return PointwiseNode(_filled, (band.node,), None, fractions=True)


def _filled(tile: Tile) -> Tile:
    seen = tile.seen()
    if seen is None:
        return tile
    return Tile(np.where(seen, tile.values.astype(np.float64), np.nan))


@function("Image.arrayMask")
def mask(image: Image, mask: Image) -> Image:
    name = "Image.arrayMask"
    return image.with_bands(
        array_band(label, partial(shapes.masked, name), band.type, band, kept)
        for band, kept, label in pairs(name, image, mask)
    )


@function("Image.arraySort")
def sort(image: Image, keys: Image | None) -> Image:
    name = "Image.arraySort"
    if keys is None:
        return each_band(name, image, lambda batch: shapes.ordered(name, batch, None), lambda kind: kind)
    return image.with_bands(
        array_band(label, partial(shapes.ordered, name, ties=True), band.type, band, key)
        for band, key, label in pairs(name, image, keys)
    )


@function("Image.arrayReduce")
def reduce(image: Image, reducer: Reducer, axes: list[Any], field: int | None) -> Image:
    name = "Image.arrayReduce"
    return each_band(
        name, image, lambda batch: reduced(name, reducer, batch, axes, field), partial(_reduced_kind, reducer)
    )


def _reduced_kind(reducer: Reducer, kind: PixelType) -> PixelType:
    """The type that the reducer gives of any number of such elements: integers become wide, fractions stay."""
    try:
        found = pixel_types.union(reducer.kinds(shaped(kind, 0), 1))
    except EvaluationError:
        found = pixel_types.DOUBLE
    wide = INT64 if found.precision == "int" and found != shaped(kind, 0) else found
    return shaped(wide, kind.dimensions)


@function("Image.arrayAccum")
def accumulate(image: Image, axis: int, reducer: Reducer | None) -> Image:
    name = "Image.arrayAccum"

    def kind(of: PixelType) -> PixelType:
        if reducer is not None:
            return _reduced_kind(reducer, of)
        return shaped(INT64, of.dimensions) if of.precision == "int" else of

    return each_band(name, image, lambda batch: accumulated(name, reducer, batch, axis), kind)


@function("Image.arrayArgmax")
def argmax(image: Image) -> Image:
    def apply(batch: Batch) -> Batch:
        if not batch[0].size:
            raise not_imitated("Image.arrayArgmax: the position of the maximum of an empty array")
        return shapes.first_highest(batch)

    return each_band("Image.arrayArgmax", image, apply, lambda _kind: shaped(LENGTH, 1))


@function("Image.arrayLength")
def length(image: Image, axis: int) -> Image:
    def apply(batch: Batch) -> Batch:
        return np.full(len(batch), batch.shape[checked_axis("Image.arrayLength", axis, batch.ndim - 1) + 1])

    return each_band("Image.arrayLength", image, apply, lambda _kind: LENGTH)


@function("Image.arrayLengths")
def lengths(image: Image) -> Image:
    def apply(batch: Batch) -> Batch:
        return np.tile(np.asarray(batch.shape[1:], np.int64), (len(batch), 1))

    return each_band("Image.arrayLengths", image, apply, lambda _kind: shaped(LENGTH, 1))


@function("Image.arrayDimensions")
def dimensions(image: Image) -> Image:
    """Give the number of dimensions, 0 of a band of numbers."""
    return image.with_bands(
        array_band(band.name, lambda batch: np.full(len(batch), batch.ndim - 1), LENGTH, band) for band in image.bands
    )


@function("Image.arrayGet")
def get(image: Image, position: Image) -> Image:
    """Give the element at a position, which has a band per axis."""
    name = "Image.arrayGet"
    expect_arrays(name, image.bands)

    def apply(batch: Batch, *places: Batch) -> Batch:
        return by_parameters(lambda given, part: shapes.picked(name, part, given), np.stack(places, axis=1), batch)

    return image.with_bands(
        array_band(band.name, apply, shaped(band.type, 0), band, *position.bands) for band in image.bands
    )


@function("Image.arrayDotProduct")
def dot_product(left: Image, right: Image) -> Image:
    name = "Image.arrayDotProduct"

    def apply(first: Batch, second: Batch) -> Batch:
        if first.shape[1:] != second.shape[1:]:
            raise EvaluationError(f"{name}: Vectors must have the same length.")
        return np.asarray((first * second).sum(axis=1))

    bands = []
    for first, second, label in pairs(name, left, right):
        expect_arrays(name, (first, second), 1)
        joint = pixel_types.union((first.type, second.type))
        kind = pixel_types.DOUBLE if joint.precision == "int" else joint
        bands.append(array_band(label, apply, kind, first, second))
    return left.with_bands(bands)
