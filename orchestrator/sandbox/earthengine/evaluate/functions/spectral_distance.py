"""How far the bands of two images are apart."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import default_band, pointwise
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile, both
from orchestrator.sandbox.earthengine.evaluate.values import Image

Array = NDArray[Any]


@function("Image.spectralDistance")
def spectral_distance(left: Image, right: Image, metric: str) -> Image:
    measures = {"sam": _angle, "sed": _squared_euclidean}
    if metric not in measures:
        raise EvaluationError(f"Image.spectralDistance: metric '{metric}' is not imitated by this sandbox.")
    nodes = [band.node for image in (left, right) for band in image.bands]
    node = pointwise(partial(_distance, measure=measures[metric]), *nodes)
    return left.with_bands([default_band("distance", node, pixel_types.DOUBLE, left.bands[0])])


def _distance(*tiles: Tile, measure: Callable[[Array, Array], Array]) -> Tile:
    half = len(tiles) // 2
    stacks = [np.stack([tile.values.astype(np.float64) for tile in part]) for part in (tiles[:half], tiles[half:])]
    valid = tiles[0].valid
    for tile in tiles[1:]:
        valid = both(valid, tile.valid)
    directed: Array = np.asarray(stacks[0].any(axis=0) & stacks[1].any(axis=0))
    if measure is _angle and (Tile(directed, valid).mask() & ~directed).any():
        raise not_imitated("Image.spectralDistance: the angle of a pixel of nothing but zeros")
    return Tile(measure(*stacks), valid)


def _angle(a: Array, b: Array) -> Array:
    lengths = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    cosine = np.divide((a * b).sum(axis=0), lengths, out=np.ones_like(lengths), where=lengths > 0)
    return np.asarray(np.arccos(np.clip(cosine, -1, 1)))


def _squared_euclidean(a: Array, b: Array) -> Array:
    return np.asarray(((a - b) ** 2).sum(axis=0))
