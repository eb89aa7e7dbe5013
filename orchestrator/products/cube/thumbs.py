"""Small pictures of each date, taken as the pieces pass by: the cube is not read for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.model.grid import Window
from orchestrator.products.cube.document import CubePlan

SIDE = 192  # pixels of the longer side
MOST = 48  # dates
TRUE_COLOUR = (("B4", "B3", "B2"), ("SR_B4", "SR_B3", "SR_B2"))


class Thumbs:
    """Every n-th pixel of up to three bands of up to 48 dates, in a file."""

    def __init__(self, path: Path, plan: CubePlan) -> None:
        self._step = max(1, -(-max(plan.grid.height, plan.grid.width) // SIDE))
        self._bands = _bands(plan.pixels.bands)
        count = len(plan.moments)
        chosen = sorted({round(at) for at in np.linspace(0, count - 1, min(count, MOST))})
        self.times = {time: number for number, time in enumerate(chosen)}
        shape = (
            len(chosen),
            len(self._bands),
            -(-plan.grid.height // self._step),
            -(-plan.grid.width // self._step),
        )
        begun = path.is_file() and path.stat().st_size == int(np.prod(shape)) * np.dtype(plan.pixels.dtype).itemsize
        self._values = np.memmap(path, plan.pixels.dtype, "r+" if begun else "w+", shape=shape)
        if not begun:
            self._values[:] = plan.pixels.nodata

    def add(self, time: int, window: Window, values: NDArray[Any]) -> None:
        """Take what is shown of (band, row, col)."""
        if time not in self.times:
            return
        step = self._step
        row, col = -(-window.row // step), -(-window.col // step)
        taken = values[self._bands, row * step - window.row :: step, col * step - window.col :: step]
        self._values[self.times[time], :, row : row + taken.shape[1], col : col + taken.shape[2]] = taken
        self._values.flush()  # the journal will say that the cell is here

    def read(self) -> NDArray[Any]:
        """Return (date, band, row, col)."""
        return np.array(self._values)


def _bands(names: tuple[str, ...]) -> list[int]:
    for colours in TRUE_COLOUR:
        if set(colours) <= set(names):
            return [names.index(name) for name in colours]
    return [0]
