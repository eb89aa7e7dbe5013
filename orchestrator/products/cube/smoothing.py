"""Coarse bands of a cube, interpolated: what is fetched around a window, and the window made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from orchestrator.core.errors import PlanError
from orchestrator.model.direct import PixelRequest
from orchestrator.model.grid import Grid, Window
from orchestrator.model.scene import StoredBand
from orchestrator.model.unit import Cell
from orchestrator.products.cube.document import CubePlan
from orchestrator.raster.smooth import Margin, cell_metres, margin, smooth

_TILE = re.compile(r"_T(\d\d)([C-X])[A-Z]{2}$")  # MGRS: zone and band of latitude, N and beyond in the north


def check_lattice(plan: CubePlan, assets: Iterable[str], bands_of: Callable[[str], Sequence[StoredBand]]) -> None:
    """
    Make sure that the coarse pixels of all images lie as the cells that are interpolated.

    Args:
        plan: Of the cube; where nothing is interpolated, nothing is asked.
        assets: Images; one of each zone of Sentinel-2 is looked at, and each whose name does not tell its zone.
        bands_of: Asks for the bands of an image.

    Raises:
        PlanError: Those of an image do not.
    """
    if not plan.smooth:
        return
    told = {(found[1], found[2] >= "N") if (found := _TILE.search(asset)) else asset: asset for asset in assets}
    for asset in told.values():
        for band in bands_of(asset):
            metres = cell_metres(band.name, sixty=60 in plan.smooth) if band.name in plan.pixels.bands else 0
            if metres and (why := _apart(plan.grid, band, metres)):
                raise PlanError(
                    f"bands are not smoothed: pixels of {band.name} in {asset} {why}; take the cube in that CRS, from "
                    "scenes of one zone, or leave smoothing out"
                )


def _apart(grid: Grid, band: StoredBand, metres: int) -> str:
    """Return how pixels lie otherwise than the cells of a grid; empty where they do not."""
    from orchestrator.plan.reproject import parse_crs  # noqa: PLC0415  heavy

    if band.crs and parse_crs(band.crs) != parse_crs(grid.crs):
        return f"are on a grid in {band.crs[:60]}, and the cube's are in {grid.crs[:60]}"
    x, y = (band.transform[2], band.transform[5]) if band.transform else (0.0, 0.0)
    if any(abs(place - metres * round(place / metres)) > 1e-6 * metres for place in (x, y)):
        return f"begin at {x:.12g}, {y:.12g}, which are no multiples of {metres} m"
    return ""


def margin_around(plan: CubePlan, window: Window) -> Margin:
    """
    Return how many pixels are fetched around a window, also beyond the edge of the grid.

    Raises:
        PlanError: The grid's pixels do not divide those of the bands.
    """
    if not plan.smooth:
        return Margin()
    transform, sixty = plan.grid.window_transform(window), 60 in plan.smooth
    return margin(transform, window.height, window.width, plan.pixels.bands, sixty=sixty)


def request_for(plan: CubePlan, cell: Cell) -> PixelRequest:
    """Return what is asked for a cell."""
    expression = plan.moments[cell.time].expression
    around = margin_around(plan, cell.window)
    if around == Margin():
        return PixelRequest(expression, plan.grid, cell.window, plan.pixels)
    grid = _grown(plan.grid.crop(cell.window), around)
    return PixelRequest(expression, grid, grid.window, plan.pixels)


def _grown(grid: Grid, around: Margin) -> Grid:
    a, _b, c, _d, e, f = grid.transform
    transform = (a, 0.0, c - a * around.left, 0.0, e, f - e * around.top)
    height = grid.height + around.top + around.bottom
    return Grid(grid.crs, transform, height, grid.width + around.left + around.right)


def smoothed(plan: CubePlan, cell: Cell, content: bytes) -> bytes:
    """Return the piece of a cell, made of the file that came."""
    from orchestrator.products.cube.piece import read_piece, write_piece  # noqa: PLC0415  GDAL is heavy

    around = margin_around(plan, cell.window)
    if around == Margin():
        return content
    here = plan.grid.crop(cell.window)
    grid = _grown(here, around)
    values = read_piece(content, grid, plan)
    made = smooth(
        values,
        grid.transform,
        plan.pixels.bands,
        nodata=plan.pixels.nodata,
        margin=around,
        sixty=60 in plan.smooth,
    )
    return write_piece(made, here, plan)
