"""Makes one output of strips: offsets are sums, the head and a few blocks are new, and nothing else is moved."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.assemble import header, writing
from orchestrator.assemble.codec import Codec, Encoding
from orchestrator.assemble.finishing import Completion
from orchestrator.assemble.report import summary
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.statistics import statistics
from orchestrator.assemble.stock import UNMADE, BlockIndex, Fragment, Item, Spool
from orchestrator.assemble.strip_index import BlockRun, BlockTable, RunKind, StripIndex
from orchestrator.assemble.validity import valid_in
from orchestrator.core import crash
from orchestrator.core.crc32c import crc32c_of
from orchestrator.core.disks import space_errors
from orchestrator.core.errors import DamagedObjectError, IntegrityError
from orchestrator.core.files import make_folder
from orchestrator.core.flow import in_order
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.model.objects import StoredObject
from orchestrator.model.places import ObjectPlace, unnoted
from orchestrator.model.ports import Stop
from orchestrator.raster.arrays import Ints
from orchestrator.raster.coverage import Coverage

JOIN_SPOOL, NEW_BYTES = "join.spool", "join.new"
# Blocks of strips are addressed behind every byte that the join itself could make.
_OF_STRIPS = 1 << 60


@dataclass(frozen=True, slots=True)
class JoinedMosaic:
    """
    An output that was put together of strips.

    Attributes:
        stored: The object that it is.
        report: The fields of a `MosaicReport`, without its path.
        valid: Pixels that hold data, of each band; None where the strips have not counted them.
        moved: Bytes of blocks that were read for it, and all that were written.
    """

    stored: StoredObject
    report: dict[str, Any]
    valid: tuple[int, ...] | None
    moved: int


@dataclass(slots=True)
class StripBlocks:
    """Blocks of strips, read by range and compared with their sums; and those that the join makes itself."""

    place: ObjectPlace
    spool: Spool
    runs: list[BlockRun] = field(default_factory=list)
    read_bytes: int = 0
    _bases: list[int] = field(default_factory=lambda: [_OF_STRIPS])
    _starts: list[Ints] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, run: BlockRun) -> Ints:
        """Take the blocks of a run in; return the address of each."""
        starts = np.cumsum(run.sizes) - run.sizes
        self.runs.append(run)
        self._starts.append(starts)
        self._bases.append(self._bases[-1] + run.stored.size)
        return starts + self._bases[-2]

    def run_of(self, address: int) -> int:
        """Return the number of the run that a byte belongs to, -1 for what was made here."""
        return bisect_right(self._bases, address) - 1

    def read(self, item_offset: int, size: int) -> bytes:
        """
        Return a block; see `BlockStore`.

        Raises:
            DamagedObjectError: It is not what the strip wrote.
            GenerationError: Its object was replaced.
            NotFoundError: Its object is gone.
        """
        number = self.run_of(item_offset)
        if number < 0:
            return self.spool.read(item_offset, size)
        run, at = self.runs[number], item_offset - self._bases[number]
        block = int(np.searchsorted(self._starts[number], at, side="right")) - 1
        # Read once more, it is the object that is damaged, and not the way to it.
        tries = (self.place.read_range(run.stored, at, size) for _ in range(2))
        data = next((data for data in tries if crc32c_of(data) == int(run.crcs[block])), None)
        if data is None:
            raise DamagedObjectError(f"bytes {at} to {at + size} of {run.stored.name} are not those its strip wrote")
        with self._lock:
            self.read_bytes += size
        return data

    def append(self, data: bytes) -> int:
        """Add a block; return its address."""
        return self.spool.append(data)

    def of(self, _level: int) -> StripBlocks:
        """Return this: it has all levels; see `BlockStores`."""
        return self


@dataclass(frozen=True, slots=True)
class _Order:
    """The stored blocks of a level in the order of the output: flat indexes, and for each the run it lies in, or -1."""

    blocks: Ints
    runs: Ints


class StripJoin:
    """One output that is put together. What it makes lies in `folder` until it is done, and is not needed again."""

    def __init__(
        self, spec: MosaicSpec, indexes: Iterable[StripIndex], place: ObjectPlace, folder: Path, stop: Stop
    ) -> None:
        """
        Take the strips of an output, all of them.

        Raises:
            IntegrityError: They are not strips of this output, or not all.
        """
        self.settings = MosaicSettings.of(spec)
        self._strips = sorted(indexes, key=lambda index: index.strip)
        self._place, self._folder, self._stop = place, folder, stop
        _prove_whole(self._strips, self.settings)

    def run(
        self, name: str, over: StoredObject | None = None, note: Callable[[StoredObject], None] = unnoted
    ) -> JoinedMosaic:
        """
        Make the output an object called `name`, the same bytes as one machine would have made of the same parts.

        `over` and `note` as of `ObjectPlace.join`; `note` is also told of the objects of what is made here, called
        `name` and a number. Done again after a crash it makes the same.

        Raises:
            DamagedObjectError: A block of a strip, or what was put together, is not what it should be.
            IntegrityError: Strips do not fit together.
            GenerationError: `name` is another's, or an object of a strip was replaced.
            NotFoundError: An object of a strip is gone.
            Stopped: The stop was set.
        """
        make_folder(self._folder)
        blocks = StripBlocks(self._place, Spool.open(self._folder / JOIN_SPOOL, 0))
        try:
            return self._joined(blocks, name, over, note)
        finally:
            blocks.spool.close()
            blocks.spool.path.unlink(missing_ok=True)

    def _joined(
        self,
        blocks: StripBlocks,
        name: str,
        over: StoredObject | None,
        note: Callable[[StoredObject], None],
    ) -> JoinedMosaic:
        parts = [part for strip in self._strips for part in strip.parts]
        encoding = parts[0].encoding if parts else self.settings.encoding_for(None)
        indexes = self._indexes(encoding, blocks)
        index = indexes[encoding]
        kinds = np.array([run.kind == RunKind.LAST for run in blocks.runs] + [True])
        with ThreadPoolExecutor(self.settings.spec.threads, "join") as pool:
            Completion(index, blocks, self.settings, self._stop).run(indexes, pool)
            valid = self._valid(encoding, index, blocks, pool)
        base = header.template(self.settings, statistics(index, blocks, self.settings.spec.pixels.nodata))
        orders = [_ordered(index, level, blocks, kinds) for level in range(len(index.sizes))]
        layout = writing.lay_out(_laid(index, orders), [writing.Segment((0, _OF_STRIPS), (0, _OF_STRIPS))], base)
        crash.point("join.completed")
        sources, written = self._written(self._pieces(layout, index, orders, blocks), name, note)
        stored = self._place.join(name, sources, over, note)
        crash.point("join.joined")
        if stored.size != layout.size:
            raise DamagedObjectError(f"{name} has {stored.size} bytes, expected {layout.size}")
        report = summary(parts, index, self.settings.resampling) | {"size": layout.size}
        return JoinedMosaic(stored, report, valid, blocks.read_bytes + written)

    def _indexes(self, encoding: Encoding, blocks: StripBlocks) -> dict[Encoding, BlockIndex]:
        """Return what the strips have made, by encoding."""
        found = {encoding: self._empty(encoding)}
        for strip in self._strips:
            for table in strip.tables:
                if table.encoding not in found:
                    found[table.encoding] = self._empty(table.encoding)
                _take(table, found[table.encoding], blocks)
        return found

    def _empty(self, encoding: Encoding) -> BlockIndex:
        spec = self.settings.spec
        coverage = Coverage.of(self.settings.spans, encoding.block, overviews=spec.options.overviews != "none")
        return BlockIndex.empty(coverage, Codec(encoding, self.settings.dtype, len(spec.pixels.bands)))

    def _valid(
        self, encoding: Encoding, index: BlockIndex, blocks: StripBlocks, pool: ThreadPoolExecutor
    ) -> tuple[int, ...] | None:
        """Add what the strips have counted and what lies in blocks that were made here."""
        total: Ints = np.zeros(index.codec.bands, np.int64)
        for strip in self._strips:
            if strip.valid is None or any(table.runs and table.encoding != encoding for table in strip.tables):
                return None
            total += np.array(strip.valid, np.int64)

        def count(block: list[int]) -> Ints:
            node = (0, block[0], block[1])
            pixels, (height, width) = index.pixels(node, blocks), index.coverage.extent(node)
            if pixels is None:
                return np.zeros(index.codec.bands, np.int64)
            return valid_in(pixels[:height, :width], self.settings.spec.pixels.nodata)

        here = np.argwhere((index.sizes[0] > 0) & (index.offsets[0] < _OF_STRIPS)).tolist()
        for counts in in_order(pool, count, here, ahead=2 * self.settings.spec.threads):
            total += counts
        return tuple(total.tolist())

    def _pieces(
        self, layout: writing.FileLayout, index: BlockIndex, orders: list[_Order], blocks: StripBlocks
    ) -> Iterator[bytes | StoredObject]:
        """Yield the output from its first byte to its last: bytes that are new, and objects of strips."""
        yield layout.head
        at = len(layout.head)
        for level in reversed(range(len(orders))):
            if level == 0:
                # On a whole block of a file system, as one machine lays it out.
                yield bytes(layout.full_at - at)
            for number, here in groupby(zip(*_columns(orders[level]), strict=True), key=lambda pair: pair[1]):
                flat = np.array([block for block, _ in here], np.int64)
                sizes = index.sizes[level].ravel()[flat]
                at += int(sizes.sum())
                if number >= 0:
                    yield _whole_run(blocks.runs[number], flat)
                    continue
                for offset, size in zip(index.offsets[level].ravel()[flat].tolist(), sizes.tolist(), strict=True):
                    yield blocks.spool.read(offset, size)

    def _written(
        self, pieces: Iterable[bytes | StoredObject], name: str, note: Callable[[StoredObject], None]
    ) -> tuple[list[StoredObject], int]:
        """Return the objects to join, with those for the new bytes, and how many bytes these have."""
        sources: list[StoredObject] = []
        written = 0
        for is_new, together in groupby(pieces, key=lambda piece: isinstance(piece, bytes)):
            if not is_new:
                sources += [piece for piece in together if isinstance(piece, StoredObject)]
                continue
            made = self._new(f"{name}.{len(sources)}", (piece for piece in together if isinstance(piece, bytes)))
            if made is not None:
                note(made)
                crash.point("join.object_written")
                sources.append(made)
                written += made.size
        return sources, written

    def _new(self, name: str, pieces: Iterable[bytes]) -> StoredObject | None:
        """Write bytes that no strip has to an object; None where there are none."""
        path = self._folder / NEW_BYTES
        try:
            with space_errors(path), path.open("wb") as file:
                file.writelines(pieces)
            return self._place.create(name, path) if path.stat().st_size else None
        finally:
            path.unlink(missing_ok=True)


def _prove_whole(strips: Sequence[StripIndex], settings: MosaicSettings) -> None:
    """Make sure that strips are all those of an output, and that none has taken for its own what is shared."""
    rows = [(index.strip.row, index.strip.bottom) for index in strips]
    ends = [0, *(bottom for _row, bottom in rows)]
    if [row for row, _bottom in rows] != ends[:-1] or ends[-1] != settings.spec.grid.height:
        raise IntegrityError(f"strips of rows {rows} do not make up rows 0 to {settings.spec.grid.height}")
    reach = 0
    for index in strips:
        if index.fingerprint != settings.fingerprint:
            raise IntegrityError(f"strip {index.strip.index} is one of another output; make it again")
        windows = [part.window for part in index.parts]
        if any(not index.strip.has(window) for window in windows) or any(a >= b for a, b in pairwise(windows)):
            raise IntegrityError(f"strip {index.strip.index} lists parts that are not its own, or in another order")
        if reach > max(index.clear, index.strip.row):
            raise IntegrityError(
                f"strip {index.strip.index} was made as if earlier strips ended at row {index.clear}, "
                f"and they reach to {reach}; make it again"
            )
        reach = max([reach, *(window.bottom for window in windows)])


def _take(table: BlockTable, index: BlockIndex, blocks: StripBlocks) -> None:
    """Enter the blocks of a strip."""
    for offsets, empty in zip(index.offsets, table.empty, strict=True):
        offsets.ravel()[empty] = _OF_STRIPS
    for run in table.runs:
        addresses = blocks.add(run)
        if run.kind is RunKind.FRAGMENTS:
            index.fragments += list(_fragments(run, addresses, index))
            continue
        if (index.sizes[run.level].ravel()[run.blocks] > 0).any():
            raise IntegrityError(f"{run.stored.name} has blocks that another object has, too")
        index.offsets[run.level].ravel()[run.blocks] = addresses
        index.sizes[run.level].ravel()[run.blocks] = run.sizes


def _fragments(run: BlockRun, addresses: Ints, index: BlockIndex) -> Iterator[Fragment]:
    rows, cols = np.unravel_index(run.blocks, index.sizes[0].shape)
    for number, piece in enumerate(run.pieces):
        node = (0, int(rows[number]), int(cols[number]))
        yield Fragment(Item(node, int(addresses[number]), int(run.sizes[number])), piece)


def _ordered(index: BlockIndex, level: int, blocks: StripBlocks, kinds: Ints) -> _Order:
    """
    Put the blocks of a level in order: those that a part decided alone, strip by strip; behind them the last ones.

    These lie row by row, so that the strips' objects of them and what was made here take turns.
    """
    sizes, offsets = index.sizes[level].ravel(), index.offsets[level].ravel()
    stored = np.flatnonzero(sizes > 0)
    runs = np.array([blocks.run_of(address) for address in offsets[stored].tolist()], np.int64)
    last = kinds[runs].astype(bool) if len(runs) else np.zeros(0, bool)
    # Of the others the address says the order; of the last ones the block.
    order = np.lexsort((np.where(last, stored, offsets[stored]), last))
    return _Order(stored[order], runs[order])


def _laid(index: BlockIndex, orders: Sequence[_Order]) -> BlockIndex:
    """Return an index whose offsets rise in the order of the output."""
    laid = []
    for offsets, sizes, order in zip(index.offsets, index.sizes, orders, strict=True):
        moved = np.full(offsets.size, UNMADE, np.int64)
        size = sizes.ravel()[order.blocks]
        moved[order.blocks] = np.cumsum(size) - size
        laid.append(moved.reshape(offsets.shape))
    return replace(index, offsets=tuple(laid))


def _columns(order: _Order) -> tuple[list[int], list[int]]:
    return order.blocks.tolist(), order.runs.tolist()


def _whole_run(run: BlockRun, blocks: Ints) -> StoredObject:
    if not np.array_equal(run.blocks, blocks):
        raise IntegrityError(f"{run.stored.name} does not hold its blocks in the order of the output")
    return run.stored
