"""The assembler: places parts as they come, survives a crash at any moment, finishes one cloud-optimised GeoTIFF."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from orchestrator.assemble import header, writing
from orchestrator.assemble.accepted import Accepted
from orchestrator.assemble.codec import Codec, Encoding
from orchestrator.assemble.commits import Commits
from orchestrator.assemble.finishing import CompletedBlocks, Completion
from orchestrator.assemble.journal import Journal, Record
from orchestrator.assemble.part import GDAL_CACHE_BYTES, PartData, gdal, open_part
from orchestrator.assemble.placing import Placement
from orchestrator.assemble.report import PlacedPart
from orchestrator.assemble.sealing import FINISHED, FULL, OVERVIEWS, name_sealed, seal, take_room_back
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.stock import BlockIndex, Fragment, Item, Spool, Spools
from orchestrator.assemble.storage import aligned
from orchestrator.assemble.tally import BlockTally
from orchestrator.assemble.validity import count_valid
from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.core.files import make_folder
from orchestrator.core.flow import one_behind
from orchestrator.core.system import sync_folder
from orchestrator.model.grid import Window
from orchestrator.model.mosaic import MosaicReport, MosaicSpec
from orchestrator.model.ports import Stop
from orchestrator.raster.coverage import Coverage

# Changes whenever work begun by another version could not be continued; it is begun anew then, of parts brought again.
FORMAT = 2
# Parts are found by squares of this side, so that ten thousand of them are not each compared with all others.
CELL = 2048
JOURNAL = "journal"


class BlockAssembler:
    """Builds output files out of parts, block by block."""

    def open(self, spec: MosaicSpec, work_dir: Path, *, examining: bool = False) -> BlockMosaic:
        """
        Open the mosaic whose journal and unfinished file lie in `work_dir`, or begin one.

        With `examining` each block is decoded and its pixels are counted when it is placed, rather than in `valid`,
        and the report says which CRC32C the file must have.

        Raises:
            PlanError: The specification cannot be met.
            IntegrityError: `work_dir` holds the work of another specification, or its journal is damaged.
        """
        # GDAL takes 5 % of the machine's memory unless told before its first read, in whichever thread.
        os.environ.setdefault("GDAL_CACHEMAX", str(GDAL_CACHE_BYTES >> 20))
        return BlockMosaic.resume(MosaicSettings.of(spec), work_dir, examining=examining)


@dataclass(frozen=True, slots=True)
class Begun:
    """A part whose first blocks are being made; `file` closes it."""

    window: Window
    placement: Placement
    file: ExitStack


@dataclass(slots=True)
class BlockMosaic:
    """One output file being built. One thread at a time may call it."""

    settings: MosaicSettings
    work_dir: Path
    journal: Journal
    accepted: Accepted
    spools: Spools | None = None
    parts: dict[Window, PlacedPart] = field(default_factory=dict)
    near: dict[tuple[int, int], list[Window]] = field(default_factory=dict)
    indexes: dict[Encoding, BlockIndex] = field(default_factory=dict)
    room: Record | None = None
    sealed: Record | None = None
    stale: bool = False
    examining: bool = False
    tallies: dict[Window, BlockTally] = field(default_factory=dict)

    @classmethod
    def resume(cls, settings: MosaicSettings, work_dir: Path, *, examining: bool = False) -> BlockMosaic:
        """Continue the work in `work_dir`, or begin it."""
        make_folder(work_dir)
        mosaic = cls(settings, work_dir, Journal(work_dir / JOURNAL), Accepted(settings.spec.grid))
        mosaic.examining = examining
        mosaic._load()
        return mosaic

    def _load(self) -> None:
        """Bring the state to what the journal says, and the spools too."""
        self.parts.clear()
        self.tallies.clear()
        self.near.clear()
        self.indexes.clear()
        records = self.journal.load()
        if not records:
            self.journal.append({"kind": "begin", "format": FORMAT, "spec": self.settings.fingerprint})
        ends = [0, 0]
        for record in records:
            self._recall(record, ends)
        self._open_spools(ends)

    def _forget(self) -> None:
        """Forget what is not in the journal, after a failure; the next call reads the journal again."""
        if self.spools is not None:
            self.spools.close()
        self.spools, self.room, self.sealed, self.stale = None, None, None, True

    def _refresh(self) -> None:
        if self.stale:
            self._load()
            self.stale = False

    def _recall(self, record: Record, ends: list[int]) -> None:
        if record["kind"] == "begin" and (record["format"], record["spec"]) != (FORMAT, self.settings.fingerprint):
            raise IntegrityError(f"{self.work_dir} holds the work of another mosaic; give each its own folder")
        for part in record.get("parts", ()):
            self._claim(Window(**part["window"]))
            self._admit(part)
            ends[:] = part["ends"]
        if record["kind"] in {"room", "no room"}:
            self.room = record if record["kind"] == "room" else None
        if record["kind"] == "sealed":
            self.sealed = record

    def _open_spools(self, ends: list[int]) -> None:
        if self.sealed:
            name_sealed(self.sealed, self.work_dir)
            return
        full, overviews = self.work_dir / FULL, self.work_dir / OVERVIEWS
        if self.room:
            take_room_back(full, self.room, self.journal)
            self.room = None
        for path, end in ((full, ends[0]), (overviews, ends[1])):
            if end and (not path.exists() or path.stat().st_size < end):
                raise IntegrityError(f"{path} has lost bytes it had; remove {self.work_dir} to start again")
        self.spools = Spools(Spool.open(full, ends[0]), Spool.open(overviews, ends[1]))
        sync_folder(self.work_dir)

    def placed(self) -> frozenset[Window]:
        """Return the windows already placed, in this process or before a crash."""
        self._refresh()
        return frozenset(self.parts)

    def place(
        self,
        parts: Iterable[tuple[Window, PartData]],
        on_placed: Callable[[Window], None],
        stop: Stop | None = None,
    ) -> None:
        """
        Add parts, each with the window it covers: files, or their bytes, which then touch no disk of their own.

        They may come in any order; those placed already are not placed again. `parts` is read one ahead of what
        is being written, so it must not block. `on_placed` is called, in this thread, with each window whose
        blocks have become durable, when the part is no longer needed; on return all are.

        Raises:
            IntegrityError: A part is not the planned one, or another one already covers some of its pixels.
            SpaceError: The disk is full.
            Stopped: `stop` was set while a part was being placed.

        The part at fault is the first of which `on_placed` was not told; those before it are placed.
        """
        self._refresh()
        try:
            # Threads end before the files are closed that they read.
            with gdal(), ExitStack() as files, self._threads() as pool, Commits(self._commit) as commits:
                try:
                    fresh = self._fresh(parts, on_placed)
                    for part in one_behind(self._begin(*each, files, pool, stop) for each in fresh):
                        commits.add(part.window, self._write(part, pool))
                        for window in commits.durable():
                            on_placed(window)
                finally:
                    for window in commits.durable(wait=True):
                        on_placed(window)
        except BaseException:
            self._forget()
            raise

    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.settings.spec.threads, "blocks")

    def _fresh(
        self, parts: Iterable[tuple[Window, PartData]], on_placed: Callable[[Window], None]
    ) -> Iterator[tuple[Window, PartData]]:
        """Yield the parts that are not placed yet."""
        seen: set[Window] = set()
        for window, data in parts:
            if window in self.parts and window not in seen:
                on_placed(window)
            elif window not in seen:
                seen.add(window)
                yield window, data

    def _begin(self, window: Window, data: PartData, files: ExitStack, pool: Executor, stop: Stop | None) -> Begun:
        spools = self._writable()
        self._claim(window)
        file = files.enter_context(ExitStack())
        part = file.enter_context(open_part(data, window, self.settings, self.accepted))
        tally = self._new_tally() if self.examining else None
        placement = Placement(part, self._index(part.encoding), spools, self.settings, stop=stop, tally=tally)
        placement.begin(pool)
        return Begun(window, placement, file)

    def _new_tally(self) -> BlockTally:
        return BlockTally.empty(len(self.settings.spec.pixels.bands))

    def _writable(self) -> Spools:
        if self.spools is None:
            raise IntegrityError(f"the mosaic in {self.work_dir} is finished; no part can be added")
        return self.spools

    def _claim(self, window: Window) -> None:
        if not self.settings.spec.grid.window.contains(window):
            raise IntegrityError(f"{window} does not lie on the grid {self.settings.spec.grid.window}")
        for cell in _cells(window):
            for other in self.near.get(cell, ()):
                if window.intersection(other):
                    raise IntegrityError(f"{window} overlaps {other}, which is placed already")
        for cell in _cells(window):
            self.near.setdefault(cell, []).append(window)

    def _write(self, begun: Begun, pool: Executor) -> Record:
        placement, spools = begun.placement, self._writable()
        part = placement.part
        if not spools.full.end:
            # Room for the head of the output: should the parts come in order, the spool becomes the output.
            base, shapes = header.template(self.settings), writing.image_shapes(placement.index)
            spools.full.end = aligned(header.header_size(base, part.encoding, shapes))
        begins = spools.full.end, spools.overviews.end
        placement.complete(pool)
        begun.file.close()
        record = {
            "window": asdict(part.window),
            "encoding": asdict(part.encoding),
            "begins": list(begins),
            "ends": [spools.full.end, spools.overviews.end],
            "items": [[*item.node, item.offset, item.size] for item in placement.items],
            "fragments": [[*f.item.node, f.item.offset, f.item.size, asdict(f.piece)] for f in placement.fragments],
            "copied": placement.copied,
            "reason": part.reason,
            "own_overviews": placement.own_overviews,
        }
        if placement.tally is not None:
            record["tally"] = placement.tally.to_json()
        self._admit(record)
        return record

    def _commit(self, records: list[Record]) -> None:
        """Make written parts durable; called in a thread of its own."""
        self._writable().sync()
        self.journal.append({"kind": "parts", "parts": records})

    def _admit(self, record: Record) -> None:
        window, encoding = Window(**record["window"]), Encoding(**record["encoding"])
        index = self._index(encoding)
        index.put(_item(numbers) for numbers in record["items"])
        index.fragments += [Fragment(_item(f[:5]), Window(**f[5])) for f in record["fragments"]]
        full, overviews = zip(record["begins"], record["ends"], strict=True)
        segment = writing.Segment(full, overviews)
        self.parts[window] = PlacedPart(
            window, encoding, segment, record["copied"], record["reason"], record["own_overviews"]
        )
        # Parts that were placed before there were tallies, or by somebody who asked for none, have none.
        if "tally" in record:
            self.tallies[window] = BlockTally.from_json(record["tally"])

    def _index(self, encoding: Encoding) -> BlockIndex:
        if encoding not in self.indexes:
            spec = self.settings.spec
            coverage = Coverage.of(self.settings.spans, encoding.block, overviews=spec.options.overviews != "none")
            self.indexes[encoding] = BlockIndex.empty(
                coverage, Codec(encoding, self.settings.dtype, len(spec.pixels.bands))
            )
        return self.indexes[encoding]

    def finish(self, stop: Stop) -> MosaicReport:
        """
        Complete the file; pixels no part covers are nodata. Idempotent.

        The report's file lies in the work folder, whole and durable. Once it is sealed it is never written
        again; a second call returns the same report, whether or not the file has been moved away.

        Raises:
            Stopped: `stop` was set; every placed part is kept.
            SpaceError: The disk is full.
        """
        self._refresh()
        if self.sealed is None:
            if stop.is_set():
                raise Stopped("stopped before the mosaic was completed; all placed parts are kept")
            try:
                record = seal(self.complete(stop), self.settings, self.journal, self.work_dir, stop)
                self.spools, self.sealed = None, record
                name_sealed(record, self.work_dir)
            except BaseException:
                self._forget()
                raise
        return MosaicReport(path=self.work_dir / FINISHED, **(self.sealed or {})["report"])

    def valid(self, stop: Stop, on_blocks: Callable[[int, int], None] = lambda _done, _all: None) -> tuple[int, ...]:
        """
        Return for each band how many pixels of the finished file, which has not been moved yet, hold data.

        Where each part was examined when it was placed, that is known. Otherwise every stored block is decoded, in
        threads; `on_blocks` is told how many are done, and of how many.

        Raises:
            IntegrityError: A block cannot be decoded.
            Stopped: `stop` was set.
        """
        self._refresh()
        if self._is_examined():
            total = sum((tally.valid for tally in self.tallies.values()), self._new_tally().valid)
            return tuple(total.tolist())
        return count_valid(self.work_dir / FINISHED, self.settings, stop, on_blocks)

    def _is_examined(self) -> bool:
        return self.examining and self.tallies.keys() == self.parts.keys()

    def complete(self, stop: Stop, rows: range | None = None) -> CompletedBlocks:
        """
        Make the blocks that no part decides alone; with `rows`, of the grid, only those that lie whole in these.

        They are not remembered: after a crash, or `close`, they are made again.

        Raises:
            IntegrityError: The mosaic is finished.
            Stopped: `stop` was set.
            SpaceError: The disk is full.
        """
        self._refresh()
        spools = self._writable()
        parts = [self.parts[window] for window in sorted(self.parts)]
        encoding = parts[0].encoding if parts else self.settings.encoding_for(None)
        index = self._index(encoding)
        # Blocks no part decides alone form a segment of their own, behind those of the parts.
        begins = spools.full.end, spools.overviews.end
        tally = self._new_tally() if self._is_examined() else None
        with self._threads() as pool:
            Completion(index, spools, self.settings, stop, rows, tally).run(self.indexes, pool)
        last = writing.Segment((begins[0], spools.full.end), (begins[1], spools.overviews.end))
        tallies = None if tally is None else [*(self._tally_of(part, encoding) for part in parts), tally]
        return CompletedBlocks(parts, self.indexes, index, [*(part.segment for part in parts), last], spools, tallies)

    def _tally_of(self, part: PlacedPart, encoding: Encoding) -> BlockTally:
        """Return what is known of the blocks of a part that are those of an output of `encoding`."""
        return self.tallies[part.window] if part.encoding == encoding else self._new_tally()

    def close(self) -> None:
        """Close the files; what is placed stays, and the next call opens them again."""
        self._forget()


def _cells(window: Window) -> Iterator[tuple[int, int]]:
    """Yield the squares of CELL pixels that a window touches."""
    for row in range(window.row // CELL, -(-window.bottom // CELL)):
        for col in range(window.col // CELL, -(-window.right // CELL)):
            yield row, col


def _item(numbers: list[int]) -> Item:
    level, row, col, offset, size = numbers
    return Item((level, row, col), offset, size)
