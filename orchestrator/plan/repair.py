"""Features judged and mended: what is no usable polygon is refused by name, what is mended is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import AreaError
from orchestrator.plan.features import Features
from orchestrator.plan.reproject import parse_crs, polygons_only, within_180

MOST_WEST_EAST = 540.0  # one and a half turns
MAX_NAMED = 3
MAX_NESTING = 32
MANY = 1000
POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def without_null(features: Features) -> Features:
    """
    Return the features that have a geometry, and a note that names the others.

    Raises:
        AreaError: If there is no feature, or none has a geometry.
    """
    if len(features.geometries) == 0:
        raise AreaError(f"{features.label}: holds no feature (or none passes the filter); give at least one polygon")
    missing = shapely.is_missing(features.geometries) | shapely.is_empty(features.geometries)
    if not missing.any():
        return features
    named = _named(features, np.flatnonzero(missing))
    if missing.all():
        raise AreaError(
            f"{features.label}: feature {named} has no geometry, and no other one has; the file may be truncated: "
            "copy it again, or give another"
        )
    kept = np.flatnonzero(~missing)
    left_out = f"{int(missing.sum())} of {len(missing)} features have no geometry and were left out ({named})"
    note = f"{features.label}: {left_out}."
    return replace(
        features,
        geometries=features.geometries[kept],
        ids=tuple(features.ids[index] for index in kept),
        fields={name: tuple(values[index] for index in kept) for name, values in features.fields.items()},
        notes=(*features.notes, note),
    )


def mend(features: Features, crs: str) -> tuple[list[BaseGeometry], tuple[str, ...]]:
    """
    Return each feature as a valid two-dimensional (Multi)Polygon, and what was mended, a sentence each.

    Raises:
        AreaError: Naming the first feature that is no polygon, holds a coordinate that is not finite or out of the
            CRS's bounds, or has no surface.
    """
    _refuse_other_than_polygons(features)
    check_coordinates(features, crs)
    notes: list[str] = []
    flat = features.geometries
    if shapely.has_z(flat).any() or shapely.has_m(flat).any():
        notes.append(f"{features.label}: heights (Z or M) were dropped.")
        flat = shapely.force_2d(flat)
    mended = list(flat)
    sound = np.isin(shapely.get_type_id(flat), POLYGONAL) & shapely.is_valid(flat) & (shapely.area(flat) > 0)
    for index in np.flatnonzero(~sound):
        mended[index] = _mend_one(flat[index], features.ids[index], features.label, notes)
    same = len(mended) - len(set(shapely.to_wkb(mended))) if len(mended) > 1 else 0
    if same:
        notes.append(f"{features.label}: {same} features repeat the outline of another and count once.")
    return mended, tuple(notes)


def dissolve(geometries: list[BaseGeometry], crs: str) -> BaseGeometry:
    """Return the union of `geometries`; holes and separate pieces are kept. Longitudes end within -180 and 180."""
    if parse_crs(crs).is_geographic:
        geometries = [within_180(geometry) for geometry in geometries]
    return geometries[0] if len(geometries) == 1 else polygons_only(_union(geometries))


def _union(geometries: list[BaseGeometry]) -> BaseGeometry:
    # Thousands of islands that hardly meet are united group by group: a second instead of half a minute.
    if len(geometries) > MANY and shapely.geos_version >= (3, 12, 0):
        return shapely.disjoint_subset_union_all(geometries)
    return shapely.union_all(geometries)


def _refuse_other_than_polygons(features: Features) -> None:
    kinds = shapely.get_type_id(features.geometries)
    polygonal = np.isin(kinds, POLYGONAL)
    for index in np.flatnonzero(kinds == shapely.GeometryType.GEOMETRYCOLLECTION):
        polygonal[index] = _is_polygonal(features.geometries[index])
    wrong = np.flatnonzero(~polygonal)
    if len(wrong):
        kind = features.geometries[wrong[0]].geom_type
        raise AreaError(
            f"{features.label}: feature {_named(features, wrong)} is a {kind}, not a polygon; an area needs a surface: "
            "draw polygons, buffer the lines or points, or leave them out (--where)"
        )


def _is_polygonal(geometry: BaseGeometry) -> bool:
    parts = shapely.get_parts([geometry])
    for _ in range(MAX_NESTING):
        if not np.any(shapely.get_type_id(parts) == shapely.GeometryType.GEOMETRYCOLLECTION):
            return bool(np.isin(shapely.get_type_id(parts), POLYGONAL).all())
        parts = shapely.get_parts(parts)
    return False


def check_coordinates(features: Features, crs: str) -> None:
    """
    Make sure that every coordinate can be one of the CRS.

    Raises:
        AreaError: One is not finite, or out of its bounds.
    """
    bounds = shapely.bounds(features.geometries)
    xy, owner = shapely.get_coordinates(features.geometries, return_index=True)
    finite = np.isfinite(xy).all(axis=1)
    if not finite.all():
        wrong = np.unique(owner[~finite])
        raise AreaError(
            f"{features.label}: feature {_named(features, wrong)} holds a coordinate that is not a finite number; "
            "repair or redraw it"
        )
    left, bottom, right, top = (float(v) for v in (*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0)))
    shown = f"from ({left:g}, {bottom:g}) to ({right:g}, {top:g})"
    parsed = parse_crs(crs)
    # Longitudes 0..360 are in use, and so is going on beyond 180 on either side of the world.
    looks_like_degrees = left >= -MOST_WEST_EAST and right <= MOST_WEST_EAST and bottom >= -90.001 and top <= 90.001
    if parsed.is_geographic and not looks_like_degrees:
        if max(-left, right) <= 90.001 and max(-bottom, top) <= MOST_WEST_EAST:
            raise AreaError(
                f"{features.label}: coordinates {shown} have latitudes beyond 90; longitude and latitude seem to be "
                "exchanged: write longitude first"
            )
        raise AreaError(
            f"{features.label}: coordinates {shown} are no degrees, but the CRS is {parsed.name}; "
            "state the true CRS (--area-crs)"
        )
    if parsed.is_geographic:
        _refuse_long_edges(features)
    degrees = left >= -180.001 and right <= 360.001 and bottom >= -90.001 and top <= 90.001
    if parsed.is_projected and degrees:
        raise AreaError(
            f"{features.label}: coordinates {shown} look like degrees, but {parsed.name} counts in "
            f"{parsed.axis_info[0].unit_name}; state the true CRS (--area-crs EPSG:4326)"
        )


def _refuse_long_edges(features: Features) -> None:
    """
    Refuse an edge that spans more than half the Earth, since nobody can tell which way round it is meant.

    An edge of 360 degrees is meant as it is drawn: along a pole or a parallel, round the Earth.
    """
    rings, owner = shapely.get_rings(shapely.get_parts(features.geometries), return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    across = np.abs(np.diff(xy[:, 0])) * (ring[:-1] == ring[1:])
    long = np.flatnonzero((across > 180) & (across < 360 - 1e-6))
    if not len(long):
        return
    _parts, feature = shapely.get_parts(features.geometries, return_index=True)
    number = features.ids[feature[owner[ring[long[0]]]]]
    first, last = (float(xy[long[0] + step, 0]) for step in (0, 1))
    east, west = max(first, last), min(first, last)
    raise AreaError(
        f"{features.label}: feature {number} has an edge from longitude {first:g} to {last:g}, {east - west:.1f} "
        f"degrees long; if it crosses longitude 180, write {east:g} to {west + 360:g}, or split the polygon at 180"
    )


def _mend_one(geometry: BaseGeometry, identity: str, label: str, notes: list[str]) -> BaseGeometry:
    if geometry.geom_type == "GeometryCollection":
        geometry = polygons_only(geometry)
    if not shapely.is_valid(geometry):
        reason = shapely.is_valid_reason(geometry)
        geometry = polygons_only(geometry)
        notes.append(f"{label}: feature {identity} was invalid ({reason}) and was repaired; its area is now kept once.")
    if geometry.is_empty or not geometry.area > 0:
        raise AreaError(f"{label}: feature {identity} has no surface (area 0); redraw it or leave it out (--where)")
    return geometry


def _named(features: Features, wrong: NDArray[np.intp]) -> str:
    named = ", ".join(features.ids[index] for index in wrong[:MAX_NAMED])
    return named if len(wrong) <= MAX_NAMED else f"{named} and {len(wrong) - MAX_NAMED} more"
