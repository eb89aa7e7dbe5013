"""What patches hold, counted before one is cut: a scene is read once, some rows at a time, whatever the stride."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from orchestrator.core.errors import Stopped, UserError
from orchestrator.core.files import StopFlag
from orchestrator.products.patches.lattice import PatchLattice, segments
from orchestrator.products.patches.scenes import PatchScene, reading_scenes
from orchestrator.raster.opening import open_raster

_ROWS = 256  # read at once: what files of scenes have as blocks
_VALUES = 256  # of labels
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Measured:
    """
    Pixels of each window of a scene, by what they hold.

    Attributes:
        valid: With data in every band, (windows,).
        ignored: Without a label, those beyond the scene among them; 0 where there are no labels.
        cloudy: With a label that is a cloud.
        classes: The labels that occur, ascending, the ignored one left out.
        labels: Pixels of each, (windows, classes).
    """

    valid: Counts
    ignored: Counts
    cloudy: Counts
    classes: Counts
    labels: Counts

    def to_bytes(self) -> bytes:
        """Return it as `from_bytes` reads it."""
        content = io.BytesIO()
        np.savez(content, **{name: getattr(self, name) for name in self.__slots__})
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Measured:
        with np.load(io.BytesIO(content), allow_pickle=False) as told:
            return cls(**{name: told[name] for name in cls.__slots__})


def measure(scene: PatchScene, lattice: PatchLattice, clouds: Sequence[int], stop: StopFlag) -> Measured:
    """
    Count what every window holds.

    Memory: a strip of rows, and the counts of the windows that it meets.

    Raises:
        UserError: A file cannot be read.
        Stopped: `stop` was set.
    """
    edges, made_of = segments(lattice.cols, lattice.size, scene.grid.width)
    row_edges, rows_made_of = segments(lattice.rows, lattice.size, scene.grid.height)
    counts = np.zeros((len(lattice.rows), len(lattice.cols), 2 * _VALUES), np.int32)
    with reading_scenes(), ExitStack() as stack:
        try:
            x = stack.enter_context(open_raster(Path(scene.files["x"])))
            y = stack.enter_context(open_raster(Path(scene.files["y"]))) if "y" in scene.files else None
            for piece, (top, bottom) in enumerate(pairwise(row_edges.tolist())):
                met = np.flatnonzero((rows_made_of[:, 0] <= piece) & (piece < rows_made_of[:, 1]))
                if len(met):
                    found = _across(x, y, (top, bottom), edges, scene, stop)
                    total = np.concatenate((np.zeros((1, 2 * _VALUES), np.int64), found.cumsum(axis=0)))
                    counts[met] += (total[made_of[:, 1]] - total[made_of[:, 0]]).astype(np.int32)
        except RasterioError as error:
            raise UserError(f"scene {scene.key} cannot be read: {error}; preprocess it again") from None
    return _measured(counts.reshape(-1, 2, _VALUES), scene, lattice.size, clouds)


def _across(
    x: Any, y: Any, rows: tuple[int, int], edges: Counts, scene: PatchScene, stop: StopFlag
) -> NDArray[np.int64]:
    """Count the pixels of some rows by label, and whether they hold data, in each piece between edges."""
    left, width = int(edges[0]), int(edges[-1] - edges[0])
    piece = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    found = np.zeros(2 * _VALUES * (len(edges) - 1), np.int64)
    for top in range(rows[0], rows[1], _ROWS):
        if stop.is_set():
            raise Stopped("stopped while scenes were measured; the same command continues")
        window = RasterWindow(left, top, width, min(_ROWS, rows[1] - top))
        codes = np.zeros((window.height, width), np.int64) + piece * 2 * _VALUES
        valid = np.ones(codes.shape, bool)
        for band in scene.valid_bands:
            valid &= x.read(band, window=window) > 0
        codes += _VALUES * valid
        if y is not None:
            codes += y.read(1, window=window)
        found += np.bincount(codes.ravel(), minlength=len(found))
    return found.reshape(-1, 2 * _VALUES)


def _measured(counts: NDArray[np.int32], scene: PatchScene, size: int, clouds: Sequence[int]) -> Measured:
    """Return what (windows, [no data, data], label) says."""
    valid = counts[:, 1].sum(axis=1, dtype=np.int64)
    by_label = counts[:, 0] + counts[:, 1]
    if "y" not in scene.files:
        nothing = np.zeros(len(counts), np.int64)
        return Measured(valid, nothing, nothing, np.zeros(0, np.int64), np.zeros((len(counts), 0), np.int64))
    beyond = size * size - by_label.sum(axis=1, dtype=np.int64)
    classes = np.flatnonzero(by_label.any(axis=0))
    classes = classes[classes != scene.ignore]
    cloudy = by_label[:, list(clouds)].sum(axis=1, dtype=np.int64)
    return Measured(valid, by_label[:, scene.ignore] + beyond, cloudy, classes, by_label[:, classes].astype(np.int64))
