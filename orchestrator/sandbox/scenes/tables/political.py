"""Countries and their units: LSIB, the Global Administrative Unit Layers, and the US Census Bureau's TIGER."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Row
from orchestrator.sandbox.scenes.tables import atlas, usa
from orchestrator.sandbox.scenes.tables.atlas import Country
from orchestrator.sandbox.scenes.tables.subdivision import divided

_GEOD = pyproj.Geod(ellps="WGS84")
UNITS = 12  # the most units of the first level invented in a country
DISTRICTS = 3  # of each of them

# As pages of the documentation spell them; others are Natural Earth's.
_LSIB_NAMES = {
    "United States of America": "United States",
    "Congo": "Rep of the Congo",
    "Congo - Kinshasa": "Dem Rep of the Congo",
    "Myanmar": "Burma",
}
# As the United Nations spelled them in 2015, which the data sheet says of ADM0_NAME.
_GAUL_NAMES = {
    "Bosnia": "Bosnia and Herzegovina",
    "Brunei": "Brunei Darussalam",
    "Cabo Verde": "Cape Verde",
    "Congo - Kinshasa": "Democratic Republic of the Congo",
    "Czechia": "Czech Republic",
    "Iran": "Iran  (Islamic Republic of)",
    "Laos": "Lao People's Democratic Republic",
    "Macedonia": "The former Yugoslav Republic of Macedonia",
    "Moldova": "Moldova, Republic of",
    "North Korea": "Dem People's Rep of Korea",
    "Russia": "Russian Federation",
    "South Korea": "Republic of Korea",
    "Syria": "Syrian Arab Republic",
    "Tanzania": "United Republic of Tanzania",
    "United Kingdom": "U.K. of Great Britain and Northern Ireland",
    "Vietnam": "Viet Nam",
    "eSwatini": "Swaziland",
}
_LSIB_REGIONS = {
    "Africa": "Africa",
    "Europe": "Europe",
    "Oceania": "Oceania",
    "Northern America": "North America",
    "Central America": "Central America",
    "Caribbean": "Caribbean",
    "South America": "South America",
    "Central Asia": "Central Asia",
    "Eastern Asia": "E Asia",
    "South-eastern Asia": "SE Asia",
    "Southern Asia": "S Asia",
    "Western Asia": "SW Asia",
}


def index(number: int) -> str:
    """Write the id of a row as tables have them: twenty digits of sixteen."""
    return f"{number:020x}"


def square_metres(shape: BaseGeometry) -> float:
    """Measure polygons in EPSG:4326 on the ellipsoid."""
    return abs(float(_GEOD.geometry_area_perimeter(shapely.orient_polygons(shape))[0]))


@cache
def lsib_simple() -> tuple[Row, ...]:
    """Give a row per country."""
    return tuple(
        Row(
            index(at),
            country.shape,
            {
                "abbreviati": country.name if len(country.name) <= 8 else country.iso3 or country.name[:8],
                "country_co": country.fips,
                "country_na": _LSIB_NAMES.get(country.name, country.name),
                "wld_rgn": _LSIB_REGIONS.get(country.part) or _LSIB_REGIONS.get(country.region, country.name),
            },
        )
        for at, country in enumerate(atlas.countries())
    )


@cache
def lsib() -> tuple[Row, ...]:
    """Give a row per polygon of each country."""
    parts = (
        (_LSIB_NAMES.get(country.name, country.name).upper(), part)
        for country in atlas.countries()
        for part in shapely.get_parts(country.shape)
    )
    return tuple(
        Row(index(at), part, {"OBJECTID": str(at + 1), "COUNTRY_NA": name}) for at, (name, part) in enumerate(parts)
    )


def _gaul_row(at: int, country: Country, shape: BaseGeometry, unit: dict[str, Any], level: int) -> Row:
    common = {
        "ADM0_CODE": country.gaul,
        "ADM0_NAME": _GAUL_NAMES.get(country.name, country.name),
        "DISP_AREA": "NO",
        "STATUS": "Member State",
        "Shape_Area": shape.area,
        "Shape_Leng": shape.length,
        f"STR{level}_YEAR": 1000,
        f"EXP{level}_YEAR": 3000,
    }
    return Row(index(at), shape, common | unit)


@cache
def gaul0() -> tuple[Row, ...]:
    """Give a row per country."""
    return tuple(_gaul_row(at, each, each.shape, {}, 0) for at, each in enumerate(atlas.countries()))


@cache
def gaul1() -> tuple[Row, ...]:
    """Give a row per unit of the first level: states of the United States, invented ones of other countries."""
    found = enumerate(_units())
    return tuple(_gaul_row(at, country, shape, unit, 1) for at, (country, shape, unit) in found)


@cache
def gaul2() -> tuple[Row, ...]:
    """Give a row per unit of the second level: counties of the United States, invented ones elsewhere."""
    found = enumerate(_districts())
    return tuple(_gaul_row(at, country, shape, unit, 2) for at, (country, shape, unit) in found)


@cache
def _units() -> tuple[tuple[Country, BaseGeometry, dict[str, Any]], ...]:
    return tuple(found for country in atlas.countries() for found in _units_of(country))


def _units_of(country: Country) -> Iterator[tuple[Country, BaseGeometry, dict[str, Any]]]:
    if country.iso3 == "USA":
        for code, shape in atlas.states().items():
            if code in usa.STATES and usa.STATES[code].division != "0":
                yield country, shape, _unit(country, int(code), usa.STATES[code].name)
        return
    count = min(UNITS, 1 + math.isqrt(int(country.shape.area * 12_000)) // 90)
    for at, shape in enumerate(divided(country.shape, count), start=1):
        yield country, shape, _unit(country, at, f"{country.name} {at:02d}")


def _unit(country: Country, number: int, name: str) -> dict[str, Any]:
    return {"ADM1_CODE": country.gaul * 100 + number, "ADM1_NAME": name}


def _districts() -> Iterator[tuple[Country, BaseGeometry, dict[str, Any]]]:
    for country, shape, unit in _units():
        named = (
            ((county.name, county.shape) for county in atlas.counties() if county.geoid[:2] == _code_of(country, unit))
            if country.iso3 == "USA"
            else ((f"{unit['ADM1_NAME']}-{at}", part) for at, part in enumerate(divided(shape, DISTRICTS), start=1))
        )
        for at, (name, part) in enumerate(named, start=1):
            yield country, part, unit | {"ADM2_CODE": unit["ADM1_CODE"] * 1000 + at, "ADM2_NAME": name}


def _code_of(country: Country, unit: dict[str, Any]) -> str:
    return f"{unit['ADM1_CODE'] - country.gaul * 100:02d}"


@cache
def tiger_states() -> tuple[Row, ...]:
    """Give a row per state of the United States, and its islands."""
    return tuple(
        Row(index(at), shape, usa.state(code, shape, square_metres(shape)))
        for at, (code, shape) in enumerate(atlas.states().items())
        if code in usa.STATES
    )


@cache
def tiger_counties() -> tuple[Row, ...]:
    """Give a row per county of the United States, and of its islands."""
    return tuple(
        Row(index(at), county.shape, usa.county(county, square_metres(county.shape)))
        for at, county in enumerate(atlas.counties())
    )
