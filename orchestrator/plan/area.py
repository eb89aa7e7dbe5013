"""An area: what an output is cut with."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from shapely.geometry.base import BaseGeometry

from orchestrator.core.errors import AreaError
from orchestrator.plan.reproject import to_lonlat

MAX_NAME = 100  # Earth Engine's task descriptions end there, and names become part of them


@dataclass(frozen=True)  # without slots: a cached property needs a place
class Area:
    """
    One area, read, repaired and dissolved.

    Attributes:
        name: Safe in file and object names: letters, digits, `.`, `_` and `-`, not starting with a dot.
        geometry: Polygon or MultiPolygon, two-dimensional and valid, in `crs`; x before y.
        crs: `EPSG:n` where the CRS has a code, otherwise WKT.
        source: What it was read from, as the user gave it.
        sha256: Of the source's files, in hexadecimal.
        notes: What was repaired or assumed, a sentence each.
        value: What the file calls it where an attribute names the area; `name` is made of it.
    """

    name: str
    geometry: BaseGeometry
    crs: str
    source: str
    sha256: str
    notes: tuple[str, ...] = ()
    value: str = ""

    def __post_init__(self) -> None:
        if self.geometry.geom_type not in {"Polygon", "MultiPolygon"} or self.geometry.is_empty:
            raise AreaError(f"{self.source}: an area is made of polygons; found {self.geometry.geom_type}")
        if self.name != safe_name(self.name):
            raise AreaError(f"{self.source}: {self.name!r} is no safe name for an area")

    @cached_property
    def lonlat(self) -> BaseGeometry:
        """`geometry` in degrees, in one piece; see `to_lonlat`, also for errors. Drawn once, when it is asked for."""
        return to_lonlat(self.geometry, self.crs)


def safe_name(text: str, fallback: str = "area") -> str:
    """Return `text` with everything but letters, digits, `.`, `_`, `-` made `_`; accents are dropped."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("_").lstrip(".-_")[:MAX_NAME]
    return name or fallback


def name_of(value: str) -> str:
    """
    Return a safe name for the value of an attribute.

    It ends in eight digits of the value's sha256 where it would say too little: the value is longer than a name may
    be, or written in letters that have no plain form.
    """
    name = safe_name(value, fallback="")
    letters = sum(letter.isalnum() for letter in unicodedata.normalize("NFKD", value))
    kept = sum(letter.isalnum() for letter in name)
    if len(value) <= MAX_NAME and 2 * kept >= letters and name:
        return name
    return f"{name[: MAX_NAME - 9] or 'area'}-{digest_of(value)}"


def digest_of(value: str) -> str:
    """Return eight hexadecimal digits that tell values apart."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def names_of_values(values: Iterable[str], label: str, field: str) -> list[str]:
    """
    Return a safe name for each of several different values.

    Raises:
        AreaError: Two values would become one name, also in other letter case.
    """
    taken: dict[str, str] = {}
    names = []
    for value in values:
        name = name_of(value)
        other = taken.setdefault(name.lower(), value)
        if other != value:
            raise AreaError(
                f"{label}: the values {other[:60]!r} and {value[:60]!r} of {field} would both be called {name[:60]}; "
                "rename one, or choose another column (--each)"
            )
        names.append(name)
    return names


def distinct_names(texts: Iterable[str]) -> list[str]:
    """Return a safe name for each text; equal ones, also in other letter case, get `-2`, `-3`, ..."""
    taken: set[str] = set()
    names = []
    for text in texts:
        base = name = safe_name(text)
        number = 1
        while name.lower() in taken:
            number += 1
            name = f"{base[: MAX_NAME - 8]}-{number}"
        taken.add(name.lower())
        names.append(name)
    return names
