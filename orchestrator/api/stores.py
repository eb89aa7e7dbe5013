"""A cube that was written, as an array."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orchestrator.api.arguments import path_of
from orchestrator.core.errors import UserError
from orchestrator.core.optional import required

if TYPE_CHECKING:
    import xarray


def open_cube(path: str | os.PathLike[str], *, masked: bool = True) -> xarray.DataArray:
    """
    Return a cube that was written before, as an array of (time, band, y, x); pixels are read when they are used.

    Args:
        path: Of the store, `NAME_cube.zarr`.
        masked: See `cube`.

    Raises:
        UserError: There is none.
    """
    opener = required("xarray", "cube", "orc.open_cube")
    required("rioxarray", "cube", "orc.open_cube")  # it gives arrays their `rio`
    folder = path_of(path, "path")
    if not (folder / "zarr.json").is_file():
        raise UserError(f"{folder} is no cube; give the path of a NAME_cube.zarr")
    array: xarray.DataArray = opener.open_zarr(folder, chunks=None, mask_and_scale=masked)["cube"]
    return array
