"""Cells onto the windows of one raster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Window
from orchestrator.model.ports import Mosaic
from orchestrator.model.unit import Cell


class MosaicSink:
    """The product's `Sink`: one grid, one moment, all bands, so that a cell is its window."""

    def __init__(self, mosaic: Mosaic) -> None:
        self.mosaic = mosaic
        self._prepared = False

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        """See `model.product.Sink`."""
        windows = ((_window(cell), content) for cell, content in pieces)
        self.mosaic.place(windows, lambda window: on_placed(Cell(window)))
        self._prepare()

    def _prepare(self) -> None:
        """Load what publishing needs, while other parts are still on their way and nobody waits for it."""
        if not self._prepared:
            self._prepared = True
            import pystac  # noqa: F401, PLC0415

            from orchestrator.assemble import quicklook  # noqa: PLC0415
            from orchestrator.products.mosaic import publication  # noqa: F401, PLC0415  it loads the rest

            quicklook.load()

    def placed(self) -> frozenset[Cell]:
        """See `model.product.Sink`."""
        return frozenset(map(Cell, self.mosaic.placed()))


def _window(cell: Cell) -> Window:
    if (cell.grid, cell.time, cell.group) != (0, 0, 0):
        raise IntegrityError(f"{cell} is not of this raster, which is one grid, one moment and one group of bands")
    return cell.window
