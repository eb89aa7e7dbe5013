"""
An area, however it is held in memory, as the text that a job keeps: a run then needs no file and no object.

Text is WKT, one geometry a line, with `SRID=n;` before it; coordinates are written so that reading gives the same
numbers. The order is x (or longitude) first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from orchestrator.api.arguments import numbers
from orchestrator.core.errors import AreaError, UserError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

LONLAT = "EPSG:4326"
# Between points so near a great circle and a line straight in degrees differ by centimetres.
GEODESIC_METRES = 1000.0
MAX_ADDED = 200_000  # points, for edges round the Earth


def area_table(area: object, crs: str = "") -> dict[str, str]:
    """
    Return the table `area` of a job.

    Args:
        area: A path or a text (a file, a box, WKT), a box (left, bottom, right, top), a GeoDataFrame or GeoSeries, a
            shapely geometry, or an `ee.Geometry`.
        crs: The CRS of what does not say its own; degrees (EPSG:4326) where it is empty.

    Raises:
        AreaError: It is none of these, it is empty, or its CRS is not known.
    """
    if isinstance(area, (str, os.PathLike)):
        return {"source": os.fspath(area)} | ({"crs": crs} if crs else {})
    if isinstance(area, Sequence):
        return {"source": _box(area, crs)}
    if _is_of("ee", "Geometry", area):
        return _from_ee(area, crs)
    if _is_of("geopandas", "GeoDataFrame", area) or _is_of("geopandas", "GeoSeries", area):
        return _from_frame(area, crs)
    if _is_of("shapely", "Geometry", area):
        return _text([cast("BaseGeometry", area)], crs or LONLAT)
    raise AreaError(
        f"an area of type {type(area).__name__} is not known; give a path, a box (left, bottom, right, top), a "
        "GeoDataFrame, a shapely geometry or an ee.Geometry"
    )


def rows_table(frame: Any) -> dict[str, str]:
    """
    Return the same of a GeoDataFrame or GeoSeries whose rows are places of their own, none of which is left out.

    A row without a geometry is written as an empty one, so that reading counts it and says so; no rows are a collection
    of none.

    Raises:
        AreaError: It has no CRS.
    """
    import shapely  # noqa: PLC0415  with the areas come geometries

    nowhere = shapely.Point()
    rows = [nowhere if one is None or one.is_empty else one for one in frame.geometry]
    return _text(rows or [shapely.GeometryCollection()], _crs_of(frame), keep_empty=True)


def _is_of(module: str, name: str, value: object) -> bool:
    """Tell whether a value is an object of a library; one that nobody has imported has made none."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def _box(sides: Sequence[Any], crs: str) -> str:
    try:
        left, bottom, right, top = numbers(sides, "the box", 4)
    except UserError:
        raise AreaError(f"{sides!r} is no box; give four numbers: (left, bottom, right, top)") from None
    code = f";{crs}" if crs and crs != LONLAT else ""
    return f"{left!r},{bottom!r},{right!r},{top!r}{code}"


def _from_frame(frame: Any, crs: str) -> dict[str, str]:
    return _text([one for one in frame.geometry if one is not None], _crs_of(frame, crs))


def _crs_of(frame: Any, otherwise: str = "") -> str:
    stated: str = frame.crs.to_wkt() if frame.crs is not None else otherwise
    if not stated:
        raise AreaError("the GeoDataFrame has no CRS; set it with frame.set_crs(...), or give crs= of the area")
    return stated


def _from_ee(geometry: Any, crs: str) -> dict[str, str]:
    from shapely.geometry import shape  # noqa: PLC0415  with the areas come geometries

    content = _geojson_of(geometry)
    stated = str(content.get("crs", {}).get("properties", {}).get("name", "")) or crs or LONLAT
    whole = shape(content)
    # Earth Engine bends the edges of a geometry in degrees along great circles unless it is told otherwise.
    bent = stated == LONLAT and content.get("geodesic", True)
    return _text([_along_great_circles(whole) if bent else whole], stated)


def _geojson_of(geometry: Any) -> dict[str, Any]:
    """Return an `ee.Geometry` as GeoJSON; Earth Engine is asked where it is computed."""
    import ee  # noqa: PLC0415  whoever made the geometry has imported it

    try:
        content: dict[str, Any] = geometry.getInfo() if geometry.func else geometry.toGeoJSON()
    except ee.EEException as error:
        raise AreaError(f"the ee.Geometry cannot be computed: {error}") from None
    return content


def _along_great_circles(geometry: BaseGeometry) -> BaseGeometry:
    """Return the same geometry with so many points on its edges, great circles, that degrees may be straight."""
    import numpy as np  # noqa: PLC0415
    import pyproj  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    earth = pyproj.Geod(ellps="sphere")

    def bend(points: Any) -> Any:
        found = [points[:1]]
        for first, last in pairwise(points):
            _, _, metres = earth.inv(*first, *last)
            # pyproj takes no points between as a question without an answer.
            if between := min(int(metres // GEODESIC_METRES), MAX_ADDED):
                (west, south), (east, north) = first.tolist(), last.tolist()
                found.append(np.array(earth.npts(west, south, east, north, between)).reshape(-1, 2))
            found.append(last[None])
        return np.concatenate(found)

    polygons = shapely.get_parts([geometry])
    if not all(polygon.geom_type == "Polygon" for polygon in polygons):
        return geometry  # refused where areas are read, by its type
    bent = [
        shapely.Polygon(
            bend(shapely.get_coordinates(polygon.exterior)),
            [bend(shapely.get_coordinates(ring)) for ring in polygon.interiors],
        )
        for polygon in polygons
    ]
    return bent[0] if len(bent) == 1 else shapely.MultiPolygon(bent)


def _text(geometries: Iterable[BaseGeometry], crs: str, *, keep_empty: bool = False) -> dict[str, str]:
    import shapely  # noqa: PLC0415  with the areas come geometries

    from orchestrator.core.errors import PlanError  # noqa: PLC0415
    from orchestrator.plan.reproject import crs_name, parse_crs  # noqa: PLC0415

    try:
        name = crs_name(parse_crs(crs))
    except PlanError as error:
        raise AreaError(f"the area's {error}") from None
    lines = [_wkt(shapely.force_2d(one)) for one in geometries if keep_empty or not one.is_empty]
    if not lines:
        raise AreaError("the area is empty: it holds no geometry, or one without points; give polygons")
    authority, _, code = name.partition(":")
    if authority == "EPSG" and code.isdecimal():
        return {"source": "\n".join(f"SRID={code};{line}" for line in lines)}
    return {"source": "\n".join(lines), "crs": name}


def _wkt(geometry: BaseGeometry) -> str:
    """Return a geometry as WKT that reads as the same numbers; GEOS would round some in the last digit."""
    import shapely  # noqa: PLC0415

    if geometry.geom_type == "Polygon":
        return f"POLYGON {_rings(geometry)}"
    if geometry.geom_type == "Point" and not geometry.is_empty:
        ((x, y),) = shapely.get_coordinates(geometry).tolist()
        return f"POINT ({x!r} {y!r})"
    if geometry.geom_type == "MultiPolygon":
        return f"MULTIPOLYGON ({', '.join(_rings(part) for part in shapely.get_parts([geometry]))})"
    return str(geometry.wkt)  # refused where areas are read, by its type, or taken apart there


def _rings(polygon: Any) -> str:
    rings = (polygon.exterior, *polygon.interiors)
    return f"({', '.join(_ring(ring) for ring in rings)})" if not polygon.is_empty else "EMPTY"


def _ring(ring: Any) -> str:
    import shapely  # noqa: PLC0415

    return f"({', '.join(f'{x!r} {y!r}' for x, y in shapely.get_coordinates(ring).tolist())})"
