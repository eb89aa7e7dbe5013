"""What recipes on collections share: scenes over an area and days, masks by bits, and an image that keeps the bands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import ee

from orchestrator.recipes.contract import ImageRequest


def touching(collection: str, request: ImageRequest, start: date | None = None, end: date | None = None) -> Any:
    """Return the scenes of a collection that touch the area, of the request's days or of `start` up to before `end`."""
    scenes = ee.ImageCollection(collection).filterBounds(ee.Geometry(dict(request.region)))
    return scenes.filterDate((start or request.start).isoformat(), (end or request.end).isoformat())


def over(what: str, request: ImageRequest) -> str:
    """Name the scenes of `touching`, for a survey."""
    return f"{what} over the area from {request.start} to {request.end}"


def with_blank(scenes: Any, bands: Sequence[str]) -> Any:
    """
    Return an `ee.ImageCollection` with one more image, whose `bands` are masked everywhere.

    A composite of no image has no bands; of this one it has them, with nothing in them.
    """
    blank = ee.Image.constant([0] * len(bands)).rename(list(bands)).toFloat().updateMask(0)
    return scenes.select(list(bands)).merge(ee.ImageCollection([blank]))


def none_set(flags: Any, bits: Sequence[int]) -> Any:
    """Return 1 where none of `bits` (0 is the least) is set in an `ee.Image` of one band."""
    return flags.bitwiseAnd(sum(1 << bit for bit in bits)).eq(0)


def field(flags: Any, first: int, last: int) -> Any:
    """Return the number that the bits from `first` to `last` make in an `ee.Image` of one band."""
    return flags.rightShift(first).bitwiseAnd((1 << (last - first + 1)) - 1)


def in_type(image: Any, dtype: str, scale: float = 1.0, offset: float = 0.0) -> Any:
    """
    Return an `ee.Image` as `float32`, or as the whole numbers that mean its values.

    Args:
        image: Physical values.
        dtype: `float32`, `uint16` or `int16`.
        scale: Physical value = whole number × scale + offset; a float32 holds the physical value itself.
        offset: See `scale`.

    The largest whole number and the smallest negative one are left free: one of them says "no data".
    """
    if dtype == "float32":
        return image.toFloat()
    counts = image.subtract(offset).divide(scale).round()
    return counts.clamp(0, 65_534).toUint16() if dtype == "uint16" else counts.clamp(-32_767, 32_767).toInt16()
