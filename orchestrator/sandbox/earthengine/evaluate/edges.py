"""Edges in another projection: a shortest way on the Earth is bent on a map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import WGS84

EXPORT_ERROR_METRES = 1.0  # REST reference, `maxErrorMeters`: "If empty, the max error is 1 meter by default"
_GEOD = pyproj.Geod(ellps="WGS84")
_HALVINGS = 12


def planar(geometry: Geometry, max_error_metres: float = EXPORT_ERROR_METRES) -> BaseGeometry:
    """Give the shape in EPSG:4326 with straight edges, which differ from the geometry's by an error at most."""
    shape = geometry.in_crs(WGS84)
    if not geometry.geodesic or geometry.projection.crs != WGS84:
        return shape
    bent: BaseGeometry = along_geodesics(shape, max_error_metres)
    return bent


def along_geodesics(shape: Any, max_error_metres: float) -> Any:
    """Give a shape in EPSG:4326 corners on the shortest ways between its own, until straight edges are close enough."""
    if shape.is_empty or shape.geom_type in {"Point", "MultiPoint"}:
        return shape
    if shape.geom_type == "Polygon":
        shell, *holes = (_bent(ring, max_error_metres) for ring in (shape.exterior, *shape.interiors))
        return shapely.Polygon(shell, holes)
    if hasattr(shape, "geoms"):
        return type(shape)([along_geodesics(part, max_error_metres) for part in shape.geoms])
    return type(shape)(_bent(shape, max_error_metres))


def _bent(line: Any, max_error_metres: float) -> Any:
    points = shapely.get_coordinates(line)
    for _ in range(_HALVINGS):
        start, end = points[:-1], points[1:]
        across = np.abs(end[:, 0] - start[:, 0])
        azimuth, _, length = _GEOD.inv(start[:, 0], start[:, 1], end[:, 0], end[:, 1])
        lon, lat, _ = _GEOD.fwd(start[:, 0], start[:, 1], azimuth, length / 2)
        straight = (start + end) / 2
        _, _, off = _GEOD.inv(lon, lat, straight[:, 0], straight[:, 1])
        far = (off > max_error_metres) & (across < 180)  # the other way round the Earth is not the edge's
        if not far.any():
            break
        lon = straight[:, 0] + (lon - straight[:, 0] + 180) % 360 - 180
        points = np.insert(points, np.flatnonzero(far) + 1, np.column_stack([lon, lat])[far], axis=0)
    return points
