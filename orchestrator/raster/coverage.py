"""Which blocks of the output, at every overview level, lie outside the area, on its boundary or inside it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.model.grid import Window
from orchestrator.raster.spans import SpanTable

Node = tuple[int, int, int]  # (level, block row, block column); level 0 is full resolution


class Place(IntEnum):
    """Where a block lies."""

    OUTSIDE = 0
    BOUNDARY = 1
    INSIDE = 2


@dataclass(frozen=True, slots=True)
class Coverage:
    """
    The area as blocks of `block` × `block` pixels; a block of level l stands for 2^l × 2^l blocks of the grid.

    Attributes:
        spans: The area, pixel by pixel.
        block: Side of a block, in pixels.
        places: For each level, a (block rows, block cols) array of `Place`.
    """

    spans: SpanTable
    block: int
    places: tuple[NDArray[np.uint8], ...]

    @classmethod
    def of(cls, spans: SpanTable, block: int, *, overviews: bool) -> Coverage:
        """Classify all blocks; overview levels reach down to one that fits into a single block."""
        counts = spans.counts(block, block)
        places = []
        levels = overview_levels(spans.height, spans.width, block) if overviews else 0
        for level in range(levels + 1):
            side = block << level
            rows = np.diff(np.minimum(np.arange(counts.shape[0] + 1) * side, spans.height))
            cols = np.diff(np.minimum(np.arange(counts.shape[1] + 1) * side, spans.width))
            full = rows[:, None] * cols[None, :]
            place = np.where(counts == full, Place.INSIDE, np.where(counts == 0, Place.OUTSIDE, Place.BOUNDARY))
            places.append(place.astype(np.uint8))
            counts = _quartered(counts)
        return cls(spans, block, tuple(places))

    def at(self, node: Node) -> Place:
        level, row, col = node
        return Place(int(self.places[level][row, col]))

    def footprint(self, node: Node) -> Window:
        """Return the pixels of the grid that a block stands for."""
        level, row, col = node
        side = self.block << level
        height = min(side, self.spans.height - row * side)
        width = min(side, self.spans.width - col * side)
        return Window(row * side, col * side, height, width)

    def extent(self, node: Node) -> tuple[int, int]:
        """Return how many (rows, cols) of a block lie within the raster of its level."""
        window = self.footprint(node)
        return -(-window.height >> node[0]), -(-window.width >> node[0])

    def clip(self, window: Window, pixels: NDArray[Any], nodata: float) -> None:
        """Write `nodata` into the pixels of `window` outside; `pixels` is (row, col, band), last axis contiguous."""
        # A pixel's values lie together and are written as one, which takes a sixth of the time of one by one.
        empty = np.full(pixels.shape[2], nodata, pixels.dtype)
        whole = np.dtype((np.void, empty.nbytes))
        np.copyto(pixels.view(whole)[:, :, 0], empty.view(whole), where=~self.spans.mask(window))


def overview_levels(height: int, width: int, block: int) -> int:
    """Return how often a raster is halved until it fits into one block."""
    levels = 0
    while max(height, width) > block << levels:
        levels += 1
    return levels


def _quartered(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    padded = np.pad(counts, ((0, counts.shape[0] % 2), (0, counts.shape[1] % 2)))
    return padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]
