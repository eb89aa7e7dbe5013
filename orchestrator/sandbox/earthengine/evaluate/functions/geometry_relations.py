"""Two geometries together: relations, combinations, distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.earthengine.evaluate import sphere
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import DEFAULT_PROJECTION, Projection
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import ErrorMargin


def _relation(name: str, test: Callable[[BaseGeometry, BaseGeometry], Any]) -> None:
    def relate(left: Geometry, right: Geometry, margin: ErrorMargin | None, projection: Projection | None) -> bool:
        pair = sphere.paired(f"Geometry.{name}", left, right, margin, projection)
        return bool(test(pair.left, pair.right))

    function(f"Geometry.{name}")(relate)


def _combination(name: str, combine: Callable[[BaseGeometry, BaseGeometry], BaseGeometry]) -> None:
    def join(left: Geometry, right: Geometry, margin: ErrorMargin | None, projection: Projection | None) -> Geometry:
        pair = sphere.paired(f"Geometry.{name}", left, right, margin, projection)
        return pair.made(combine(pair.left, pair.right))

    function(f"Geometry.{name}")(join)


_relation("intersects", shapely.intersects)
_relation("disjoint", shapely.disjoint)
_relation("contains", shapely.covers)
_relation("containedIn", shapely.covered_by)
_combination("intersection", shapely.intersection)
_combination("union", shapely.union)
_combination("difference", shapely.difference)
_combination("symmetricDifference", shapely.symmetric_difference)


@function("Geometry.distance")
def distance(
    left: Geometry, right: Geometry, margin: ErrorMargin | None, projection: Projection | None, spherical: bool
) -> float:
    """Give metres on the ellipsoid, or units of a projection."""
    if spherical and projection is None:
        raise not_imitated("Geometry.distance: on the unit sphere, 'spherical',")
    found = sphere.distance(_measured("Geometry.distance", left, right, margin, projection))
    if found is None:
        raise not_imitated("Geometry.distance: an empty geometry")
    return found


def _measured(
    name: str, left: Geometry, right: Geometry, margin: ErrorMargin | None, projection: Projection | None
) -> sphere.Pair:
    """Bring two geometries together where distances are told: only a projection that is asked for has other units."""
    if projection is None:
        shapes = [sphere.drawn(name, each, sphere.tolerance(margin)) for each in (left, right)]
        return sphere.Pair(shapes[0], shapes[1], DEFAULT_PROJECTION, spherical=True)
    return sphere.paired(name, left, right, margin, projection)


@function("Geometry.withinDistance")
def within_distance(
    left: Geometry, right: Geometry, limit: float, margin: ErrorMargin | None, projection: Projection | None
) -> bool:
    found = sphere.distance(_measured("Geometry.withinDistance", left, right, margin, projection))
    if found is None:
        raise not_imitated("Geometry.withinDistance: an empty geometry")
    return found <= limit


def _closest(
    name: str, left: Geometry, right: Geometry, margin: ErrorMargin | None, projection: Projection | None
) -> tuple[Geometry, Geometry] | None:
    """
    Give the points of two geometries that are nearest to each other; None if one is empty.

    Raises:
        EvaluationError: If the geometries meet: any of their common points would be the answer.
    """
    pair = _measured(name, left, right, margin, projection)
    found = sphere.nearest(pair)
    if found is None:
        return None
    if pair.left.intersects(pair.right) and pair.left.geom_type != "Point" != pair.right.geom_type:
        raise not_imitated(f"{name}: geometries that have several points in common")
    near, far = (Geometry(shapely.Point(point), pair.projection, pair.spherical) for point in found)
    return near, far


@function("Geometry.closestPoint")
def closest_point(
    left: Geometry, right: Geometry, margin: ErrorMargin | None, projection: Projection | None
) -> Geometry | None:
    """Give the point of the right geometry."""
    found = _closest("Geometry.closestPoint", left, right, margin, projection)
    return None if found is None else found[1]


@function("Geometry.closestPoints")
def closest_points(
    left: Geometry, right: Geometry, margin: ErrorMargin | None, projection: Projection | None
) -> dict[str, Any]:
    """Give both points; nothing if a geometry is empty."""
    found = _closest("Geometry.closestPoints", left, right, margin, projection)
    return {} if found is None else {"left": found[0], "right": found[1]}
