"""Values of images exchanged for others by a table."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.images import default_band, pointwise
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, both
from orchestrator.sandbox.earthengine.evaluate.values import Image


@function("Image.remap")
def remap(image: Image, source: list[Any], target: list[Any], default: Any, name: str | None) -> Image:
    if len(source) != len(target):
        raise EvaluationError("Image.remap: 'from' and 'to' must have the same number of elements.")
    band = image.bands[0] if name is None else image.band(name)
    if band is None:
        raise EvaluationError(f"Image.remap: Band '{name}' not found.")
    kinds = [pixel_types.of_number(value) for value in [*target, *([] if default is None else [default])]]
    kind = pixel_types.union(kinds)
    apply = partial(_remapped, source=source, target=target, default=default, dtype=pixel_types.dtype_of(kind))
    return image.with_bands([default_band("remapped", pointwise(apply, band.node), kind, band)])


def _remapped(tile: Tile, *, source: list[Any], target: list[Any], default: Any, dtype: np.dtype[Any]) -> Tile:
    order = np.argsort(source, kind="stable")
    keys, answers = np.asarray(source)[order], np.asarray(target, dtype)[order]
    at = np.minimum(np.searchsorted(keys, tile.values), len(keys) - 1)
    known = keys[at] == tile.values
    if default is None:
        return Tile(answers[at], both(tile.valid, known))
    return Tile(np.where(known, answers[at], dtype.type(default)), tile.valid)
