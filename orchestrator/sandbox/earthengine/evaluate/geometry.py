"""Geometries: a shape in the coordinates of a projection, which may be pixels of a lattice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import shapely
import shapely.geometry
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.projection import (
    DEFAULT_PROJECTION,
    WGS84,
    Grid,
    Projection,
    grid_around,
    reproject_shape,
)


@dataclass(frozen=True, slots=True)
class Geometry:
    """
    A shape with its projection.

    Attributes:
        shape: Coordinates in the projection: when that carries an affine transform they are pixels, not metres.
        projection: The projection of the coordinates; longitude and latitude by default.
        geodesic: Whether edges are the shortest ways on the Earth, which measures follow; else, and for everything
            but measures, they are straight in their projection.
        parts: The polygons as they were given, where some overlap: measures count them all, `shape` is their union.
        hidden: Why its coordinates cannot be shown, if they cannot: the service writes them in another way.
    """

    shape: BaseGeometry
    projection: Projection = DEFAULT_PROJECTION
    geodesic: bool = False
    parts: BaseGeometry | None = None
    hidden: str | None = None

    def in_crs(self, crs: str) -> BaseGeometry:
        """Give the shape in world coordinates of `crs`."""
        world = self.projection.shape_to_world(self.shape)
        return reproject_shape(world, self.projection.crs, crs)

    def in_pixels(self, projection: Projection) -> BaseGeometry:
        """Give the shape in pixel coordinates (col, row) of `projection`."""
        if projection == self.projection:
            return self.shape
        return projection.shape_to_pixels(self.in_crs(projection.crs))

    def grid_on(self, projection: Projection) -> Grid:
        """Give the smallest window of whole pixels of `projection` around the shape."""
        return grid_around(projection, self.in_pixels(projection).bounds)

    def geojson(self) -> dict[str, Any]:
        """
        Write GeoJSON as the service does, with a `crs` member where it is not longitude and latitude.

        Raises:
            EvaluationError: If it is not known how the service writes it.
        """
        if self.hidden is not None:
            raise not_imitated(f"The coordinates of {self.hidden}")
        mapping = _lists(shapely.geometry.mapping(self.shape if self.parts is None else self.parts))
        answer: dict[str, Any] = {"type": mapping["type"]}
        if self.projection.crs != WGS84:
            answer["crs"] = {"type": "name", "properties": {"name": self.projection.crs}}
        if self.geodesic is False and mapping["type"] not in {"Point", "MultiPoint"}:
            answer["geodesic"] = False
        answer.update({key: value for key, value in mapping.items() if key != "type"})
        return answer


def made(shape: BaseGeometry, projection: Projection | None, geodesic: bool | None = None) -> Geometry:
    """Make a geometry; in longitude and latitude, edges are the shortest ways unless somebody says otherwise."""
    base = DEFAULT_PROJECTION if projection is None else projection
    return Geometry(shape, base, base.crs == WGS84 if geodesic is None else geodesic)


def box(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """Make a rectangle whose ring begins at the lower left corner and runs to the right, as the service's do."""
    return shapely.Polygon([(west, south), (east, south), (east, north), (west, north)])


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_lists(item) for item in value]
    return value
