"""Ecoregions, river basins and protected areas, invented within the real land."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Row
from orchestrator.sandbox.scenes.tables import atlas
from orchestrator.sandbox.scenes.tables.political import gaul1, index, square_metres
from orchestrator.sandbox.scenes.tables.subdivision import SLIVER, divided, within

_SQUARE_KM = 1e-6  # per square metre
BASIN_LEVELS = range(1, 7)
_TRIBUTARIES = 4  # basins of the next level in each

# Number, name and colour of biomes by the latitude, in degrees, up to which they are given here.
_BIOMES = (
    (12.0, 1, "Tropical & Subtropical Moist Broadleaf Forests", "#38A700"),
    (22.0, 7, "Tropical & Subtropical Grasslands, Savannas & Shrublands", "#FEAA01"),
    (33.0, 13, "Deserts & Xeric Shrublands", "#CC6767"),
    (50.0, 4, "Temperate Broadleaf & Mixed Forests", "#00734C"),
    (65.0, 6, "Boreal Forests/Taiga", "#7AB6F5"),
    (90.0, 11, "Tundra", "#9ED7C2"),
)
_REALMS = {
    "Africa": "Afrotropic",
    "Americas": "Nearctic",
    "Asia": "Palearctic",
    "Europe": "Palearctic",
    "Oceania": "Australasia",
}
_FINER_REALMS = {
    "South America": "Neotropic",
    "Central America": "Neotropic",
    "Caribbean": "Neotropic",
    "South-eastern Asia": "Indomalayan",
    "Southern Asia": "Indomalayan",
    "Northern Africa": "Palearctic",
    "Micronesia": "Oceania",
    "Polynesia": "Oceania",
}
# First digits of the ids of basins.
_BASINS = {"Africa": 1, "Europe": 2, "Asia": 4, "Oceania": 5, "Americas": 7}


@cache
def _land(by_realm: bool) -> dict[str, BaseGeometry]:
    """Join the countries of each realm, or of each region with basins."""
    parts: dict[str, list[BaseGeometry]] = {}
    for country in atlas.countries():
        key = _realm(country) if by_realm else str(_basin_region(country))
        parts.setdefault(key, []).append(country.shape)
    return {key: shapely.union_all(shapes) for key, shapes in sorted(parts.items())}


def _realm(country: atlas.Country) -> str:
    return _FINER_REALMS.get(country.part) or _REALMS.get(country.region, "Antarctica")


def _basin_region(country: atlas.Country) -> int:
    if country.name in {"Russia", "Greenland"}:
        return 3 if country.name == "Russia" else 9
    if country.part == "South America":
        return 6
    return _BASINS.get(country.region, 8)


@cache
def ecoregions() -> tuple[Row, ...]:
    """Give a row per realm, belt of latitude, and piece of it."""
    return tuple(_ecoregion(at, *found) for at, found in enumerate(_ecoregions(), start=1))


def _ecoregions() -> Iterator[tuple[str, tuple[float, int, str, str], BaseGeometry]]:
    for realm, land in _land(by_realm=True).items():
        low = 0.0
        for biome in _BIOMES:
            high = biome[0]
            belts = [shapely.box(-180, low, 180, high), shapely.box(-180, -high, 180, -low)]
            for belt in belts:
                part = within(land, belt)
                if part.area > SLIVER:
                    yield from ((realm, biome, piece) for piece in divided(part, 6))
            low = high


def _ecoregion(at: int, realm: str, biome: tuple[float, int, str, str], shape: BaseGeometry) -> Row:
    _, number, name, colour = biome
    return Row(
        index(at - 1),
        shape,
        {
            "BIOME_NAME": name,
            "BIOME_NUM": float(number),
            "COLOR": colour,
            "COLOR_BIO": colour,
            "COLOR_NNH": "#F9A91B",
            "ECO_ID": float(at),
            "ECO_NAME": f"{realm} {name.split(' ')[0].lower()} ecoregion {at}",
            "LICENSE": "CC-BY 4.0",
            "NNH": 1.0 + at % 4,
            "NNH_NAME": (
                "Half Protected",
                "Nature Could Reach Half Protected",
                "Nature Could Recover",
                "Nature Imperiled",
            )[at % 4],
            "OBJECTID": float(at),
            "REALM": realm,
            "SHAPE_AREA": shape.area,
            "SHAPE_LENG": shape.length,
        },
    )


@cache
def basins(level: int) -> tuple[Row, ...]:
    """Give the basins of a level; each lies in one of the level above, whose Pfafstetter code begins its own."""
    found = _basins(level)
    ids = {code: _basin_id(code, level, at) for at, (code, _) in enumerate(found, start=1)}
    return tuple(_basin(at, code, shape, ids) for at, (code, shape) in enumerate(found, start=1))


@cache
def _basins(level: int) -> tuple[tuple[str, BaseGeometry], ...]:
    if level == 1:
        return tuple(_land(by_realm=False).items())
    return tuple(
        (f"{code}{at}", part)
        for code, shape in _basins(level - 1)
        for at, part in enumerate(divided(shape, _TRIBUTARIES), start=1)
    )


def _basin_id(code: str, level: int, at: int) -> int:
    return int(f"{code[0]}{level:02d}{at:06d}0")


def _basin(at: int, code: str, shape: BaseGeometry, ids: dict[str, int]) -> Row:
    """Make a row; the basin with the last digit 1 is the outlet of its siblings."""
    own, outlet = ids[code], ids.get(f"{code[:-1]}1", ids[code])
    area = square_metres(shape) * _SQUARE_KM
    sink = own == outlet
    return Row(
        index(at - 1),
        shape,
        {
            "HYBAS_ID": own,
            "NEXT_DOWN": 0 if sink else outlet,
            "NEXT_SINK": outlet,
            "MAIN_BAS": outlet,
            "DIST_SINK": 0.0 if sink else round(math.sqrt(area), 1),
            "DIST_MAIN": 0.0 if sink else round(math.sqrt(area), 1),
            "SUB_AREA": round(area, 1),
            "UP_AREA": round(area, 1),
            "PFAF_ID": int(code),
            "ENDO": 0,
            "COAST": 0,
            "ORDER": 1 if sink else 2,
            "SORT": at,
        },
    )


@cache
def protected_areas() -> tuple[Row, ...]:
    """Give an area in every second unit of the first level: a circle around a point of it, cut at its border."""
    return tuple(_protected(at, unit) for at, unit in enumerate(gaul1()[::2]))


def _protected(at: int, unit: Row) -> Row:
    shape = unit.shape
    if shape is None:
        raise ValueError(f"{unit.index} lies nowhere")
    radius = min(0.3, math.sqrt(shape.area) / 6)
    area = within(shape, shape.representative_point().buffer(radius, 8))
    square_km = square_metres(area) * _SQUARE_KM
    iso3 = next((each.iso3 for each in atlas.countries() if each.gaul == unit.properties["ADM0_CODE"]), "")
    category = ("II", "IV", "Ia", "V", "VI", "III", "Ib")[at % 7]
    name = f"{unit.properties['ADM1_NAME']} Reserve"
    return Row(index(at), area, _told(at, name, iso3, category, square_km))


def _told(at: int, name: str, iso3: str, category: str, square_km: float) -> dict[str, Any]:
    designation = "National Park" if category == "II" else "Nature Reserve"
    return {
        "WDPAID": float(900_000 + at),
        "WDPA_PID": str(900_000 + at),
        "PA_DEF": "1",
        "NAME": name,
        "ORIG_NAME": name,
        "DESIG": designation,
        "DESIG_ENG": designation,
        "DESIG_TYPE": "National",
        "IUCN_CAT": category,
        "INT_CRIT": "Not Applicable",
        "MARINE": "0",
        "REP_M_AREA": 0.0,
        "REP_AREA": square_km,
        "NO_TAKE": "Not Applicable",
        "NO_TK_AREA": 0.0,
        "STATUS": "Designated",
        "STATUS_YR": 1950 + at % 70,
        "GOV_TYPE": "Federal or national ministry or agency",
        "OWN_TYPE": "State",
        "MANG_AUTH": "Not Reported",
        "MANG_PLAN": "Not Reported",
        "VERIF": "State Verified",
        "METADATAID": 1,
        "SUB_LOC": "Not Reported",
        "PARENT_ISO": iso3,
        "ISO3": iso3,
        "GIS_AREA": square_km,
        "GIS_M_AREA": 0.0,
    }
