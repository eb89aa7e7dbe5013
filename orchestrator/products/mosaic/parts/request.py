"""What is wanted of a folder of parts, settled from names and headers before a pixel is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.assemble.settings import MosaicSettings
from orchestrator.core.errors import Stopped, UserError
from orchestrator.core.files import (
    sha256_of,
)
from orchestrator.model.grid import Grid, Window
from orchestrator.model.job import check_base_name
from orchestrator.model.mosaic import Appearance, MosaicSpec, OutputOptions
from orchestrator.model.ports import Stop
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.aoi import read_areas
from orchestrator.plan.area import Area
from orchestrator.plan.reproject import reproject
from orchestrator.products.mosaic.parts.completeness import (
    listed,
    missing,
    overlapping,
    reached,
    refuse_overlap,
    uncovered,
)
from orchestrator.products.mosaic.parts.survey import Found, Survey, choose, common_band_tags, common_tags, survey
from orchestrator.raster.spans import SpanTable

FoundPart = tuple[Window, Found]
ProgressCallback = Callable[[str, int, int], None]  # what is being done, how many of it are done, of how many


@dataclass(frozen=True, slots=True)
class Request:
    """
    What is wanted.

    Attributes:
        folder: Where the parts lie.
        output: Folder of the result.
        base_name: The result is `NAME_clipped.tif`.
        areas: What it is cut with, together: files, WKT or boxes, as `plan.aoi.read_areas` takes them; none keeps all.
        area_options: Further arguments of `read_areas`: layer, crs, where.
        prefix: Which parts, where the folder holds those of several rasters.
        nodata: The value that means "nothing here", where parts do not say.
        allow_missing: Pixels of missing parts are nodata; otherwise missing parts are refused.
        overwrite: What lies at the result's names may be replaced.
        options: How the result is written.
        threads: Blocks encoded at once.
        version: Of the program, for the proof.
    """

    folder: Path
    output: Path
    base_name: str
    areas: tuple[str, ...] = ()
    area_options: Mapping[str, str | None] = field(default_factory=dict)
    prefix: str | None = None
    nodata: float | None = None
    allow_missing: bool = False
    overwrite: bool = False
    options: OutputOptions = field(default_factory=OutputOptions)
    threads: int = 2
    version: str = ""

    def __post_init__(self) -> None:
        check_base_name(self.base_name)

    @property
    def final(self) -> Path:
        return self.output / f"{self.base_name}_clipped.tif"

    @property
    def results(self) -> tuple[Path, Path, Path]:
        """The picture, the proof and the raster, in the order of their appearance."""
        return self.final.with_suffix(".png"), self.final.with_suffix(".json"), self.final

    @property
    def work(self) -> Path:
        """Folder of what is unfinished: on the filesystem of the result, where a rename is atomic."""
        return self.output / ".orchestrator" / f"assemble-{self.base_name}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    What is to be done, settled from names and headers.

    Attributes:
        parts: Those that are needed, with their windows on the grid of the result.
        spec: The file to build.
        area_pixels: Pixels of the grid inside the area.
        areas: What it is cut with.
        missing: Parts that are not there: names, or windows.
        notes: What was left out or assumed, a sentence each.
        digest: Changes when the request or the parts do.
    """

    parts: tuple[FoundPart, ...]
    spec: MosaicSpec
    area_pixels: int
    areas: tuple[Area, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    digest: str


def prepare(request: Request, stop: Stop, say: ProgressCallback = lambda _what, _done, _all: None) -> Prepared:
    """
    Look at the parts and at the area, and settle what is to be made; no pixel is read and nothing written.

    Raises:
        UserError: See `assemble_folder`.
    """
    paths = choose(request.folder, request.prefix, request.final)

    def looked(number: int) -> None:
        if stop.is_set():
            raise Stopped("stopped while looking at the parts; the same command begins again")
        say("looking at the parts", number, len(paths))

    surveyed = survey(paths, looked)
    surveyed, notes = _without_duplicates(surveyed, stop)
    pixels, by_word = _pixels(surveyed, request)
    areas = tuple(area for source in request.areas for area in read_areas(source, **request.area_options))
    geometry = _united(areas, surveyed.grid.crs)
    spans = _spans(geometry, surveyed.grid, all_touched=request.options.all_touched)
    lacking = _beyond(geometry, surveyed.grid, all_touched=request.options.all_touched) + missing(surveyed, spans)
    if lacking and not request.allow_missing:
        raise UserError(
            f"{request.folder} lacks {listed(lacking)}; bring what is missing, or fill its pixels with nodata by "
            "--allow-missing"
        )
    grid, parts = _cropped(surveyed, spans)
    spec = MosaicSpec(
        grid=grid,
        pixels=pixels,
        area_wkb=None if geometry is None else shapely.to_wkb(geometry),
        options=request.options,
        threads=request.threads,
        tags=_tags(parts, request),
        appearance=_appearance(parts),
        nodata_by_word=by_word,
    )
    notes += tuple(note for area in areas for note in area.notes)
    cut = _spans(geometry, grid, all_touched=request.options.all_touched)
    digest = _digest(MosaicSettings.of(spec).fingerprint, parts)
    return Prepared(parts, spec, cut.pixels(), areas, tuple(lacking), notes, digest)


def _without_duplicates(surveyed: Survey, stop: Stop) -> tuple[Survey, tuple[str, ...]]:
    """Leave out parts that are there twice, byte for byte; refuse others that overlap."""
    doubled: dict[Path, str] = {}
    for one, other in overlapping(surveyed.parts):
        same = one[0] == other[0] and sha256_of(one[1].path, stop) == sha256_of(other[1].path, stop)
        if not same:
            refuse_overlap(one, other)
        doubled[other[1].path] = f"{other[1].path.name} is the same file as {one[1].path.name} and was left out."
    kept = tuple(part for part in surveyed.parts if part[1].path not in doubled)
    return replace(surveyed, parts=kept), tuple(doubled.values())


def _pixels(surveyed: Survey, request: Request) -> tuple[PixelSpec, bool]:
    """Return what a pixel is, and whether its nodata value is the user's word."""
    look = surveyed.look
    if len(set(look.dtypes)) > 1:
        raise UserError(f"the bands of {surveyed.parts[0][1].path} have several number types: {', '.join(look.dtypes)}")
    if len(set(look.nodata)) > 1:
        raise UserError(f"the bands of {surveyed.parts[0][1].path} have several nodata values: {look.nodata}")
    stated = None if look.nodata[0] is None else float(look.nodata[0])
    if stated is None and request.nodata is None:
        masked = " though they have masks" if look.mask != "none" else ""
        raise UserError(
            f"the parts name no nodata value{masked}; say by --nodata which value means 'nothing here' and is no datum "
            "(Earth Engine writes 0 for masked pixels when it was asked for none)"
        )
    nodata = request.nodata if stated is None else stated
    wanted = PixelSpec(_names(look.descriptions), look.dtypes[0], 0.0 if nodata is None else nodata)
    if stated is not None and request.nodata is not None:
        asked = PixelSpec(wanted.bands, wanted.dtype, request.nodata).nodata
        if repr(asked) != repr(wanted.nodata):
            raise UserError(f"the nodata value of the parts is {stated:g}, not {request.nodata:g}; leave --nodata out")
    return wanted, stated is None


def _names(descriptions: tuple[str | None, ...]) -> tuple[str, ...]:
    """Return a name for each band, no two alike."""
    names: list[str] = []
    for number, description in enumerate(descriptions, start=1):
        name = description or f"band{number}"
        names.append(name if name not in names else f"{name}-{number}")
    return tuple(names)


def _united(areas: tuple[Area, ...], crs: str) -> BaseGeometry | None:
    return shapely.union_all([reproject(area.geometry, area.crs, crs) for area in areas]) if areas else None


def _spans(geometry: BaseGeometry | None, grid: Grid, *, all_touched: bool) -> SpanTable:
    if geometry is None:
        return SpanTable.full(grid)
    return SpanTable.from_geometry(geometry, grid, all_touched=all_touched)


def _beyond(geometry: BaseGeometry | None, grid: Grid, *, all_touched: bool) -> list[str]:
    """Return on which sides the area reaches beyond the parts, by how many rows or columns."""
    if geometry is None:
        return []
    left, bottom, right, top = grid.bounds()
    west, south, east, north = geometry.bounds
    a, e = grid.transform[0], -grid.transform[4]
    # A pixel belongs to the area by its centre; with all_touched by any of it.
    least = 1e-6 if all_touched else 0.5
    sides = (
        ("columns west", (left - west) / a), ("columns east", (east - right) / a),
        ("rows north", (north - top) / e), ("rows south", (bottom - south) / e),
    )  # fmt: skip
    return [
        f"{max(1, round(over))} {what} of all parts, where the area reaches" for what, over in sides if over > least
    ]


def _cropped(surveyed: Survey, spans: SpanTable) -> tuple[Grid, tuple[FoundPart, ...]]:
    """Return the grid that holds the parts and gaps that the area touches, and these parts on it."""
    kept = [part for part in surveyed.parts if reached(spans, part[0])]
    if not kept:
        raise UserError("the area touches none of the parts; is it the right one, and in the right CRS?")
    whole = _hull([window for window, _found in kept])
    gaps = uncovered(surveyed.grid.window, [window for window, _found in surveyed.parts])
    inside = _hull([whole, *filter(None, (reached(spans, gap) for gap in gaps))])
    return surveyed.grid.crop(inside), tuple((window.relative_to(inside), found) for window, found in kept)


def _hull(windows: list[Window]) -> Window:
    row, col = min(w.row for w in windows), min(w.col for w in windows)
    return Window(row, col, max(w.bottom for w in windows) - row, max(w.right for w in windows) - col)


def _tags(parts: tuple[FoundPart, ...], request: Request) -> tuple[tuple[str, str], ...]:
    return (*common_tags(found for _window, found in parts), ("TIFFTAG_SOFTWARE", f"orchestrator {request.version}"))


def _appearance(parts: tuple[FoundPart, ...]) -> Appearance:
    look = parts[0][1].look
    return Appearance(
        look.descriptions, look.scales, look.offsets, look.units, look.colours, look.palette,
        common_band_tags([found for _window, found in parts]),
    )  # fmt: skip


def _digest(fingerprint: str, parts: tuple[FoundPart, ...]) -> str:
    facts = [(str(f.path), f.path.stat().st_size, f.path.stat().st_mtime_ns, asdict(w)) for w, f in parts]
    return hashlib.sha256(json.dumps([fingerprint, facts]).encode()).hexdigest()
