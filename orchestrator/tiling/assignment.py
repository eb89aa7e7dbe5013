"""
Which split takes which unit: whole groups or blocks of tiles, so that shares come as near as the units allow.

Nearest is what has the least sum of squares: of the deviations of the splits' shares, and of those of each class within
each split. Of a few units every way is tried. Of more, units are given out from the largest to the smallest, each to
the split that gains most; then single units are moved and pairs exchanged while that brings the shares nearer. This is
done several times, in other orders, and the best is taken. The same seed gives the same splits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestrator.raster.arrays import Floats
from orchestrator.tiling.neighbours import Codes

_ALL_WAYS = 60_000  # as many are tried one by one
_MOST_EXCHANGED = 600  # units among which every pair is looked at
_STEPS = 400
_WORK = 600  # units times orders in which they are given out
_NEARER = 1e-12


def assign(amounts: Floats, shares: Floats, seed: int) -> Codes:
    """
    Return the split of each unit; each split has one at least.

    Args:
        amounts: What each unit holds, (units, [tiles, class, class, ...]), in tiles.
        shares: Of the splits, adding up to 1; there are no more of them than units.
        seed: Decides between equals.
    """
    whole = amounts.sum(axis=0)
    parts, goal = amounts / whole[0], np.outer(shares, whole / whole[0])
    # A class is looked at within a split: what is off by a tile weighs more in a small one.
    weight = np.column_stack([np.ones(len(shares)), *([1 / shares**2] * (amounts.shape[1] - 1))])
    if len(shares) ** len(amounts) <= _ALL_WAYS:
        return _best_of_all(parts, goal, weight)
    chance = np.random.default_rng(seed)
    found = []
    for attempt in range(max(_WORK // len(parts), 1)):
        rank = chance.permutation(len(parts))
        order = rank if attempt else np.lexsort((rank, -amounts[:, 0]))
        codes = _improved(_given_out(parts, goal, weight, order), parts, goal, weight)
        found.append((_cost(codes, parts, goal, weight), attempt, codes))
    return min(found, key=lambda one: one[:2])[2]


def _cost(codes: Codes, parts: Floats, goal: Floats, weight: Floats) -> float:
    lacks = goal.copy()
    np.subtract.at(lacks, codes, parts)
    return float((lacks**2 * weight).sum()) + float(len(goal) - len(np.unique(codes)))


def _best_of_all(parts: Floats, goal: Floats, weight: Floats) -> Codes:
    ways = np.indices((len(goal),) * len(parts)).reshape(len(parts), -1)
    cost = np.zeros(ways.shape[1])
    for split in range(len(goal)):
        mine = (ways == split).T
        cost += ((goal[split] - mine @ parts) ** 2 * weight[split]).sum(axis=1) + ~mine.any(axis=1)
    return ways[:, cost.argmin()].astype(np.int64)


def _given_out(parts: Floats, goal: Floats, weight: Floats, order: NDArray[np.int64]) -> Codes:
    """Give each unit to the split that it brings nearest to its goal, of those that still lack tiles."""
    codes, held = np.zeros(len(parts), np.int64), np.zeros_like(goal)
    for unit in order:
        lacks = goal - held
        full = lacks[:, 0] < parts[unit, 0] / 2
        gain = ((lacks**2 - (lacks - parts[unit]) ** 2) * weight).sum(axis=1)
        gain[full & ~full.all()] = -np.inf
        codes[unit] = gain.argmax()
        held[codes[unit]] += parts[unit]
    return codes


def _improved(codes: Codes, parts: Floats, goal: Floats, weight: Floats) -> Codes:
    codes = codes.copy()
    for _ in range(_STEPS):
        lacks = goal.copy()
        np.subtract.at(lacks, codes, parts)
        move, moved = _best_move(codes, parts, lacks, weight)
        swap, swapped = _best_exchange(codes, parts, lacks, weight)
        if max(moved, swapped) < _NEARER:
            return codes
        if moved >= swapped:
            codes[move[0]] = move[1]
        else:
            codes[list(swap)] = codes[list(swap[::-1])]
    return codes


def _best_move(codes: Codes, parts: Floats, lacks: Floats, weight: Floats) -> tuple[tuple[int, int], float]:
    """Return the unit and the split to which moving it brings the shares nearest, and by how much."""
    now = (lacks**2 * weight).sum(axis=1)
    left = ((lacks[codes] + parts) ** 2 * weight[codes]).sum(axis=1) - now[codes]
    joined = ((lacks[None] - parts[:, None]) ** 2 * weight).sum(axis=2) - now
    gain = -(left[:, None] + joined)
    gain[np.arange(len(codes)), codes] = -np.inf
    alone = np.bincount(codes, minlength=len(lacks))[codes] == 1
    gain[alone] = -np.inf  # no split is left without any
    best = int(gain.argmax())
    return divmod(best, len(lacks)), float(gain.flat[best])


def _best_exchange(codes: Codes, parts: Floats, lacks: Floats, weight: Floats) -> tuple[tuple[int, int], float]:
    """Return two units of different splits whose exchange brings the shares nearest, and by how much."""
    if not 1 < len(codes) <= _MOST_EXCHANGED:
        return (0, 0), -np.inf
    difference = parts[:, None] - parts[None]  # what the first unit's split gives away
    now = (lacks**2 * weight).sum(axis=1)
    given = ((lacks[codes][:, None] + difference) ** 2 * weight[codes][:, None]).sum(axis=2) - now[codes][:, None]
    gain = -(given + given.T)
    gain[codes[:, None] == codes[None]] = -np.inf
    best = int(gain.argmax())
    return divmod(best, len(codes)), float(gain.flat[best])
