"""Where scenes lie: footprints within 180 degrees, what share of an area they cover, which of them add something."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.plan.reproject import polygons_only, unwrapped, within_180

# EASE-Grid 2.0: equal in area on the whole Earth; parallels and meridians stay straight in it.
EQUAL_AREA = "EPSG:6933"
# Edges are cut in so many before they are projected; areas are then right to a millionth.
EDGES = 64
NOTHING = 1e-9  # a smaller share of the area is an error of rounding
MAX_LATITUDES = 5.0  # a footprint of one acquisition that spans more is damaged


def read_footprint(geojson: Mapping[str, Any] | None) -> BaseGeometry | None:
    """Return a footprint in degrees, its longitudes continuous also across 180; None where it holds no polygon."""
    try:
        whole = polygons_only(shapely.geometry.shape(dict(geojson or {})))
    except (AttributeError, LookupError, TypeError, ValueError, shapely.errors.ShapelyError):  # without end, or damaged
        return None
    parts = [unwrapped(part) if _may_jump(part) else part for part in shapely.get_parts(whole)]
    return polygons_only(shapely.union_all(parts)) if any(part.area for part in parts) else None


def _may_jump(polygon: BaseGeometry) -> bool:
    """Tell whether an edge seems to go more than half round the Earth; one that goes round it wholly does."""
    steps = np.abs(np.diff(shapely.get_coordinates(polygon)[:, 0]))
    return bool(((steps > 180) & (steps < 360)).any())


def centre_longitude(footprint: BaseGeometry) -> float:
    """Return the longitude of the centroid, from -180 to 180 degrees."""
    return float((footprint.centroid.x + 180) % 360 - 180)


def on_the_map(footprint: BaseGeometry) -> BaseGeometry:
    """Return a footprint cut where it crosses longitude 180, both pieces between -180 and 180."""
    return within_180(footprint)


@lru_cache(maxsize=1)
def _transformer() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4326", EQUAL_AREA, always_xy=True)


def area_of(geometry: BaseGeometry) -> float:
    """Return the area in square metres of a geometry in degrees, edges straight in degrees."""
    if geometry.is_empty:
        return 0.0
    west, south, east, north = geometry.bounds
    step = max(east - west, north - south) / EDGES
    dense = shapely.segmentize(geometry, step) if step > 0 else geometry
    flat = shapely.transform(dense, lambda xy: np.column_stack(_transformer().transform(xy[:, 0], xy[:, 1])))
    return float(flat.area)


def shares(footprints: Sequence[BaseGeometry], area: BaseGeometry) -> list[float]:
    """Return what share of an area each footprint covers, 0 to 1."""
    shapely.prepare(area)
    whole = area_of(area)
    return [min(area_of(polygons_only(area.intersection(one))) / whole, 1.0) for one in footprints]


def chosen(footprints: Sequence[BaseGeometry], area: BaseGeometry) -> list[int]:
    """
    Return which footprints to take, in order, until none adds to what is covered of the area.

    The one that adds most is taken next; of equals the first. What one adds only shrinks, so only the best is looked at
    again.
    """
    whole, left = area_of(area), area
    waiting = [(-round(share / NOTHING), index, 0) for index, share in enumerate(shares(footprints, area))]
    heapq.heapify(waiting)
    taken: list[int] = []
    while waiting and waiting[0][0] < 0:
        _, index, round_ = heapq.heappop(waiting)
        if round_ == len(taken):
            taken.append(index)
            left = polygons_only(left.difference(footprints[index]))
            continue
        share = area_of(polygons_only(left.intersection(footprints[index]))) / whole
        heapq.heappush(waiting, (-round(share / NOTHING), index, len(taken)))
    return taken
