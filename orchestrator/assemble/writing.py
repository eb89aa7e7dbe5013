"""Lays out the output and writes it: head, overviews from coarse to fine, full resolution part by part."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestrator.assemble.header import Image, header, header_size
from orchestrator.assemble.stock import BlockIndex, Spools
from orchestrator.assemble.storage import ALIGNMENT, aligned
from orchestrator.assemble.tiff import Directory
from orchestrator.core.copying import copy_range, write_all_at
from orchestrator.core.disks import space_errors
from orchestrator.core.errors import Stopped
from orchestrator.core.system import open_descriptor
from orchestrator.model.ports import Stop
from orchestrator.raster.arrays import Ints

# Copied between two looks whether somebody wants an end: a slow disk takes some seconds.
PIECE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Segment:
    """Where the blocks of one part lie in the two spools, as (first byte, first byte after them)."""

    full: tuple[int, int]
    overviews: tuple[int, int]


@dataclass(frozen=True, slots=True)
class CopyRange:
    """Bytes that lie together in a spool and in the output."""

    level: int
    source: int
    target: int
    size: int


@dataclass(frozen=True, slots=True)
class FileLayout:
    """The output, byte by byte: its head, then what is copied, in the order of the file."""

    head: bytes
    copies: list[CopyRange]
    size: int
    full_at: int

    def room(self, spool_end: int) -> int | None:
        """
        Return how many bytes must be inserted into the spool of full blocks to make it the output.

        None when that alone does not do, because parts came in another order.
        """
        full = [copy for copy in self.copies if not copy.level]
        moves = {copy.target - copy.source for copy in full}
        if not full or len(moves) > 1 or full[-1].source + full[-1].size != spool_end:
            return None
        move = moves.pop()
        return move if move >= 0 and move % ALIGNMENT == 0 else None


def image_shapes(index: BlockIndex) -> list[tuple[int, int]]:
    """Return (height, width) of the output and of its overviews, from fine to coarse."""
    spans = index.coverage.spans
    return [(-(-spans.height >> n), -(-spans.width >> n)) for n in range(len(index.coverage.places))]


def lay_out(index: BlockIndex, segments: Sequence[Segment], base: Directory) -> FileLayout:
    """
    Decide where every block lies in the output.

    The order depends on the parts' windows alone: `segments` are in the order of the windows, the blocks that
    were made last in a segment of their own at the end.
    """
    shapes = image_shapes(index)
    at = header_size(base, index.codec.encoding, shapes)
    full_at = 0
    copies: list[CopyRange] = []
    images: list[Image] = []
    for level in reversed(range(len(shapes))):
        if level == 0:
            # On a whole block of the file system, so that a spool can become the output without being copied.
            full_at = at = aligned(at)
        extents = [s.overviews if level else s.full for s in segments]
        offsets, sizes = index.offsets[level], np.maximum(index.sizes[level], 0)
        targets, moved = _moved(offsets, sizes, extents, level, at)
        images.append(Image(*shapes[level], targets, sizes))
        copies += moved
        at += int(sizes.sum())
    return FileLayout(header(base, index.codec.encoding, images[::-1]), copies, at, full_at)


def in_file_order(offsets: Ints, sizes: Ints, extents: Sequence[tuple[int, int]]) -> Ints:
    """
    Return the blocks of a level that are stored, as flat indexes, in the order of the output.

    `offsets` and `sizes` are (block row, block col); `extents` are the bytes of each segment, in order.
    """
    stored = np.flatnonzero(sizes > 0)
    source = offsets.ravel()[stored]
    return stored[np.lexsort((source, _ranks(source, extents)))]


def _moved(
    offsets: Ints, sizes: Ints, extents: list[tuple[int, int]], level: int, at: int
) -> tuple[Ints, list[CopyRange]]:
    """Return the offsets in the output of the blocks of a level, which begins at byte `at`, and what to copy."""
    order = in_file_order(offsets, sizes, extents)
    source, size = offsets.ravel()[order], sizes.ravel()[order]
    target = at + np.cumsum(size) - size
    targets = np.zeros(offsets.size, np.int64)
    targets[order] = target
    breaks = np.flatnonzero(source[1:] != source[:-1] + size[:-1]) + 1
    firsts = np.concatenate(([0], breaks)) if len(source) else breaks
    lengths = np.add.reduceat(size, firsts) if len(source) else size
    copies = [
        CopyRange(level, *numbers)
        for numbers in zip(source[firsts].tolist(), target[firsts].tolist(), lengths.tolist(), strict=True)
    ]
    return targets.reshape(offsets.shape), copies


def _ranks(source: Ints, extents: Sequence[tuple[int, int]]) -> Ints:
    """Return, for each byte of a spool, the place in the output of the segment it lies in."""
    # Segments without bytes begin where others do, and own nothing.
    by_start = sorted((start, rank) for rank, (start, end) in enumerate(extents) if end > start)
    starts = np.array([start for start, _ in by_start], np.int64)
    ranks = np.array([rank for _, rank in by_start], np.int64)
    return ranks[np.searchsorted(starts, source, side="right") - 1] if len(ranks) else source


def _pieces(copy: CopyRange) -> Iterator[tuple[int, int, int]]:
    """Yield (source, target, size) of a copy, PIECE_BYTES at most at a time."""
    for done in range(0, copy.size, PIECE_BYTES):
        yield copy.source + done, copy.target + done, min(PIECE_BYTES, copy.size - done)


def _unless(stop: Stop) -> None:
    if stop.is_set():
        raise Stopped("stopped while writing the mosaic; all placed parts are kept")


def write_in_place(layout: FileLayout, spools: Spools, stop: Stop) -> None:
    """Make the spool of full blocks, moved where they belong, the output; a stop in between takes the room back."""
    fd, path = spools.full.fd, spools.full.path
    with space_errors(path):
        # What a spool keeps free for the head may hold anything.
        write_all_at(fd, layout.head, 0)
        at = len(layout.head)
        for copy in layout.copies:
            if copy.level:
                for source, target, size in _pieces(copy):
                    _unless(stop)
                    copy_range(spools.overviews.fd, source, fd, target, size)
                at = copy.target + copy.size
        write_all_at(fd, bytes(layout.full_at - at), at)
        os.ftruncate(fd, layout.size)
        os.fsync(fd)


def write_copy(layout: FileLayout, spools: Spools, path: Path, stop: Stop) -> None:
    """Write the output to `path` out of the spools."""
    fd = open_descriptor(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        with space_errors(path):
            write_all_at(fd, layout.head, 0)
            for copy in layout.copies:
                for source, target, size in _pieces(copy):
                    _unless(stop)
                    copy_range(spools.of(copy.level).fd, source, fd, target, size)
            # The head is padded to where blocks begin, also when there is none.
            os.ftruncate(fd, layout.size)
            os.fsync(fd)
    finally:
        os.close(fd)
