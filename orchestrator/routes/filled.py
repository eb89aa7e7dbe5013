"""The image that every route asks for: the bands in order, with every masked pixel set to nodata."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import ee

from orchestrator.clients.earthengine import deserialise
from orchestrator.model.spec import PixelSpec

_image_of = lru_cache(maxsize=8)(deserialise)


def filled(image: str, pixels: PixelSpec, bands: Sequence[str]) -> Any:
    """
    Return the `ee.Image` of an expression with `bands` in order and every masked pixel set to nodata.

    What Earth Engine writes for a masked pixel of a float export is not documented, and in the answer to a request
    for pixels it is a zero like any other, so nothing is left to it.
    """
    selected = _image_of(image).select(list(bands))
    return selected.unmask(ee.Image.constant(pixels.nodata).cast(_like(pixels)), False)


def _like(pixels: PixelSpec) -> dict[str, str]:
    names = {"float32": "float", "float64": "double"}
    return {"constant": names.get(pixels.dtype, pixels.dtype)}
