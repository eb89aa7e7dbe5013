"""Lays out the output and writes it: head, overviews from coarse to fine, full resolution part by part."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.assemble.header import Image, header, header_size
from orchestrator.assemble.stock import Shelf, Spools
from orchestrator.assemble.storage import ALIGNMENT, aligned, copy_range, space_errors, write_at
from orchestrator.assemble.tiff import Directory
from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.model.ports import Stop

Ints = NDArray[np.int64]
READ_BYTES = 1 << 20


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


class Hasher:
    """Computes the SHA-256 of a file while it is written from front to back, in a thread of its own."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._written = 0
        self._total: int | None = None
        self._error: BaseException | None = None
        self._change = threading.Condition()
        self._hash = hashlib.sha256()
        self._thread = threading.Thread(target=self._follow, name="sha256", daemon=True)
        self._thread.start()

    def advance(self, written: int) -> None:
        """Tell that the first `written` bytes are final."""
        with self._change:
            self._written = written
            self._change.notify()

    def finish(self, total: int) -> str:
        """Return the digest of the first `total` bytes in hexadecimal."""
        with self._change:
            self._written = self._total = total
            self._change.notify()
        self._thread.join()
        if self._error:
            raise self._error
        return self._hash.hexdigest()

    def _follow(self) -> None:
        at = 0
        try:
            while True:
                with self._change:
                    self._change.wait_for(lambda: self._written > at or self._total is not None)  # noqa: B023  called at once
                    limit, total = self._written, self._total
                at = self._read(at, limit)
                if at == total:
                    return
        except BaseException as error:  # noqa: BLE001  the edge of a thread: raised again by finish()
            self._error = error

    def _read(self, at: int, limit: int) -> int:
        while at < limit:
            data = os.pread(self._fd, min(READ_BYTES, limit - at), at)
            if not data:
                raise IntegrityError(f"the output ends at byte {at}, {limit} bytes were written")
            self._hash.update(data)
            at += len(data)
        return at


def write_in_place(layout: Plan, spools: Spools) -> str:
    """Make the spool of full blocks, moved where they belong, the output; return its SHA-256."""
    fd, path = spools.full.fd, spools.full.path
    with space_errors(path):
        # What a spool keeps free for the head may hold anything.
        write_at(fd, layout.head, 0)
        at = len(layout.head)
        for run in layout.runs:
            if run.level:
                copy_range(spools.overviews.fd, run.source, fd, run.target, run.size)
                at = run.target + run.size
        write_at(fd, bytes(layout.full_at - at), at)
        os.ftruncate(fd, layout.size)
        hasher = Hasher(fd)
        hasher.advance(layout.size)
        try:
            os.fsync(fd)
        finally:
            digest = hasher.finish(layout.size)
    return digest


def write_copy(layout: Plan, spools: Spools, path: Path, stop: Stop) -> str:
    """Write the output to `path` out of the spools; return its SHA-256."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        hasher = Hasher(fd)
        done = 0
        try:
            with space_errors(path):
                write_at(fd, layout.head, 0)
                done = len(layout.head)
                for run in layout.runs:
                    if stop.is_set():
                        raise Stopped("stopped while writing the mosaic; all placed parts are kept")
                    copy_range(spools.of(run.level).fd, run.source, fd, run.target, run.size)
                    done = run.target + run.size
                    hasher.advance(done)
                os.fsync(fd)
        finally:
            digest = hasher.finish(done)
        return digest
    finally:
        os.close(fd)
