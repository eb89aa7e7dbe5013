"""The shipped boundaries: countries of Natural Earth, counties of the US Census Bureau. See `boundaries/README.md`."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

_INVENTED = 90_000  # GAUL codes from here on are invented
FOLDER = Path(__file__).parent / "boundaries"


@dataclass(frozen=True, slots=True)
class Country:
    """
    A country or territory; texts are empty where it has none.

    Attributes:
        iso3: ISO 3166-1, three letters.
        fips: FIPS 10-4, two letters.
        gaul: Code of the Global Administrative Unit Layers; where it has none, an invented one from 90000.
        region: Of the United Nations, such as `Americas`.
        part: The finer of their regions, such as `South America`.
        shape: Polygons in EPSG:4326.
    """

    name: str
    iso3: str
    fips: str
    gaul: int
    region: str
    part: str
    shape: BaseGeometry


@dataclass(frozen=True, slots=True)
class County:
    """A county of the United States; `geoid` is the state's code (2 digits) and its own (3)."""

    geoid: str
    name: str
    shape: BaseGeometry


@cache
def countries() -> tuple[Country, ...]:
    """Give all countries by name."""
    arcs, rows = _read("countries.json.gz")
    found = []
    for at, (name, iso3, fips, gaul, region, subregion, intermediate, polygons) in enumerate(rows):
        part, code = intermediate or subregion, gaul or _INVENTED + at
        found.append(Country(name, iso3, fips.strip()[:2], code, region, part, _shape(arcs, polygons)))
    return tuple(found)


@cache
def counties() -> tuple[County, ...]:
    """Give all counties by their code."""
    arcs, rows = _read("counties.json.gz")
    return tuple(County(geoid, name, _shape(arcs, polygons)) for geoid, name, polygons in rows)


@cache
def states() -> dict[str, BaseGeometry]:
    """Give the outline of each state of the United States by its code of 2 digits."""
    parts = defaultdict(list)
    for county in counties():
        parts[county.geoid[:2]].append(county.shape)
    return {code: shapely.union_all(shapes) for code, shapes in sorted(parts.items())}


def _read(name: str) -> tuple[list[Any], list[Any]]:
    document = json.loads(gzip.decompress((FOLDER / name).read_bytes()))
    scale = document["scale"]
    arcs = [np.cumsum(np.reshape(arc, (-1, 2)), axis=0) / scale for arc in document["arcs"]]
    return arcs, document["rows"]


def _shape(arcs: Sequence[Any], polygons: list[list[list[int]]]) -> BaseGeometry:
    made = []
    for polygon in polygons:
        shell, *holes = (_ring(arcs, numbers) for numbers in polygon)
        if len(shell) >= 4:  # simplified to nothing
            made.append(shapely.Polygon(shell, [hole for hole in holes if len(hole) >= 4]))
    whole = made[0] if len(made) == 1 else shapely.MultiPolygon(made)
    return whole if whole.is_valid else _repaired(whole)


def _repaired(shape: BaseGeometry) -> BaseGeometry:
    """Mend rings that the simplification made cross themselves."""
    mended = shapely.make_valid(shape)
    areas = [part for part in shapely.get_parts(mended) if part.geom_type == "Polygon"]
    areas += [
        inner
        for part in shapely.get_parts(mended)
        if part.geom_type == "MultiPolygon"
        for inner in shapely.get_parts(part)
    ]
    return areas[0] if len(areas) == 1 else shapely.MultiPolygon(areas)


def _ring(arcs: Sequence[Any], numbers: list[int]) -> Any:
    pieces = [arcs[number] if number >= 0 else arcs[~number][::-1] for number in numbers]
    return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])
