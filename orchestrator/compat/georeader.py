"""
Names that programs know from georeader (`georeader.readers.ee_image`), with the arguments of its documentation.

Each is one call of the Python API. What comes back is an `xarray.DataArray`: `.values` holds what a GeoTensor's does;
`.rio.transform()`, `.rio.crs` and `.rio.nodata` say what its attributes say. Whole numbers stay whole, with nodata
among them; `masked=True` makes it NaN, as in `orchestrator.export_image` and `orchestrator.cube`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator import api
from orchestrator.api import query_collection, query_landsat, query_s1, query_s2_l1c, query_s2_l2a
from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.core.optional import required
from orchestrator.model.grid import Bounds

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray

__all__ = [
    "export_cube",
    "export_image",
    "export_image_fast",
    "export_image_getpixels",
    "interpolate_20mbands_s2ee",
    "query",
    "query_collection",
    "query_landsat",
    "query_landsat_457",
    "query_s1",
    "query_s2_l1c",
    "query_s2_l2a",
    "split_bounds",
]

DEGREES = "EPSG:4326"
# Collections of `orchestrator.query` by georeader's names of products.
PRODUCT_TYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "S2": ("s2-l1c",),
        "S2_SR": ("s2-l2a",),
        "L8": ("landsat-8",),
        "L9": ("landsat-9",),
        "Landsat": ("landsat",),
        "both": ("landsat", "s2-l1c"),
    }
)
LANDSAT_457: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {f"L{number}": (f"landsat-{number}",) for number in "457"} | {"all": ("landsat-4", "landsat-5", "landsat-7")}
)


def export_image(
    image_or_asset_id: object,
    geometry: object,
    bands: Sequence[str] | None = None,
    scale: float | None = None,
    crs: str | None = None,
    *,
    transform: Sequence[float] | None = None,
    bands_gee: Sequence[str] | None = None,
    dtype_dst: str | None = None,
    pad_add: tuple[int, int] = (0, 0),
    crs_polygon: str = DEGREES,
    resolution_dst: float | None = None,
    max_workers: object = None,  # noqa: ARG001  taken, so that calls with it work
    **more: Any,
) -> xarray.DataArray:
    """
    Return an image (band, y, x), however many requests it takes; see `orchestrator.export_image`.

    Args:
        image_or_asset_id: An `ee.Image`, or the id of a stored image.
        geometry: In `crs_polygon`, unless it says its own.
        bands: Names, in order.
        scale: Side of a pixel in units of `crs`.
        crs: Of the array.
        transform: An `Affine` of the lattice to lie on, with `crs`.
        bands_gee: Another name of `bands`.
        dtype_dst: Number type.
        pad_add: Rows and columns more on each side: once, whether the image is cut or not.
        crs_polygon: Of `geometry`.
        resolution_dst: Another side of a pixel: the extent stays, and the number of pixels follows.
        max_workers: Taken, and of no effect: how much is asked for at once follows from the project's limits.
        **more: Whatever else `orchestrator.export_image` takes.
    """
    _refuse_affine(bands, scale)
    where: dict[str, Any] = {"scale": scale if resolution_dst is None else resolution_dst, "crs": crs}
    if transform is not None and resolution_dst is None:
        where["crs_transform"] = transform
    elif transform is not None:
        _, _, left, _, _, top = list(transform)[:6]
        where = {"crs": crs, "crs_transform": (resolution_dst, 0.0, left, 0.0, -float(resolution_dst or 0), top)}
    named = bands if bands_gee is None else bands_gee
    how: dict[str, Any] = {"pad": pad_add, "dtype": dtype_dst or "", "area_crs": crs_polygon, "masked": False}
    return api.export_image(image_or_asset_id, geometry, named, **where, **(how | more))


def export_image_fast(
    image: object,
    geometry: object,
    bands: Sequence[str] | None = None,
    scale: float | None = None,
    crs: str | None = None,
    **more: Any,
) -> xarray.DataArray:
    """
    Return an image that one request brings; arguments as of `export_image`.

    Raises:
        PlanError: It needs several; nothing was asked for.
    """
    return export_image(image, geometry, bands, scale, crs, max_requests=1, **more)


def export_image_getpixels(
    asset_id: str,
    geometry: object,
    bands: Sequence[str] | None = None,
    scale: float | None = None,
    crs: str | None = None,
    *,
    proj: dict[str, Any] | None = None,
    **more: Any,
) -> xarray.DataArray:
    """
    Return a stored image as it is stored: masked pixels are 0, and nothing is computed where nothing is resampled.

    Args:
        asset_id: Of the image.
        geometry: See `export_image`; so are `bands`, `scale`, `crs` and other arguments.
        bands: Names, in order.
        scale: Side of a pixel.
        crs: Of the array.
        proj: `crs` and `transform` of the lattice, as in the column `proj` of a query; by default the image's own.
        **more: As `export_image`.
    """
    if not isinstance(asset_id, str):
        raise UserError(f"asset_id is {type(asset_id).__name__}; give the id of a stored image, or take export_image")
    if isinstance(bands, Mapping):
        raise UserError("a lattice by position is not known; name it: proj=, bands_gee=")
    if proj is not None:
        crs, more["transform"] = str(proj["crs"]), proj["transform"]
    return export_image(asset_id, geometry, bands, scale, crs, **{"nodata": 0, **more})


def export_cube(
    query: object,
    geometry: object,
    bands: Sequence[str] | None = None,
    scale: float | None = None,
    crs: str | None = None,
    *,
    transform: Sequence[float] | None = None,
    bands_gee: Sequence[str] | None = None,
    crs_polygon: str = DEGREES,
    display_progress: bool | None = None,
    max_workers: object = None,  # noqa: ARG001  taken, so that calls with it work
    **more: Any,
) -> xarray.DataArray:
    """
    Return scenes date by date, (time, band, y, x); see `orchestrator.cube`, which writes a store that is read lazily.

    Args:
        query: A table of scenes, as a query returns it.
        geometry: In `crs_polygon`, unless it says its own.
        bands: Names, in order.
        scale: Side of a pixel; needed where the scenes are of several sensors.
        crs: Of the cube; by default the UTM zone of the geometry, never that of the first scene.
        transform: An `Affine` of the lattice to lie on, with `crs`.
        bands_gee: Another name of `bands`.
        crs_polygon: Of `geometry`.
        display_progress: Whether progress is shown; by default in a notebook and in a terminal.
        max_workers: As of `export_image`.
        **more: Whatever else `orchestrator.cube` takes.
    """
    named = bands if bands_gee is None else bands_gee
    lattice = None if transform is None else list(transform)[:6]
    how: dict[str, Any] = {"crs_transform": lattice, "area_crs": crs_polygon, "progress": display_progress}
    return api.cube(query, geometry, named or (), scale, crs or "", **({"masked": False} | how | more))


def split_bounds(bounds: Bounds) -> list[Bounds]:
    """
    Return the four quarters of a box (min x, min y, max x, max y): upper left, upper right, lower left, lower right.

    Nothing here needs it: an image is cut where its longer side is, into as many pieces as it takes.
    """
    left, bottom, right, top = bounds
    x, y = (left + right) / 2, (bottom + top) / 2
    return [(left, y, x, top), (x, y, right, top), (left, bottom, x, y), (x, bottom, right, y)]


def interpolate_20mbands_s2ee(
    geotensor: Any, channels_query_original: Sequence[str] | None = None, *, inplace: bool = False, **more: Any
) -> xarray.DataArray:
    """
    Return Sentinel-2 at 10 m with its bands of 20 m interpolated (bicubic); see `orchestrator.smooth_20m`.

    Args:
        geotensor: An array as `export_image` returns it, or whatever has `values`, `transform`, `crs` and
            `fill_value_default` as a GeoTensor has: (band, row, col) or (time, band, row, col).
        channels_query_original: Names along the band axis; by default those the array has.
        inplace: Write the numbers into what was given, too.
        **more: `method` and `sixty` of `orchestrator.smooth_20m`.
    """
    smoothed = api.smooth_20m(_located(geotensor), channels_query_original, **more)
    if inplace:
        geotensor.values[...] = smoothed.values
    return smoothed


def _located(geotensor: Any) -> Any:
    """Return what has the attributes of a GeoTensor as an array that knows where it lies."""
    xarray = required("xarray", "xarray", "interpolate_20mbands_s2ee")
    required("rioxarray", "xarray", "interpolate_20mbands_s2ee")
    if isinstance(geotensor, xarray.DataArray):
        return geotensor
    if not all(hasattr(geotensor, name) for name in ("values", "transform")):
        raise UserError(f"{type(geotensor).__name__} has no `values` and `transform`; give an array of export_image")
    dims = ("time", "band", "y", "x")[-geotensor.values.ndim :]
    found = xarray.DataArray(geotensor.values, dims=dims).rio.write_transform(geotensor.transform)
    crs, nodata = (getattr(geotensor, name, None) for name in ("crs", "fill_value_default"))
    found = found if crs is None else found.rio.write_crs(crs)
    return found if nodata is None else found.rio.write_nodata(nodata)


def _refuse_affine(bands: object, scale: object) -> None:
    """Say how arguments in another order are to be given: georeader 2 takes a transform and a CRS first."""
    if hasattr(bands, "xoff") or isinstance(scale, str):
        raise UserError("a transform and a CRS by position are not known; name them: transform=, crs=, bands_gee=")


def query(
    area: object,
    date_start: date,
    date_end: date,
    producttype: str = "S2",
    filter_duplicates: bool = True,
    *,
    add_s2cloudless: bool = False,
    extra_metadata_keys: Sequence[str] | None = None,
    **more: Any,
) -> gpd.GeoDataFrame:
    """
    Return scenes of Sentinel-2 and Landsat 8 and 9, in the order of time; see `orchestrator.query`.

    Args:
        area: As there.
        date_start: The first day, UTC.
        date_end: The day after the last; of a time within a day that day is the last.
        producttype: `S2`, `S2_SR`, `L8`, `L9`, `Landsat`, or `both`: Landsat and Sentinel-2.
        filter_duplicates: Leave out scenes that add nothing of the area to the others of their day and satellite.
        add_s2cloudless: Tell which scenes of Sentinel-2 have cloud probabilities.
        extra_metadata_keys: Properties that become columns.
        **more: Whatever else `orchestrator.query` takes.
    """
    more |= {"duplicates": not filter_duplicates, "extra": extra_metadata_keys or ()}
    return _queried(PRODUCT_TYPES, producttype, area, date_start, date_end, more, s2cloudless=add_s2cloudless)


def query_landsat_457(
    area: object,
    date_start: date,
    date_end: date,
    producttype: str = "all",
    filter_duplicates: bool = True,
    *,
    extra_metadata_keys: Sequence[str] | None = None,
    **more: Any,
) -> gpd.GeoDataFrame:
    """Return scenes of Landsat 4, 5 and 7: `all`, `L4`, `L5` or `L7`; the rest as `query`."""
    more |= {"duplicates": not filter_duplicates, "extra": extra_metadata_keys or ()}
    return _queried(LANDSAT_457, producttype, area, date_start, date_end, more)


def _queried(
    known: Mapping[str, tuple[str, ...]],
    producttype: str,
    area: object,
    start: date,
    end: date,
    more: Mapping[str, Any],
    *,
    s2cloudless: bool = False,
) -> gpd.GeoDataFrame:
    if producttype not in known:
        raise UserError(f"the product type {producttype!r} is not known; {hint(str(producttype), known)}")
    frames = [
        api.query(name, area, start, _day_after(end), s2cloudless=s2cloudless and name.startswith("s2"), **more)
        for name in known[producttype]
    ]
    if len(frames) == 1:
        return frames[0]
    import pandas as pd  # noqa: PLC0415  heavy

    together = pd.concat([frame for frame in frames if len(frame)] or frames[:1])
    return together.sort_values("utcdatetime", kind="stable")


def _day_after(end: date) -> date:
    """Return the day after the last, of a time within the last."""
    if not isinstance(end, datetime) or end.time() == time():
        return end
    return end + timedelta(days=1)
