"""Some of a scene's pixels, by chance: always the same ones, however the scene is cut and whatever came before."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from orchestrator.raster.arrays import Ints

Priorities = NDArray[np.uint64]

# SplitMix64 (Steele, Lea, Flood 2014): the output at any place of its sequence, without those before. Its steps can be
# undone, so that no two pixels of a scene have the same number.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
_LAST = np.uint64(31)


def key(seed: int, scene: str) -> int:
    """Return where the sequence of a scene begins."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {scene}".encode(), digest_size=8).digest(), "big")


def priorities(begin: int, pixels: Ints) -> Priorities:
    """Return a number for each pixel, by its place in the scene counted row by row: the smallest are chosen."""
    state = pixels.astype(np.uint64) * _STEP + np.uint64(begin)
    for shift, factor in _MIX:
        state = (state ^ (state >> shift)) * factor
    chosen: Priorities = state ^ (state >> _LAST)
    return chosen


class PixelSample:
    """Bins of the pixels with the `size` smallest priorities, of all that were offered, in any order."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._priorities: list[Priorities] = []
        self._bins: list[Ints] = []
        self._held = 0
        self._bound = np.uint64(2**64 - 1)

    def offer(self, priorities: Priorities, bins: Ints) -> None:
        """Take what may belong to the smallest; memory stays below twice the sample and once what is offered."""
        chosen = priorities <= self._bound
        self._priorities.append(priorities[chosen])
        self._bins.append(bins[chosen].astype(np.int32))
        self._held += int(chosen.sum())
        if self._held >= 2 * self.size:
            self._settle()

    def absorb(self, other: PixelSample) -> None:
        """Take what another part of the same scene was offered."""
        for priority, bins in zip(other._priorities, other._bins, strict=True):
            self.offer(priority, bins)

    def bins(self) -> Ints:
        """Return what was chosen."""
        self._settle()
        return self._bins[0].astype(np.int64) if self._bins else np.empty(0, np.int64)

    def _settle(self) -> None:
        if not self._held:
            return
        priorities, bins = np.concatenate(self._priorities), np.concatenate(self._bins)
        if self._held > self.size:
            chosen = np.argpartition(priorities, self.size - 1)[: self.size]
            priorities, bins = priorities[chosen], bins[chosen]
            self._bound = priorities.max()
        self._priorities, self._bins, self._held = [priorities], [bins], len(bins)
