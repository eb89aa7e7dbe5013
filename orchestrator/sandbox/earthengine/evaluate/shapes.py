"""Many geometries on a map: those near a window are found quickly, in whatever CRS it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import rasterio
import rasterio.features
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.outlines import outline
from orchestrator.sandbox.earthengine.evaluate.pixels import covered
from orchestrator.sandbox.earthengine.evaluate.projection import Grid
from orchestrator.sandbox.earthengine.evaluate.tiles import Mask


class Shapes:
    """
    Geometries, carried to each CRS once.

    Instances are shared by threads: the only state that changes is a cache whose entries are replaced whole.
    """

    def __init__(self, geometries: Sequence[Geometry]) -> None:
        """Keep the geometries; nothing is carried before it is asked for."""
        self.geometries = tuple(geometries)
        self._trees: dict[str, tuple[list[BaseGeometry], shapely.STRtree]] = {}

    def near(self, grid: Grid, pixels: float = 0.0) -> Iterator[tuple[int, BaseGeometry]]:
        """Yield the number and the shape, in the grid's CRS, of those within some pixels of a window, in order."""
        shapes, tree = self._in(grid.crs)
        x0, y0, x1, y1 = grid.bounds()
        margin = (pixels + 1) * max((x1 - x0) / grid.width, (y1 - y0) / grid.height)
        frame = shapely.box(x0 - margin, y0 - margin, x1 + margin, y1 + margin)
        for number in sorted(tree.query(frame).tolist()):
            yield number, _clipped(shapes[number], frame)

    def _in(self, crs: str) -> tuple[list[BaseGeometry], shapely.STRtree]:
        if crs not in self._trees:
            shapes = [outline(geometry, crs) for geometry in self.geometries]
            self._trees[crs] = shapes, shapely.STRtree(shapes)
        return self._trees[crs]


def _clipped(shape: BaseGeometry, frame: BaseGeometry) -> BaseGeometry:
    """Leave out what of a shape is far from the window: a country's border has most of its corners elsewhere."""
    if len(shapely.get_coordinates(shape)) < 256 or not shape.is_valid:
        return shape
    return shapely.clip_by_rect(shape, *frame.buffer(frame.length / 8, join_style="mitre").bounds)


def filled(name: str, shape: BaseGeometry, grid: Grid) -> Mask:
    """
    Tell which pixels a shape covers: those whose centre lies in a polygon, and those that a point lies in.

    Raises:
        EvaluationError: If there are lines in it.
    """
    if "Line" in shape.geom_type or any("Line" in part.geom_type for part in shapely.get_parts(shape)):
        raise not_imitated(f"{name}: lines without a width")
    return covered(shape, grid)


def stroked(name: str, shape: BaseGeometry, grid: Grid, width_pixels: float) -> Mask:
    """
    Tell which pixels lie on lines and on the outlines of polygons: their centre is at most half the width away.

    Raises:
        EvaluationError: If there are points in it.
    """
    if "Point" in shape.geom_type or any("Point" in part.geom_type for part in shapely.get_parts(shape)):
        raise not_imitated(f"{name}: points with a width")
    drawn: Any = grid.projection.shape_to_pixels(shape)
    parts = [part.boundary if part.geom_type == "Polygon" else part for part in shapely.get_parts(drawn)]
    pen = shapely.union_all(parts).buffer(width_pixels / 2, join_style="mitre", cap_style="flat")
    if pen.is_empty:
        return np.zeros(grid.shape, np.bool_)
    frame = rasterio.Affine(1, 0, grid.col, 0, 1, grid.row)
    found: Mask = rasterio.features.geometry_mask([pen], grid.shape, frame, invert=True)
    return found
