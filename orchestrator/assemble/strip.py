"""Assembles one strip of an output, with the code that assembles a whole one, and puts it where all reach it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from orchestrator.assemble.codec import Encoding
from orchestrator.assemble.finishing import CompletedBlocks
from orchestrator.assemble.mosaic import BlockAssembler, BlockMosaic
from orchestrator.assemble.part import PartData
from orchestrator.assemble.stock import UNMADE, BlockIndex, Fragment, Spool
from orchestrator.assemble.strip_index import BlockRun, BlockTable, RunKind, StripIndex
from orchestrator.assemble.validity import valid_in
from orchestrator.assemble.writing import in_file_order
from orchestrator.core import crash
from orchestrator.core.crc32c import crc32c_of
from orchestrator.core.disks import space_errors
from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.core.flow import in_order
from orchestrator.model.grid import Window
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.model.objects import StoredObject
from orchestrator.model.places import ObjectPlace
from orchestrator.model.ports import Stop
from orchestrator.model.strip import OutputStrip
from orchestrator.raster.arrays import Ints


@dataclass(frozen=True, slots=True)
class StripMosaic:
    """
    One strip being built in a folder, resumable after a crash. One thread at a time may call it.

    Blocks lie in the order in which one machine would put them into the whole output, so that the output is the
    strips' objects one after the other, behind a head.
    """

    strip: OutputStrip
    clear: int
    mosaic: BlockMosaic

    @classmethod
    def open(cls, spec: MosaicSpec, strip: OutputStrip, work_dir: Path, *, clear: int = 0) -> StripMosaic:
        """
        Open the strip whose journal lies in `work_dir`, or begin it.

        From row `clear` on no part of an earlier strip has pixels; see `StripIndex`.

        Raises:
            PlanError: The specification cannot be met.
            IntegrityError: `work_dir` holds other work, or its journal is damaged.
        """
        return cls(strip, max(clear, strip.row), BlockAssembler().open(spec, work_dir))

    def placed(self) -> frozenset[Window]:
        """Return the windows already placed, in this process or before a crash."""
        return self.mosaic.placed()

    def place(
        self,
        parts: Iterable[tuple[Window, PartData]],
        on_placed: Callable[[Window], None],
        stop: Stop | None = None,
    ) -> None:
        """
        Add parts of this strip; see `BlockMosaic.place`.

        Raises:
            IntegrityError: A part belongs to another strip.
        """
        self.mosaic.place(map(self._own, parts), on_placed, stop)

    def _own(self, part: tuple[Window, PartData]) -> tuple[Window, PartData]:
        if not self.strip.has(part[0]):
            raise IntegrityError(f"{part[0]} does not begin in rows {self.strip.row} to {self.strip.bottom}")
        return part

    def publish(
        self, place: ObjectPlace, prefix: str, stop: Stop, check: Callable[[], None] = lambda: None
    ) -> StripIndex:
        """
        Complete the strip and write its blocks to objects whose names begin with `prefix`.

        Idempotent: after a crash the same parts give the same objects, and what is there already is found. `check` is
        asked before each: it raises where somebody else makes the strip by now, or nobody needs it any more.

        Raises:
            Stopped: `stop` was set.
            SpaceError: The disk is full.
            GenerationError: An object of such a name holds something else.
        """
        try:
            done = self.mosaic.complete(stop, range(self.clear, self.strip.bottom))
            with ThreadPoolExecutor(self.mosaic.settings.spec.threads, "strip") as pool:
                return self._published(_Publication(done, place, prefix, self.mosaic.work_dir, stop, check), pool)
        finally:
            self.mosaic.close()

    def close(self) -> None:
        """Close the files; what is placed stays."""
        self.mosaic.close()

    def _published(self, publication: _Publication, pool: Executor) -> StripIndex:
        done = publication.done
        tables = [publication.table(encoding, index) for encoding, index in sorted(done.indexes.items(), key=_name)]
        crash.point("strip.written")
        return StripIndex(
            self.strip,
            self.clear,
            self.mosaic.settings.fingerprint,
            tuple(done.parts),
            tuple(table for table in tables if table.runs or any(map(len, table.empty))),
            self._valid(done, pool, publication.stop) if len(done.indexes) == 1 else None,
        )

    def _valid(self, done: CompletedBlocks, pool: Executor, stop: Stop) -> tuple[int, ...]:
        """Count the pixels that hold data in the blocks that were made."""
        index, nodata = done.index, self.mosaic.settings.spec.pixels.nodata

        def count(block: tuple[int, int]) -> Ints:
            node = (0, *block)
            pixels = index.pixels(node, done.spools.full)
            height, width = index.coverage.extent(node)
            if pixels is None:
                return np.zeros(index.codec.bands, np.int64)
            return valid_in(pixels[:height, :width], nodata)

        total = np.zeros(index.codec.bands, np.int64)
        stored = ((row, col) for row, col in np.argwhere(index.sizes[0] > 0).tolist())
        for counts in in_order(pool, count, stored, ahead=2 * self.mosaic.settings.spec.threads):
            _heed(stop)
            total += counts
        return tuple(total.tolist())


@dataclass(slots=True)
class _Publication:
    """The objects of one strip on their way to a place."""

    done: CompletedBlocks
    place: ObjectPlace
    prefix: str
    folder: Path
    stop: Stop
    check: Callable[[], None]
    _tables: int = field(default=0)

    def table(self, encoding: Encoding, index: BlockIndex) -> BlockTable:
        """Write the blocks of one encoding."""
        # Blocks that are made of pixels of several encodings are the join's: it knows which one the output has.
        number, self._tables = self._tables, self._tables + 1
        runs = [run for level in range(len(index.sizes)) for run in self._level(index, level, number)]
        pieces = self._fragments(index, number)
        empty = tuple(np.flatnonzero((o != UNMADE) & (s == 0)) for o, s in zip(index.offsets, index.sizes, strict=True))
        return BlockTable(encoding, (*runs, *pieces), empty)

    def _level(self, index: BlockIndex, level: int, table: int) -> Iterator[BlockRun]:
        extents = [segment.overviews if level else segment.full for segment in self.done.segments]
        offsets, sizes = index.offsets[level], index.sizes[level]
        order = in_file_order(offsets, sizes, extents)
        made_last = offsets.ravel()[order] >= extents[-1][0]
        for kind, blocks in ((RunKind.PARTS, order[~made_last]), (RunKind.LAST, order[made_last])):
            if len(blocks):
                where = zip(offsets.ravel()[blocks].tolist(), sizes.ravel()[blocks].tolist(), strict=True)
                stored, crcs = self._written(f"{table}.{level}.{kind}", self.done.spools.of(level), list(where))
                yield BlockRun(kind, level, blocks, sizes.ravel()[blocks], crcs, stored)

    def _fragments(self, index: BlockIndex, table: int) -> Iterator[BlockRun]:
        """Write what this strip knows of blocks that it has not made: pixels of another strip belong to them."""
        kept = [f for f in index.fragments if f.item.size and index.offsets[0][f.item.node[1:]] == UNMADE]
        if kept:
            where = [(fragment.item.offset, fragment.item.size) for fragment in kept]
            stored, crcs = self._written(f"{table}.0.{RunKind.FRAGMENTS}", self.done.spools.full, where)
            blocks = np.array([_flat(fragment, index) for fragment in kept], np.int64)
            sizes = np.array([size for _, size in where], np.int64)
            pieces = tuple(fragment.piece for fragment in kept)
            yield BlockRun(RunKind.FRAGMENTS, 0, blocks, sizes, crcs, stored, pieces)

    def _written(self, name: str, spool: Spool, where: Sequence[tuple[int, int]]) -> tuple[StoredObject, Ints]:
        path = self.folder / f"{name}.run"
        crcs = []
        try:
            with space_errors(path), path.open("wb") as file:
                for offset, size in where:
                    _heed(self.stop)
                    data = spool.read(offset, size)
                    crcs.append(crc32c_of(data))
                    file.write(data)
            self.check()
            stored = self.place.create(self.prefix + name, path)
        finally:
            path.unlink(missing_ok=True)
        crash.point("strip.object_written")
        return stored, np.array(crcs, np.int64)


def _flat(fragment: Fragment, index: BlockIndex) -> int:
    _level, row, col = fragment.item.node
    return int(row * index.sizes[0].shape[1] + col)


def _name(table: tuple[Encoding, BlockIndex]) -> tuple[str, int, int]:
    encoding = table[0]
    return encoding.compression, encoding.predictor, encoding.block


def _heed(stop: Stop) -> None:
    if stop.is_set():
        raise Stopped("stopped while making a strip; its placed parts are kept")
