"""Geometries: what they are, how large, and the same in another projection."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate import measures, sphere
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry, box, made
from orchestrator.sandbox.earthengine.evaluate.projection import (
    DEFAULT_PROJECTION,
    WGS84,
    Projection,
    reproject_points,
    reproject_shape,
)
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import ErrorMargin


@function("Geometry.bounds")
def bounds(geometry: Geometry, margin: ErrorMargin | None, projection: Projection | None) -> Geometry:
    """Give the bounding box in a projection, EPSG:4326 by default; shortest ways bulge over the corners."""
    _refuse_empty("Geometry.bounds", geometry)
    target = DEFAULT_PROJECTION if projection is None else projection
    shape = sphere.in_projection("Geometry.bounds", geometry, target, sphere.tolerance(margin))
    return made(box(*shape.bounds), target, geodesic=False)


@function("Geometry.transform")
def transform(
    geometry: Geometry, projection: Projection, margin: ErrorMargin | None, geodesic: bool | None
) -> Geometry:
    """Carry a geometry to a projection; edges that bend are broken up only as far as the error allows."""
    bent = geometry.in_pixels(projection)
    plain = projection.shape_to_pixels(_corners_in(geometry, projection.crs))
    allowed = _in_pixels(margin, projection)
    straight = allowed > 0 and float(shapely.hausdorff_distance(bent, plain, densify=0.1)) <= allowed
    return made(plain if straight else bent, projection, geodesic)


def _corners_in(geometry: Geometry, crs: str) -> BaseGeometry:
    """Give the shape with its corners alone carried to another CRS."""
    world = geometry.projection.shape_to_world(geometry.shape)
    return shapely.transform(
        world, lambda points: np.column_stack(reproject_points(geometry.projection.crs, crs, *points.T))
    )


def _in_pixels(margin: ErrorMargin | None, projection: Projection) -> float:
    """Give an error margin in units of a projection; 0 is exact, which is what no margin is taken for."""
    if margin is None:
        return 0.0
    if margin.unit == "infinite":
        return float("inf")
    value = margin.value or 0.0
    return value if margin.unit == "projected" else value / projection.nominal_scale()


@function("Geometry.buffer")
def buffer(geometry: Geometry, distance: float, margin: ErrorMargin | None, projection: Projection | None) -> Geometry:
    """
    Buffer by metres on the Earth, or by units of a projection.

    Circles differ from true ones by the error margin at most, a hundredth of the distance by default.
    """
    if not math.isfinite(distance):
        raise EvaluationError(f"Geometry.buffer: The distance must be a finite number, found {distance}.")
    corners = _quarter(distance, margin)
    if projection is not None:
        return made(geometry.in_pixels(projection).buffer(distance, corners), projection, geodesic=False)
    shape = geometry.in_crs(WGS84)
    if shape.is_empty:
        return geometry
    centre = shape.centroid
    local = f"+proj=aeqd +lat_0={centre.y} +lon_0={centre.x} +datum=WGS84 +units=m"
    wide = reproject_shape(
        reproject_shape(shape, WGS84, local).buffer(distance, corners), local, geometry.projection.crs
    )
    return made(geometry.projection.shape_to_pixels(wide), geometry.projection)


def _quarter(distance: float, margin: ErrorMargin | None) -> int:
    """Give how many corners a quarter of a circle needs: an edge strays from it by its sagitta."""
    allowed = 0.01 if margin is None or not margin.value or not distance else margin.value / abs(distance)
    step = math.acos(1 - min(allowed, 0.2))  # half the angle of an edge
    return min(max(math.ceil(math.pi / 4 / step), 16), 512)


@function("Geometry.area")
def area(geometry: Geometry, margin: Any, projection: Projection | None) -> float:
    del margin
    return measures.area(geometry, projection)


@function("Geometry.perimeter")
def perimeter(geometry: Geometry, margin: Any, projection: Projection | None) -> float:
    del margin
    return measures.perimeter(geometry, projection)


@function("Geometry.length")
def length(geometry: Geometry, margin: Any, projection: Projection | None) -> float:
    del margin
    return measures.length(geometry, projection)


@function("Geometry.coordinates")
def coordinates(geometry: Geometry) -> list[Any]:
    shown = geometry.geojson()
    if "coordinates" not in shown:
        raise not_imitated("Geometry.coordinates: a collection of geometries")
    found: list[Any] = shown["coordinates"]
    return found


@function("Geometry.type")
def kind(geometry: Geometry) -> str:
    if geometry.hidden is not None:
        raise not_imitated(f"Geometry.type: {geometry.hidden}")
    return str((geometry.shape if geometry.parts is None else geometry.parts).geom_type)


@function("Geometry.centroid")
def centroid(geometry: Geometry, margin: Any, projection: Projection | None) -> Geometry:
    del margin
    _refuse_empty("Geometry.centroid", geometry)
    target = DEFAULT_PROJECTION if projection is None else projection
    return made(geometry.in_pixels(target).centroid, target)


def _refuse_empty(name: str, geometry: Geometry) -> None:
    if geometry.shape.is_empty:
        raise not_imitated(f"{name}: an empty geometry")


@function("Geometry.projection")
def projection_of(geometry: Geometry) -> Projection:
    return geometry.projection


@function("Geometry.geodesic", "Geometry.edgesAreGeodesics")
def geodesic(geometry: Geometry) -> bool:
    return geometry.geodesic


@function("Geometry.isUnbounded")
def is_unbounded(geometry: Geometry) -> bool:
    """Say no: every geometry that can be made here has bounds, if only those of the Earth."""
    del geometry
    return False
