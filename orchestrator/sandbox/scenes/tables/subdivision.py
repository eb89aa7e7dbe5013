"""Units invented within real ones: a shape cut by straight lines into parts of about equal extent."""

from __future__ import annotations

import math

import shapely
from shapely.geometry.base import BaseGeometry

SLIVER = 1e-9  # square degrees; smaller parts are left out


def divided(shape: BaseGeometry, count: int) -> list[BaseGeometry]:
    """
    Cut a shape in EPSG:4326 into at most `count` parts that together are the shape.

    Each cut halves the longer side of the bounding box along a meridian or a parallel; the same shape gives the same
    parts. What of a shape lies far from the rest may leave a part empty, which is left out.
    """
    if count <= 1:
        return [shape]
    first = count // 2
    near, far = _halves(shape, first / count)
    return [
        part
        for half, number in ((near, first), (far, count - first))
        if half.area > SLIVER
        for part in divided(half, number)
    ]


def _halves(shape: BaseGeometry, share: float) -> tuple[BaseGeometry, BaseGeometry]:
    west, south, east, north = shape.bounds
    if (east - west) * math.cos(math.radians((south + north) / 2)) > north - south:
        cut = west + (east - west) * share
        boxes = shapely.box(west, south, cut, north), shapely.box(cut, south, east, north)
    else:
        cut = north - (north - south) * share
        boxes = shapely.box(west, cut, east, north), shapely.box(west, south, east, cut)
    return within(shape, boxes[0]), within(shape, boxes[1])


def within(shape: BaseGeometry, area: BaseGeometry) -> BaseGeometry:
    """Give the polygons of a shape within an area."""
    common = shapely.intersection(shape, area)
    if common.geom_type in {"Polygon", "MultiPolygon"}:
        return common
    areas = [part for part in shapely.get_parts(common) if part.geom_type == "Polygon"]
    return shapely.MultiPolygon(areas)
