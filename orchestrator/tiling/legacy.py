"""
The grid of the published tool (geetiles 0.1.7): the same cells in the same order, so the same identifiers.

Centres stand on a lattice of metres that begins ON the corner of the area's bounding box, and there is one less of
them than it takes: up to one and a half cells in the north and the east of the area are left out. Sides are those of a
degree, `size - 1` metres long: neighbours overlap, or leave slivers. The grid of `cells.py` does neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import PlanError, UserError
from orchestrator.plan.area import Area
from orchestrator.plan.reproject import LONLAT, crosses_antimeridian, longitude_span, parse_crs, reproject
from orchestrator.plan.reproject import transformer_between as between
from orchestrator.raster.arrays import Floats
from orchestrator.tiling.degrees import Geometries
from orchestrator.tiling.sizes import check_count, check_size

# By which a degree is measured at each centre.
STEP_DEGREES = 0.001
# Candidates that are looked at together: some 100 MB.
BLOCK = 250_000


def utm_zone_at(lon: float, lat: float) -> str:
    """
    Return the UTM zone (WGS 84) of a place: the first that PROJ names, the western one on a border.

    Raises:
        PlanError: No zone holds it: UTM ends at latitude 84 N and 80 S.
    """
    found = query_utm_crs_info("WGS 84", AreaOfInterest(lon, lat, lon, lat))
    if not found:
        raise PlanError(
            f"longitude {lon:.2f}, latitude {lat:.2f} lies in no UTM zone (84 N to 80 S); use the grid `--cover full` "
            "with a CRS for it, e.g. --crs EPSG:3413"
        )
    return f"EPSG:{found[0].code}"


def as_published(area: Area) -> BaseGeometry:
    """Return an area in degrees, the vertices as they are; what is in another CRS is drawn in degrees."""
    return reproject(area.geometry, area.crs, LONLAT)


def legacy_cells(area: Area, size: float) -> Geometries:
    """
    Return the cells of an area, rectangles in degrees: column by column from the west, each from the south.

    Args:
        area: Where. Across longitude 180 the formula has no meaning (the bounding box would be the whole Earth's).
        size: Metres between centres.

    Raises:
        UserError: The size is none, there would be too many, or the area lies across longitude 180 or beyond UTM.
    """
    check_size(size)
    if size <= 1:
        raise UserError(f"--size is {size!r}: the published formula makes sides of size - 1 metres; give more than 1")
    if crosses_antimeridian(*longitude_span(area.geometry, area.crs)):
        raise UserError(
            f"{area.name} lies across longitude 180, where the published grid's formula has no meaning; "
            "use the grid `--cover full`, which goes across"
        )
    lonlat = as_published(area)
    shapely.prepare(lonlat)
    kept = [boxes[shapely.intersects(lonlat, boxes)] for boxes in _Lattice.of(lonlat, size).rectangles()]
    return np.concatenate(kept) if kept else np.empty(0, dtype=object)


@dataclass(frozen=True, slots=True)
class _Lattice:
    """
    Centres in metres.

    Attributes:
        forward: From degrees to metres.
        left, bottom: The first centre.
        columns, rows: How many.
        size: Metres between them.
    """

    forward: pyproj.Transformer
    left: float
    bottom: float
    columns: int
    rows: int
    size: float

    @classmethod
    def of(cls, lonlat: BaseGeometry, size: float) -> _Lattice:
        middle = lonlat.centroid
        forward = between(parse_crs(LONLAT), parse_crs(utm_zone_at(middle.x, middle.y)))
        x, y = forward.transform(*shapely.get_coordinates(lonlat).T)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise UserError("the area reaches too far from its middle to be drawn in one UTM zone; cut it into several")
        left, bottom = float(x.min()), float(y.min())
        columns, rows = int((x.max() - left) // size), int((y.max() - bottom) // size)
        check_count(columns * rows, size, "in the area's bounding box")
        return cls(forward, left, bottom, columns, rows, size)

    def rectangles(self) -> Iterator[Geometries]:
        for first in range(0, self.columns * self.rows, BLOCK):
            column, row = np.divmod(np.arange(first, min(first + BLOCK, self.columns * self.rows)), self.rows)
            yield self._around(self.left + column * self.size, self.bottom + row * self.size)

    def _around(self, x: Floats, y: Floats) -> Geometries:
        """Return rectangles in degrees whose half sides are `(size - 1) / 2` metres, as long as degrees are there."""
        to_metres: Any = self.forward.transform
        lon, lat = to_metres(x, y, direction="INVERSE")
        here_x, here_y = to_metres(lon, lat)
        per_lon = (to_metres(lon + STEP_DEGREES, lat)[0] - here_x) / STEP_DEGREES
        per_lat = (to_metres(lon, lat + STEP_DEGREES)[1] - here_y) / STEP_DEGREES
        half_lon, half_lat = (self.size - 1) / 2 / per_lon, (self.size - 1) / 2 / per_lat
        # The published ring: SW NW NE SE SW.
        west, east, south, north = lon - half_lon, lon + half_lon, lat - half_lat, lat + half_lat
        ring = np.stack([west, south, west, north, east, north, east, south, west, south], axis=-1)
        return np.asarray(shapely.polygons(ring.reshape(-1, 5, 2)), dtype=object)
