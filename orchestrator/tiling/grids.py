"""
Grids of tiles over an area: full (a lattice of metres, every cell that shares surface with it), legacy, random.

An area of several UTM zones gets one lattice, in the zone of its middle, or one for each zone whose cells end at the
border meridian: then nothing is covered twice, and cells along borders are narrower.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import PlanError, UserError
from orchestrator.plan.align import utm_crs
from orchestrator.plan.area import Area
from orchestrator.plan.reproject import (
    LONLAT,
    crs_name,
    parse_crs,
    polygons_only,
    reproject,
    shift_longitude,
    to_lonlat,
    transformer_between,
)
from orchestrator.plan.tear import cut_longitude
from orchestrator.tiling.cells import Cells, cut_into_cells
from orchestrator.tiling.degrees import Geometries, move
from orchestrator.tiling.file import Tiles, name_tiles
from orchestrator.tiling.katana import DEFAULT_VARIANCE, cut_at_random
from orchestrator.tiling.legacy import legacy_cells
from orchestrator.tiling.sizes import check_count, check_size

FULL, LEGACY = "full", "legacy"
ONE, EACH = "one", "each"
CHIPS = "aschips"
ZONE = "zone"
# UTM itself is 1/1000 off along the borders of its zones on the equator; who is farther off is told.
MAX_SCALE_ERROR = 1e-3
# Edges of cells kept in degrees are straight there: so long ones bend by 2 cm.
MAX_EDGE_METRES = 1000.0
WIDTH = 6.0  # of a UTM zone, degrees


@dataclass(frozen=True, slots=True)
class Cover:
    """
    How an area is covered by a full grid.

    Attributes:
        clip: Cells are cut with the area; otherwise they stay squares.
        min_overlap: Share of a cell, 0 to 1, that the area must be; cells of less are left out.
        crs: A projected CRS in metres whose lattice it is; the UTM zone of the area's middle where it is empty.
        zones: `one` lattice for all, or one for `each` UTM zone.
    """

    clip: bool = False
    min_overlap: float = 0.0
    crs: str = ""
    zones: str = ONE

    def __post_init__(self) -> None:
        if not 0 <= self.min_overlap <= 1:
            raise UserError(f"--min-overlap is {self.min_overlap!r}; give a share of a cell, from 0 to 1")
        if self.zones not in {ONE, EACH}:
            raise UserError(f"--zones is {self.zones!r}; give {ONE} or {EACH}")
        if self.zones == EACH and self.crs:
            raise UserError(f"--zones {EACH} takes the CRS of each UTM zone; leave --crs {self.crs} out")


# Tiles, and what is to be said of them, a sentence each.
WithNotes = tuple[Tiles, tuple[str, ...]]


def legacy_tiles(area: Area, name: str, size: float) -> WithNotes:
    """
    Return the published grid: its identifiers, order and hash; rectangles in degrees.

    Raises:
        UserError: See `legacy_cells`; or there is no cell, which happens where the area is smaller than two.
    """
    return (_named(legacy_cells(area, size), LONLAT, name, {"kind": "grid", "cover": LEGACY, "size": _plain(size)}), ())


def full_tiles(area: Area, name: str, size: float, cover: Cover = Cover()) -> WithNotes:
    """
    Return cells at multiples of `size` that cover an area once: their union contains it, none overlap.

    Raises:
        UserError: The size is none, there would be too many, the CRS is none of metres, no cell is left.
        AreaError: The area cannot be drawn in the CRS.
    """
    check_size(size)
    about = {"kind": "grid", "cover": FULL, "size": _plain(size)} | _differing(cover)
    lonlat = to_lonlat(area.geometry, area.crs)
    if cover.zones == EACH:
        return _of_each_zone(lonlat, name, size, cover, about)
    crs = lattice_crs(cover.crs) if cover.crs else utm_crs(area.geometry, area.crs)
    if (cut := cut_longitude(lonlat, crs)) is not None:
        raise PlanError(
            f"{crs} is cut at longitude {cut:g}, within {area.name}; name another, or leave --crs out (UTM)"
        )
    cells = _cells(reproject(area.geometry, area.crs, crs), size, cover)
    shapes = cells.clipped() if cover.clip else cells.boxes()
    return (_named(shapes, crs, name, about | {"crs": crs}), _scale_notes(lonlat, crs, size))


def random_tiles(area: Area, name: str, size: float, *, seed: int, variance: float = DEFAULT_VARIANCE) -> WithNotes:
    """
    Return an area cut at random; see `cut_at_random`. Tiles are clipped by the area, in the UTM zone of its middle.

    Raises:
        UserError: See there.
    """
    found = cut_at_random(area, size, variance=variance, seed=seed)
    about = {"kind": "random", "max_size": _plain(size), "variance": variance, "seed": seed, "crs": found.crs}
    lonlat = to_lonlat(area.geometry, area.crs)
    return (
        _named(found.parts, found.crs, name, about, tiles=f"{int(size) // 1000}k"),
        _scale_notes(lonlat, found.crs, size),
    )


def lattice_crs(text: str) -> str:
    """
    Return the name of a CRS that can carry a lattice of metres.

    Raises:
        PlanError: It is not known, not projected, or counts in other units.
    """
    crs = parse_crs(text)
    unit = crs.axis_info[0].unit_name
    if not crs.is_projected or unit != "metre":
        raise PlanError(f"--crs {text} counts in units of {unit}; a grid needs a projected CRS in metres, as EPSG:3035")
    return crs_name(crs)


def _named(shapes: Geometries, crs: str, name: str, about: Mapping[str, Any], tiles: str = CHIPS) -> Tiles:
    from geopandas import GeoDataFrame  # noqa: PLC0415  heavy

    return name_tiles(GeoDataFrame(geometry=shapes, crs=crs), name, tiles, about)


def _plain(size: float) -> float:
    """Return a whole number as one."""
    return int(size) if float(size).is_integer() else size


def _differing(cover: Cover) -> dict[str, Any]:
    """Return what was asked for that is not the default, as the file tells it."""
    told = {"clip": "aoi" if cover.clip else "", "min_overlap": cover.min_overlap}
    return {key: value for key, value in told.items() if value}


def _cells(drawn: BaseGeometry, size: float, cover: Cover) -> Cells:
    # A cell at every place of the outline, too: an area of threads has more of those than its surface tells.
    check_count(drawn.area / size**2, size)
    cells = cut_into_cells(drawn, size)
    return cells.take(cells.share >= cover.min_overlap) if cover.min_overlap else cells


def _of_each_zone(lonlat: BaseGeometry, name: str, size: float, cover: Cover, about: Mapping[str, Any]) -> WithNotes:
    from geopandas import GeoDataFrame  # noqa: PLC0415  heavy

    check_count(abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(lonlat)[0]) / size**2, size)
    found = {crs: _in_zone(part, meridian, crs, size, cover) for crs, meridian, part in _by_zone(lonlat)}
    zones = [crs for crs, cells in found.items() for _ in cells]
    frame = GeoDataFrame({ZONE: zones}, geometry=np.concatenate([*found.values()]), crs=LONLAT)
    return (name_tiles(frame, name, CHIPS, {**about, "crs": LONLAT, "zones": [*found]}), ())


def _by_zone(lonlat: BaseGeometry) -> Iterator[tuple[str, float, BaseGeometry]]:
    """Yield each UTM zone, its central meridian, and what lies in it; south and north of the equator are one."""
    west, _south, east, _north = lonlat.bounds
    base = 32600 if lonlat.centroid.y >= 0 else 32700
    for number in range(math.floor((west + 180) / WIDTH), math.ceil((east + 180) / WIDTH)):
        left = number * WIDTH - 180
        part = polygons_only(lonlat.intersection(shapely.box(left, -90, left + WIDTH, 90)))
        if not part.is_empty:
            turn = -360 * (number // 60)
            yield f"EPSG:{base + number % 60 + 1}", left + turn + WIDTH / 2, shift_longitude(part, turn)


def _in_zone(part: BaseGeometry, meridian: float, crs: str, size: float, cover: Cover) -> Geometries:
    """Return the cells of one zone in degrees, cut where the zone ends."""
    cells = _cells(reproject(part, LONLAT, crs), size, cover)
    shapes = shapely.segmentize(cells.clipped() if cover.clip else cells.boxes(), MAX_EDGE_METRES)
    lonlat = move(shapes, transformer_between(parse_crs(crs), parse_crs(LONLAT)))
    xy = shapely.get_coordinates(lonlat)
    xy[:, 0] = meridian + (xy[:, 0] - meridian + 180) % 360 - 180
    shapely.set_coordinates(lonlat, xy)
    out = np.flatnonzero(np.abs(shapely.bounds(lonlat)[:, [0, 2]] - meridian).max(axis=1) > WIDTH / 2)
    lonlat[out] = shapely.intersection(lonlat[out], shapely.box(meridian - WIDTH / 2, -90, meridian + WIDTH / 2, 90))
    return lonlat


def _scale_notes(lonlat: BaseGeometry, crs: str, size: float) -> tuple[str, ...]:
    """Return a warning where lengths in the CRS are not those on the ground, at a vertex of the area or its middle."""
    factors = pyproj.Proj(crs).get_factors(*shapely.get_coordinates([lonlat, lonlat.centroid]).T)
    scales = np.concatenate([factors.meridional_scale, factors.parallel_scale])
    scales = scales[np.isfinite(scales)]
    worst = float(scales[np.abs(scales - 1).argmax()]) if len(scales) else math.inf
    if abs(worst - 1) <= MAX_SCALE_ERROR:
        return ()
    off = f"{abs(worst - 1) * 1000:.1f} in 1000 {'longer' if worst > 1 else 'shorter'}"
    note = (
        f"lengths in {crs} are up to {off} than on the ground here: {size:g} m are {size / worst:.6g} m; "
        f"name a CRS made for this area (--crs EPSG:n), or lay a lattice in each UTM zone (--zones {EACH})"
    )
    return (note,)
