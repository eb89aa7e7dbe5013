"""
The gap between splits: which tiles are given up for it, and shares that come out all the same.

Whoever gives out units is asked for other shares until the tiles that are left have those that were wanted. Which
split keeps its tiles at a border is fixed while that is done, for shares would jump whenever two splits change places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.core.units import format_count
from orchestrator.raster.arrays import Floats
from orchestrator.tiling.assignment import assign
from orchestrator.tiling.neighbours import Codes, PlacedTiles, cross_pairs, leave_gap
from orchestrator.tiling.split_options import SplitOptions

NEAR_ENOUGH = 5e-4  # of all tiles, between a share and what was wanted
GOOD_ENOUGH = 1e-3  # no other order is tried
_FAR, _MUCH = 0.05, 0.5  # off by more, or more tiles given up: those that are nearer than the gap are tried as units
_MOST_CLUSTERED = 100_000  # tiles all of whose neighbours are looked at
_TILE = 0.5  # what a tile that is given up weighs against one that a share lacks, where the two are compared
_ROUNDS = 10  # in which shares are asked for, with one order in which splits keep their tiles
_MOST_ORDERS = 6
Giving = Callable[[Floats], Codes]
Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Apart:
    """
    Splits with the gap left between them.

    Attributes:
        codes: The split of each tile, negative for none.
        deviation: How far a share is from what was wanted, at most; infinite where a split has no tile.
        units: How many units were given out whole, where these are other ones than those that were asked for.
    """

    codes: Codes
    deviation: float
    units: int = 0

    @property
    def given_up(self) -> float:
        """The share of the tiles that is in no split."""
        return float(np.mean(self.codes < 0))


def balanced(give: Giving, laid: PlacedTiles, options: SplitOptions, members: Codes) -> Apart:
    """
    Return splits with the gap left between them, whose shares are as near to those wanted as can be found.

    Args:
        give: Returns the split of each tile for shares that are asked for.
        laid: The tiles.
        options: Shares and gap.
        members: The unit of each tile.

    Raises:
        UserError: A split has no tile, whatever is asked for.
    """
    if not options.gap:
        return Apart(give(options.shares), 0.0)
    best = _nearest(give, laid, options)
    clusters = None
    if (best.deviation > _FAR or best.given_up > _MUCH) and len(members) <= _MOST_CLUSTERED:
        clusters = _clusters(laid, members, options.gap)
        best = min([best, *_of_clusters(clusters, options)], key=lambda one: one.deviation + _TILE * one.given_up)
    if not np.isfinite(best.deviation):
        _refuse(options, clusters)
    return best


def _nearest(give: Giving, laid: PlacedTiles, options: SplitOptions) -> Apart:
    """Return what comes nearest, of equally near ones that which keeps most tiles."""
    found: list[Apart] = []
    for order in _orders(options.shares):
        found += _rounds(give, laid, options, order)
        if min(one.deviation for one in found) < GOOD_ENOUGH:
            break
    return min(found, key=lambda one: (one.deviation, one.given_up))


def apart(laid: PlacedTiles, codes: Codes, options: SplitOptions) -> Codes:
    """
    Return the split of each tile, without those that stand nearer to another split than the gap.

    Raises:
        UserError: A split has no tile then.
    """
    if not options.gap:
        return codes
    left = leave_gap(codes, cross_pairs(laid, codes, options.gap), len(options.names))
    if not _counts(left, options).all():
        _refuse(options)
    return left


def _orders(shares: Floats) -> Iterator[Order]:
    """Yield orders in which splits keep their tiles, each a rank by split; at first the smaller before the larger."""
    first = np.lexsort((-np.arange(len(shares)), shares))  # of equals the later is kept
    few = permutations(first.tolist()) if len(shares) <= 3 else iter([first.tolist(), first[::-1].tolist()])
    for _, order in zip(range(_MOST_ORDERS), few, strict=False):
        rank = np.empty(len(shares), np.int64)
        rank[list(order)] = np.arange(len(shares))
        yield rank


def _rounds(give: Giving, laid: PlacedTiles, options: SplitOptions, order: Order) -> Iterator[Apart]:
    """Yield what comes of shares that are asked for, what lacks being added the next time."""
    asked, tiles, least = options.shares, len(laid.geometries), options.shares.min() / 10
    for _ in range(_ROUNDS):
        given = give(asked)
        codes = leave_gap(given, cross_pairs(laid, given, options.gap), len(options.names), order)
        found = _apart(codes, options)
        yield found
        if found.deviation < NEAR_ENOUGH:
            return
        counts = _counts(codes, options)
        asked = np.maximum(asked + (options.shares * counts.sum() - counts) / tiles, least)
        asked = asked / asked.sum()


def _apart(codes: Codes, options: SplitOptions, units: int = 0) -> Apart:
    counts = _counts(codes, options)
    off = np.abs(counts / max(counts.sum(), 1) - options.shares).max() if counts.all() else np.inf
    return Apart(codes, float(off), units)


def _counts(codes: Codes, options: SplitOptions) -> NDArray[np.int64]:
    return np.bincount(codes[codes >= 0], minlength=len(options.shares))


def _clusters(laid: PlacedTiles, members: Codes, gap: float) -> Codes:
    """Return the cluster of each tile: units of which some tiles are nearer than the gap are one."""
    from scipy.sparse import coo_array  # noqa: PLC0415  seldom needed
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    units = int(members.max()) + 1
    first, second = members[cross_pairs(laid, members, gap)].reshape(-1, 2).T
    near = coo_array((np.ones(len(first), bool), (first, second)), shape=(units, units))
    return np.asarray(connected_components(near, directed=False)[1], np.int64)[members]


def _of_clusters(clusters: Codes, options: SplitOptions) -> list[Apart]:
    """Return splits made of whole clusters, for which no tile is given up; none where there are too few."""
    sizes = np.bincount(clusters)
    if len(sizes) < len(options.names):
        return []
    codes = assign(sizes[:, None].astype(np.float64), options.shares, options.seed)[clusters]
    return [_apart(codes, options, len(sizes))]


def _refuse(options: SplitOptions, clusters: Codes | None = None) -> None:
    why = ""
    if clusters is not None:
        found = format_count(int(clusters.max()) + 1, "cluster")
        why = f", and those that are nearer to each other form {found} only, {len(options.names)} splits being wanted"
    raise UserError(
        f"a gap of {options.gap:g} m leaves a split without any tile{why}; take a smaller one, or fewer bands, or "
        "larger blocks"
    )
