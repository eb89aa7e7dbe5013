"""A value of each tile burnt into the pixels whose centres it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from orchestrator.core.errors import UserError
from orchestrator.core.files import StopFlag
from orchestrator.model.grid import Window
from orchestrator.plan.align import fix_grid, utm_crs
from orchestrator.plan.reproject import crs_name, densify, parse_crs
from orchestrator.tiling.file import Tiles
from orchestrator.tiling.picture import Colouring
from orchestrator.tiling.rasters import OnPiece, PieceArray, RasterSpec, make_raster, windows_of

MOST_CODES = 65_535  # of uint16, whose 0 is nodata


@dataclass(frozen=True, slots=True)
class Burning:
    """
    A raster of values, settled before anything is written.

    Attributes:
        spec: What is made.
        shapes: Of the tiles that have a value, in the CRS of the raster.
        values: Of each of them, a number.
        windows: PieceArray that each may have.
        codes: Of categories, the number that stands for each; empty where values are numbers.
    """

    spec: RasterSpec
    shapes: NDArray[np.object_]
    values: NDArray[Any]
    windows: tuple[Window, ...]
    codes: Mapping[str, int]


def plan_burning(tiles: Tiles, colouring: Colouring, scale: float, crs: str = "") -> Burning:
    """
    Settle how values of tiles become pixels.

    Numbers are kept: whole ones as int32 with the least of them as nodata, others as float32 with NaN. Categories are
    counted from 1 in the order of the alphabet, with 0 as nodata; the file's tag `CATEGORIES` is the table of codes.

    Args:
        tiles: Any.
        colouring: Their values.
        scale: Side of a pixel in units of the CRS.
        crs: Of the raster; that of the tiles where it is projected, else the UTM zone of their middle.

    Raises:
        UserError: No tile has a value, or there are more categories than numbers.
    """
    known = colouring.series.notna().to_numpy()
    if not known.any():
        raise UserError(f"no tile has a value of {colouring.name!r}; choose another --column")
    target = _target(tiles, crs)
    shapes = _in_crs(tiles, target)[known]
    values, dtype, nodata, codes = _numbers(colouring, known)
    bounds = shapely.bounds(shapes)
    whole = shapely.box(*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0))
    grid = fix_grid(whole, target, out_crs=target, scale=scale)[0]
    tags = {"COLUMN": colouring.name} | ({"CATEGORIES": json.dumps(_table(codes, colouring))} if codes else {})
    spec = RasterSpec(grid, (colouring.name,), dtype, nodata, tags, colours=_colours(codes, colouring, dtype))
    return Burning(spec, shapes, values, tuple(windows_of(grid, bounds)), codes)


def burn_tiles(burning: Burning, path: Path, stop: StopFlag, say: OnPiece) -> None:
    """
    Write the raster, a cloud-optimised GeoTIFF, piece by piece; of two tiles at one pixel the first is taken.

    Raises:
        Stopped: `stop` was set.
    """
    tree = shapely.STRtree(burning.shapes)
    grid = burning.spec.grid

    def fill(piece: Window, pixels: PieceArray) -> bool:
        # The last one burnt is what is seen.
        touched = sorted(tree.query(shapely.box(*grid.bounds(piece))).tolist(), reverse=True)
        if touched:
            rasterize(
                [(burning.shapes[number], burning.values[number]) for number in touched],
                out=pixels[0],
                transform=Affine(*grid.window_transform(piece)),
            )
        return bool(touched)

    make_raster(burning.spec, path, fill, burning.windows, stop, say)


def _in_crs(tiles: Tiles, target: str) -> NDArray[np.object_]:
    """Return the tiles in a CRS, with edges short enough to stay where they were drawn."""
    from geopandas import GeoSeries  # noqa: PLC0415  heavy

    source = parse_crs(tiles.frame.crs.to_wkt())
    shapes: NDArray[np.object_] = tiles.frame.geometry.to_numpy()
    if source.equals(parse_crs(target), ignore_axis_order=True):
        return shapes
    dense = [densify(shape, source) for shape in shapes]
    moved: NDArray[np.object_] = GeoSeries(dense, crs=tiles.frame.crs).to_crs(target).to_numpy()
    return moved


def _target(tiles: Tiles, crs: str) -> str:
    if crs:
        return crs_name(parse_crs(crs))
    if tiles.frame.crs.is_projected:
        return crs_name(parse_crs(tiles.frame.crs.to_wkt()))
    middle = shapely.box(*tiles.frame.total_bounds)
    return utm_crs(middle, crs_name(parse_crs(tiles.frame.crs.to_wkt())))


def _numbers(colouring: Colouring, known: NDArray[np.bool_]) -> tuple[NDArray[Any], str, float, Mapping[str, int]]:
    """Return the values of tiles that have one, their number type, its nodata, and the codes of categories."""
    series = colouring.series[known]
    if series.dtype.kind == "b":
        return series.to_numpy().astype(np.uint8), "uint8", 255.0, {}
    if series.dtype.kind in "iu" and np.abs(series.to_numpy().astype(float)).max() < 2**31 - 1:
        return series.to_numpy().astype(np.int32), "int32", float(np.iinfo(np.int32).min), {}
    if series.dtype.kind in "iuf":
        return series.to_numpy().astype(np.float32), "float32", float("nan"), {}
    texts = [str(value) for value in series]
    numbers = [int(text) for text in texts] if all(text.isdecimal() and int(text) < 255 for text in texts) else []
    if numbers:  # classes that are numbers stay what they are
        return np.array(numbers, np.uint8), "uint8", 255.0, {text: int(text) for text in sorted(set(texts), key=int)}
    codes = {text: number for number, text in enumerate(sorted(set(texts)), 1)}
    if len(codes) > MOST_CODES:
        raise UserError(f"{colouring.name!r} has {len(codes):,} different texts, {MOST_CODES:,} at most; use another")
    dtype = "uint8" if len(codes) < 255 else "uint16"
    return np.array([codes[text] for text in texts], dtype), dtype, 0.0, codes


def _table(codes: Mapping[str, int], colouring: Colouring) -> dict[str, str]:
    return {str(number): colouring.names.get(text, text) for text, number in codes.items()}


def _colours(codes: Mapping[str, int], colouring: Colouring, dtype: str) -> dict[int, tuple[int, int, int, int]]:
    if dtype != "uint8" or not all(text in colouring.colours for text in codes):
        return {}
    return {number: _rgb(colouring.colours[text]) for text, number in codes.items()}


def _rgb(colour: str) -> tuple[int, int, int, int]:
    red, green, blue = bytes.fromhex(colour.lstrip("#")[:6])
    return red, green, blue, 255
