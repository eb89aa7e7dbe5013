"""A name of a country, a continent or a region, as the features of an area."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import AreaError
from orchestrator.core.nearest import hint
from orchestrator.plan.countries import CONTINENT, COUNTRY, NamedPlace, by_name, folded, near
from orchestrator.plan.features import DRIVERS, Features
from orchestrator.plan.reproject import LONLAT, ON_180, shift_longitude, within_180

MAINLAND = "mainland"
# What lies farther from the largest part of a country is told: somebody may not have meant it.
FAR_KILOMETRES = 1_000.0
MOST_LISTED = 8
_DEGREE_KILOMETRES = 111.2
_NAME = re.compile(r"[^\W\d_][\w .,'’&()-]*")
# What no name ends in, and a file may.
_FILES = frozenset({*DRIVERS, ".toml", ".csv", ".tif", ".tiff", ".gml", ".shx", ".dbf", ".prj"})


def is_name(source: str) -> bool:
    """Tell whether a text may be a name: letters first, and nothing that a path has."""
    return bool(_NAME.fullmatch(source.strip())) and PurePath(source.strip()).suffix.lower() not in _FILES


def find_place(text: str) -> NamedPlace:
    """
    Return what `text` names, whatever its case and accents.

    Raises:
        AreaError: Nothing is called so, or several things are; it says which there are.
    """
    found = by_name().get(folded(text), ())
    if not found:
        raise AreaError(f"{text}: no such file, country, continent or region; {_advice(text)}")
    if len({place.codes for place in found}) > 1:
        raise AreaError(f"{text}: means several things; say one of {_listed(found)}")
    return found[0]


def named_features(text: str) -> Features:
    """
    Return the countries that a name means, a feature each; after `mainland` the largest part of each.

    Raises:
        AreaError: As `find_place`.
    """
    name, alone = _without_mainland(text)
    place = find_place(name)
    whole = shapely.from_geojson([country.text for country in place.countries])
    shapes = [mainland_of(shape) for shape in whole] if alone else list(whole)
    digest = hashlib.sha256("\n".join([MAINLAND if alone else "", *(each.text for each in place.countries)]).encode())
    columns = ("NAME", "ISO_A2", "ISO_A3", "CONTINENT", "REGION_UN", "SUBREGION", "REGION_WB")
    geometries = np.empty(len(shapes), dtype=object)
    geometries[:] = shapes
    label = f"{MAINLAND} {place.name}" if alone else place.name
    return Features(
        label=label,
        geometries=geometries,
        ids=tuple(country.code for country in place.countries),
        crs=LONLAT,
        fields={column: tuple(each.names.get(column) for each in place.countries) for column in columns},
        sha256=digest.hexdigest(),
        notes=(_made_of(place, text), *(() if alone else _far(place, list(whole)))),
        name=label,
    )


def mainland_of(shape: BaseGeometry) -> BaseGeometry:
    """Return the largest piece of land of a country in degrees; one across longitude 180 is one."""
    west, _, east, _ = shape.bounds
    parts = shapely.get_parts([shape])
    if west > ON_180 - 180 or east < 180 - ON_180 or any(_width(part) > 180 for part in parts):
        found: BaseGeometry = max(parts, key=_square_degrees)
        return found
    joined = shapely.union_all([shift_longitude(part, 360.0) if part.bounds[0] < 0 else part for part in parts])
    return within_180(max(shapely.get_parts([joined]), key=_square_degrees))


def _without_mainland(text: str) -> tuple[str, bool]:
    words = text.split()
    alone = [word for word in words if word.strip(",()").casefold() != MAINLAND]
    return (" ".join(alone), True) if 0 < len(alone) < len(words) else (text, False)


def _advice(text: str) -> str:
    if several := near(text):
        return f"there are {_listed(several)}"
    said = hint(folded(text), by_name())
    if said.startswith("did you mean"):
        return said
    return "give a vector file, a box as left,bottom,right,top, or a name of `orchestrator aoi list`"


def _listed(several: Sequence[NamedPlace]) -> str:
    more = f" and {len(several) - MOST_LISTED} more" if len(several) > MOST_LISTED else ""
    return ", ".join(repr(place.name) for place in several[:MOST_LISTED]) + more


def _made_of(place: NamedPlace, text: str) -> str:
    if place.kind == COUNTRY:
        return f"{text}: the country {place.name}, of Natural Earth 1:50 million."
    what = "continent" if place.kind == CONTINENT else "region"
    return f"{text}: the {what} {place.name}, {len(place.countries)} countries of Natural Earth 1:50 million."


def _far(place: NamedPlace, shapes: Sequence[BaseGeometry]) -> tuple[str, ...]:
    """Say which countries have parts overseas, and of one country where."""
    far = {country.code: _far_parts(shape) for country, shape in zip(place.countries, shapes, strict=True)}
    if not any(far.values()):
        return ()
    whose = "" if place.kind == COUNTRY else " of each country"
    advice = f"'{MAINLAND} {place.name}' keeps the largest part{whose} alone."
    if place.kind != COUNTRY:
        names = ", ".join(each.names["NAME"] for each in place.countries if far[each.code])
        return (f"{place.name}: parts of {names} lie more than {FAR_KILOMETRES:,.0f} km from the largest; {advice}",)
    (parts,) = far.values()
    share = sum(map(_square_degrees, parts)) / sum(map(_square_degrees, shapely.get_parts([shapes[0]])))
    places = list(dict.fromkeys(_where(part) for part in sorted(parts, key=_square_degrees, reverse=True)))
    where = ", ".join(places[:MOST_LISTED]) + (", ..." if places[MOST_LISTED:] else "")
    told = (
        f"{place.name}: {len(parts)} parts, {share:.1%} of its area, lie more than {FAR_KILOMETRES:,.0f} km from the "
        f"largest ({where}); {advice}"
    )
    return (told,)


def _far_parts(shape: BaseGeometry) -> list[BaseGeometry]:
    largest = mainland_of(shape)
    return [part for part in shapely.get_parts([shape]) if _kilometres(part, largest) > FAR_KILOMETRES]


def _kilometres(part: BaseGeometry, other: BaseGeometry) -> float:
    """Return about how far two geometries in degrees are from each other, also across longitude 180."""
    latitude = np.radians(part.centroid.y)
    return min(
        _scaled(shift_longitude(part, turn), latitude).distance(_scaled(other, latitude)) * _DEGREE_KILOMETRES
        for turn in (-360.0, 0.0, 360.0)
    )


def _scaled(shape: BaseGeometry, latitude: float) -> BaseGeometry:
    scaled: BaseGeometry = shapely.transform(shape, lambda xy: xy * np.array([np.cos(latitude), 1.0]))
    return scaled


def _square_degrees(part: BaseGeometry) -> float:
    """Return the area of a part in square degrees of the equator, near enough to compare and to tell shares."""
    return float(part.area * np.cos(np.radians(part.centroid.y)))


def _width(part: BaseGeometry) -> float:
    west, _, east, _ = part.bounds
    return float(east - west)


def _where(part: BaseGeometry) -> str:
    lon, lat = part.centroid.x, part.centroid.y
    return f"{abs(lat):.0f}° {'N' if lat >= 0 else 'S'} {abs(lon):.0f}° {'E' if lon >= 0 else 'W'}"
