"""
Which split takes which unit: whole groups or blocks of tiles, so that shares come as near as the units allow.

Units are given out from the largest to the smallest, each to the split that lacks most; then single units are moved and
pairs exchanged while that brings the shares nearer. The same units in the same order are always given out alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestrator.tiling.neighbours import Codes
from orchestrator.tiling.plane import Floats

_MOST_EXCHANGED = 600  # units among which every pair is looked at
_STEPS = 400
_NEARER = 1e-12


def assign(amounts: Floats, shares: Floats, rank: NDArray[np.int64]) -> Codes:
    """
    Return the split of each unit.

    Args:
        amounts: What each unit holds, (units, [tiles, class, class, ...]), in tiles.
        shares: Of the splits, adding up to 1.
        rank: Which of two equal units is given out first.
    """
    whole = amounts.sum(axis=0)
    # In parts of the whole, and relative to the split: a class that is off by a tile weighs more in a small split.
    parts = amounts / max(whole[0], 1)
    goal = np.outer(shares, whole / max(whole[0], 1))
    weight = 1 / shares[:, None] ** 2
    codes = _given_out(parts, goal, weight, np.lexsort((rank, -amounts[:, 0])))
    return _improved(codes, parts, goal, weight)


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
