"""
Rasters read by strips of whole rows, on their own pixels or on those of another grid.

A strip of the target is warped from the rows around it. Where one grid's pixels lie whole in the other's (10, 20 and
60 m of one tile), every strip is what GDAL makes of the whole raster in one piece; so is a raster that is one strip.
Elsewhere a number that lies halfway between two may become the other one, and an edge that falls upon an edge may lie
on its other side.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window as RasterWindow

from orchestrator.core.errors import PermanentError, PlanError, UserError
from orchestrator.model.grid import BLOCK, Grid
from orchestrator.raster.opening import open_raster, with_sidecars
from orchestrator.safe.jp2 import damage_of

Rows = NDArray[Any]  # (row, col)

# Rows of a strip where grids are not nested: as many as most rasters of that kind have, for one piece is exact.
TALL = 2048
# GDAL warps in pieces that fit so much memory, in MB; results that lie halfway between two numbers depend on the
# pieces, so that a strip is always one.
_WARP_MB = 2048
# The widest kernel is cubic's, two pixels of the coarser grid; the rest is spare.
_KERNEL, _SPARE = 2, 8
_SAME = 1e-6  # of a pixel
# GDAL widens its kernels by how many pixels go into one, which it estimates anew for each piece; within this much of a
# whole number it takes that (gdalwarpkernel.cpp).
_ROUNDED = 0.05


def grid_of(path: Path) -> Grid:
    """
    Return the grid of a raster.

    Raises:
        PermanentError: It cannot be opened.
        UserError: It lies nowhere, or is turned.
    """
    with _opened(path) as raster:
        return _grid(raster, path)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """
    Open a raster, and say in one line that it does not open, or does not decode.

    JPEG 2000 is looked at before: GDAL takes what is lacking of half a file for no data, or ends the process with it.
    """
    try:
        if path.exists() and not path.is_file():
            raise PermanentError(f"{path} is no regular file; bring it again with `orchestrator copernicus download`")
        if damage := damage_of(path):
            raise PermanentError(
                f"{path} is damaged ({damage}); bring it again with `orchestrator copernicus download`"
            )
        with with_sidecars(), open_raster(path, jp2=True) as raster:
            yield raster
    except FileNotFoundError:
        raise PermanentError(f"{path} is gone; bring it again with `orchestrator copernicus download`") from None
    except RasterioError as error:
        cause = " ".join(str(error.__cause__ or error).split())[:200]
        raise PermanentError(f"{path} cannot be decoded ({cause}); bring it again") from None


def _grid(raster: Any, path: Path) -> Grid:
    if raster.crs is None:
        raise UserError(f"{path} says no CRS; expected a georeferenced raster")
    code = raster.crs.to_epsg()
    try:
        return Grid(
            f"EPSG:{code}" if code else raster.crs.to_wkt(), tuple(raster.transform)[:6], raster.height, raster.width
        )
    except PlanError as error:
        raise UserError(f"{path}: {error}") from None


def is_same(one: Grid, other: Grid) -> bool:
    """Tell whether two grids have the same pixels."""
    close = np.allclose(one.transform, other.transform, rtol=0, atol=_SAME * one.transform[0])
    return close and (one.crs, one.height, one.width) == (other.crs, other.height, other.width)


def is_nested(one: Grid, other: Grid) -> bool:
    """Tell whether each pixel of the coarser grid is a whole number of pixels of the finer one."""
    fine, coarse = sorted((one.transform, other.transform), key=lambda each: each[0])
    a, _b, c, _d, e, f = fine
    numbers = (coarse[0] / a, coarse[4] / e, (coarse[2] - c) / a, (coarse[5] - f) / e)
    return all(abs(number - round(number)) < _SAME for number in numbers)


def strip_rows(target: Grid, sources: list[Grid]) -> int:
    """Return how many rows of the target are made at once."""
    return BLOCK if all(is_nested(source, target) for source in sources) else TALL


class _Quiet:
    """
    Says nothing of rasterio's own arrays that lie nowhere for a moment, while any thread is in the block.

    rasterio silences that itself, by what is of effect in one thread only.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._before.__exit__(None, None, None)


_QUIET = _Quiet()


class StripReader:
    """
    One band of a file, read from the top down; each row of its blocks is decoded once.

    A block that was decoded is kept as long as rows of it are asked for, so that JPEG 2000, whose blocks are large,
    is not decoded again for each strip.
    """

    def __init__(self, path: Path) -> None:
        """
        Look at a file.

        Raises:
            PermanentError: It cannot be opened.
        """
        self.path = path
        with _opened(path) as raster:
            self.grid = _grid(raster, path)
            self.dtype = np.dtype(raster.dtypes[0])
            self.nodata: float | None = raster.nodata
            self._step = max(BLOCK, int(raster.block_shapes[0][0]))
        self._top = 0
        self._kept: Rows = np.empty((0, self.grid.width), self.dtype)

    def rows(self, top: int, bottom: int) -> Rows:
        """
        Return rows from `top` to below `bottom`; `top` never goes back.

        Raises:
            PermanentError: They cannot be decoded.
        """
        self._kept = self._kept[max(0, top - self._top) :]
        self._top = max(self._top, top)
        end = self._top + len(self._kept)
        if bottom > end:
            more = self._decoded(end, min(self.grid.height, -(-bottom // self._step) * self._step))
            self._kept = np.concatenate([self._kept, more]) if len(self._kept) else more
        return self._kept[: bottom - self._top]

    def _decoded(self, top: int, bottom: int) -> Rows:
        # Opened for each read: GDAL would keep every block of an open file, for a while that its cache decides.
        with _opened(self.path) as raster:
            rows: Rows = raster.read(1, window=RasterWindow(0, top, self.grid.width, bottom - top))
            return rows


class Warped:
    """
    A raster on the pixels of a target, strip by strip from the top down.

    Args:
        reader: The raster.
        target: The grid.
        up: Method where the raster's pixels are larger than the target's, a name of `rasterio.enums.Resampling`.
        down: ... where they are smaller.

    Raises:
        UserError: The raster has another CRS.
    """

    def __init__(self, reader: StripReader, target: Grid, *, up: str, down: str) -> None:
        if reader.grid.crs != target.crs:
            raise UserError(
                f"{reader.path} is in {reader.grid.crs}, and the target grid in {target.crs}; expected one CRS for all "
                "files of a scene"
            )
        self._reader, self._target = reader, target
        self._is_same = is_same(reader.grid, target)
        self.method = Resampling[down if _side(reader.grid) < _side(target) else up]
        self._scales = {f"{axis}SCALE": _scale(reader.grid, target, at) for axis, at in (("X", 0), ("Y", 4))}

    def valid(self, row: int, height: int) -> Rows:
        """
        Return rows of the target, where 0 is no data before and after.

        A pixel has data where the method finds any: `numbers != 0` is its mask, after resampling.
        """
        return self._rows(row, height, 0, self._reader.dtype)

    def classes(self, row: int, height: int, outside: int) -> NDArray[np.int32]:
        """Return rows of the target; `outside` where the raster does not reach."""
        return self._rows(row, height, outside, np.dtype(np.int32), masked=False)

    def _rows(self, row: int, height: int, fill: int, dtype: np.dtype[Any], *, masked: bool = True) -> Rows:
        if self._is_same:
            return self._reader.rows(row, row + height).astype(dtype, copy=False)
        made = np.full((height, self._target.width), fill, dtype)
        top, bottom = self._around(row, height)
        if bottom > top:
            nodata = {"src_nodata": 0, "dst_nodata": 0} if masked else {"init_dest_nodata": False}
            source = self._reader.rows(top, bottom)
            with _QUIET:
                reproject(
                    source,
                    made,
                    src_transform=_down(self._reader.grid, top),
                    dst_transform=_down(self._target, row),
                    src_crs=_crs(self._target.crs),
                    dst_crs=_crs(self._target.crs),
                    resampling=self.method,
                    warp_mem_limit=_WARP_MB,
                    **self._scales,
                    **nodata,
                )
        return made

    def _around(self, row: int, height: int) -> tuple[int, int]:
        """Return which rows of the raster a strip is made of, from the first to below the last."""
        ours, theirs = self._target.transform, self._reader.grid.transform
        ratio = ours[4] / theirs[4]
        spare = math.ceil(_KERNEL * max(1.0, ratio)) + _SPARE
        first = (ours[5] - theirs[5]) / theirs[4] + row * ratio
        top, bottom = math.floor(first) - spare, math.ceil(first + height * ratio) + spare
        most = self._reader.grid.height
        return min(max(0, top), most), max(0, min(most, bottom))


def _side(grid: Grid) -> float:
    """Return the mean side of a pixel."""
    return (abs(grid.transform[0]) + abs(grid.transform[4])) / 2


def _scale(source: Grid, target: Grid, at: int) -> str:
    """Return how many pixels of the target one of the source has along an axis: the same for every strip."""
    scale = source.transform[at] / target.transform[at]
    whole = max(1, round(1 / scale))
    return repr(1 / whole if scale < 1 and abs(1 / scale - whole) < _ROUNDED else scale)


def _down(grid: Grid, rows: int) -> Affine:
    a, b, c, d, e, f = grid.transform
    return Affine(a, b, c, d, e, f + e * rows)


_KNOWN: dict[str, CRS] = {}


def _crs(text: str) -> CRS:
    return _KNOWN.setdefault(text, CRS.from_user_input(text))
