"""Reductions of a finished cube over time, each a GeoTIFF beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.assemble.mosaic import BlockAssembler
from orchestrator.core.files import remove_tree
from orchestrator.model.grid import Window
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.model.ports import Stop
from orchestrator.model.spec import PixelSpec
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.lattice import CHUNK
from orchestrator.products.cube.piece import write_tiff
from orchestrator.products.cube.sink import CubeSink
from orchestrator.products.terms import Tags
from orchestrator.raster.reduce_time import Reducer, reduce_blocks


def pixels_of_reduced(plan: CubePlan, name: str) -> PixelSpec:
    """Return what a pixel of a reduction is."""
    dtype, nodata = Reducer(name).made(np.dtype(plan.pixels.dtype), plan.pixels.nodata, len(plan.moments))
    return PixelSpec(plan.pixels.bands, dtype.name, 0.0 if nodata is None else nodata)


def reduced_raster(
    plan: CubePlan, sink: CubeSink, name: str, folder: Path, stop: Stop, threads: int, tags: Tags = ()
) -> Path:
    """
    Return a reduction of a sealed cube as a GeoTIFF, made block by block in `folder`.

    Raises:
        Stopped: `stop` was set.
    """
    remove_tree(folder)  # what a crash left of it
    pixels = pixels_of_reduced(plan, name)
    days = " ".join(moment.solar_day for moment in plan.moments)
    told = (*tags, ("ORCHESTRATOR_REDUCER", name), ("ORCHESTRATOR_SOLAR_DAYS", days))
    spec = MosaicSpec(plan.grid, pixels, plan.area_wkb or None, threads=threads, tags=told)
    mosaic = BlockAssembler().open(spec, folder)

    def write(window: Window, values: NDArray[Any]) -> None:
        piece = write_tiff(values, plan.grid.crop(window), pixels.bands, pixels.nodata)
        mosaic.place([(window, piece)], lambda _window: None, stop)

    shape = (len(plan.moments), len(plan.labels), plan.grid.height, plan.grid.width)
    kind = np.dtype(plan.pixels.dtype)
    reduce_blocks(sink.read, write, Reducer(name), shape=shape, dtype=kind, nodata=plan.pixels.nodata, block=CHUNK)
    return mosaic.finish(stop).path
