"""Where the pieces of a table go: a folder, a file each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import make_folder, write_whole
from orchestrator.model.grid import Window
from orchestrator.model.unit import Cell

_NAME = re.compile(r"(\d+)-(\d+)-(\d+)-(\d+)x(\d+)\.parquet")


class TableSink:
    """See `model.product.Sink`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "pieces"
        make_folder(self._folder)

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        """See `model.product.Sink`."""
        for cell, content in pieces:
            if not isinstance(content, bytes):
                raise IntegrityError(f"the piece of {cell} is a file, and only bytes are taken")
            write_whole(self.path(cell), content)
            on_placed(cell)

    def placed(self) -> frozenset[Cell]:
        """See `model.product.Sink`."""
        found = (_NAME.fullmatch(path.name) for path in self._folder.iterdir())
        return frozenset(_cell(*map(int, match.groups())) for match in found if match)

    def path(self, cell: Cell) -> Path:
        """Return the file of a piece."""
        w = cell.window
        return self._folder / f"{cell.grid}-{w.row}-{w.col}-{w.height}x{w.width}.parquet"


def _cell(grid: int, row: int, col: int, height: int, width: int) -> Cell:
    return Cell(Window(row, col, height, width), grid=grid)
