"""An image as an array, in one call: asked for in requests that fit, resumable, never off its lattice."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.api.areas import area_table
from orchestrator.api.arguments import check_count, numbers, texts
from orchestrator.api.connection import Connection, current
from orchestrator.api.images import graph_of
from orchestrator.api.job import Job
from orchestrator.api.plans import plan
from orchestrator.api.runs import run
from orchestrator.api.stored_bands import LEAST, OTHER_CRS, BandFacts, ask_image, chosen, nothing_of, number_type
from orchestrator.core import log as logs
from orchestrator.core.errors import PlanError, UserError
from orchestrator.core.machine import memory
from orchestrator.core.optional import required
from orchestrator.core.units import format_bytes, format_count
from orchestrator.model.grid import Grid, Transform
from orchestrator.model.spec import DTYPE_BYTES

if TYPE_CHECKING:
    import xarray

log = logs.get(__name__)

FOLDER = "grabbed"  # of the state folder: an image lies there until it has been read


def export_image(
    image_or_asset_id: object,
    geometry: object,
    bands: Sequence[str] | None = None,
    scale: float | None = None,
    crs: str | None = None,
    *,
    crs_transform: Sequence[float] | None = None,
    pad: int | Sequence[int] = 0,
    clip: bool = False,
    dtype: str = "",
    nodata: float | None = None,
    masked: bool = True,
    area_crs: str = "",
    max_requests: int | None = None,
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

    Masked pixels are NaN, and numbers are floats that hold them exactly: of 32 bits where the image's have 8 or 16,
    else of 64. With `masked=False` whole numbers stay what they are, in the smallest type that holds those of all
    bands; a number beyond them stands for masked pixels, in `rio.nodata`. Where all 16 or 32 bits are used it is the
    greatest of the type (65535, with which Sentinel-2 says "saturated"), or the least where there are negative ones.

    Args:
        image_or_asset_id: An `ee.Image`, or the id of a stored image.
        geometry: What `Job` takes as an area; of a box or a shapely geometry the CRS is `area_crs`.
        bands: Names, in order; all by default. ESA's names are known (`B04`).
        scale: Side of a pixel in units of the CRS; corners are multiples of it.
        crs: `EPSG:n`; by default the first band's, or the UTM zone of the geometry: where a scale is given and the
            band's CRS does not count in metres, and where the band has none. A CRS alone keeps the side of the band's
            pixels (of those in degrees: in metres at the equator); corners are multiples of it.
        crs_transform: A lattice to lie on: six numbers in affine order; needs `crs`.
        pad: So many pixels more on each side; two numbers are rows and columns.
        clip: Mask the pixels whose centre is outside the geometry.
        dtype: Number type that is asked for; numbers beyond its range are cut to it.
        nodata: What is sent for masked pixels. With 0 the service sends pixels that need no resampling as they are
            stored, which costs it less; what is 0 cannot be told from masked then.
        masked: Whether masked pixels are NaN. Otherwise they are `rio.nodata`: of whole numbers, and of floats where
            `nodata` is given.
        area_crs: CRS of a geometry that does not say its own; degrees by default.
        max_requests: Refuse what needs more.
        progress: False shows nothing; None shows it in a notebook and in a terminal; True everywhere.
        connection: Where; by default the one that this thread opened last.

    Raises:
        UserError: It is not possible as asked; said before pixels are asked for.
        ExtraError: The extra `xarray` is not installed.
        RunFailed: The service refused for good, with its own sentence.
    """
    required("rioxarray", "xarray", "export_image")
    where = _Where(geometry, area_crs, scale, OTHER_CRS.get(crs or "", crs or ""), _six(crs_transform), _two(pad), clip)
    numbers_, names = _Numbers(dtype, nodata, masked), None if bands is None else texts(bands, "bands")
    if max_requests is not None:
        check_count(max_requests, "max_requests")
    connection = connection or current()
    wanted = _prepared(image_or_asset_id, where, names, numbers_, connection)
    if max_requests is not None:
        _refuse_several(wanted.job, max_requests, connection)
    result = run(wanted.job, progress=progress, connection=connection)
    array = result.to_xarray(decoded=False).load()
    array.close()
    shutil.rmtree(wanted.folder, ignore_errors=True)
    found = _named(_floats(array) if masked else array, wanted)
    _warn_of_nothing(found)
    return found


@dataclass(frozen=True, slots=True)
class _Where:
    """Which pixels are wanted; see `export_image`."""

    geometry: object
    area_crs: str = ""
    scale: float | None = None
    crs: str = ""
    crs_transform: Transform | None = None
    pad: tuple[int, int] = (0, 0)
    clip: bool = False

    def __post_init__(self) -> None:
        if any(self.pad) and self.clip:
            raise UserError(f"pad is {self.pad} and clip is true, which would mask the padding; leave one of them out")


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What the numbers are to be; see `export_image`."""

    dtype: str = ""
    nodata: float | None = None
    masked: bool = True

    def __post_init__(self) -> None:
        if self.dtype and self.dtype not in DTYPE_BYTES:
            raise UserError(f"dtype is {self.dtype!r}; give one of {', '.join(DTYPE_BYTES)}")

    def settled(self, bands: Sequence[BandFacts]) -> tuple[str, float]:
        dtype, nothing = number_type(bands)
        if self.dtype:
            dtype, nothing = self.dtype, nothing_of(self.dtype, bands)
        return dtype, nothing if self.are_nan else float(self.nodata or 0)

    def bytes_of(self, dtype: str) -> int:
        """How many bytes a number takes in memory, where its type in the file is `dtype`."""
        return DTYPE_BYTES[_float_type(dtype)] if self.masked else DTYPE_BYTES[dtype]

    @property
    def are_nan(self) -> bool:
        """Whether masked floats are NaN."""
        return self.nodata is None or (math.isnan(self.nodata))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is run for an array, and how it is read."""

    job: Job
    folder: Path
    title: str
    nan: float | None  # what stands for NaN in the file


def _prepared(
    image: object, where: _Where, bands: Sequence[str] | None, numbers_: _Numbers, connection: Connection
) -> _Wanted:
    """Return the job whose result is read: the same call makes the same one, and goes on with its run."""
    with connection.working():
        found, there = ask_image(image, connection.shared)
        names = chosen(bands, there)
    facts = [there[name] for name in names]
    dtype, nothing = numbers_.settled(facts)
    area, grid = _settle(where, facts[0])
    _refuse_too_large(grid, len(names) * numbers_.bytes_of(dtype))
    asked = repr((graph_of(found), sorted(area.items()), grid, names, dtype, nothing))
    digest, title = hashlib.sha256(asked.encode()).hexdigest()[:12], _title(image)
    folder = connection.state_dir.resolve() / FOLDER / digest
    job = Job(
        area["source"],
        found,
        name=f"{title}-{digest}",
        output=folder,
        bands=names,
        crs=grid.crs,
        crs_transform=grid.transform,
        area_crs=area.get("crs", ""),
        dtype=dtype,
        nodata=nothing,
        route="pixels",
    )
    return _Wanted(job, folder, title, nothing if numbers_.are_nan and dtype in LEAST else None)


def _settle(where: _Where, first: BandFacts) -> tuple[Mapping[str, str], Grid]:
    """Return the area of the job, as a table, and its grid."""
    import shapely  # noqa: PLC0415  with the areas come geometries

    from orchestrator.plan.align import fix_grid  # noqa: PLC0415
    from orchestrator.plan.aoi import read_areas  # noqa: PLC0415

    table = area_table(where.geometry, where.area_crs)
    area = read_areas(table["source"], crs=table.get("crs"))[0]
    crs, transform = _lattice(where, first)
    if crs:
        _refuse_metres_for_degrees(crs, where.scale)
    scale = where.scale if where.scale is not None or transform is not None else _own_scale(first, crs)
    grid, _ = fix_grid(area.geometry, area.crs, scale=scale, out_crs=crs or None, crs_transform=transform)
    grid = _padded(grid, where.pad)
    return (table if where.clip else area_table(shapely.box(*grid.bounds()), grid.crs)), grid


def _lattice(where: _Where, first: BandFacts) -> tuple[str, Transform | None]:
    """Return the CRS and the lattice to lie on, where there are; the band's own where nothing else is asked."""
    if where.crs_transform is not None or where.crs not in {"", first.crs}:
        return where.crs, where.crs_transform
    if where.scale is None:
        return first.crs, first.transform
    # A scale is meant in metres; an image in degrees has no such pixels.
    return where.crs or (first.crs if first.crs and _unit(first.crs) == "metre" else ""), None


def _own_scale(first: BandFacts, crs: str) -> float | None:
    """Return the side of a band's own pixels in the units of a CRS; None where it has none."""
    from orchestrator.plan.reproject import METRES_PER_DEGREE  # noqa: PLC0415  heavy

    if first.transform is None or not crs:
        return None
    metres = {"metre": 1.0, "degree": METRES_PER_DEGREE}
    own, wanted = metres.get(_unit(first.crs)), metres.get(_unit(crs))
    return abs(first.transform[0]) * own / wanted if own and wanted else None


def _unit(crs: str) -> str:
    from orchestrator.plan.reproject import parse_crs  # noqa: PLC0415  heavy

    return str(parse_crs(crs).axis_info[0].unit_name)


def _refuse_metres_for_degrees(crs: str, scale: float | None) -> None:
    from orchestrator.plan.reproject import METRES_PER_DEGREE  # noqa: PLC0415  heavy

    if scale is not None and scale >= 1 and _unit(crs) == "degree":
        raise PlanError(
            f"the scale is {scale:g} in {crs[:60]}, which counts in degrees; {scale:g} m are about "
            f"{scale / METRES_PER_DEGREE:.3g} there"
        )


def _padded(grid: Grid, pad: tuple[int, int]) -> Grid:
    a, b, c, d, e, f = grid.transform
    rows, cols = pad
    return Grid(grid.crs, (a, b, c - a * cols, d, e, f - e * rows), grid.height + 2 * rows, grid.width + 2 * cols)


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


def _refuse_several(job: Job, most: int, connection: Connection) -> None:
    planned = plan(job, connection=connection)
    if planned.requests > most:
        bands, height, width = planned.shape
        raise PlanError(
            f"{height:,} × {width:,} pixels of {format_count(bands, 'band')} need {planned.requests} requests, and "
            f"{most} may bring them; leave max_requests out, or take a smaller geometry or a larger scale"
        )


def _float_type(dtype: str) -> str:
    """Return the floats that hold numbers of a type exactly."""
    return dtype if dtype in LEAST else "float32" if DTYPE_BYTES[dtype] <= 2 else "float64"


def _floats(array: Any) -> Any:
    """Return the array as floats, NaN where there is nodata."""
    known = array != array.dtype.type(array.rio.nodata)
    return array.astype(_float_type(array.dtype.name)).where(known).rio.write_nodata(float("nan"))


def _warn_of_nothing(array: Any) -> None:
    """Say that no pixel holds data: perhaps the geometry lies elsewhere."""
    there = array.notnull() if math.isnan(array.rio.nodata) else array != array.dtype.type(array.rio.nodata)
    if not bool(there.any()):
        note = "no pixel of the geometry holds data: the image is masked there, or lies elsewhere"
        log.warning("image.no_data", image=array.name, note=note)


def _named(array: Any, wanted: _Wanted) -> xarray.DataArray:
    """Return the array with its name, and with NaN where floats stand for nothing."""
    if wanted.nan is not None and not math.isnan(array.rio.nodata):
        array = _floats(array)
    told = "masked pixels are NaN" if math.isnan(array.rio.nodata) else f"masked pixels are {array.rio.nodata:g}"
    array.attrs = {"_FillValue": array.rio.nodata, "masked": told}
    named: xarray.DataArray = array.rename(wanted.title)
    return named


def _six(transform: Sequence[float] | None) -> Transform | None:
    """Return six numbers, also of an `affine.Affine`, which has nine."""
    if transform is None:
        return None
    a, b, c, d, e, f = numbers(list(transform)[:6], "crs_transform", 6)
    return a, b, c, d, e, f


def _two(pad: int | Sequence[int]) -> tuple[int, int]:
    """Return rows and columns."""
    given = list(pad) if isinstance(pad, Sequence) else [pad, pad]
    for one in given:
        check_count(one, "pad", least=0)
    if len(given) != 2:
        raise UserError(f"pad is {pad!r}; give one number of pixels, or two: rows and columns")
    return given[0], given[1]
