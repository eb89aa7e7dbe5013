"""
Areas by name: the countries of Natural Earth, and the continents and regions that they make.

Names are read without geometries, so that a list needs neither GDAL nor GEOS. What the table is: `world/README.md`.
"""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

TABLE = Path(__file__).parent / "world" / "countries.geojson.gz"
COUNTRY, CONTINENT, REGION = KINDS = ("country", "continent", "region")
# Which names a country answers to, the codes last; the first one that fits is the one that lists show.
_NAMES = ("NAME", "NAME_LONG", "NAME_EN", "ADMIN", "FORMAL_EN", "NAME_ALT", "ISO_A2", "ISO_A3", "ADM0_A3")
# Groups, the more usual first: where two are called alike the first is meant, the other is said with its word.
_GROUPS = (
    ("CONTINENT", CONTINENT, "continent"),
    ("REGION_UN", REGION, "UN region"),
    ("SUBREGION", REGION, "region"),
    ("REGION_WB", REGION, "World Bank region"),
)
# What people say and the table does not.
_ALSO = MappingProxyType(
    {
        "uk": "GBR", "britain": "GBR", "great britain": "GBR", "uae": "ARE", "emirates": "ARE", "drc": "COD",
        "dr congo": "COD", "holland": "NLD", "burma": "MMR", "turkiye": "TUR", "macedonia": "MKD", "viet nam": "VNM",
        "xkx": "KOS",
    }
)  # fmt: skip
# Both countries are called so.
_BOTH = MappingProxyType({"congo": ("COG", "COD")})
_CODE = re.compile(r"[A-Z]{2,3}")


@dataclass(frozen=True, slots=True)
class Country:
    """A country, or a dependency, of the table: `text` is its geometry as GeoJSON, in degrees, longitude first."""

    code: str
    names: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """
    What a name means.

    Attributes:
        name: What it is called; saying this gives this place and no other.
        kind: One of KINDS.
        countries: What it is made of, by their codes in order.
        also: What else it answers to.
    """

    name: str
    kind: str
    countries: tuple[Country, ...]
    also: tuple[str, ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(country.code for country in self.countries)

    @property
    def said(self) -> str:
        """What it is, in words: `Georgia (country, GEO)`."""
        if self.kind == COUNTRY:
            codes = [name for name in self.also if _CODE.fullmatch(name)]
            return f"{self.name} ({', '.join([self.kind, *codes])})"
        return f"{self.name} ({self.kind} of {len(self.countries)})"


def folded(text: str) -> str:
    """Return a name without case, accents, points and signs, and without an article before it."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and ").replace("ı", "i").replace("ø", "o"))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter) and letter not in ".'’`")
    words = ["saint" if word == "st" else word for word in re.sub(r"[\W_]+", " ", letters).split()]
    return " ".join(words[1:] if words[:1] == ["the"] else words)


@lru_cache(maxsize=1)
def places() -> tuple[NamedPlace, ...]:
    """Return every place there is: countries, continents, regions, each by name."""
    countries = tuple(_countries())
    groups = list(_groups(countries))
    taken = {folded(name) for group in groups for name in (group.name, *group.also)} | set(_BOTH)
    found = [_as_place(country, taken) for country in countries]
    return (*sorted(found, key=lambda place: folded(place.name)), *groups)


@lru_cache(maxsize=1)
def by_name() -> Mapping[str, tuple[NamedPlace, ...]]:
    """Return what each folded name may mean."""
    found: dict[str, list[NamedPlace]] = {}
    for place in places():
        for name in dict.fromkeys(folded(each) for each in (place.name, *place.also)):
            found.setdefault(name, []).append(place)
    of_code = {place.countries[0].code: place for place in places() if place.kind == COUNTRY}
    for name, code in _ALSO.items():
        found.setdefault(name, [of_code[code]])
    for name, codes in _BOTH.items():
        found[name] = [of_code[code] for code in codes]
    return {name: tuple(several) for name, several in found.items()}


def near(text: str) -> tuple[NamedPlace, ...]:
    """Return the places of which a name holds all words of `text`, or begins with it; the shortest names first."""
    wanted = set(folded(text).split())
    found = [
        place
        for place in places()
        if wanted and any(_holds(folded(name).split(), wanted) for name in (place.name, *place.also))
    ]
    return tuple(sorted(found, key=lambda place: (len(place.name), place.name)))


def _holds(words: list[str], wanted: set[str]) -> bool:
    return all(any(word == one or (len(one) > 2 and word.startswith(one)) for word in words) for one in wanted)


def _countries() -> Iterator[Country]:
    with gzip.open(TABLE, "rt", encoding="utf-8") as file:
        for line in file:
            properties, found, geometry = line.rstrip(",\n").partition(',"geometry":')
            if found:
                names = json.loads(properties + "}")["properties"]
                yield Country(names["ADM0_A3"], names, geometry[:-1])


def _as_place(country: Country, taken: set[str]) -> NamedPlace:
    names = list(dict.fromkeys(country.names[key] for key in _NAMES if key in country.names))
    shown = next(
        (name for name in names if "." not in name and "/" not in name and folded(name) not in taken), names[0]
    )
    return NamedPlace(shown, COUNTRY, (country,), tuple(name for name in names if name != shown))


def _groups(countries: Sequence[Country]) -> Iterator[NamedPlace]:
    """Yield continents and regions; of two with one name and the same countries the first."""
    alone = {country.names["NAME"] for country in countries}
    seen: dict[str, list[frozenset[str]]] = {}
    for column, kind, word in _GROUPS:
        members: dict[str, list[Country]] = {}
        for country in countries:
            members.setdefault(country.names[column], []).append(country)
        for name, chosen in sorted(members.items()):
            codes, earlier = frozenset(country.code for country in chosen), seen.setdefault(name, [])
            if codes not in earlier and len(codes) > 1:
                long = f"{name} ({word})"
                shown, other = (long, name) if name in alone else (name, long)
                yield NamedPlace(long if earlier else shown, kind, tuple(chosen), () if earlier else (other,))
            earlier.append(codes)
