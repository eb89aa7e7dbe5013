"""
Fractional masks: what becomes of them where pixels are computed from pixels.

The documentation tells of two images that only the intersection of their masks is unmasked. So a fraction is kept where
the other mask is 1 or the same fraction; where two different fractions meet, it does not tell, and neither do we.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.tiles import Mask, Tile, Weights, both, thin

_SAME = 1e-6  # fractions that differ by less are equal but for rounding


def together(left: Any, right: Any) -> Weights:
    """
    Intersect two masks of numbers from 0 to 1, or of yes and no.

    Raises:
        EvaluationError: If two different fractions meet.
    """
    a, b = np.asarray(left, np.float32), np.asarray(right, np.float32)
    least: Weights = np.minimum(a, b)
    if ((least > 0) & (np.maximum(a, b) < 1) & (np.abs(a - b) > _SAME)).any():
        raise not_imitated("The mask where two different fractional masks meet")
    return least


def with_fractions(function: Callable[..., Tile], tiles: Sequence[Tile]) -> Tile:
    """
    Apply a function that knows masks as yes or no to tiles with fractions.

    Raises:
        EvaluationError: If its result is valid where an input is masked: what it weighs there is not known.
    """
    weight: Weights = reduce(together, [tile.weights() for tile in tiles])
    found = function(*(Tile(tile.values, tile.seen()) for tile in tiles))
    kept = thin(found.mask())
    if (kept & (weight == 0)).any():
        raise not_imitated("A fractional mask of an operation that fills masked pixels")
    valid: Mask | None = reduce(both, [tile.valid for tile in tiles], found.valid)
    return Tile(found.values, valid, np.where(kept, weight, np.float32(0)))
