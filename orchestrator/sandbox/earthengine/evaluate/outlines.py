"""The outline of a geometry on a map, with corners where its edges bend there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84, reproject_points, reproject_shape

_GEOD = pyproj.Geod(ellps="WGS84")
_STRAIGHT = 500.0  # metres; the shortest way strays from an edge of this length by some millimetres
_MOST_PIECES = 256
_HALF = 180.0  # degrees


def outline(geometry: Geometry, crs: str) -> BaseGeometry:
    """Give a geometry in world coordinates of `crs`; geodesic edges are the shortest ways on the Earth."""
    if not geometry.geodesic or geometry.shape.is_empty:
        return geometry.in_crs(crs)
    world = geometry.projection.shape_to_world(geometry.shape)
    corners = shapely.transform(
        world, lambda points: np.column_stack(reproject_points(geometry.projection.crs, WGS84, *points.T))
    )
    return reproject_shape(_bent(corners), WGS84, crs)


def _bent(shape: Any) -> Any:
    """Put corners on the long edges of a shape in longitude and latitude."""
    if hasattr(shape, "geoms"):
        return type(shape)([_bent(part) for part in shape.geoms])
    if shape.geom_type == "Polygon":
        bent = shapely.Polygon(_along(shape.exterior), [_along(ring) for ring in shape.interiors])
        return bent if bent.is_valid else bent.buffer(0)
    return type(shape)(_along(shape)) if "Line" in shape.geom_type else shape


def _along(line: Any) -> Any:
    points = shapely.get_coordinates(line)
    start, end = points[:-1], points[1:]
    azimuth, _, length = (np.asarray(found) for found in _GEOD.inv(*start.T, *end.T))
    pieces = np.clip(np.ceil(length / _STRAIGHT), 1, _MOST_PIECES).astype(int)
    pieces[np.abs(end[:, 0] - start[:, 0]) >= _HALF] = 1
    if (pieces == 1).all():
        return points
    edge = np.repeat(np.arange(len(pieces)), pieces)
    part = (np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / pieces[edge]
    lon, lat, _ = _GEOD.fwd(start[edge, 0], start[edge, 1], azimuth[edge], length[edge] * part)
    straight = start[edge, 0] + (end - start)[edge, 0] * part
    lon = np.asarray(lon) + 360 * np.round((straight - np.asarray(lon)) / 360)
    bent = np.column_stack([lon, lat])
    corner = part == 0
    bent[corner] = start[edge][corner]
    return np.vstack([bent, points[-1:]])
