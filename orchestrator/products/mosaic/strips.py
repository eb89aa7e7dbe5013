"""The mosaic in strips: how its output is cut, how one strip is made, and how they become one raster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import DamagedObjectError, GenerationError, IntegrityError, NotFoundError, WayError
from orchestrator.core.files import make_folder, remove_tree, write_whole
from orchestrator.core.flow import in_order
from orchestrator.model.grid import Window
from orchestrator.model.mosaic import MosaicReport, MosaicSpec
from orchestrator.model.objects import StoredObject
from orchestrator.model.places import ObjectPlace
from orchestrator.model.plan import Plan
from orchestrator.model.ports import ObjectStore, Stop
from orchestrator.model.product import RunSnapshot, StepContext
from orchestrator.model.states import Failure, UnitState
from orchestrator.model.strip import STRIP, STRIP_GRID, OutputStrip, StripOrder
from orchestrator.model.unit import Cell, Done, Outcome, Split, Unit
from orchestrator.plan.strips import cut_strips

if TYPE_CHECKING:
    from orchestrator.assemble.joining import JoinedMosaic
    from orchestrator.assemble.strip import StripMosaic
    from orchestrator.assemble.strip_index import StripIndex

# In the run's own folder: what strips have made, and where they are being made.
STRIPS, WORK = "strips", "strips.work"
JOINED = "mosaic.tif"
_FACT = "strips"


def strip_facts(plan: Plan, count: int) -> dict[str, Any]:
    """Return what a run keeps of how its output is cut; nothing where it is made whole."""
    parts = [part for task in plan.tasks for part in task.parts()]
    strips = cut_strips(plan.grid, parts, count) if count > 1 else ()
    return {_FACT: [[strip.row, strip.bottom] for strip in strips]} if len(strips) > 1 else {}


def strips_of(run: RunSnapshot) -> tuple[OutputStrip, ...]:
    """Return how the output of a run is cut; empty where it is made whole."""
    return tuple(OutputStrip(index, row, bottom) for index, (row, bottom) in enumerate(run.facts.get(_FACT, ())))


def without_strips(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a run that say something of its pixels: by how many they were joined does not."""
    return {name: value for name, value in facts.items() if name != _FACT}


class _UselessPartError(Exception):
    """A part that cannot be used; `placing` tells that it arrived whole and is not what was planned."""

    def __init__(self, window: Window, error: Exception, *, placing: bool) -> None:
        super().__init__(str(error))
        self.window, self.placing = window, placing


@dataclass(frozen=True, slots=True)
class MakeStrip:
    """
    The step of the kind `strip`: brings the parts of a strip and assembles them. See `model.product.Step`.

    What it makes has the number of the claim in its names, so that who lost the unit replaces nothing; all of it goes
    with the run's folder.

    Attributes:
        spec: Of the whole output.
        objects: Connects to where parts lie.
        place: Returns the place of a folder.
        downloads: Parts that are brought at once.
    """

    spec: MosaicSpec
    objects: Callable[[], ObjectStore]
    place: Callable[[Path], ObjectPlace]
    downloads: int

    def __call__(self, context: StepContext, unit: Unit) -> Outcome:
        from orchestrator.assemble.strip import StripMosaic  # noqa: PLC0415  GDAL is heavy

        order = StripOrder.of(unit)
        if context.is_placed(order.cell):  # before a crash, which came before this was written down
            return Done(unit.result)
        name = f"{unit.key}.f{unit.fence}"
        folder = context.folder / WORK / name
        strip = StripMosaic.open(self.spec, order.strip, folder, clear=order.clear)
        try:
            self._place(strip, order, context)
            index = strip.publish(self.place(context.folder / STRIPS), f"{name}/", context.stop)
        except _UselessPartError as error:
            context.note({"lost": {"window": _window_json(error.window), "placing": error.placing}})
            return Split((), str(error), Failure.TRANSIENT)
        finally:
            strip.close()
            remove_tree(folder)
        context.place(order.cell, index.to_json())
        return Done({"objects": len(index.objects), "size": sum(stored.size for stored in index.objects)})

    def _place(self, strip: StripMosaic, order: StripOrder, context: StepContext) -> None:
        """
        Bring the parts and put them into the strip.

        Raises:
            _UselessPartError: One cannot be used, whoever brings it.
        """
        left = {window for window, _ in order.parts} - strip.placed()
        parts = [part for part in order.parts if part[0] in left]
        with ThreadPoolExecutor(self.downloads, "download") as pool:
            bring = partial(_bring, self.objects(), context)
            try:
                strip.place(in_order(pool, bring, parts, ahead=self.downloads), left.remove, context.stop)
            except (WayError, _UselessPartError):
                raise
            except IntegrityError as error:  # the first that was not placed is at fault
                at_fault = next((window for window, _ in parts if window in left), None)
                if at_fault is None:
                    raise
                raise _UselessPartError(at_fault, error, placing=True) from error


def _bring(objects: ObjectStore, context: StepContext, part: tuple[Window, StoredObject]) -> tuple[Window, bytes]:
    window, source = part
    try:
        return window, objects.read(source, context.received, context.stop)
    except WayError:
        raise
    except (GenerationError, NotFoundError, DamagedObjectError) as error:
        raise _UselessPartError(window, error, placing=False) from error


def _window_json(window: Window) -> dict[str, int]:
    return {"row": window.row, "col": window.col, "height": window.height, "width": window.width}


class StripSink:
    """
    The product's `Sink` of a run in strips: a piece is the index of one, kept as a file in `folder`.

    A strip that was made anew has another address than before; which one counts, the units tell in the end.
    """

    def __init__(self, folder: Path, spec: MosaicSpec) -> None:
        """Take the folder, and the output that strips must be of."""
        self._folder, self._spec = folder, spec
        self._placed: dict[Cell, frozenset[Window]] = {}
        for path in sorted(folder.glob("*.strip.json")):
            self._placed[_cell_of(path)] = _windows(path.read_bytes())

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        """See `model.product.Sink`."""
        for cell, content in pieces:
            if cell.grid != STRIP_GRID or not isinstance(content, bytes):
                raise IntegrityError(f"{cell} is no strip, and this raster is made of strips")
            self._check(content)
            windows = _windows(content)
            write_whole(self._path(cell), content)
            self._placed[cell] = windows
            on_placed(cell)

    def _check(self, content: bytes) -> None:
        """
        Make sure that a strip is one of this output.

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

    def placed(self) -> frozenset[Cell]:
        """See `model.product.Sink`; parts that a strip has are placed, too."""
        parts = (Cell(window) for windows in self._placed.values() for window in windows)
        return frozenset((*self._placed, *parts))

    def indexes(self, units: Iterable[Unit]) -> Iterator[StripIndex]:
        """
        Yield the strips that the units have made last.

        Raises:
            IntegrityError: The file of one is gone, or damaged.
        """
        from orchestrator.assemble.strip_index import StripIndex  # noqa: PLC0415  numpy is heavy

        last: dict[int, StripOrder] = {}
        for order in (StripOrder.of(u) for u in units if u.kind == STRIP and u.state is UnitState.DONE):
            if order.turn >= last.get(order.strip.index, order).turn:
                last[order.strip.index] = order
        for order in last.values():
            if order.cell not in self._placed:
                raise IntegrityError(f"strip {order.strip.index} is done, but its index is gone from {self._folder}")
            yield StripIndex.from_json(self._path(order.cell).read_bytes())

    def _path(self, cell: Cell) -> Path:
        return self._folder / f"{cell.window.row:07d}-{cell.window.height}.{cell.time}.strip.json"


def _cell_of(path: Path) -> Cell:
    rows, turn, *_ = path.name.split(".")
    row, height = rows.split("-")
    return Cell(Window(int(row), 0, int(height), 1), STRIP_GRID, int(turn))


def _windows(content: bytes) -> frozenset[Window]:
    from orchestrator.assemble.strip_index import StripIndex  # noqa: PLC0415  numpy is heavy

    return frozenset(part.window for part in StripIndex.from_json(content).parts)


class JoinedStrips:
    """Strips as a raster that is to be finished; see `model.ports.Finishable`."""

    def __init__(self, spec: MosaicSpec, indexes: Sequence[StripIndex], place: ObjectPlace, folder: Path) -> None:
        """Take strips whose objects lie in `place`, which is `folder`."""
        self._spec, self._indexes, self._place, self._folder = spec, indexes, place, folder
        self._joined: JoinedMosaic | None = None

    def finish(self, stop: Stop) -> MosaicReport:
        """Join them; done again, the same file is found."""
        from orchestrator.assemble.joining import StripJoin  # noqa: PLC0415  GDAL is heavy

        make_folder(self._folder)
        join = StripJoin(self._spec, self._indexes, self._place, self._folder / WORK, stop)
        self._joined = join.run(JOINED)
        return MosaicReport(path=self._folder / JOINED, **self._joined.report)

    def valid(self, stop: Stop, on_blocks: Callable[[int, int], None]) -> tuple[int, ...]:
        """Return what the strips have counted; where they could not, the file is read."""
        from orchestrator.assemble.settings import MosaicSettings  # noqa: PLC0415  GDAL is heavy
        from orchestrator.assemble.validity import count_valid  # noqa: PLC0415

        if self._joined is not None and self._joined.valid is not None:
            return self._joined.valid
        return count_valid(self._folder / JOINED, MosaicSettings.of(self._spec), stop, on_blocks)
