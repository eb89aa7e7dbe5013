"""
Rectangles of random sizes that fill an area: it is cut in two, across its longer side, until no part is too large.

The cuts are those of the published tool (geetiles 0.1.7) for the same random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import UserError
from orchestrator.plan.area import Area
from orchestrator.plan.reproject import (
    LONLAT,
    crosses_antimeridian,
    longitude_span,
    parse_crs,
    polygons_only,
    to_lonlat,
    transformer_between,
)
from orchestrator.tiling.degrees import Geometries
from orchestrator.tiling.legacy import as_published, utm_zone_at
from orchestrator.tiling.sizes import check_count, check_size, is_number

DEFAULT_VARIANCE = 0.1
MAX_DEPTH = 250
MAX_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Katana:
    """
    Parts of an area.

    Attributes:
        parts: Polygons in `crs`, an array of (parts,), in the order of the cuts.
        crs: The UTM zone at the mean of the area's envelope (of its ring: the south-western corner counts twice).
        area: The area in it: its vertices are projected, edges are straight between them. The areas of the parts add
            up to its area, in this plane.
    """

    parts: Geometries
    crs: str
    area: BaseGeometry


def cut_at_random(area: Area, size: float, *, variance: float, seed: int) -> Katana:
    """
    Return an area cut into parts no side of which is longer than `size` metres.

    Args:
        area: Where.
        size: The longest side, metres.
        variance: How far a cut may lie from the middle, 0 (always there) to below 0.5.
        seed: Of the random numbers (numpy's `RandomState`), 0 to 2^32 - 1.

    Raises:
        UserError: A number is out of its range, there would be too many parts, or the area lies beyond UTM.
    """
    check_size(size, "--max-size")
    if not is_number(variance) or not 0 <= variance < 0.5:
        raise UserError(f"--variance is {variance!r}; give a number from 0 to below 0.5, for example 0.1")
    if not is_number(seed) or int(seed) != seed or not 0 <= seed <= MAX_SEED:
        raise UserError(f"--seed is {seed!r}; give a whole number from 0 to {MAX_SEED}")
    crs, drawn = _in_its_zone(area)
    check_count(drawn.area / size**2, size)
    parts = [*_halves(drawn, size, variance, np.random.RandomState(int(seed)), 0)]
    return Katana(np.array(parts, dtype=object), crs, drawn)


def _in_its_zone(area: Area) -> tuple[str, BaseGeometry]:
    crosses = crosses_antimeridian(*longitude_span(area.geometry, area.crs))
    lonlat = to_lonlat(area.geometry, area.crs) if crosses else as_published(area)
    west, south, east, north = lonlat.bounds
    lon, lat = west + (east - west) * 0.4, south + (north - south) * 0.4
    crs = utm_zone_at((lon + 180) % 360 - 180, lat)
    forward = transformer_between(parse_crs(LONLAT), parse_crs(crs))
    drawn = shapely.transform(lonlat, lambda xy: np.column_stack(forward.transform(xy[:, 0], xy[:, 1])))
    if not np.isfinite(shapely.get_coordinates(drawn)).all():
        raise UserError("the area reaches too far from its middle to be drawn in one UTM zone; cut it into several")
    return crs, drawn if drawn.is_valid and not crosses else polygons_only(drawn)


def _halves(shape: Any, size: float, variance: float, chance: np.random.RandomState, depth: int) -> Iterator[Any]:
    # A number is drawn for every call, also for one that cuts nothing: so the published tool does.
    ratio = 2 * (1 + (chance.random_sample() - 0.5) * 2 * variance)
    left, bottom, right, top = shape.bounds
    width, height = right - left, top - bottom
    if max(width, height) <= size or depth == MAX_DEPTH:
        yield shape
        return
    if height >= width:
        at = bottom + height / ratio
        halves = (shapely.box(left, bottom, right, at), shapely.box(left, at, right, top))
    else:
        at = left + width / ratio
        halves = (shapely.box(left, bottom, at, top), shapely.box(at, bottom, right, top))
    for half in halves:
        for part in _polygons_of(shape.intersection(half)):
            yield from _halves(part, size, variance, chance, depth + 1)


def _polygons_of(shape: BaseGeometry) -> Iterator[BaseGeometry]:
    """Yield the polygons of a cut in their order; lines and points, where it only touches, are dropped."""
    for part in shapely.get_parts([shape]):
        if part.geom_type == "Polygon" and not part.is_empty:
            yield part
