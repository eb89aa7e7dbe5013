"""Chips joined to one raster by where they really lie: copied on one lattice, warped where there are several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from orchestrator.core.errors import UserError
from orchestrator.core.files import StopFlag
from orchestrator.model.grid import Grid, Transform, Window
from orchestrator.plan.align import fix_grid, utm_crs
from orchestrator.plan.reproject import crs_name, parse_crs
from orchestrator.raster.opening import opened
from orchestrator.tiling.chip_folder import ChipFolder, class_rows
from orchestrator.tiling.chip_raster import ChipRaster, class_colours, read_header
from orchestrator.tiling.file import Tiles
from orchestrator.tiling.rasters import OnPiece, PieceArray, RasterSpec, make_raster, quietly, windows_of

RESAMPLINGS = ("nearest", "bilinear", "cubic", "average", "mode")
NEAREST = "nearest"
_COLOURED = ("uint8", "uint16")  # number types that may have a table of colours
# So far from a whole number of pixels a chip may lie and still be on the lattice: a ten thousandth of one.
_ON_LATTICE = 1e-4


@dataclass(frozen=True, slots=True)
class Joining:
    """
    A raster of chips, settled before a pixel is read.

    Attributes:
        spec: What is made.
        chips: In the order of the tiles: of two at one place the first is taken.
        windows: Where each lies on the grid.
        resampling: How they are warped; empty where their pixels are copied as they are.
        notes: What was assumed, a sentence each.
        missing: (identifier, why) of tiles whose chips are not in it, though they have pixels.
    """

    spec: RasterSpec
    chips: tuple[ChipRaster, ...]
    windows: tuple[Window, ...]
    resampling: str
    notes: tuple[str, ...]
    missing: tuple[tuple[str, str], ...] = ()


def plan_joining(
    tiles: Tiles, chips: ChipFolder, *, scale: float | None = None, crs: str = "", resampling: str = ""
) -> Joining:
    """
    Settle how the chips of a dataset become one raster.

    Args:
        tiles: Whose chips they are.
        chips: Of one dataset.
        scale: Side of a pixel in units of the CRS; that of the chips where they lie on one lattice.
        crs: Of the raster; that of the chips, where they have one.
        resampling: How pixels are warped, if they must be: `nearest` for classes and by default for whole numbers of
            eight bits, else `bilinear`.

    Raises:
        UserError: There is no chip, one cannot be read, they have not the same bands and numbers, or they lie on
            several lattices and nobody says what the raster's is.
    """
    stored = {each: chips.chip_of(each).checked() for each in tiles.identifiers}
    headers = tuple(_placed(chip.path) for chip in stored.values() if chip.path)
    if not headers:
        raise UserError(f"there is no chip in {chips.path}; `orchestrator tiles download` brings them")
    _refuse_mixed(headers)
    lattice = _common_lattice(headers)
    asked = crs_name(parse_crs(crs)) if crs else ""
    kept = lattice is not None and asked in ("", lattice[0]) and scale in (None, lattice[1][0])
    if kept and lattice is not None:
        bounds = np.array([header.bounds for header in headers])
        grid, how = _around(lattice[0], lattice[1], bounds), ""
    else:
        grid, bounds = _asked_grid(headers, lattice, asked, scale)
        how = resampling or _default_resampling(headers[0], chips.about)
    windows = tuple(windows_of(grid, bounds))
    missing = tuple((name, chip.why) for name, chip in stored.items() if chip.is_missing)
    return Joining(_spec(headers[0], grid, chips.about), headers, windows, how, tuple(_notes(headers[0], how)), missing)


def join_chips(joining: Joining, path: Path, stop: StopFlag, say: OnPiece) -> None:
    """
    Write the raster, a cloud-optimised GeoTIFF, piece by piece.

    Each band's pixels are those of the first chip that has data there, as `rasterio.merge` takes them.

    Raises:
        UserError: A chip cannot be read.
        Stopped: `stop` was set.
    """
    tree = shapely.STRtree([shapely.box(w.col, w.row, w.right, w.bottom) for w in joining.windows])

    def fill(piece: Window, pixels: PieceArray) -> bool:
        touched = tree.query(shapely.box(piece.col, piece.row, piece.right, piece.bottom))
        free = np.ones(pixels.shape, dtype=bool)
        for number in sorted(touched.tolist()):
            if (shared := piece.intersection(joining.windows[number])) is not None:
                _put(joining, number, shared, pixels, free, piece)
        return not bool(free.all())

    make_raster(joining.spec, path, fill, joining.windows, stop, say)


def _placed(path: Path) -> ChipRaster:
    """Return what a chip's file says of itself; UserError where it has no place on the Earth."""
    if not (header := read_header(path)).crs:
        raise UserError(f"{path} has no CRS; download it again")
    return header


def _put(joining: Joining, number: int, shared: Window, pixels: PieceArray, free: PieceArray, piece: Window) -> None:
    """Put the pixels of a chip where none are yet."""
    chip, inside = joining.chips[number], shared.relative_to(piece)
    rows, cols = slice(inside.row, inside.bottom), slice(inside.col, inside.right)
    try:
        with quietly(), opened(chip.path) as source, _on_grid(source, joining) as placed:
            origin = joining.windows[number] if not joining.resampling else joining.spec.grid.window
            w = shared.relative_to(origin)
            window = rasterio.windows.Window(w.col, w.row, w.width, w.height)
            bands = list(range(1, chip.bands + 1))
            values = placed.read(bands, window=window)
            valid = (placed.read_masks(bands, window=window) > 0) & free[:, rows, cols]
    except rasterio.errors.RasterioError as error:
        raise UserError(f"{chip.path} cannot be read ({error}); `orchestrator tiles verify` finds all such") from None
    np.copyto(pixels[:, rows, cols], values, where=valid)
    free[:, rows, cols] &= ~valid


def _on_grid(source: Any, joining: Joining) -> Any:
    """Return a chip as it lies on the raster's grid: as it is, or warped."""
    if not joining.resampling:
        return nullcontext(source)
    grid = joining.spec.grid
    return WarpedVRT(
        source,
        crs=grid.crs,
        transform=Affine(*grid.transform),
        height=grid.height,
        width=grid.width,
        resampling=Resampling[joining.resampling],
        add_alpha=source.nodata is None,
    )


def _refuse_mixed(headers: Sequence[ChipRaster]) -> None:
    first = headers[0]
    other = next((header for header in headers if header.kind != first.kind), None)
    if other is not None:
        raise UserError(
            f"{first.path.name} has {_words(first)}, {other.path.name} {_words(other)}; chips of one raster have the "
            "same: download the dataset again"
        )


def _words(header: ChipRaster) -> str:
    return f"{header.bands} bands of {header.dtype} with nodata {header.nodata}"


def _common_lattice(headers: Sequence[ChipRaster]) -> tuple[str, Transform] | None:
    """Return the CRS and a transform of the one lattice that all chips lie on, or None."""
    a, _b, c, _d, e, f = headers[0].transform
    if len({header.crs for header in headers}) > 1:
        return None
    placed = np.array([header.transform for header in headers])
    same_size = np.allclose(placed[:, [0, 4]], [a, e], rtol=1e-9) and not placed[:, [1, 3]].any()
    steps = (placed[:, [2, 5]] - [c, f]) / [a, e]
    on_it = np.abs(steps - np.round(steps)).max() < _ON_LATTICE
    return (headers[0].crs, headers[0].transform) if same_size and on_it else None


def _around(crs: str, lattice: Transform, bounds: Any) -> Grid:
    """Return the grid on a lattice that holds rectangles whose sides lie on it."""
    a, _b, c, _d, e, f = lattice
    left, top = np.round((bounds[:, 0].min() - c) / a), np.round((bounds[:, 3].max() - f) / e)
    right, bottom = np.round((bounds[:, 2].max() - c) / a), np.round((bounds[:, 1].min() - f) / e)
    return Grid(crs, (a, 0.0, c + a * left, 0.0, e, f + e * top), int(bottom - top), int(right - left))


def _asked_grid(
    headers: Sequence[ChipRaster], lattice: tuple[str, Transform] | None, crs: str, scale: float | None
) -> tuple[Grid, Any]:
    """Return the grid that was asked for, and where the chips lie in its CRS."""
    if scale is None:
        counted = Counter(header.crs for header in headers)
        where = f"{len(headers)} chips of {', '.join(counted)}" if lattice is None else f"chips of {lattice[0]}"
        raise UserError(
            f"{where} do not share one lattice of that CRS, so that their pixels must be warped: say to what pixels, "
            "for example --scale 10, and where it matters --crs EPSG:32632"
        )
    target = crs or _projected(headers)
    bounds = np.array([transform_bounds(h.crs, target, *h.bounds, densify_pts=21) for h in headers])
    whole = shapely.box(*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0))
    return fix_grid(whole, target, out_crs=target, scale=scale)[0], bounds


def _projected(headers: Sequence[ChipRaster]) -> str:
    """Return the CRS that most chips have, if it is a projected one; else the UTM zone of their middle."""
    (most, _count), *_ = Counter(header.crs for header in headers).most_common()
    if parse_crs(most).is_projected:
        return most
    return utm_crs(shapely.union_all([shapely.box(*h.bounds) for h in headers if h.crs == most]).envelope, most)


def _default_resampling(header: ChipRaster, about: Mapping[str, Any]) -> str:
    return NEAREST if class_rows(about) or header.dtype in ("uint8", "int8") else "bilinear"


def _spec(header: ChipRaster, grid: Grid, about: Mapping[str, Any]) -> RasterSpec:
    with quietly(), opened(header.path) as source:
        colours = source.colormap(1) if "palette" in {each.name for each in source.colorinterp} else {}
        names = tuple(name or f"B{number}" for number, name in enumerate(source.descriptions, 1))
        classes = class_rows(about)
        if not colours and source.count == 1 and header.dtype in _COLOURED:
            colours = class_colours(classes)
        tags = {"DATASET": str(about.get("dataset") or header.path.parent.name)}
        tags |= {key.upper(): str(about[key]) for key in ("attribution", "licence") if about.get(key)}
        return RasterSpec(
            grid=grid,
            bands=names,
            dtype=header.dtype,
            nodata=header.nodata,
            tags=tags,
            scales=tuple(source.scales),
            offsets=tuple(source.offsets),
            colours=colours,
            overviews=NEAREST if classes or colours else "average",
        )


def _notes(header: ChipRaster, how: str) -> list[str]:
    notes = [f"pixels were warped: {how}"] if how else []
    if header.nodata is None:
        notes.append("the chips name no nodata value: where there is no chip, pixels are 0")
    return notes
