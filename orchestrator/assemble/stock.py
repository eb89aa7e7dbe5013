"""What has been made so far: blocks in spools, and tables that say where each lies."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from orchestrator.assemble.codec import Codec, Pixels
from orchestrator.assemble.storage import BufferBytes, FileBytes
from orchestrator.core.copying import write_all_at
from orchestrator.core.disks import space_errors
from orchestrator.core.system import open_descriptor, sync_data
from orchestrator.model.grid import Window
from orchestrator.raster.coverage import Coverage, Node

UNMADE = -1


@dataclass(frozen=True, slots=True)
class Item:
    """A block that was made: where it lies in its spool; size 0 is a block that holds nodata only."""

    node: Node
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """A full-resolution block of which only the pixels of `piece` are known; the others are nodata."""

    item: Item
    piece: Window


class BlockStore(Protocol):
    """Bytes that blocks are read from, and appended to."""

    def read(self, item_offset: int, size: int) -> bytes:
        """Return exactly `size` bytes, or raise IntegrityError; safe in threads."""

    def append(self, data: bytes) -> int:
        """Add bytes; return where they lie."""


class BlockStores(Protocol):
    """Where the blocks of each level lie."""

    def of(self, level: int) -> BlockStore:
        """Return what holds the blocks of a level."""


@dataclass(slots=True)
class Spool:
    """A file that blocks are appended to."""

    path: Path
    fd: int
    end: int

    @classmethod
    def open(cls, path: Path, end: int) -> Spool:
        """Open or create a spool of which the first `end` bytes count."""
        fd = open_descriptor(path, os.O_RDWR | os.O_CREAT)
        os.ftruncate(fd, end)
        return cls(path, fd, end)

    def append(self, data: bytes | memoryview) -> int:
        """Add bytes; return where they lie."""
        at = self.end
        with space_errors(self.path):
            write_all_at(self.fd, data, at)
        self.end += len(data)
        return at

    def append_copy(self, source: FileBytes | BufferBytes, offset: int, size: int) -> int:
        """Add bytes of `source`; return where they lie."""
        at = self.end
        with space_errors(self.path):
            source.copy(offset, size, self.fd, at)
        self.end += size
        return at

    def read(self, item_offset: int, size: int) -> bytes:
        return FileBytes(self.fd, self.end).read(item_offset, size)

    def sync(self) -> None:
        with space_errors(self.path):
            sync_data(self.fd)

    def close(self) -> None:
        os.close(self.fd)


@dataclass(slots=True)
class BlockIndex:
    """The blocks of one encoding: for each level a (block rows, block cols) table of offsets and one of sizes."""

    coverage: Coverage
    codec: Codec
    offsets: tuple[NDArray[np.int64], ...] = ()
    sizes: tuple[NDArray[np.int64], ...] = ()
    fragments: list[Fragment] = field(default_factory=list)

    @classmethod
    def empty(cls, coverage: Coverage, codec: Codec) -> BlockIndex:
        shapes = [place.shape for place in coverage.places]
        return cls(
            coverage,
            codec,
            tuple(np.full(shape, UNMADE, np.int64) for shape in shapes),
            tuple(np.zeros(shape, np.int64) for shape in shapes),
        )

    def put(self, items: Iterable[Item]) -> None:
        for item in items:
            level, row, col = item.node
            self.offsets[level][row, col] = item.offset
            self.sizes[level][row, col] = item.size

    def pixels(self, node: Node, spool: BlockStore) -> Pixels | None:
        """Return the pixels of a block, or None when it holds nodata only or was not made."""
        level, row, col = node
        size = int(self.sizes[level][row, col])
        return self.codec.decode(spool.read(int(self.offsets[level][row, col]), size)) if size else None


@dataclass(frozen=True, slots=True)
class Spools:
    """Blocks at full resolution, which may become the output itself, and those of the overviews."""

    full: Spool
    overviews: Spool

    def of(self, level: int) -> Spool:
        return self.overviews if level else self.full

    def sync(self) -> None:
        self.full.sync()
        self.overviews.sync()

    def close(self) -> None:
        self.full.close()
        self.overviews.close()
