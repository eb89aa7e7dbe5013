"""An image as an array, in one call: asked for in requests that fit, resumable, never off its lattice."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.api.areas import area_table
from orchestrator.api.arguments import check_count, numbers, texts
from orchestrator.api.connection import Connection, current
from orchestrator.api.images import graph_of
from orchestrator.api.job import Job
from orchestrator.api.plans import plan
from orchestrator.api.runs import run
from orchestrator.api.stored_bands import LEAST, BandFacts, ask_image, chosen, nothing_of, number_type
from orchestrator.core.errors import PlanError, UserError
from orchestrator.core.machine import memory
from orchestrator.core.optional import required
from orchestrator.core.units import format_bytes
from orchestrator.model.grid import Grid, Transform
from orchestrator.model.spec import DTYPE_BYTES

if TYPE_CHECKING:
    import xarray

FOLDER = "grabbed"  # of the state folder: an image lies there until it has been read


def export_image(
    image_or_asset_id: object,
    geometry: object,
    bands: Sequence[str] | None = None,
    scale: float | None = None,
    crs: str | None = None,
    *,
    crs_transform: Sequence[float] | None = None,
    pad: int = 0,
    clip: bool = False,
    dtype: str = "",
    nodata: float | None = None,
    area_crs: str = "",
    progress: bool | None = None,
    connection: Connection | None = None,
) -> xarray.DataArray:
    """
    Return an image over a geometry as an array (band, y, x) with its CRS.

    It is asked for in as many requests as it needs, under the project's limits and with retries. After a crash or an
    interrupt the same call asks only for what is missing. The array has every pixel of the lattice that the
    geometry's bounding box touches, in the grid's CRS. Without `scale`, `crs` and `crs_transform` the lattice is that
    of the first band: pixels of a stored image are not resampled. An image that is computed from several has none,
    and is given pixels of 10 m in the UTM zone of the geometry.

    Masked pixels are NaN where the numbers are floats. Whole numbers stay as they are, in the smallest type that holds
    those of all bands; a number beyond them stands for masked pixels, in `rio.nodata`. Where all 16 or 32 bits are
    used it is the greatest of the type (65535, with which Sentinel-2 says "saturated"), or the least where there are
    negative ones.

    Args:
        image_or_asset_id: An `ee.Image`, or the id of a stored image.
        geometry: What `Job` takes as an area; of a box or a shapely geometry the CRS is `area_crs`.
        bands: Names, in order; all by default. ESA's names are known (`B04`).
        scale: Side of a pixel in units of the CRS; corners are multiples of it.
        crs: `EPSG:n`; by default the first band's, or the UTM zone.
        crs_transform: A lattice to lie on: six numbers in affine order; needs `crs`.
        pad: So many pixels more on each side.
        clip: Mask the pixels whose centre is outside the geometry.
        dtype: Number type; numbers beyond its range are cut to it.
        nodata: Of masked pixels; also floats then hold it instead of NaN. With 0 the service sends pixels that need
            no resampling as they are stored, which costs it less.
        area_crs: CRS of a geometry that does not say its own; degrees by default.
        progress: False shows nothing; None shows it in a notebook and in a terminal; True everywhere.
        connection: Where; by default the one that this thread opened last.

    Raises:
        UserError: It is not possible as asked; said before pixels are asked for.
        ExtraError: The extra `xarray` is not installed.
        RunFailed: The service refused for good, with its own sentence.
    """
    where = _Where(geometry, area_crs, scale, crs or "", _six(crs_transform), pad, clip)
    return grab(
        image_or_asset_id,
        where,
        None if bands is None else texts(bands, "bands"),
        _Numbers(dtype, nodata),
        connection or current(),
        progress=progress,
    )


@dataclass(frozen=True, slots=True)
class _Where:
    """Which pixels are wanted; see `export_image`."""

    geometry: object
    area_crs: str = ""
    scale: float | None = None
    crs: str = ""
    crs_transform: Transform | None = None
    pad: int = 0
    clip: bool = False

    def __post_init__(self) -> None:
        check_count(self.pad, "pad", least=0)
        if self.pad and self.clip:
            raise UserError(f"pad is {self.pad} and clip is true, which would mask the padding; leave one of them out")


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What the numbers are to be; see `export_image`."""

    dtype: str = ""
    nodata: float | None = None

    def __post_init__(self) -> None:
        if self.dtype and self.dtype not in DTYPE_BYTES:
            raise UserError(f"dtype is {self.dtype!r}; give one of {', '.join(DTYPE_BYTES)}")

    def settled(self, bands: Sequence[BandFacts]) -> tuple[str, float]:
        dtype, nothing = number_type(bands)
        if self.dtype:
            dtype, nothing = self.dtype, nothing_of(self.dtype, bands)
        return dtype, nothing if self.are_nan else float(self.nodata or 0)

    @property
    def are_nan(self) -> bool:
        """Whether masked floats are NaN."""
        return self.nodata is None or (math.isnan(self.nodata))


def grab(
    image: object,
    where: _Where,
    bands: Sequence[str] | None,
    wanted: _Numbers,
    connection: Connection,
    *,
    progress: bool | None = None,
    single: bool = False,
) -> xarray.DataArray:
    """
    Return an image as an array; see `export_image`.

    Raises:
        PlanError: With `single`: one request does not hold it. Or memory does not.
    """
    required("rioxarray", "xarray", "export_image")
    with connection.working():
        found, there = ask_image(image, connection.shared)
        names = chosen(bands, there)
    facts = [there[name] for name in names]
    dtype, nothing = wanted.settled(facts)
    area, grid = _settle(where, facts[0])
    _refuse_too_large(grid, len(names) * DTYPE_BYTES[dtype])
    asked = repr((graph_of(found), sorted(area.items()), grid, names, dtype, nothing))
    digest = hashlib.sha256(asked.encode()).hexdigest()[:12]
    folder = connection.state_dir.resolve() / FOLDER / digest
    job = Job(
        area["source"],
        found,
        name=f"{_title(image)}-{digest}",
        output=folder,
        bands=names,
        crs=grid.crs,
        crs_transform=grid.transform,
        area_crs=area.get("crs", ""),
        dtype=dtype,
        nodata=nothing,
        route="pixels",
    )
    if single:
        _refuse_several(job, connection)
    result = run(job, progress=progress, connection=connection)
    array = result.to_xarray(decoded=False).load()
    array.close()
    shutil.rmtree(folder, ignore_errors=True)
    return _named(array, image, dtype if wanted.are_nan else "", nothing)


def _settle(where: _Where, first: BandFacts) -> tuple[Mapping[str, str], Grid]:
    """Return the area of the job, as a table, and its grid."""
    import shapely  # noqa: PLC0415  with the areas come geometries

    from orchestrator.plan.align import fix_grid  # noqa: PLC0415
    from orchestrator.plan.aoi import read_areas  # noqa: PLC0415

    table = area_table(where.geometry, where.area_crs)
    area = read_areas(table["source"], crs=table.get("crs"))[0]
    crs, transform = _lattice(where, first)
    grid, _ = fix_grid(area.geometry, area.crs, scale=where.scale, out_crs=crs or None, crs_transform=transform)
    grid = _padded(grid, where.pad)
    return (table if where.clip else area_table(shapely.box(*grid.bounds()), grid.crs)), grid


def _lattice(where: _Where, first: BandFacts) -> tuple[str, Transform | None]:
    """Return the CRS and the lattice to lie on, where there are; the band's own where nothing else is asked."""
    if where.crs_transform is not None or (where.crs and where.crs != first.crs):
        return where.crs, where.crs_transform
    return first.crs, first.transform if where.scale is None else None


def _padded(grid: Grid, pad: int) -> Grid:
    a, b, c, d, e, f = grid.transform
    return Grid(grid.crs, (a, b, c - a * pad, d, e, f - e * pad), grid.height + 2 * pad, grid.width + 2 * pad)


def _refuse_too_large(grid: Grid, bytes_per_pixel: int) -> None:
    there, wanted = memory(), grid.pixels * bytes_per_pixel
    if there is not None and wanted > there:
        raise PlanError(
            f"{grid.height:,} × {grid.width:,} pixels are {format_bytes(wanted)} as an array, and this machine has "
            f"{format_bytes(there)} of memory; take orc.run(orc.Job(...)), which writes a file block by block"
        )


def _title(image: object) -> str:
    from orchestrator.plan.area import safe_name  # noqa: PLC0415

    return safe_name(image.rpartition("/")[2] if isinstance(image, str) else "image", "image")[:60]


def _refuse_several(job: Job, connection: Connection) -> None:
    planned = plan(job, connection=connection)
    if planned.requests > 1:
        bands, height, width = planned.shape
        raise PlanError(
            f"{height:,} × {width:,} pixels of {bands} bands need {planned.requests} requests, and one was to bring "
            "them; take export_image, a smaller geometry or a larger scale"
        )


def _named(array: Any, image: object, dtype: str, nothing: float) -> xarray.DataArray:
    """Return the array with its name, and with NaN where floats are `nothing`."""
    if dtype in LEAST:
        array = array.where(array != array.dtype.type(nothing)).rio.write_nodata(float("nan"))
        array.attrs["decoded"] = "masked pixels are NaN"
    named: xarray.DataArray = array.rename(_title(image))
    return named


def _six(transform: Sequence[float] | None) -> Transform | None:
    if transform is None:
        return None
    a, b, c, d, e, f = numbers(list(transform)[:6], "crs_transform", 6)
    return a, b, c, d, e, f
