"""Coarse bands of a cube, interpolated: what is fetched around a window, and the window made of it."""

from __future__ import annotations

from orchestrator.model.direct import PixelRequest
from orchestrator.model.grid import Grid, Window
from orchestrator.model.unit import Cell
from orchestrator.products.cube.document import CubePlan
from orchestrator.raster.smooth import Margin, margin, smooth


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
