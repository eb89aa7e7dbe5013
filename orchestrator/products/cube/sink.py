"""Where the pieces of a cube go: shards that are whole or not there, and a journal of what is placed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from orchestrator.assemble.journal import Journal
from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import make_folder, remove_tree
from orchestrator.core.trees import sync_tree, sync_whole
from orchestrator.model.grid import Window
from orchestrator.model.ports import Stop
from orchestrator.model.product import OutputLostError, Sink
from orchestrator.model.unit import Cell
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.piece import read_piece
from orchestrator.products.cube.store import Shards, create_store, read_store
from orchestrator.products.cube.thumbs import Thumbs

if TYPE_CHECKING:
    from orchestrator.raster.spans import SpanTable

FORMAT = 1  # changes whenever the same pieces would give other bytes: work begun by another version is not continued
STORE, JOURNAL, THUMBS = "cube.zarr", "journal", "thumbs"


class CubeSink(Sink, Protocol):
    """A sink that can be finished."""

    @property
    def thumbs(self) -> Thumbs:
        """Small pictures of what was placed."""

    def seal(self, stop: Stop) -> Path:
        """
        Make the whole durable; return its folder. Nothing is placed any more.

        Raises:
            OutputLostError: It is gone.
            Stopped: `stop` was set.
        """

    def valid(self) -> NDArray[np.int64]:
        """Return (time, band): how many pixels of what is sealed hold data."""

    def read(self, window: Window) -> NDArray[Any]:
        """Return (time, band, row, col) of what is sealed."""


class ZarrSink:
    """The product's `Sink`, over a Zarr store in its working folder."""

    def __init__(self, plan: CubePlan, folder: Path, about: Mapping[str, Any]) -> None:
        """
        Open the store in `folder`, or begin one.

        Raises:
            IntegrityError: `folder` holds another cube, or lacks what was placed in it.
        """
        self._plan, self.path = plan, folder / STORE
        self._spans = spans_of(plan)
        self._journal = Journal(folder / JOURNAL)
        self._shards = Shards(self.path, plan)
        self._valid: dict[Cell, tuple[int, ...]] = {}
        self._sealed = False
        make_folder(folder)
        records = self._journal.load()
        self.thumbs = Thumbs(folder / THUMBS, plan)  # before the first record, with which its name is durable
        print_ = fingerprint(plan)
        if not records:
            remove_tree(self.path)
            create_store(self.path, plan, about)
            sync_whole(self.path)
            self._journal.append({"kind": "begin", "format": FORMAT, "plan": print_})
        elif (records[0]["format"], records[0]["plan"]) != (FORMAT, print_):
            raise IntegrityError(f"{folder} holds another cube; give each its own folder")
        self._recall(records[1:])

    def _recall(self, records: list[dict[str, Any]]) -> None:
        sizes: dict[Path, set[int]] = {}  # of each shard: what it was, and what it was to become when a crash came
        for record in records:
            if record["kind"] == "sealed":
                self._sealed = True
                continue
            time, row, col, height, width = record["cell"]
            path = self._shards.path_of(time, row, col)
            if record["kind"] == "replaces":
                sizes.setdefault(path, {0}).add(record["size"])  # 0: nothing of it is counted on
                continue
            self._valid[Cell(Window(row, col, height, width), time=time)] = tuple(record["valid"])
            sizes[path] = {record["size"]}
        if self._sealed:  # it may have its final name already
            return
        for path, known in sizes.items():
            if 0 not in known and (not path.is_file() or path.stat().st_size not in known):
                raise IntegrityError(f"{path} is not what was written; the cube is begun anew")

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        """See `model.product.Sink`."""
        for cell, content in pieces:
            if cell not in self._valid:
                self._add(cell, content)
            on_placed(cell)

    def _add(self, cell: Cell, content: Path | bytes) -> None:
        check_cell(cell, self._plan)
        window = cell.window
        values = read_piece(content, self._plan.grid.crop(window), self._plan)
        clip(values, window, self._spans, self._plan.pixels.nodata)
        address = [cell.time, window.row, window.col, window.height, window.width]

        def replaces(size: int) -> None:
            self._journal.append({"kind": "replaces", "cell": address, "size": size})

        size = self._shards.write(cell.time, window, values, replaces)
        crash.point("cube.shard_written")
        self.thumbs.add(cell.time, window, values)
        valid = count_valid(values, self._plan.pixels.nodata)
        self._journal.append({"kind": "placed", "cell": address, "valid": list(valid), "size": size})
        self._valid[cell] = valid

    def placed(self) -> frozenset[Cell]:
        """See `model.product.Sink`."""
        return frozenset(self._valid)

    def valid(self) -> NDArray[np.int64]:
        """Return (time, band): how many pixels hold data."""
        counts = np.zeros((len(self._plan.moments), len(self._plan.labels)), np.int64)
        for cell, valid in self._valid.items():
            counts[cell.time] += valid
        return counts

    def seal(self, stop: Stop) -> Path:  # noqa: ARG002  the port's signature
        """
        Make the whole durable; return its folder. Nothing is placed any more.

        Raises:
            OutputLostError: It is gone.
        """
        if not (self.path / "zarr.json").is_file():
            raise OutputLostError(f"{self.path} was complete, but is gone")
        if not self._sealed:
            sync_tree(self.path)
            self._journal.append({"kind": "sealed"})
            crash.point("cube.sealed")
            self._sealed = True
        return self.path

    def read(self, window: Window) -> NDArray[Any]:
        """See `CubeSink`."""
        return read_store(self.path, window)


def check_cell(cell: Cell, plan: CubePlan) -> None:
    """
    Make sure that a cell is of a cube.

    Raises:
        IntegrityError: It is not.
    """
    known = (cell.grid, cell.group) == (0, 0) and cell.time < len(plan.moments)
    if not known or not plan.grid.window.contains(cell.window):
        raise IntegrityError(f"{cell} is not of this cube of {len(plan.moments)} dates on {plan.grid.window}")


def fingerprint(plan: CubePlan) -> str:
    """Return what tells two cubes apart; what is asked of the service is no part of it."""
    told = json.loads(plan.to_json())
    for moment in told["moments"]:
        del moment["expression"]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def spans_of(plan: CubePlan) -> SpanTable | None:
    """Return what each date is cut with; None where every pixel is kept."""
    if not plan.area_wkb:
        return None
    import shapely  # noqa: PLC0415  heavy

    from orchestrator.raster.spans import SpanTable  # noqa: PLC0415

    return SpanTable.from_geometry(shapely.from_wkb(plan.area_wkb), plan.grid)


def clip(values: NDArray[Any], window: Window, spans: SpanTable | None, nodata: float) -> None:
    """Write nodata into the pixels of (band, row, col) that lie outside the area."""
    if spans is not None:
        values[:, ~spans.mask(window)] = nodata


def count_valid(values: NDArray[Any], nodata: float) -> tuple[int, ...]:
    """Return for each band of (band, row, col) how many pixels hold data."""
    return tuple(int(count) for count in np.count_nonzero(values != nodata, axis=(1, 2)))
