"""From the values of a dataset to classes of labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.recipes.presets.preset import Preset


def label_map(preset: Preset) -> Callable[[NDArray[Any]], NDArray[Any]] | None:
    """
    Return what makes labels of an array (row, col) or (band, row, col); None where values are their own classes.

    Of several bands labels are those of the first. Values that the map does not name are 0; nodata stays what it is.
    """
    if preset.value_map:
        return partial(_mapped, preset)
    return partial(_ranked, preset) if preset.breaks else None


def _mapped(preset: Preset, array: NDArray[Any]) -> NDArray[Any]:
    found = _first(array)
    made = np.zeros_like(found)
    for value, number in preset.value_map.items():
        made[found == value] = number
    return np.where(found == preset.nodata, found, made)


def _ranked(preset: Preset, array: NDArray[Any]) -> NDArray[Any]:
    """Below the first threshold is class 0, from the first on 1, and so on."""
    found = _first(array)
    ranks = np.digitize(found, preset.breaks).astype(found.dtype)
    return np.where(found == preset.nodata, found, ranks)


def _first(array: NDArray[Any]) -> NDArray[Any]:
    return array[:1] if array.ndim == 3 else array
