"""Lays out the output and writes it: head, overviews from coarse to fine, full resolution part by part."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.assemble.header import Image, header, header_size
from orchestrator.assemble.stock import Shelf, Spools
from orchestrator.assemble.storage import ALIGNMENT, aligned, copy_range, space_errors, write_at
from orchestrator.assemble.tiff import Directory
from orchestrator.core.errors import Stopped
from orchestrator.core.system import open_descriptor
from orchestrator.model.ports import Stop

Ints = NDArray[np.int64]
# Copied between two looks whether somebody wants an end: a slow disk takes some seconds.
PIECE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Segment:
    """Where the blocks of one part lie in the two spools, as (first byte, first byte after them)."""

    full: tuple[int, int]
    overviews: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes that lie together in a spool and in the output."""

    level: int
    source: int
    target: int
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The output, byte by byte: its head, then runs in the order of the file."""

    head: bytes
    runs: list[Run]
    size: int
    full_at: int

    def room(self, spool_end: int) -> int | None:
        """
        Return how many bytes must be inserted into the spool of full blocks to make it the output.

        None when that alone does not do, because parts came in another order.
        """
        full = [run for run in self.runs if not run.level]
        moves = {run.target - run.source for run in full}
        if not full or len(moves) > 1 or full[-1].source + full[-1].size != spool_end:
            return None
        move = moves.pop()
        return move if move >= 0 and move % ALIGNMENT == 0 else None


def image_shapes(shelf: Shelf) -> list[tuple[int, int]]:
    """Return (height, width) of the output and of its overviews, from fine to coarse."""
    spans = shelf.coverage.spans
    return [(-(-spans.height >> n), -(-spans.width >> n)) for n in range(len(shelf.coverage.places))]


def plan(shelf: Shelf, segments: Sequence[Segment], base: Directory) -> Plan:
    """
    Decide where every block lies in the output.

    The order depends on the parts' windows alone: `segments` are in the order of the windows, the blocks that
    were made last in a segment of their own at the end.
    """
    shapes = image_shapes(shelf)
    at = header_size(base, shelf.codec.encoding, shapes)
    full_at = 0
    runs: list[Run] = []
    images: list[Image] = []
    for level in reversed(range(len(shapes))):
        if level == 0:
            # On a whole block of the file system, so that a spool can become the output without being copied.
            full_at = at = aligned(at)
        extents = [s.overviews if level else s.full for s in segments]
        offsets, sizes = shelf.offsets[level], np.maximum(shelf.sizes[level], 0)
        targets, moved = _moved(offsets, sizes, extents, level, at)
        images.append(Image(*shapes[level], targets, sizes))
        runs += moved
        at += int(sizes.sum())
    return Plan(header(base, shelf.codec.encoding, images[::-1]), runs, at, full_at)


def _moved(offsets: Ints, sizes: Ints, extents: list[tuple[int, int]], level: int, at: int) -> tuple[Ints, list[Run]]:
    """Return the offsets in the output of the blocks of a level, which begins at byte `at`, and what to copy."""
    stored = np.flatnonzero(sizes)
    source, size = offsets.ravel()[stored], sizes.ravel()[stored]
    order = np.lexsort((source, _ranks(source, extents)))
    source, size = source[order], size[order]
    target = at + np.cumsum(size) - size
    targets = np.zeros(offsets.size, np.int64)
    targets[stored[order]] = target
    breaks = np.flatnonzero(source[1:] != source[:-1] + size[:-1]) + 1
    firsts = np.concatenate(([0], breaks)) if len(source) else breaks
    lengths = np.add.reduceat(size, firsts) if len(source) else size
    runs = [
        Run(level, *numbers)
        for numbers in zip(source[firsts].tolist(), target[firsts].tolist(), lengths.tolist(), strict=True)
    ]
    return targets.reshape(offsets.shape), runs


def _ranks(source: Ints, extents: list[tuple[int, int]]) -> Ints:
    """Return, for each byte of a spool, the place in the output of the segment it lies in."""
    # Segments without bytes begin where others do, and own nothing.
    by_start = sorted((start, rank) for rank, (start, end) in enumerate(extents) if end > start)
    starts = np.array([start for start, _ in by_start], np.int64)
    ranks = np.array([rank for _, rank in by_start], np.int64)
    return ranks[np.searchsorted(starts, source, side="right") - 1] if len(ranks) else source


def _pieces(run: Run) -> Iterator[tuple[int, int, int]]:
    """Yield (source, target, size) of a run, PIECE_BYTES at most at a time."""
    for done in range(0, run.size, PIECE_BYTES):
        yield run.source + done, run.target + done, min(PIECE_BYTES, run.size - done)


def _unless(stop: Stop) -> None:
    if stop.is_set():
        raise Stopped("stopped while writing the mosaic; all placed parts are kept")


def write_in_place(layout: Plan, spools: Spools, stop: Stop) -> None:
    """Make the spool of full blocks, moved where they belong, the output; a stop in between takes the room back."""
    fd, path = spools.full.fd, spools.full.path
    with space_errors(path):
        # What a spool keeps free for the head may hold anything.
        write_at(fd, layout.head, 0)
        at = len(layout.head)
        for run in layout.runs:
            if run.level:
                for source, target, size in _pieces(run):
                    _unless(stop)
                    copy_range(spools.overviews.fd, source, fd, target, size)
                at = run.target + run.size
        write_at(fd, bytes(layout.full_at - at), at)
        os.ftruncate(fd, layout.size)
        os.fsync(fd)


def write_copy(layout: Plan, spools: Spools, path: Path, stop: Stop) -> None:
    """Write the output to `path` out of the spools."""
    fd = open_descriptor(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        with space_errors(path):
            write_at(fd, layout.head, 0)
            for run in layout.runs:
                for source, target, size in _pieces(run):
                    _unless(stop)
                    copy_range(spools.of(run.level).fd, source, fd, target, size)
            # The head is padded to where blocks begin, also when there is none.
            os.ftruncate(fd, layout.size)
            os.fsync(fd)
    finally:
        os.close(fd)
