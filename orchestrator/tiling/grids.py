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
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import PlanError, UserError
from orchestrator.plan.align import POLAR, UTM_NORTH, UTM_SOUTH, utm_crs
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
from orchestrator.tiling.measure import WGS84, map_scale
from orchestrator.tiling.sizes import check_count, check_size, is_number

FULL, LEGACY = "full", "legacy"
ONE, EACH = "one", "each"
CHIPS = "aschips"
ZONE = "zone"
# UTM itself is 1/1000 off along the borders of its zones on the equator; who is farther off is told.
MAX_SCALE_ERROR = 1e-3
BETTER = "; name a CRS made for this area (--crs EPSG:n), or lay a lattice in each UTM zone (--zones each)"
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
        if not is_number(self.min_overlap) or not 0 <= self.min_overlap <= 1:
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
        UserError: See `legacy_cells`; or there is no cell.
    """
    cells = legacy_cells(area, size)
    if not len(cells):
        raise UserError(
            f"the published formula lays no tile of {size:g} m over {area.name}, which is smaller or lies beside the "
            "centres; choose a smaller --size, or --cover full"
        )
    return (_named(cells, LONLAT, name, {"kind": "grid", "cover": LEGACY, "size": _plain(size)}), ())


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
    drawn = reproject(area.geometry, area.crs, crs)
    cells = _cells(drawn, size, cover)
    if not len(cells.col):
        raise UserError(
            f"no tile of {size:g} m has a share of {cover.min_overlap:g} (--min-overlap); give a smaller one"
        )
    shapes = cells.clipped() if cover.clip else cells.boxes()
    return (_named(shapes, crs, name, about | {"crs": crs}), _scale_notes(drawn, crs, size, BETTER))


def random_tiles(area: Area, name: str, size: float, *, seed: int, variance: float = DEFAULT_VARIANCE) -> WithNotes:
    """
    Return an area cut at random; see `cut_at_random`. Tiles are clipped by the area, in the UTM zone of its middle.

    Raises:
        UserError: See there.
    """
    found = cut_at_random(area, size, variance=variance, seed=seed)
    about = {"kind": "random", "max_size": _plain(size), "variance": variance, "seed": seed, "crs": found.crs}
    return (
        _named(found.parts, found.crs, name, about, tiles=f"{int(size) // 1000}k"),
        _scale_notes(found.area, found.crs, size),
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
    return int(size) if float(size).is_integer() else float(size)


def _differing(cover: Cover) -> dict[str, Any]:
    """Return what was asked for that is not the default, as the file tells it."""
    told = {"clip": "aoi" if cover.clip else "", "min_overlap": cover.min_overlap}
    return {key: value for key, value in told.items() if value}


def _cells(drawn: BaseGeometry, size: float, cover: Cover) -> Cells:
    # Along an outline there is a cell, too, where the area is no cell wide.
    check_count(drawn.area / size**2 + drawn.length / size, size)
    cells = cut_into_cells(drawn, size)
    return cells.take(cells.share >= cover.min_overlap) if cover.min_overlap else cells


def _of_each_zone(lonlat: BaseGeometry, name: str, size: float, cover: Cover, about: Mapping[str, Any]) -> WithNotes:
    from geopandas import GeoDataFrame  # noqa: PLC0415  heavy

    check_count(abs(WGS84.geometry_area_perimeter(lonlat)[0]) / size**2, size)
    found = {crs: _in_zone(part, strip, crs, size, cover) for crs, strip, part in _by_zone(lonlat)}
    zones = [crs for crs, cells in found.items() for _ in cells]
    frame = GeoDataFrame({ZONE: zones}, geometry=np.concatenate([*found.values()]), crs=LONLAT)
    return (name_tiles(frame, name, CHIPS, {**about, "zones": [*found]}), ())


def _by_zone(lonlat: BaseGeometry) -> Iterator[tuple[str, BaseGeometry, BaseGeometry]]:
    """Yield each UTM zone, north and south of the equator, the strip it is and what lies in it; within ±180."""
    west, south, east, north = lonlat.bounds
    if south < UTM_SOUTH or north > UTM_NORTH:
        raise PlanError(
            f"the area reaches from latitude {south:.2f} to {north:.2f}, and UTM from 80 S to 84 N; "
            f"leave --zones {EACH} out and name a CRS, e.g. --crs {POLAR[north > UTM_NORTH]}"
        )
    for number in range(math.floor((west + 180) / WIDTH), math.ceil((east + 180) / WIDTH)):
        left = number * WIDTH - 180
        for base, bottom, top in ((32600, 0, UTM_NORTH), (32700, UTM_SOUTH, 0)):
            strip = shapely.box(left, bottom, left + WIDTH, top)
            part = polygons_only(lonlat.intersection(strip))
            if not part.is_empty:
                turn = -360 * (number // 60)
                yield f"EPSG:{base + number % 60 + 1}", shift_longitude(strip, turn), shift_longitude(part, turn)


def _in_zone(part: BaseGeometry, strip: BaseGeometry, crs: str, size: float, cover: Cover) -> Geometries:
    """Return the cells of one zone in degrees, cut where the zone ends."""
    cells = _cells(reproject(part, LONLAT, crs), size, cover)
    shapes = shapely.segmentize(cells.clipped() if cover.clip else cells.boxes(), MAX_EDGE_METRES)
    lonlat = move(shapes, transformer_between(parse_crs(crs), parse_crs(LONLAT)))
    xy, middle = shapely.get_coordinates(lonlat), strip.centroid.x
    xy[:, 0] = middle + (xy[:, 0] - middle + 180) % 360 - 180  # what crosses longitude 180 goes on beyond it
    shapely.set_coordinates(lonlat, xy)
    shapely.prepare(strip)
    out = np.flatnonzero(~shapely.covers(strip, lonlat))
    lonlat[out] = shapely.intersection(lonlat[out], strip)
    # Edges of the area along a border are drawn straight and bend by 2 cm, into a cell beyond it perhaps.
    return lonlat[shapely.area(lonlat) > 0]


def _scale_notes(drawn: BaseGeometry, crs: str, size: float, advice: str = "") -> tuple[str, ...]:
    """Return a warning where lengths in the CRS are not those on the ground, at a vertex of the area or its middle."""
    scale = map_scale(parse_crs(crs), *shapely.get_coordinates([drawn, drawn.centroid]).T)
    scales = 1 / np.concatenate([scale.x, scale.y])
    scales = scales[np.isfinite(scales)]
    worst = float(scales[np.abs(scales - 1).argmax()]) if len(scales) else math.inf
    if abs(worst - 1) <= MAX_SCALE_ERROR:
        return ()
    off = f"{abs(worst - 1) * 1000:.1f} in 1000 {'longer' if worst > 1 else 'shorter'}"
    return (f"lengths in {crs} are up to {off} than on the ground here: {size:g} m are {size / worst:.6g} m{advice}",)
