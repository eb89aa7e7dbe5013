"""Parts that a user already has: which files they are, what they say of themselves, and where each lies."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from orchestrator.assemble.part import MAX_SHIFT, gdal
from orchestrator.core.errors import UserError
from orchestrator.model.grid import Grid, Window
from orchestrator.plan.reproject import crs_name, parse_crs

# How Earth Engine names the files of one export: first row and first column, with a dash before or without.
EARTH_ENGINE = re.compile(r"(?P<prefix>.*?)(?P<dash>-?)(?P<row>\d{10})-(?P<col>\d{10})\.tiff?", re.IGNORECASE)
SUFFIXES = (".tif", ".tiff")
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """
    What a part says of itself; parts of one raster say the same.

    Attributes:
        crs: `EPSG:n` where the CRS has a code, otherwise its WKT.
        pixel: Width and height of a pixel, in units of the CRS; the height is negative where rows go down.
        dtypes: Number type of each band.
        nodata: Value of each band as text, so that NaN equals NaN; None where there is none.
        descriptions: Name of each band, or None.
        scales: Of each band.
        offsets: Of each band.
        units: Of each band.
        colours: GDAL's name of what each band shows.
        palette: Colour table of the first band, as (value, red, green, blue, opacity).
        mask: `none` or `mask`: where it lies that some pixels are no data, besides `nodata`.
    """

    crs: str
    pixel: tuple[float, float]
    dtypes: tuple[str, ...]
    nodata: tuple[str | None, ...]
    descriptions: tuple[str | None, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    units: tuple[str, ...]
    colours: tuple[str, ...]
    palette: tuple[tuple[int, int, int, int, int], ...]
    mask: str


@dataclass(frozen=True, slots=True)
class Found:
    """
    A file that may be a part.

    Attributes:
        path: Where it lies.
        look: What it says of itself.
        origin: Coordinates of its top left corner, in units of the CRS.
        shape: Rows and columns.
        named: First row and column by its name, where Earth Engine's way of naming is followed.
        tags: Metadata of the file.
        band_tags: Metadata of each band, statistics left out.
    """

    path: Path
    look: Look
    origin: tuple[float, float]
    shape: tuple[int, int]
    named: tuple[int, int] | None
    tags: tuple[Pair, ...]
    band_tags: tuple[tuple[Pair, ...], ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """Parts of one raster, in the order of their windows on its grid; the grid holds all of them."""

    grid: Grid
    parts: tuple[tuple[Window, Found], ...]

    @property
    def look(self) -> Look:
        return self.parts[0][1].look


def choose(folder: Path, prefix: str | None, leave: Path) -> list[Path]:
    """
    Return the files of a folder that belong to one raster, by name; `leave` is none of them.

    Raises:
        UserError: There is none, or those of several rasters and no `prefix` that chooses.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; name the one that holds the parts")
    every = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    files = sorted(path for path in every if path.is_file() and path.resolve() != leave.resolve())
    groups: dict[str, list[Path]] = defaultdict(list)
    plain = [path for path in files if not EARTH_ENGINE.fullmatch(path.name)]
    for path in files:
        if match := EARTH_ENGINE.fullmatch(path.name):
            groups[match["prefix"]].append(path)
    if prefix is not None:
        return groups.get(prefix.rstrip("-"), groups.get(prefix, [])) or _starting(plain, prefix, folder, groups)
    if not files:
        raise UserError(f"{folder} holds no file that ends in .tif or .tiff")
    if len(groups) + bool(plain) > 1:
        raise UserError(f"{folder} holds parts of several rasters: {_listed(groups, plain)}; choose one by --prefix")
    return files


def _starting(plain: list[Path], prefix: str, folder: Path, groups: Mapping[str, list[Path]]) -> list[Path]:
    if found := [path for path in plain if path.name.startswith(prefix)]:
        return found
    raise UserError(f"no part in {folder} begins with {prefix!r}; there are {_listed(groups, plain) or 'none'}")


def _listed(groups: Mapping[str, list[Path]], plain: Sequence[Path], most: int = 8) -> str:
    words = [f"{name!r} ({len(paths)} files)" for name, paths in sorted(groups.items())]
    words = [*words[:most], f"{len(words) - most} more"] if len(words) > most else words
    if plain:
        words.append(f"{len(plain)} other files, as {plain[0].name!r}")
    return ", ".join(words)


def survey(paths: Sequence[Path], on_file: Callable[[int], None] = lambda _number: None) -> Survey:
    """
    Read what files say of themselves and lay them out on one grid; no pixel is read.

    Raises:
        UserError: One of them is no part: no GeoTIFF, turned, south-up, off the lattice, or unlike the others.
    """
    found = []
    with gdal():
        for number, path in enumerate(paths, start=1):
            found.append(_looked(path))
            on_file(number)
    _alike(found)
    return _laid_out(found)


def _looked(path: Path) -> Found:
    mask = Path(f"{path}.msk")
    if mask.exists():
        raise UserError(
            f"{path}: its mask lies in {mask.name}, which would be lost; put it into the file, "
            "e.g. by gdal_translate --config GDAL_TIFF_INTERNAL_MASK YES"
        )
    found = _opened(path)
    beside = Path(f"{path}.aux.xml")
    if beside.exists():
        with rasterio.Env(GDAL_PAM_ENABLED="YES", GDAL_DISABLE_READDIR_ON_OPEN="FALSE"):
            _same(_opened(path), found, f"with {beside.name}", "alone; put what it says into the file (gdal_translate)")
    return found


def _opened(path: Path) -> Found:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # refused below, in our words
            with rasterio.open(path, driver="GTiff", sharing=False) as dataset:
                return _found(path, dataset)
    except RasterioError as error:
        raise UserError(f"{path} is no readable GeoTIFF: {error}; take it away, or choose others by --prefix") from None


def _found(path: Path, dataset: DatasetReader) -> Found:
    a, b, c, d, e, f = tuple(dataset.transform)[:6]
    if dataset.crs is None:
        raise UserError(f"{path} names no CRS; give it one, e.g. by gdal_edit.py -a_srs EPSG:n")
    if dataset.transform.is_identity:
        raise UserError(f"{path} names no place on the map; give it one, e.g. by gdal_edit.py -a_ullr")
    if b or d:
        raise UserError(f"{path} is rotated (transform {(a, b, c, d, e, f)}); warp it to a north-up grid (gdalwarp)")
    if e > 0 or a < 0:
        raise UserError(
            f"{path} is stored south-up (pixel size {a:g}, {e:g}): its first row is the southernmost; turn it first, "
            "e.g. by gdalwarp, which writes north-up files"
        )
    if ColorInterp.alpha in dataset.colorinterp:
        band = dataset.colorinterp.index(ColorInterp.alpha) + 1
        raise UserError(
            f"{path}: band {band} is alpha, which a GeoTIFF cut along an area cannot keep apart from nodata; make it a "
            f"mask, e.g. by gdal_translate -b 1 .. -mask {band} --config GDAL_TIFF_INTERNAL_MASK YES"
        )
    match = EARTH_ENGINE.fullmatch(path.name)
    return Found(
        path=path,
        look=_look(dataset, (a, e)),
        origin=(c, f),
        shape=dataset.shape,
        named=(int(match["row"]), int(match["col"])) if match else None,
        tags=_pairs(dataset.tags()),
        band_tags=tuple(_pairs(dataset.tags(band)) for band in dataset.indexes),
    )


def _look(dataset: DatasetReader, pixel: tuple[float, float]) -> Look:
    masked = any(MaskFlags.per_dataset in flags for flags in dataset.mask_flag_enums)
    palette: tuple[tuple[int, int, int, int, int], ...] = ()
    if dataset.colorinterp[0] is ColorInterp.palette:
        palette = tuple((value, *colour) for value, colour in sorted(dataset.colormap(1).items()))
    return Look(
        crs=_crs(dataset.crs),
        pixel=pixel,
        dtypes=tuple(dataset.dtypes),
        nodata=tuple(None if value is None else repr(float(value)) for value in dataset.nodatavals),
        descriptions=tuple(dataset.descriptions),
        scales=tuple(dataset.scales),
        offsets=tuple(dataset.offsets),
        units=tuple(unit or "" for unit in dataset.units),
        colours=tuple(colour.name for colour in dataset.colorinterp),
        palette=palette,
        mask="mask" if masked else "none",
    )


def _crs(crs: CRS) -> str:
    """Return `EPSG:n` where that means exactly the same, else WKT."""
    name = crs_name(parse_crs(crs.to_wkt()))
    return name if CRS.from_user_input(name) == crs else str(crs.to_wkt())


def _pairs(tags: Mapping[str, str]) -> tuple[Pair, ...]:
    """Return metadata without what holds for the file alone."""
    return tuple(sorted((key, value) for key, value in tags.items() if not key.startswith("STATISTICS_")))


_WORDS = {
    "crs": "CRS", "dtypes": "number types", "nodata": "nodata values", "descriptions": "band names",
    "scales": "scales", "offsets": "offsets", "units": "units", "colours": "colour meanings", "palette": "colour table",
    "mask": "mask",
}  # fmt: skip


def _alike(found: Sequence[Found]) -> None:
    first = found[0]
    for other in found[1:]:
        _same(other, first, "", f"as {first.path.name} is: parts of one raster are alike")
        sides = (other.look.pixel, other.shape[::-1], first.look.pixel)
        if any(abs(a / b - 1) * side > MAX_SHIFT for a, side, b in zip(*sides, strict=True)):
            raise UserError(
                f"{other.path}: its pixels are {_size(other)}, those of {first.path.name} are {_size(first)}; "
                "parts of one raster have one pixel size"
            )


def _size(found: Found) -> str:
    return " × ".join(f"{abs(side):.12g}" for side in found.look.pixel)


def _same(found: Found, wanted: Found, here: str, there: str) -> None:
    """Refuse a part that says something else than another; `there` says of which, and what to do."""
    for field in fields(Look):
        mine, other = getattr(found.look, field.name), getattr(wanted.look, field.name)
        if field.name != "pixel" and mine != other:
            what = " ".join(filter(None, [_WORDS[field.name], here]))
            raise UserError(f"{found.path}: its {what}: {_short(mine)}, not {_short(other)} {there}")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _laid_out(found: Sequence[Found]) -> Survey:
    first = found[0]
    (a, e), (left, top) = first.look.pixel, first.origin
    offsets = []
    for part in found:
        col, row = (part.origin[0] - left) / a, (part.origin[1] - top) / e
        whole = round(row), round(col)
        if max(abs(row - whole[0]), abs(col - whole[1])) > MAX_SHIFT:
            raise UserError(
                f"{part.path} lies {abs(col - whole[1]):.6g} columns and {abs(row - whole[0]):.6g} rows off the "
                f"lattice of {first.path.name}; parts of one raster lie whole pixels apart"
            )
        offsets.append(whole)
    rows, cols = _corner(found, offsets)
    windows = [Window(row - rows, col - cols, *part.shape) for (row, col), part in zip(offsets, found, strict=True)]
    transform = (a, 0.0, left + a * cols, 0.0, e, top + e * rows)
    grid = Grid(first.look.crs, transform, max(w.bottom for w in windows), max(w.right for w in windows))
    return Survey(grid, tuple(sorted(zip(windows, found, strict=True), key=lambda each: (each[0], each[1].path))))


def _corner(found: Sequence[Found], offsets: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return (row, col) of the raster's first pixel, as its parts' names say it, or of the first that is there."""
    if found[0].named is None:
        lowest = np.array(offsets).min(axis=0)
        return int(lowest[0]), int(lowest[1])
    corners = [_minus(offset, part.named or offset) for offset, part in zip(offsets, found, strict=True)]
    for part, corner in zip(found, corners, strict=True):
        if corner != corners[0]:
            raise UserError(
                f"{part.path} begins by its name {part.named} (row, column) pixels into the raster, but by its "
                f"georeference {_minus(corner, corners[0])} pixels from there; was it renamed?"
            )
    return corners[0]


def _minus(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] - other[0], one[1] - other[1]


def common_tags(found: Iterable[Found]) -> Iterator[Pair]:
    """Yield the metadata that every part has."""
    first, *others = found
    shared = set(first.tags).intersection(*(other.tags for other in others))
    yield from (pair for pair in first.tags if pair in shared)


def common_band_tags(found: Sequence[Found]) -> tuple[tuple[Pair, ...], ...]:
    """Return for each band the metadata that it has in every part."""
    bands = zip(*(part.band_tags for part in found), strict=True)
    return tuple(tuple(sorted(set(first).intersection(*others))) for first, *others in bands)
