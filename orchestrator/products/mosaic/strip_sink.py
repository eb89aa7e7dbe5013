"""Strips on their way to one raster: their indexes are the pieces of the output, and the join makes it of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from orchestrator.core.errors import DamagedObjectError, GenerationError, IntegrityError, NotFoundError
from orchestrator.core.files import make_folder, write_whole
from orchestrator.model.grid import Window
from orchestrator.model.mosaic import MosaicReport, MosaicSpec
from orchestrator.model.places import ObjectPlace, PlacedObject
from orchestrator.model.ports import Stop
from orchestrator.model.product import OutputLostError
from orchestrator.model.states import UnitState
from orchestrator.model.strip import STRIP, STRIP_GRID, StripOrder
from orchestrator.model.unit import Cell, Unit
from orchestrator.products.mosaic.strips import WORK

if TYPE_CHECKING:
    from orchestrator.assemble.joining import JoinedMosaic
    from orchestrator.assemble.strip_index import StripIndex

JOINED, HEAD = "mosaic.tif", "mosaic.head.tif"
# Of overviews that come here: a picture is made of one of at most 1,710 pixels (`assemble.quicklook.SIDE`).
HEAD_SIDE = 2048


class StripIndexes(Protocol):
    """Where the indexes of a run's strips are kept, by name."""

    def all(self) -> Mapping[str, bytes]:
        """
        Return those that are there.

        Raises:
            IntegrityError: Something else lies where one is to be kept.
        """

    def write(self, name: str, content: bytes) -> None:
        """Keep one; it replaces what has its name."""

    def clear(self) -> None:
        """Take all away: what they speak of is gone."""


class IndexFolder:
    """See `StripIndexes`: files in the folder of the run's sink."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> Mapping[str, bytes]:
        found = sorted(self._folder.glob("*.strip.json"))
        if (other := next((path for path in found if not path.is_file()), None)) is not None:
            raise IntegrityError(f"{other} is no file, and nothing can be kept there; the strips are made again")
        return {path.name: path.read_bytes() for path in found}

    def write(self, name: str, content: bytes) -> None:
        write_whole(self._folder / name, content)

    def clear(self) -> None:
        """The engine takes the folder away."""


class IndexObjects:
    """See `StripIndexes`: objects beside the strips, which whoever holds the run next sees, too."""

    def __init__(self, place: ObjectPlace, prefix: str, stop: Stop) -> None:
        self._place, self._prefix, self._stop = place, prefix, stop

    def all(self) -> Mapping[str, bytes]:
        found = self._place.find(self._prefix)
        return {
            source.name.removeprefix(self._prefix): self._place.read(source, lambda _bytes: None, self._stop)
            for source in found
        }

    def write(self, name: str, content: bytes) -> None:
        name = self._prefix + name
        self._place.create(name, content, self._place.stat(name))

    def clear(self) -> None:
        for source in self._place.find(self._prefix):
            self._place.delete(source)


class StripSink:
    """
    The product's `Sink` of a run in strips: a piece is the index of one.

    A strip that was made anew has another address than before; which one counts, the units tell in the end.
    """

    def __init__(self, kept: StripIndexes, spec: MosaicSpec) -> None:
        """
        Take where indexes are kept, and the output that strips must be of.

        One that another version has written counts as not there: that strip is made again.
        """
        self._kept, self._spec = kept, spec
        self._placed: dict[Cell, StripIndex] = {}
        for name, content in kept.all().items():
            with suppress(IntegrityError, ValueError):  # also whatever else somebody has put there
                self._placed[_cell_of(name)] = self._read(content)

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        """See `model.product.Sink`."""
        for cell, content in pieces:
            if cell.grid != STRIP_GRID or not isinstance(content, bytes):
                raise IntegrityError(f"{cell} is no strip, and this raster is made of strips")
            index = self._read(content)
            self._kept.write(_name_of(cell), content)
            self._placed[cell] = index
            on_placed(cell)

    def _read(self, content: bytes) -> StripIndex:
        """
        Return a strip that is one of this output.

        Raises:
            IntegrityError: Whoever made it is of another version.
        """
        from orchestrator.assemble.settings import MosaicSettings  # noqa: PLC0415  GDAL is heavy
        from orchestrator.assemble.strip_index import StripIndex  # noqa: PLC0415

        index = StripIndex.from_json(content)
        if index.fingerprint != MosaicSettings.of(self._spec).fingerprint:
            raise IntegrityError(
                f"strip {index.strip.index} was made as part of another output; give all workers the same version "
                "of the program as the process that holds the run"
            )
        return index

    def placed(self) -> frozenset[Cell]:
        """See `model.product.Sink`; parts that a strip has are placed, too."""
        parts = (Cell(part.window) for index in self._placed.values() for part in index.parts)
        return frozenset((*self._placed, *parts))

    def clear(self) -> None:
        """Forget all strips: what they have made is gone."""
        self._kept.clear()
        self._placed.clear()

    def indexes(self, units: Iterable[Unit]) -> Iterator[StripIndex]:
        """
        Yield the strips that the units have made last.

        Raises:
            IntegrityError: One is gone.
        """
        last: dict[int, StripOrder] = {}
        for order in (StripOrder.of(u) for u in units if u.kind == STRIP and u.state is UnitState.DONE):
            if order.turn >= last.get(order.strip.index, order).turn:
                last[order.strip.index] = order
        for order in last.values():
            if order.cell not in self._placed:
                raise IntegrityError(f"strip {order.strip.index} is done, but its index is gone")
            yield self._placed[order.cell]


def _name_of(cell: Cell) -> str:
    return f"{cell.window.row:07d}-{cell.window.height}.{cell.time}.strip.json"


def _cell_of(name: str) -> Cell:
    rows, turn, *_ = name.split(".")
    row, height = rows.split("-")
    return Cell(Window(int(row), 0, int(height), 1), STRIP_GRID, int(turn))


class JoinedStrips:
    """Strips as a raster that is to be finished; see `model.ports.Finishable`."""

    def __init__(
        self, spec: MosaicSpec, sink: StripSink, units: Iterable[Unit], place: ObjectPlace, prefix: str, folder: Path
    ) -> None:
        """
        Take the strips that units have made last.

        Args:
            spec: Of the output.
            sink: Has their indexes.
            units: Of the run.
            place: Where their objects lie.
            prefix: What the name of the output begins with there; empty where the place is `folder` itself.
            folder: For what is made on the way.
        """
        self._spec, self._sink, self._indexes = spec, sink, list(sink.indexes(units))
        self._place, self._prefix, self._folder = place, prefix, folder
        self._joined: JoinedMosaic | None = None

    @property
    def _is_here(self) -> bool:
        return not self._prefix

    def finish(self, stop: Stop) -> MosaicReport:
        """
        Join them; done again, the same object is found.

        Raises:
            OutputLostError: What a strip has made is gone, or damaged: strips are made again.
        """
        make_folder(self._folder)
        try:
            return self._finished(stop)
        except (NotFoundError, GenerationError, DamagedObjectError) as error:
            self._sink.clear()
            # Whatever lies where the join writes was in its way, or was made of what is given up.
            for made in self._place.find(self._prefix + JOINED):
                self._place.delete(made)
            raise OutputLostError(f"{error}; the strips are made again") from error

    def _finished(self, stop: Stop) -> MosaicReport:
        from orchestrator.assemble.head import write_head  # noqa: PLC0415  numpy is heavy
        from orchestrator.assemble.joining import StripJoin  # noqa: PLC0415  GDAL is heavy

        join = StripJoin(self._spec, self._indexes, self._place, self._folder / WORK, stop)
        self._joined = joined = join.run(self._prefix + JOINED)
        if self._is_here:
            return MosaicReport(path=self._folder / JOINED, **joined.report, crc32c=joined.stored.crc32c or "")
        head = self._folder / HEAD
        write_head(PlacedObject(self._place, joined.stored), head, HEAD_SIDE, stop)
        return MosaicReport(path=head, **joined.report, placed=joined.stored)

    def valid(self, stop: Stop, on_blocks: Callable[[int, int], None]) -> tuple[int, ...]:
        """Return what the strips have counted; where they could not, the blocks are read."""
        from orchestrator.assemble.settings import MosaicSettings  # noqa: PLC0415  GDAL is heavy
        from orchestrator.assemble.validity import count_valid, count_valid_in  # noqa: PLC0415

        joined, settings = self._joined, MosaicSettings.of(self._spec)
        if joined is not None and joined.valid is not None:
            return joined.valid
        if joined is None or self._is_here:
            return count_valid(self._folder / JOINED, settings, stop, on_blocks)
        source = PlacedObject(self._place, joined.stored)
        return count_valid_in(str(source), source, settings, stop, on_blocks)
