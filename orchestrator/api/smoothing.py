"""Sentinel-2's bands of 20 m at 10 m, in an array that knows where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.core.errors import UserError
from orchestrator.core.optional import required

if TYPE_CHECKING:
    import xarray


def smooth_20m(
    array: object, bands: Sequence[str] | None = None, *, method: str = "bicubic", sixty: bool = False
) -> xarray.DataArray:
    """
    Return an array with Sentinel-2's bands of 20 m interpolated, which Earth Engine repeats 2 × 2 at 10 m.

    Which pixels are one of 20 m follows from the array's transform, so that it may begin anywhere. The other bands,
    the number type, and what is masked stay as they are: pixels without data take no part. The array must lie on the
    images' own lattice, in their UTM zone: an array does not tell whether it was brought to another.

    Args:
        array: (band, y, x) or (time, band, y, x), in metres, with a CRS and `rio.nodata` as `export_image` and `cube`
            return it.
        bands: Names along the band axis; by default its coordinate. Earth Engine's (`B5`) or ESA's (`B05`).
        method: `bicubic` or `bilinear`.
        sixty: Interpolate the bands of 60 m too.

    Raises:
        UserError: It is something else, or its pixels do not divide 20 m.
    """
    from orchestrator.raster.smooth import smooth  # noqa: PLC0415  numpy is heavy

    arrays = required("xarray", "xarray", "smooth_20m")
    required("rioxarray", "xarray", "smooth_20m")  # it gives arrays their `rio`
    if not isinstance(array, arrays.DataArray) or array.dims[-3:] != ("band", "y", "x"):
        axes = (
            f"has the axes {', '.join(map(str, array.dims))}" if isinstance(array, arrays.DataArray) else "is no array"
        )
        raise UserError(f"what was given {axes}; give a DataArray of (band, y, x) or (time, band, y, x)")
    if bands is None and "band" not in array.coords:
        raise UserError("the array does not name its bands; give bands=[...]")
    names = [str(name) for name in (array.band.values if bands is None else bands)]
    # A part of an array keeps the transform of the whole; its coordinates are its own.
    placed = {"x", "y"} <= set(array.coords) and min(array.shape[-2:]) > 1
    a, b, c, d, e, f = array.rio.transform(recalc=placed)[:6]
    pixels = smooth(array.values, (a, b, c, d, e, f), names, nodata=array.rio.nodata, method=method, sixty=sixty)
    smoothed: xarray.DataArray = array.copy(data=pixels)
    return smoothed
