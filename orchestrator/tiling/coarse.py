"""Shares of classes that a tile has from the coarser tiles in which it lies, by the area that it shares with each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import IntegrityError
from orchestrator.tiling.label_columns import Shares
from orchestrator.tiling.labelling import ordered
from orchestrator.tiling.links import shared_areas

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

# Of a tile's shared area: less is the noise of coordinates that were projected there and back, 1e-9 of a chip of 1 km.
NOISE = 1e-8
# Shares add up to 1 to so much, whatever the number of tiles and classes.
EXACT = 1e-9


def coarse_shares(
    frame: GeoDataFrame, others: GeoDataFrame, shares: Sequence[Shares], *, published: bool = False
) -> list[Shares]:
    """
    Return for each tile the mean of the shares of the others that it meets, weighted by the area shared.

    A class that one of them lacks counts as 0 there. Others without shares have no weight; a tile that meets none with
    shares has None.

    Args:
        frame: Tiles.
        others: Coarser tiles, in any CRS.
        shares: Of each of the others.
        published: As geetiles 0.1.7: areas are square degrees, and others that only touch give their classes with 0.

    Raises:
        IntegrityError: Shares do not add up to 1.
    """
    _check_whole(shares, "of a coarser tile")
    pairs, areas = shared_areas(frame, others, square_degrees=published)
    pairs, weights = _weighed(pairs, areas, shares, 0.0 if published else NOISE)
    classes = ordered({word for each in shares if each for word in each})
    table = np.array([[(each or {}).get(word, 0.0) for word in classes] for each in shares])
    named = np.array([[word in (each or {}) for word in classes] for each in shares])
    means, seen = np.zeros((len(frame), len(classes))), np.zeros((len(frame), len(classes)), bool)
    np.add.at(means, pairs[:, 0], weights[:, None] * table[pairs[:, 1]])
    np.logical_or.at(seen, pairs[:, 0], named[pairs[:, 1]])
    found = [_row(classes, mean, which) for mean, which in zip(means.tolist(), seen.tolist(), strict=True)]
    _check_whole(found, "that a tile has of coarser ones")
    return found


def _weighed(
    pairs: NDArray[np.int64], areas: NDArray[np.float64], shares: Sequence[Shares], noise: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs that count, with the weight of the second in the first: they add up to 1 for each."""
    known = np.array([each is not None for each in shares], bool)[pairs[:, 1]]
    pairs, areas = pairs[known], areas[known]
    total = np.bincount(pairs[:, 0], areas)[pairs[:, 0]]
    kept = (total > 0) & (areas >= noise * total)
    pairs, areas = pairs[kept], areas[kept]
    return pairs, areas / np.bincount(pairs[:, 0], areas)[pairs[:, 0]]


def _row(classes: Sequence[str], means: Sequence[float], seen: Sequence[bool]) -> Shares:
    found = {word: mean for word, mean, is_there in zip(classes, means, seen, strict=True) if is_there}
    return found or None


def _check_whole(shares: Sequence[Shares], which: str) -> None:
    for each in shares:
        if each is not None and abs(sum(each.values()) - 1) > EXACT:
            raise IntegrityError(
                f"the class shares {which} add up to {sum(each.values()):.9g} instead of 1; count them anew"
            )
