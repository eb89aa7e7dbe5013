"""A GeoTIFF of each date: a mosaic of its own, of which few are open at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as RasterWindow

from orchestrator.assemble.mosaic import BlockAssembler, BlockMosaic
from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import make_folder, publish, write_whole
from orchestrator.model.grid import Window
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.model.ports import Stop
from orchestrator.model.product import OutputLostError
from orchestrator.model.unit import Cell
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.piece import read_piece
from orchestrator.products.cube.sink import THUMBS, check_cell, clip, fingerprint, spans_of
from orchestrator.products.cube.thumbs import Thumbs
from orchestrator.products.terms import Tags

MADE, PLAN, VALID = "cube.cogs", "plan", "valid.json"
OPEN = 4  # dates whose files are open at once; requests go date by date


class CogSink:
    """The product's `Sink`, over a folder for each date."""

    def __init__(self, plan: CubePlan, folder: Path, names: tuple[str, ...], threads: int, tags: Tags) -> None:
        """
        Open what lies in `folder`, or begin it; `names` are those of the files, `tags` are in each of them.

        Raises:
            IntegrityError: `folder` holds another cube, or lacks what was placed in it.
        """
        self._plan, self._folder, self._names, self._threads, self._tags = plan, folder, names, threads, tags
        self._open: dict[int, BlockMosaic] = {}
        self._spans = spans_of(plan)
        make_folder(folder)
        print_ = fingerprint(plan).encode()
        if not (folder / PLAN).exists():
            write_whole(folder / PLAN, print_)
        if (folder / PLAN).read_bytes() != print_:
            raise IntegrityError(f"{folder} holds another cube; give each its own folder")
        self.thumbs = Thumbs(folder / THUMBS, plan)
        self._placed = {
            Cell(window, time=time)
            for time in range(len(plan.moments))
            if self._date(time).is_dir()
            for window in self._mosaic(time).placed()
        }

    def _date(self, time: int) -> Path:
        return self._folder / f"t{time:06d}"

    def _mosaic(self, time: int) -> BlockMosaic:
        """Return the unfinished file of a date, open; of those that were used before, the oldest is closed."""
        found = self._open.pop(time, None) or BlockAssembler().open(self._spec(time), self._date(time))
        while len(self._open) >= OPEN:
            self._close(next(iter(self._open)))
        self._open[time] = found
        return found

    def _close(self, time: int) -> None:
        mosaic = self._open.pop(time)
        if mosaic.spools is not None:
            mosaic.spools.close()

    def _spec(self, time: int) -> MosaicSpec:
        moment, plan = self._plan.moments[time], self._plan
        told = (
            ("ORCHESTRATOR_TIME", moment.at),
            ("ORCHESTRATOR_SATELLITE", moment.satellite),
            ("ORCHESTRATOR_SOLAR_DAY", moment.solar_day),
            ("ORCHESTRATOR_IMAGES", " ".join(moment.images)),
        )
        tags = (*self._tags, *((name, value) for name, value in told if value))
        return MosaicSpec(plan.grid, plan.pixels, plan.area_wkb or None, threads=self._threads, tags=tags)

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        """See `model.product.Sink`."""
        for cell, content in pieces:
            if cell not in self._placed:
                check_cell(cell, self._plan)
                self._mosaic(cell.time).place([(cell.window, content)], lambda _window: None)
                self._show(cell, content)
                self._placed.add(cell)
            on_placed(cell)

    def _show(self, cell: Cell, content: Path | bytes) -> None:
        if cell.time in self.thumbs.times:
            values = read_piece(content, self._plan.grid.crop(cell.window), self._plan)
            clip(values, cell.window, self._spans, self._plan.pixels.nodata)
            self.thumbs.add(cell.time, cell.window, values)

    def placed(self) -> frozenset[Cell]:
        """See `model.product.Sink`."""
        return frozenset(self._placed)

    def seal(self, stop: Stop) -> Path:
        """See `sink.CubeSink`."""
        made, counts = self._folder / MADE, self._counted()
        make_folder(made)
        for time, name in enumerate(self._names):
            if time == len(counts):
                self._mosaic(time).finish(stop)
                counts.append(list(self._mosaic(time).valid(stop)))
                write_whole(self._folder / VALID, json.dumps(counts).encode())
            if not (made / name).is_file():
                finished = self._mosaic(time).finish(stop).path
                if not finished.is_file():
                    raise OutputLostError(f"{finished} was complete, but is gone")
                publish(finished, made / name)
        return made

    def _counted(self) -> list[list[int]]:
        """Return the counts of the dates that have their names."""
        path = self._folder / VALID
        counts: list[list[int]] = json.loads(path.read_bytes()) if path.exists() else []
        return counts

    def valid(self) -> NDArray[np.int64]:
        """See `sink.CubeSink`."""
        return np.array(self._counted(), np.int64)

    def read(self, window: Window) -> NDArray[Any]:
        """See `sink.CubeSink`."""
        dates = []
        place = RasterWindow(window.col, window.row, window.width, window.height)
        for name in self._names:
            with rasterio.open(self._folder / MADE / name, driver="GTiff") as raster:
                dates.append(raster.read(window=place))
        return np.stack(dates)
