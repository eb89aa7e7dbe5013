"""Completes what no part could decide alone: blocks shared by parts, other encodings, coarse overviews."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from orchestrator.assemble.codec import Encoding, Pixels
from orchestrator.assemble.placing import children_of
from orchestrator.assemble.reduce import halve, is_nodata
from orchestrator.assemble.report import PlacedPart
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.stock import UNMADE, BlockIndex, BlockStores, Fragment, Item, Spools
from orchestrator.assemble.tally import BlockTally
from orchestrator.assemble.writing import Segment
from orchestrator.core.errors import Stopped
from orchestrator.core.flow import in_order
from orchestrator.model.grid import Window
from orchestrator.model.ports import Stop
from orchestrator.raster.coverage import Node, Place

Source = tuple[BlockIndex, Fragment]


@dataclass(frozen=True, slots=True)
class CompletedBlocks:
    """
    All blocks that can be made of what is placed, in the spools of a mosaic until its next call.

    Attributes:
        parts: In the order of their windows.
        indexes: Of every encoding that a part has.
        index: That of the output, which is one of `indexes`.
        segments: Where the blocks of each part lie, and behind them those that no part decides alone.
        spools: Where they lie.
        tallies: What is known of the blocks of each segment; None where somebody made one without finding out.
    """

    parts: list[PlacedPart]
    indexes: dict[Encoding, BlockIndex]
    index: BlockIndex
    segments: list[Segment]
    spools: Spools
    tallies: list[BlockTally] | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """
    The last blocks of a mosaic whose output has the encoding of `index`.

    With `rows`, of the grid, blocks that stand for a pixel in another row are left out. `tally` takes note of them.
    """

    index: BlockIndex
    spools: BlockStores
    settings: MosaicSettings
    stop: Stop
    rows: range | None = None
    tally: BlockTally | None = None

    def run(self, indexes: Mapping[Encoding, BlockIndex], pool: Executor) -> None:
        """Make every block that is missing; they are written behind those of the parts, and not journalled."""
        sources = self._sources(indexes)
        self._make(((node, sources[node]) for node in sorted(sources) if self._is_unmade(node)), pool)
        for level in range(1, len(self.index.offsets)):
            self._make(((node, None) for node in self._missing(level)), pool)

    def _make(self, tasks: Iterator[tuple[Node, list[Source] | None]], pool: Executor) -> None:
        ahead = 2 * self.settings.spec.threads
        for node, data in in_order(pool, self._block, tasks, ahead=ahead):
            if self.stop.is_set():
                raise Stopped("stopped while completing the mosaic; all placed parts are kept")
            at = self.spools.of(node[0]).append(data)
            self.index.put([Item(node, at, len(data))])
            if self.tally is not None:
                self.tally.add(node[0], data)

    def _block(self, task: tuple[Node, list[Source] | None]) -> tuple[Node, bytes]:
        node, sources = task
        pixels = self._reduced(node) if sources is None else self._composed(node, sources)
        empty = is_nodata(pixels, self.settings.spec.pixels.nodata).all()
        return node, b"" if empty else self.index.codec.encode(pixels)

    def _sources(self, indexes: Mapping[Encoding, BlockIndex]) -> dict[Node, list[Source]]:
        """Return, for each block to compose, the stored blocks that hold its pixels."""
        found: dict[Node, list[Source]] = defaultdict(list)
        block = self.index.coverage.block
        for index in indexes.values():
            pieces = index.fragments if index is self.index else [*index.fragments, *_whole_blocks(index)]
            for piece in pieces:
                for window in _cells(piece.piece, block):
                    found[0, window.row // block, window.col // block].append((index, piece))
        return found

    def _composed(self, node: Node, sources: list[Source]) -> Pixels:
        nodata = self.settings.spec.pixels.nodata
        pixels = np.full(self.index.codec.shape, nodata, self.index.codec.dtype)
        window = self.index.coverage.footprint(node)
        for index, fragment in sources:
            shared = window.intersection(fragment.piece)
            if shared is None or not fragment.item.size:
                continue
            stored = index.codec.decode(self.spools.of(0).read(fragment.item.offset, fragment.item.size))
            origin = index.coverage.footprint(fragment.item.node)
            _cut(pixels, shared, window)[...] = _cut(stored, shared, origin)
        return pixels

    def _missing(self, level: int) -> Iterator[Node]:
        unmade = self.index.offsets[level] == UNMADE
        wanted = unmade & (self.index.coverage.places[level] != Place.OUTSIDE)
        for row, col in np.argwhere(wanted).tolist():
            if self._is_within((level, row, col)):
                yield (level, row, col)

    def _is_unmade(self, node: Node) -> bool:
        """Tell whether a block at full resolution is to be composed; strips have made theirs before the join."""
        return bool(self.index.offsets[0][node[1:]] == UNMADE) and self._is_within(node)

    def _is_within(self, node: Node) -> bool:
        window = self.index.coverage.footprint(node)
        return self.rows is None or (self.rows.start <= window.row and window.bottom <= self.rows.stop)

    def _reduced(self, node: Node) -> Pixels:
        nodata = self.settings.spec.pixels.nodata
        pixels = np.full(self.index.codec.shape, nodata, self.index.codec.dtype)
        half = self.index.coverage.block // 2
        for child in children_of(node, self.index.coverage):
            found = self.index.pixels(child, self.spools.of(child[0]))
            if found is None:
                continue
            height, width = self.index.coverage.extent(child)
            found[height:], found[:, width:] = nodata, nodata
            row, col = child[1] % 2 * half, child[2] % 2 * half
            pixels[row : row + half, col : col + half] = halve(found, nodata, self.settings.resampling)
        return pixels


def _whole_blocks(index: BlockIndex) -> Iterator[Fragment]:
    for row, col in np.argwhere(index.sizes[0] > 0).tolist():
        node = (0, row, col)
        item = Item(node, int(index.offsets[0][row, col]), int(index.sizes[0][row, col]))
        yield Fragment(item, index.coverage.footprint(node))


def _cells(window: Window, block: int) -> Iterator[Window]:
    """Yield the blocks that a window touches."""
    for row in range(window.row // block, -(-window.bottom // block)):
        for col in range(window.col // block, -(-window.right // block)):
            yield Window(row * block, col * block, block, block)


def _cut(pixels: Pixels, shared: Window, origin: Window) -> Pixels:
    at = shared.relative_to(origin)
    return pixels[at.row : at.bottom, at.col : at.right]
