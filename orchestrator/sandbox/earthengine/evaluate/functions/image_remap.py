"""Values of a band replaced by others, one by one."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import Array
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.images import default_band, pointwise
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, both
from orchestrator.sandbox.earthengine.evaluate.values import Image


@function("Image.remap")
def remap(image: Image, source: list[Any], target: list[Any], default: Any, name: str | None) -> Image:
    """Give the value of `to` for each of `from`; others are the default, or masked."""
    source, target = _numbers(source), _numbers(target)
    if len(source) != len(target) or not source:
        raise EvaluationError(
            "Image.remap: 'from' and 'to' must have the same number of elements, at least one; "
            f"found {len(source)} and {len(target)}."
        )
    band = image.bands[0] if name is None and image.bands else image.band(name or "")
    if band is None:
        raise EvaluationError(f"Image.remap: Band '{name}' not found in {image.names}.")
    kinds = [pixel_types.of_number(value) for value in [*target, *([] if default is None else [default])]]
    kind = pixel_types.union(kinds)
    apply = partial(_remapped, source=source, target=target, default=default, dtype=pixel_types.dtype_of(kind))
    return image.with_bands([default_band("remapped", pointwise(apply, band.node), kind, band)])


def _numbers(given: list[Any]) -> list[Any]:
    """An array may stand for the list."""
    if len(given) == 1 and isinstance(given[0], Array):
        return list(given[0].values.ravel().tolist())
    if any(not isinstance(value, (int, float)) for value in given):
        raise EvaluationError(f"Image.remap: Expected numbers, found {given}.")
    return given


def _remapped(tile: Tile, *, source: list[Any], target: list[Any], default: Any, dtype: np.dtype[Any]) -> Tile:
    order = np.argsort(source, kind="stable")
    keys, answers = np.asarray(source)[order], np.asarray(target, dtype)[order]
    at = np.minimum(np.searchsorted(keys, tile.values), len(keys) - 1)
    known = keys[at] == tile.values
    if default is None:
        return Tile(answers[at], both(tile.valid, known))
    return Tile(np.where(known, answers[at], dtype.type(default)), tile.valid)
