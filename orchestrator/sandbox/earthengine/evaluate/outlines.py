"""The outline of a geometry on a map, with corners where its edges bend there."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.edges import along_geodesics
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84, reproject_points, reproject_shape

_ERROR_METRES = 0.005  # so that a sliver of ten kilometres by one keeps its area within a ten-thousandth


def outline(geometry: Geometry, crs: str) -> BaseGeometry:
    """Give a geometry in world coordinates of `crs`; geodesic edges are the shortest ways on the Earth."""
    if not geometry.geodesic or geometry.shape.is_empty:
        return geometry.in_crs(crs)
    world = geometry.projection.shape_to_world(geometry.shape)
    corners = shapely.transform(
        world, lambda points: np.column_stack(reproject_points(geometry.projection.crs, WGS84, *points.T))
    )
    bent: BaseGeometry = along_geodesics(corners, _ERROR_METRES)
    polygonal = bent.geom_type in {"Polygon", "MultiPolygon"}
    return reproject_shape(bent if bent.is_valid or not polygonal else bent.buffer(0), WGS84, crs)
