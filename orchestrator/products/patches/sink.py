"""Where a set of patches is made: what was measured, what was decided, and whole shards, with a journal of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.assemble.journal import Journal
from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import make_folder, publish, remove_tree, write_whole
from orchestrator.core.system import sync_folder
from orchestrator.core.trees import sync_tree
from orchestrator.model.grid import Window
from orchestrator.model.product import OutputLostError
from orchestrator.model.unit import Cell
from orchestrator.products.patches.document import PatchPlan

FORMAT = 1  # changes whenever the same scenes would give other bytes: work begun by another version is not continued
MADE, PIECES, TOLD, MEASURED, JOURNAL = "made", "pieces", "told", "measured", "journal"
ARRANGED, FACTS = "arranged.npz", "told.json"


def shard_cell(number: int, samples: int) -> Cell:
    """Return the address of a shard: its place among all, and its samples as columns."""
    return Cell(Window(number, 0, 1, samples))


@dataclass(frozen=True, slots=True)
class PatchPaths:
    """Where the steps of patches read and write, in whichever process: the folder of the run's sink."""

    folder: Path

    def measured(self, scene: str) -> Path:
        """Return the file of what the windows of a scene hold."""
        return self.folder / MEASURED / f"{scene}.npz"

    @property
    def arranged(self) -> Path:
        """The file of what becomes of every candidate."""
        return self.folder / ARRANGED

    def piece(self, number: int, fence: int) -> Path:
        """Return the folder in which a shard is cut under a claim, empty; those of older claims are removed."""
        for path in (self.folder / PIECES).glob(f"{number:06d}-*"):
            if int(path.name.rpartition("-")[2]) <= fence:
                remove_tree(path)
        path = self.folder / PIECES / f"{number:06d}-{fence}"
        make_folder(path)
        return path


class PatchSink:
    """See `model.product.Sink`; a piece is the folder that a shard was cut in."""

    def __init__(self, plan: PatchPlan, folder: Path) -> None:
        """
        Open what lies in `folder`, or begin it.

        Raises:
            IntegrityError: `folder` holds other patches.
        """
        self._folder, self.made = folder, folder / MADE
        self.paths = PatchPaths(folder)
        self._journal = Journal(folder / JOURNAL)
        self._placed: dict[Cell, list[tuple[str, int]]] = {}
        self._sealed = False
        print_ = hashlib.sha256(plan.to_json().encode()).hexdigest()
        records = self._journal.load()
        if not records:
            for name in (MADE, PIECES, TOLD, MEASURED):
                remove_tree(folder / name)
            self._journal.append({"kind": "begin", "format": FORMAT, "plan": print_})
        elif (records[0]["format"], records[0]["plan"]) != (FORMAT, print_):
            raise IntegrityError(f"{folder} holds other patches; they are begun anew")
        for name in (MADE, PIECES, TOLD, MEASURED):
            make_folder(folder / name)
        self._recall(records[1:])

    def _recall(self, records: list[dict[str, Any]]) -> None:
        self._sealed = any(record["kind"] == "sealed" for record in records)
        for record in records:
            if record["kind"] == "shard":
                files = [(name, size) for name, size in record["files"]]
                # What was sealed may have its final name already; what is gone before that is cut again.
                if self._sealed or all(_has_size(self.made / name, size) for name, size in files):
                    self._placed[Cell(Window(*record["window"]))] = files

    def told(self, number: int) -> Mapping[str, Any]:
        """Return what was told of a shard."""
        found: dict[str, Any] = json.loads((self._folder / TOLD / f"{number:06d}.json").read_bytes())
        return found

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        """See `model.product.Sink`."""
        for cell, content in pieces:
            if not isinstance(content, Path):
                raise IntegrityError(f"{cell} came as bytes; a shard comes as the folder that it was cut in")
            if cell not in self._placed:
                self._add(cell, content)
            on_placed(cell)

    def _add(self, cell: Cell, folder: Path) -> None:
        told = self._folder / TOLD / f"{cell.window.row:06d}.json"
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FACTS)
        listed = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in files]
        for path, (name, _size) in zip(files, listed, strict=True):
            make_folder((self.made / name).parent)
            path.replace(self.made / name)
            crash.point("shard.moved")
        sync_tree(self.made)
        publish(folder / FACTS, told)
        crash.point("shard.told")
        w = cell.window
        self._journal.append({"kind": "shard", "window": [w.row, w.col, w.height, w.width], "files": listed})
        self._placed[cell] = listed
        remove_tree(folder)

    def placed(self) -> frozenset[Cell]:
        """See `model.product.Sink`."""
        return frozenset(self._placed)

    def begin_describing(self) -> Path:
        """
        Return the folder that holds every shard, to be described.

        Raises:
            OutputLostError: It is gone.
        """
        if not self.made.is_dir() or not self.paths.arranged.is_file():
            raise OutputLostError(f"{self.made} was complete, but is gone")
        return self.made

    def seal(self) -> None:
        """Note that nothing is placed any more: the folder may get its final name."""
        if not self._sealed:
            sync_folder(self._folder)
            self._journal.append({"kind": "sealed"})
            crash.point("patches.sealed")
            self._sealed = True


def write_facts(folder: Path, told: Mapping[str, Any]) -> None:
    """Write what is told of a shard into the folder that it was cut in."""
    write_whole(folder / FACTS, json.dumps(told).encode())


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
