"""Turns one part into blocks of the output: copied, or decoded, masked and encoded; and their overviews."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from orchestrator.assemble.codec import Codec, Pixels
from orchestrator.assemble.part import PartReader
from orchestrator.assemble.reduce import halve, is_nodata
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.stock import BlockIndex, Fragment, Item, Spools
from orchestrator.assemble.tally import BlockTally
from orchestrator.assemble.validity import valid_in
from orchestrator.core.errors import Stopped
from orchestrator.core.flow import in_order
from orchestrator.model.ports import Stop
from orchestrator.raster.arrays import Ints
from orchestrator.raster.coverage import Coverage, Node, Place

# Overview levels are computed cell by cell, a cell being 2^CELL_LEVEL blocks wide: the quarters that wait for
# their parents stay below 64 blocks, whatever the size of the part. Coarser levels are computed at the end.
CELL_LEVEL = 4


@dataclass(frozen=True, slots=True)
class EncodedBlock:
    """A block on its way to the spool; `piece` tells that only a part of it is known."""

    node: Node
    data: bytes
    fragment: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What one task made: blocks, pixels for the parent of `node`, half the size of a block, counts of valid ones."""

    made: list[EncodedBlock]
    node: Node
    quarter: Pixels | None = None
    valid: Ints | None = None


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """A block of the part that is taken over as it is, and how many of its pixels hold data, for each band."""

    node: Node
    data: bytes | memoryview
    valid: Ints | None


@dataclass(slots=True)
class Placement:
    """
    The placing of one part.

    Attributes:
        items: Blocks made, once `complete` is done.
        fragments: Blocks of which this part covers but some pixels.
        copied: How many blocks were taken over compressed.
        own_overviews: Whether overviews of the part were taken.
        stop: Tells that somebody wants an end; looked at between blocks; a part may be a whole raster.
        tally: What to find out about its blocks; None where nobody asks, which spares reading those that are copied.
    """

    part: PartReader
    index: BlockIndex
    spools: Spools
    settings: MosaicSettings
    items: list[Item] = field(default_factory=list)
    fragments: list[Fragment] = field(default_factory=list)
    copied: int = 0
    own_overviews: bool = False
    stop: Stop | None = None
    tally: BlockTally | None = None
    _quarters: dict[Node, Pixels] = field(default_factory=dict)
    _copies: dict[Node, bool] = field(default_factory=dict)
    _cells: Iterator[tuple[Node, Iterator[Batch]]] = field(default_factory=lambda: iter(()))

    @property
    def coverage(self) -> Coverage:
        return self.index.coverage

    @property
    def codec(self) -> Codec:
        return self.index.codec

    @property
    def nodata(self) -> float:
        return self.settings.spec.pixels.nodata

    @property
    def top(self) -> int:
        """The coarsest level of the output."""
        return len(self.coverage.places) - 1

    def begin(self, pool: Executor) -> None:
        """Begin the first blocks in `pool`: its threads have work while another part is still being written."""
        cells = ((cell, self._begin_cell(cell, pool)) for cell in self._nodes(CELL_LEVEL))
        self._cells = chain([next(cells)], cells)

    def complete(self, pool: Executor) -> None:
        """
        Make and write all blocks that this part alone decides.

        Raises:
            Stopped: `stop` was set; the part is to be placed anew.
        """
        for cell, batches in self._cells:
            self._complete_cell(cell, batches, pool)
        for level in range(CELL_LEVEL + 1, self.top + 1):
            self._copy_all(self._nodes(level), pool)

    def _begin_cell(self, cell: Node, pool: Executor) -> Iterator[Batch]:
        parents = (node for node in self._nodes(1, cell) if self._has_work(node))
        return in_order(pool, self._group, parents, ahead=self._ahead)

    def _complete_cell(self, cell: Node, batches: Iterator[Batch], pool: Executor) -> None:
        levels = range(min(CELL_LEVEL, self.top) + 1)
        for level in levels:
            self._copy_all(self._nodes(level, cell), pool)
        for batch in batches:
            self._heed()
            self._keep(batch)
        for level in levels[2:]:
            wanted = (node for node in self._nodes(level, cell) if self._is_computed(node))
            for batch in in_order(pool, self._overview, wanted, ahead=self._ahead):
                self._keep(batch)
        self._quarters.clear()

    @property
    def _ahead(self) -> int:
        return 2 * self.settings.spec.threads

    def _nodes(self, level: int, cell: Node | None = None) -> Iterator[Node]:
        """Yield the blocks of a level, row by row, that touch the part, or the part within one cell."""
        window = self.part.window
        if cell is not None:
            window = window.intersection(self.coverage.footprint(cell)) or window
        side = self.coverage.block << level
        for row in range(window.row // side, -(-window.bottom // side)):
            for col in range(window.col // side, -(-window.right // side)):
                yield (level, row, col)

    # What happens to a block is decided by these alone, from the part's window and tables: never by what was
    # placed before.

    def _is_complete(self, node: Node) -> bool:
        return self.part.window.contains(self.coverage.footprint(node))

    def _has_own(self, level: int) -> bool:
        """Tell whether the part's overviews have blocks of a level."""
        return self.settings.overviews_of_parts and level in self.part.tables

    def _is_taken(self, node: Node) -> bool:
        """Tell whether the part has exactly this block, without pixels of the outside."""
        level = node[0]
        known = level == 0 or self._has_own(level)
        return known and self.coverage.at(node) is Place.INSIDE and self._is_complete(node)

    def _is_copied(self, node: Node) -> bool:
        if node not in self._copies:
            self._copies[node] = self.part.copyable and self._is_taken(node) and not self._is_sparse(node)
        return self._copies[node]

    def _is_sparse(self, node: Node) -> bool:
        """Tell whether a copyable block holds nothing but nodata."""
        if not self.part.tile(*node)[1]:
            return True
        if not self.part.may_be_empty(*node):
            return False
        pixels = self.part.pixels(*node)
        return pixels is None or bool(is_nodata(self._within(node, pixels), self.nodata).all())

    def _is_computed(self, node: Node) -> bool:
        """Tell whether a block of an overview is to be computed or encoded here."""
        if not 1 <= node[0] <= min(self.top, CELL_LEVEL) or self.coverage.at(node) is Place.OUTSIDE:
            return False
        return self._is_complete(node) and not self._is_copied(node)

    def _has_work(self, parent: Node) -> bool:
        """Tell whether a block of level 1, or one under it, is to be decoded or encoded."""
        if self._is_computed(parent):
            return True
        return any(
            self.coverage.at(child) is not Place.OUTSIDE and not self._is_copied(child)
            for child in self._children(parent)
            if self.coverage.footprint(child).intersection(self.part.window)
        )

    def _heed(self) -> None:
        if self.stop is not None and self.stop.is_set():
            raise Stopped("stopped while placing a part; those before it are kept, and the same command continues")

    def _copy_all(self, nodes: Iterator[Node], pool: Executor) -> None:
        copied = (node for node in nodes if self._is_copied(node))
        if self.tally is None:
            for node in copied:
                self._heed()
                offset, size = self.part.tile(*node)
                self._copied(node, self.spools.of(node[0]).append_copy(self.part.bytes, offset, size), size)
            return
        for block in in_order(pool, self._read, copied, ahead=self._ahead):
            self._heed()
            self._copied(block.node, self.spools.of(block.node[0]).append(block.data), len(block.data))
            self.tally.add(block.node[0], block.data)
            if block.valid is not None:
                self.tally.valid += block.valid

    def _read(self, node: Node) -> ReadBlock:
        """Read a block that is to be copied; at full resolution it is decoded, too, and its pixels are counted."""
        data = self.part.bytes.read(*self.part.tile(*node))
        if node[0]:
            return ReadBlock(node, data, None)
        return ReadBlock(node, data, valid_in(self._within(node, self.codec.decode(data)), self.nodata))

    def _copied(self, node: Node, at: int, size: int) -> None:
        self.items.append(Item(node, at, size))
        self.copied += 1
        self.own_overviews = self.own_overviews or node[0] > 0

    def _keep(self, batch: Batch) -> None:
        for made in batch.made:
            at = self.spools.of(made.node[0]).append(made.data)
            item = Item(made.node, at, len(made.data))
            if made.fragment:
                piece = self.coverage.footprint(made.node).intersection(self.part.window)
                if piece is not None:
                    self.fragments.append(Fragment(item, piece))
            else:
                self.items.append(item)
                if self.tally is not None:
                    self.tally.add(made.node[0], made.data)
        if self.tally is not None and batch.valid is not None:
            self.tally.valid += batch.valid
        if batch.quarter is not None:
            self._quarters[batch.node] = batch.quarter

    def _group(self, parent: Node) -> Batch:
        """Make the blocks at full resolution under a block of level 1, and that block."""
        made, quarters, valid = [], {}, np.zeros(self.codec.bands, np.int64)
        for child in self._children(parent):
            place = self.coverage.at(child)
            if place is Place.OUTSIDE or self._is_copied(child):
                continue
            piece = self.coverage.footprint(child).intersection(self.part.window)
            if piece is None:
                continue
            pixels = self._clipped(child, place)
            if self.tally is not None:
                valid += valid_in(pixels, self.nodata)
            made.append(EncodedBlock(child, self._encode(pixels), fragment=not self._is_complete(child)))
            if self._wants_quarter(child, parent):
                quarters[child] = halve(pixels, self.nodata, self.settings.resampling)
        if not self._is_computed(parent):
            return Batch(made, parent, valid=valid)
        above = self._overview(parent, quarters)
        return Batch(made + above.made, parent, above.quarter, valid)

    def _clipped(self, node: Node, place: Place) -> Pixels:
        """Return a whole block at full resolution; pixels outside the area or the part are nodata."""
        window = self.coverage.footprint(node)
        piece = window.intersection(self.part.window) or window
        pixels = np.full(self.codec.shape, self.nodata, self.codec.dtype)
        top, left = piece.row - window.row, piece.col - window.col
        inner = pixels[top : top + piece.height, left : left + piece.width]
        inner[...] = self.part.read(piece)
        if place is Place.BOUNDARY:
            self.coverage.clip(piece, inner, self.nodata)
        return pixels

    def _overview(self, node: Node, quarters: dict[Node, Pixels] | None = None) -> Batch:
        """Make a block of an overview."""
        if self._is_taken(node):
            pixels = self._own(node)
        else:
            pixels = self._joined(node, self._quarters if quarters is None else quarters)
        quarter = None
        if self._wants_quarter(node, parent_of(node)):
            quarter = halve(pixels, self.nodata, self.settings.resampling)
        return Batch([EncodedBlock(node, self._encode(pixels))], node, quarter)

    def _joined(self, node: Node, quarters: dict[Node, Pixels]) -> Pixels:
        pixels = np.full(self.codec.shape, self.nodata, self.codec.dtype)
        half = self.coverage.block // 2
        own: Pixels | None = None
        for child in self._children(node):
            if self.coverage.at(child) is Place.OUTSIDE:
                continue
            rows = slice(child[1] % 2 * half, child[1] % 2 * half + half)
            cols = slice(child[2] % 2 * half, child[2] % 2 * half + half)
            if child in quarters:
                pixels[rows, cols] = quarters[child]
            elif self._has_own(node[0]):
                own = self._own(node) if own is None else own
                pixels[rows, cols] = own[rows, cols]
            else:
                pixels[rows, cols] = halve(self._own(child), self.nodata, self.settings.resampling)
        return pixels

    def _own(self, node: Node) -> Pixels:
        """Return a block as the part has it; pixels beyond the raster are nodata."""
        if node[0] == 0:
            return self._clipped(node, self.coverage.at(node))
        pixels = np.full(self.codec.shape, self.nodata, self.codec.dtype)
        self.own_overviews = True
        found = self.part.pixels(*node)
        if found is not None:
            self._within(node, pixels)[...] = self._within(node, found)
        return pixels

    def _within(self, node: Node, pixels: Pixels) -> Pixels:
        height, width = self.coverage.extent(node)
        return pixels[:height, :width]

    def _wants_quarter(self, child: Node, parent: Node) -> bool:
        """Tell whether the parent is made here out of this child, rather than out of the part's overview."""
        if not self._is_computed(parent) or self._is_taken(parent):
            return False
        return self.coverage.at(child) is Place.BOUNDARY or not self._has_own(parent[0])

    def _children(self, node: Node) -> Iterator[Node]:
        return children_of(node, self.coverage)

    def _encode(self, pixels: Pixels) -> bytes:
        if is_nodata(pixels, self.nodata).all():
            return b""
        return self.codec.encode(pixels, fast=self.part.copyable)


def parent_of(node: Node) -> Node:
    """Return the block of the next coarser level that a block belongs to."""
    level, row, col = node
    return (level + 1, row // 2, col // 2)


def children_of(node: Node, coverage: Coverage) -> Iterator[Node]:
    """Yield the blocks of the next finer level, row by row, that make up a block."""
    level, row, col = node
    rows, cols = coverage.places[level - 1].shape
    for r in range(2 * row, min(2 * row + 2, rows)):
        for c in range(2 * col, min(2 * col + 2, cols)):
            yield (level - 1, r, c)
