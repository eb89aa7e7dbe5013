"""
Rasters over many tiles, made piece by piece: each piece is filled by whoever has pixels there and written once.

Memory is bounded by a piece. The file is written aside, becomes a cloud-optimised GeoTIFF, and only then gets its name.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window as RasterWindow

from orchestrator.core.errors import Stopped
from orchestrator.core.files import StopFlag, publish
from orchestrator.core.writing import writing
from orchestrator.model.grid import Grid, Window

# PieceArray of a piece's side: a multiple of the blocks in the file, so that each block is encoded once.
PIECE, BLOCK = 2048, 512
PieceArray = NDArray[Any]
# Fills pixels of a piece, an array of (band, row, col), and tells whether anything is there.
Fill = Callable[[Window, PieceArray], bool]
OnPiece = Callable[[str, int, int], None]
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RasterSpec:
    """
    A raster to be made.

    Attributes:
        grid: Where its pixels are.
        bands: What each is called; empty where nothing is said.
        dtype: Number type.
        nodata: The value of pixels that nobody filled; None where there is no such value, and they are 0.
        tags: Of the file.
        scales: Of each band; values are stored times scale plus offset.
        offsets: Of each band.
        colours: Of each value of the first band, (red, green, blue, alpha).
        overviews: How smaller pictures are made: `nearest`, `average`, `mode`.
    """

    grid: Grid
    bands: tuple[str, ...]
    dtype: str
    nodata: float | None
    tags: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    scales: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    colours: Mapping[int, tuple[int, int, int, int]] = field(default_factory=dict)
    overviews: str = "nearest"

    @property
    def filler(self) -> float:
        return 0 if self.nodata is None else self.nodata


def make_raster(
    spec: RasterSpec, path: Path, fill: Fill, windows: Sequence[Window], stop: StopFlag, say: OnPiece = lambda *_: None
) -> None:
    """
    Make a cloud-optimised GeoTIFF of what `fill` knows.

    Args:
        spec: What is made.
        path: Gets its file by one rename; what lies there is replaced.
        fill: Is asked for each piece that one of `windows` touches.
        windows: Where there are pixels at all; the rest is never visited, and takes no room.
        stop: Ends the work.
        say: Is told how far it is.

    Raises:
        Stopped: `stop` was set; nothing is left.
        SpaceError: The disk is full.
        UserError: The folder cannot be written.
    """
    with writing(path), tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", suffix=".part") as folder:
        plain, whole = Path(folder) / "plain.tif", Path(folder) / "whole.tif"
        _write(spec, plain, fill, _touched(spec.grid, windows), stop, say)
        say("making overviews", 0, 0)
        _optimise(spec, plain, whole)
        with whole.open("rb") as file:
            os.fsync(file.fileno())
        publish(whole, path)


def _touched(grid: Grid, windows: Sequence[Window]) -> list[Window]:
    """Return the pieces of a grid that windows touch, row by row."""
    keys = {
        (row, col)
        for w in windows
        for row in range(w.row // PIECE, (w.bottom - 1) // PIECE + 1)
        for col in range(w.col // PIECE, (w.right - 1) // PIECE + 1)
    }
    return [
        Window(
            row * PIECE,
            col * PIECE,
            min(PIECE, grid.height - row * PIECE),
            min(PIECE, grid.width - col * PIECE),
        )
        for row, col in sorted(keys)
    ]


def _write(spec: RasterSpec, path: Path, fill: Fill, pieces: Sequence[Window], stop: StopFlag, say: OnPiece) -> None:
    count = max(len(spec.bands), 1)
    profile = {
        "driver": "GTiff", "height": spec.grid.height, "width": spec.grid.width, "count": count,
        "dtype": spec.dtype, "crs": spec.grid.crs, "transform": Affine(*spec.grid.transform), "nodata": spec.nodata,
        "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "compress": "zstd", "zstd_level": 1,
        "sparse_ok": True, "bigtiff": "if_safer", "interleave": "pixel",
    }  # fmt: skip
    with quietly(), rasterio.open(path, "w", **profile) as target:
        target.descriptions = tuple(spec.bands) or (None,)
        target.update_tags(**spec.tags)
        if spec.scales:
            target.scales, target.offsets = spec.scales, spec.offsets
        if spec.colours:
            target.write_colormap(1, dict(spec.colours))
        for number, piece in enumerate(pieces):
            if stop.is_set():
                raise Stopped("stopped; nothing was written, the same command begins again")
            say("writing pixels", number, len(pieces))
            pixels = np.full((count, piece.height, piece.width), spec.filler, dtype=spec.dtype)
            if fill(piece, pixels):
                target.write(pixels, window=RasterWindow(piece.col, piece.row, piece.width, piece.height))


def _optimise(spec: RasterSpec, source: Path, target: Path) -> None:
    floating = np.dtype(spec.dtype).kind == "f"
    with quietly():
        rasterio.shutil.copy(
            source, target, driver="COG", compress="DEFLATE", blocksize=BLOCK, sparse_ok=True, bigtiff="IF_SAFER",
            overview_resampling=spec.overviews.upper(), predictor="FLOATING_POINT" if floating else "STANDARD",
        )  # fmt: skip


@contextmanager
def quietly() -> Iterator[None]:
    """Keep rasterio from warning of rasters without a place: what matters of them is checked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        yield


def windows_of(grid: Grid, bounds: NDArray[np.float64]) -> Iterator[Window]:
    """Yield the pixels that rectangles touch: rows of (left, bottom, right, top) in the grid's CRS."""
    a, _b, c, _d, e, f = grid.transform
    cols = np.stack([(bounds[:, 0] - c) / a, (bounds[:, 2] - c) / a], axis=1)
    rows = np.stack([(bounds[:, 3] - f) / e, (bounds[:, 1] - f) / e], axis=1)
    first = np.floor(np.stack([rows[:, 0], cols[:, 0]], axis=1) + 1e-6).astype(int)
    last = np.ceil(np.stack([rows[:, 1], cols[:, 1]], axis=1) - 1e-6).astype(int)
    first, last = np.maximum(first, 0), np.minimum(last, [grid.height, grid.width])
    for (row, col), (bottom, right) in zip(first.tolist(), last.tolist(), strict=True):
        yield Window(row, col, max(bottom - row, 1), max(right - col, 1))
