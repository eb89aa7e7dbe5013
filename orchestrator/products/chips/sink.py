"""Where the pieces of chips go: a GeoTIFF for each chip, whole or not there, and a journal of what is placed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from orchestrator.assemble.journal import Journal
from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError, PermanentError
from orchestrator.core.files import make_folder, remove_tree, sha256_of, write_whole
from orchestrator.core.system import sync_folder
from orchestrator.model.grid import Window
from orchestrator.model.hooks import NO_HOOKS, Hooks
from orchestrator.model.product import OutputLostError
from orchestrator.model.unit import Cell
from orchestrator.products.chips.document import ChipPlan
from orchestrator.products.chips.hooks import post_processed
from orchestrator.products.chips.raster import masked, outside, write_chip
from orchestrator.products.terms import Tags
from orchestrator.products.tiff import read_tiff

FORMAT = 1  # changes whenever the same pieces would give other bytes: work begun by another version is not continued
MADE, PIECES, JOURNAL, UNDER_WAY = "made", "pieces", "journal", "under_way"
REMOVED = "post_process_tilefile removed it"


@dataclass(frozen=True, slots=True)
class ChipFile:
    """
    A chip that is there, or known to hold nothing.

    Attributes:
        sha256: Of its file; empty where every pixel is masked, and there is none.
        bytes: Its size.
        valid: For each band the share of its pixels that hold data; of those inside the tile where it is cut out.
        why: Why there is no file, where that is not for want of data.
    """

    sha256: str
    bytes: int
    valid: tuple[float, ...]
    why: str = ""


class ChipSink:
    """See `model.product.Sink`."""

    def __init__(self, plan: ChipPlan, folder: Path, tags: Tags = (), hooks: Hooks = NO_HOOKS) -> None:
        """
        Open what lies in `folder`, or begin it.

        Raises:
            IntegrityError: `folder` holds other chips, or lacks what was placed in it.
        """
        self._plan, self._folder, self._tags, self._hooks = plan, folder, tags, hooks
        self.made, self._pieces = folder / MADE, folder / PIECES
        self._journal = Journal(folder / JOURNAL)
        self._placed: set[Cell] = set()
        self._parts: dict[int, dict[Cell, Path]] = {}  # of chips that come in pieces, until they are whole
        self._chips: dict[int, ChipFile] = {}
        self._sealed = False
        print_ = hashlib.sha256(plan.to_json().encode()).hexdigest()
        records = self._journal.load()
        if not records:
            for each in (self.made, self._pieces):
                remove_tree(each)
                make_folder(each)
            self._journal.append({"kind": "begin", "format": FORMAT, "plan": print_})
        elif (records[0]["format"], records[0]["plan"]) != (FORMAT, print_):
            raise IntegrityError(f"{folder} holds other chips; give each dataset its own folder")
        self._recall(records[1:])

    @property
    def chips(self) -> dict[int, ChipFile]:
        """The chips that are whole, by their place in the plan."""
        return self._chips

    def path(self, number: int) -> Path:
        """Return the file of a chip."""
        return self.made / f"{self._plan.chips[number].identifier}.tif"

    def _recall(self, records: list[dict[str, Any]]) -> None:
        for record in records:
            if record["kind"] == "sealed":
                self._sealed = True
            elif record["kind"] == "piece":
                self._note_piece(_cell(record["cell"]))
            else:
                valid, why = tuple(record["valid"]), record.get("why", "")
                self._note(record["chip"], ChipFile(record["sha256"], record["bytes"], valid, why))
        if self._sealed:  # it may have its final name already
            return
        for number, chip in self._chips.items():
            if chip.sha256 and not _has_size(self.path(number), chip.bytes):
                raise IntegrityError(f"{self.path(number)} is not what was written; the chips are begun anew")
        for number, parts in list(self._parts.items()):
            if not all(path.is_file() for path in parts.values()):
                raise IntegrityError(f"a piece of chip {self._plan.chips[number].identifier} is gone")
            self._join(number)

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        """
        See `model.product.Sink`.

        Bytes are what a route brought; a file is a finished chip of an earlier run, and no bytes at all are one that
        was known to hold nothing.
        """
        for cell, content in pieces:
            if cell not in self._placed:
                self._check(cell)
                self._add(cell, content)
            on_placed(cell)

    def _check(self, cell: Cell) -> None:
        known = cell.time < len(self._plan.chips) and cell.group < len(self._plan.groups)
        if (
            not known
            or cell.grid != (chip := self._plan.chips[cell.time]).zone
            or not chip.window.contains(cell.window)
        ):
            raise IntegrityError(f"{cell} is of none of these {len(self._plan.chips)} chips")

    def _add(self, cell: Cell, content: Path | bytes) -> None:
        number, plan = cell.time, self._plan
        if not content or isinstance(content, Path):
            self._carry(number, content if isinstance(content, Path) else None)
            return
        values = self._read(content, cell)
        if cell.window == plan.chips[number].window and len(plan.groups) == 1:
            self._complete(number, values)
            return
        write_whole(self._piece(cell), content)
        self._journal.append({"kind": "piece", "cell": _address(cell)})
        self._note_piece(cell)
        self._join(number)

    def _read(self, content: Path | bytes, cell: Cell) -> NDArray[Any]:
        pixels = self._plan.pixels_of(cell.group)
        grid = self._plan.zones[cell.grid].crop(cell.window)
        return read_tiff(content, grid, len(pixels.bands), pixels.dtype)

    def _carry(self, number: int, path: Path | None) -> None:
        """Take over a chip of an earlier run: another name of the same file where the disk can, else a copy."""
        known = self._plan.carried[number]
        if path is not None:
            target = self.path(number)
            target.unlink(missing_ok=True)
            try:
                os.link(path, target)
                sync_folder(self.made)
            except OSError:
                write_whole(target, path.read_bytes(), within=self._folder)
            crash.point("chip.carried")
            if sha256_of(target) != known.sha256:
                target.unlink()
                raise IntegrityError(f"{path} has changed since it was published")
        size = self.path(number).stat().st_size if path is not None else 0
        self._remember(number, ChipFile(known.sha256, size, known.valid, known.why))

    def _join(self, number: int) -> None:
        """Put the pieces of a chip together, once they are all there."""
        plan, chip = self._plan, self._plan.chips[number]
        mine = self._parts[number]
        if sum(cell.window.pixels for cell in mine) < chip.window.pixels * len(plan.groups):
            return
        values = np.empty((len(plan.pixels.bands), chip.window.height, chip.window.width), plan.pixels.dtype)
        for cell, path in mine.items():
            w, bands = cell.window.relative_to(chip.window), plan.groups[cell.group]
            at = [plan.pixels.bands.index(band) for band in bands]
            piece = self._read(path, cell)
            values[at, w.row : w.bottom, w.col : w.right] = piece
        self._complete(number, values)
        for path in mine.values():
            path.unlink(missing_ok=True)

    def _complete(self, number: int, values: NDArray[Any]) -> None:
        """Write a chip, unless every pixel of it is masked."""
        plan, grid, nodata = self._plan, self._plan.grid_of(number), self._plan.pixels.nodata
        inside = values.shape[1] * values.shape[2]
        if plan.outside == "nodata":
            beyond = outside(plan.shapes[number], grid)
            values[:, beyond] = nodata
            inside -= int(beyond.sum())
        empty = masked(values, nodata)
        held = np.count_nonzero(~empty, axis=(1, 2))
        valid = tuple(float(count) / max(1, inside) for count in held)
        if not held.any():
            self._remember(number, ChipFile("", 0, valid))
            return
        body = self._processed(number, write_chip(values, grid, plan.pixels, self._tags))
        if not body:
            self._remember(number, ChipFile("", 0, valid, REMOVED))
            return
        write_whole(self.path(number), body, within=self._folder)
        crash.point("chip.written")
        self._remember(number, ChipFile(hashlib.sha256(body).hexdigest(), len(body), valid))

    def _processed(self, number: int, body: bytes) -> bytes:
        """Return a chip's file as the user's code leaves it; nothing where it removes it."""
        if self._hooks.post_process is None:
            return body
        folder = self._folder / UNDER_WAY
        remove_tree(folder)
        make_folder(folder)
        path = folder / self.path(number).name
        path.write_bytes(body)
        try:
            found = path.read_bytes() if post_processed(self._hooks, path) else b""
        finally:
            remove_tree(folder)
        if found:
            self._check_processed(number, found)
        return found

    def _check_processed(self, number: int, body: bytes) -> None:
        """Make sure that a rewritten chip is what the list of chips says of it."""
        pixels = self._plan.pixels
        try:
            read_tiff(body, self._plan.grid_of(number), len(pixels.bands), pixels.dtype)
        except (IntegrityError, RasterioError) as error:
            raise PermanentError(
                f"what post_process_tilefile left is no chip of this tile ({error}); it must keep place, size, bands "
                "and number type"
            ) from None

    def _remember(self, number: int, chip: ChipFile) -> None:
        told = {"kind": "chip", "chip": number, "sha256": chip.sha256, "bytes": chip.bytes, "valid": list(chip.valid)}
        self._journal.append(told | ({"why": chip.why} if chip.why else {}))
        self._note(number, chip)

    def _note(self, number: int, chip: ChipFile) -> None:
        self._chips[number] = chip
        if self._parts.pop(number, None) is None:  # else its pieces are what was placed
            self._placed.update(self._plan.cells_of(number))

    def _note_piece(self, cell: Cell) -> None:
        self._placed.add(cell)
        self._parts.setdefault(cell.time, {})[cell] = self._piece(cell)

    def _piece(self, cell: Cell) -> Path:
        return self._pieces / ("-".join(map(str, _address(cell))) + ".tif")

    def placed(self) -> frozenset[Cell]:
        """See `model.product.Sink`."""
        return frozenset(self._placed)

    def seal(self) -> Path:
        """
        Make the names of all chips durable; return their folder. Nothing is placed any more.

        Raises:
            OutputLostError: It is gone.
        """
        if not self.made.is_dir():
            raise OutputLostError(f"{self.made} was complete, but is gone")
        if not self._sealed:
            sync_folder(self.made)
            self._journal.append({"kind": "sealed"})
            self._sealed = True
        return self.made


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _address(cell: Cell) -> list[int]:
    w = cell.window
    return [cell.grid, cell.time, cell.group, w.row, w.col, w.height, w.width]


def _cell(address: list[int]) -> Cell:
    grid, time, group, *window = address
    return Cell(Window(*window), grid=grid, time=time, group=group)
