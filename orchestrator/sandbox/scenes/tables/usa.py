"""
What the Census Bureau's tables tell of states and counties: codes, names, regions and divisions.

Codes are those of the Federal Information Processing Standard (FIPS 5-2); divisions are the Census Bureau's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.tables.atlas import County


@dataclass(frozen=True, slots=True)
class State:
    """A state: its postal abbreviation, name and division; the region follows from it."""

    postal: str
    name: str
    division: str


_LISTED = """
01 AL 6 Alabama|02 AK 9 Alaska|04 AZ 8 Arizona|05 AR 7 Arkansas|06 CA 9 California|08 CO 8 Colorado|09 CT 1 Connecticut
10 DE 5 Delaware|11 DC 5 District of Columbia|12 FL 5 Florida|13 GA 5 Georgia|15 HI 9 Hawaii|16 ID 8 Idaho
17 IL 3 Illinois|18 IN 3 Indiana|19 IA 4 Iowa|20 KS 4 Kansas|21 KY 6 Kentucky|22 LA 7 Louisiana|23 ME 1 Maine
24 MD 5 Maryland|25 MA 1 Massachusetts|26 MI 3 Michigan|27 MN 4 Minnesota|28 MS 6 Mississippi|29 MO 4 Missouri
30 MT 8 Montana|31 NE 4 Nebraska|32 NV 8 Nevada|33 NH 1 New Hampshire|34 NJ 2 New Jersey|35 NM 8 New Mexico
36 NY 2 New York|37 NC 5 North Carolina|38 ND 4 North Dakota|39 OH 3 Ohio|40 OK 7 Oklahoma|41 OR 9 Oregon
42 PA 2 Pennsylvania|44 RI 1 Rhode Island|45 SC 5 South Carolina|46 SD 4 South Dakota|47 TN 6 Tennessee|48 TX 7 Texas
49 UT 8 Utah|50 VT 1 Vermont|51 VA 5 Virginia|53 WA 9 Washington|54 WV 5 West Virginia|55 WI 3 Wisconsin|56 WY 8 Wyoming
60 AS 0 American Samoa|66 GU 0 Guam|69 MP 0 Commonwealth of the Northern Mariana Islands|72 PR 0 Puerto Rico
78 VI 0 United States Virgin Islands
"""
STATES = {
    code: State(postal, name, division)
    for code, postal, division, name in (
        each.split(maxsplit=3) for each in _LISTED.strip().replace("\n", "|").split("|")
    )
}
_REGIONS = {"0": "9", "1": "1", "2": "1", "3": "2", "4": "2", "5": "3", "6": "3", "7": "3", "8": "4", "9": "4"}
# Kinds of counties: the Census Bureau's code, and the word behind the name.
_KINDS = {"02": ("04", "Borough"), "11": ("00", ""), "22": ("15", "Parish"), "72": ("13", "Municipio")}
_CITIES = frozenset({"24510", "29510", "32510"})  # independent ones outside of Virginia


def state(code: str, shape: BaseGeometry, square_metres: float) -> dict[str, Any]:
    """Give the properties of a state."""
    told = STATES[code]
    return {
        "REGION": _REGIONS[told.division],
        "DIVISION": told.division,
        "STATEFP": code,
        "STATENS": f"{int(code):08d}",
        "GEOID": code,
        "STUSPS": told.postal,
        "NAME": told.name,
        "LSAD": "00",
        "MTFCC": "G4000",
        "FUNCSTAT": "A",
        **_extent(shape, square_metres),
    }


def county(of: County, square_metres: float) -> dict[str, Any]:
    """Give the properties of a county."""
    city = of.geoid in _CITIES or (of.geoid >= "51510" and of.geoid < "52")
    lsad, word = ("25", "city") if city else _KINDS.get(of.geoid[:2], ("06", "County"))
    return {
        "STATEFP": of.geoid[:2],
        "COUNTYFP": of.geoid[2:],
        "COUNTYNS": f"{int(of.geoid):08d}",
        "GEOID": of.geoid,
        "NAME": of.name,
        "NAMELSAD": f"{of.name} {word}".strip(),
        "LSAD": lsad,
        "CLASSFP": "C7" if city else "H1",
        "MTFCC": "G4020",
        "CSAFP": "",
        "CBSAFP": "",
        "METDIVFP": "",
        "FUNCSTAT": "A",
        **_extent(of.shape, square_metres),
    }


def _extent(shape: BaseGeometry, square_metres: float) -> dict[str, Any]:
    """Give the area and a point inside, as texts with a sign."""
    inside = shape.representative_point()
    return {
        "ALAND": round(square_metres),
        "AWATER": 0,
        "INTPTLAT": f"{inside.y:+011.7f}",
        "INTPTLON": f"{inside.x:+012.7f}",
    }
