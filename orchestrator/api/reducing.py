"""A cube's dates as one image: median, mean, count, percentiles, block by block."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from orchestrator.api.stores import open_cube
from orchestrator.core.errors import UserError
from orchestrator.core.optional import required

if TYPE_CHECKING:
    import xarray

DIMS = ("time", "band", "y", "x")


def reduce_time(cube: object, reducer: str) -> xarray.DataArray:
    """
    Return one image of a cube's dates, as an array (band, y, x) with its CRS.

    The cube is read block by block: what is held is the result and a block of all dates. Pixels without data take no
    part. Numbers are those of NumPy; percentiles are interpolated linearly. A median, a mean and a percentile are
    floats, not rounded, with NaN where a pixel has no value on any date; `min`, `max`, `first` and `last` have the
    array's type and its nodata; a count is a whole number, 0 where there is nothing.

    Args:
        cube: An array (time, band, y, x) as `cube` returns it, also one that is not read yet; or the path of one.
        reducer: `median`, `mean`, `min`, `max`, `count`, `first`, `last`, or a percentile: `p0` to `p100`.

    Raises:
        UserError: There is no such reducer, or it is no cube.
    """
    import numpy as np  # noqa: PLC0415  heavy, as what needs it

    from orchestrator.raster.reduce_time import Reducer, reduce_blocks  # noqa: PLC0415

    made = Reducer(str(reducer))
    array = _cube(cube)
    nodata = _nodata(array)
    dtype, empty = made.made(array.dtype, nodata, array.sizes["time"])
    out = np.empty(tuple(array.sizes[name] for name in DIMS[1:]), dtype)

    def write(window: Any, block: Any) -> None:
        out[:, window.row : window.bottom, window.col : window.right] = block

    reduce_blocks(
        lambda window: _window(array, window).values,
        write,
        made,
        shape=tuple(array.sizes[name] for name in DIMS),
        dtype=array.dtype,
        nodata=nodata,
        **_blocks(array),
    )
    dated = [name for name, one in array.coords.items() if "time" in one.dims]
    found: xarray.DataArray = (
        array.isel(time=0).drop_vars(dated).copy(data=out).rename(f"{array.name or 'cube'}_{made.name}")
    )
    found.attrs = {"cell_methods": f"time: {made.name}"}
    found.encoding = {}
    if empty is not None:
        found = found.rio.write_nodata(empty)
    return found


def _cube(cube: object) -> Any:
    xarray = required("xarray", "cube", "reduce_time")
    required("rioxarray", "cube", "reduce_time")  # it gives arrays their `rio`
    if isinstance(cube, (str, os.PathLike)):
        cube = open_cube(cube)
    if not isinstance(cube, xarray.DataArray):
        raise UserError(f"{type(cube).__name__} is no cube; give an array of (time, band, y, x), or the path of one")
    if set(cube.dims) != set(DIMS):
        raise UserError(f"the array has the axes {', '.join(map(str, cube.dims))}; a cube has {', '.join(DIMS)}")
    if not cube.sizes["time"]:
        raise UserError("the cube has no dates; there is nothing to reduce")
    return cube.transpose(*DIMS)


def _nodata(array: Any) -> float | None:
    found = array.rio.nodata
    return None if found is None else float(found)


def _window(array: Any, window: Any) -> Any:
    return array.isel(y=slice(window.row, window.bottom), x=slice(window.col, window.right))


def _blocks(array: Any) -> dict[str, int]:
    """Return the side of what is stored as one, so that nothing is read twice."""
    stored = array.encoding.get("shards") or array.encoding.get("chunks")
    return {"block": max(stored[-2:])} if stored and len(stored) == len(DIMS) else {}
