"""Areas of interest: from a vector file, WKT text or a box to one repaired, dissolved area or several."""

from __future__ import annotations

import errno
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestrator.core.errors import AreaError, PlanError
from orchestrator.plan.area import Area, distinct_names, name_of, names_of_values, safe_name
from orchestrator.plan.features import WKT_START, Features, existing_path, open_path, read_box, read_wkt
from orchestrator.plan.named import is_name, named_features
from orchestrator.plan.repair import dissolve, mend, without_null
from orchestrator.plan.reproject import crs_name, parse_crs
from orchestrator.plan.vectors import read_vectors

EACH_FEATURE = "*"


def read_areas(
    source: str,
    *,
    layer: str | None = None,
    crs: str | None = None,
    where: str | None = None,
    split_by: str | None = None,
    name_field: str | None = None,
) -> tuple[Area, ...]:
    """
    Read `source` and return its area: all features dissolved into one, holes and separate pieces kept.

    Args:
        source: A file (.shp .gpkg .geojson .json .kml .kmz .fgb .parquet .wkt), WKT text, a box
            `left,bottom,right,top` in EPSG:4326 or in another CRS after `;EPSG:n`, or the name of a country, a
            continent or a region (a file of that name goes before it). Never a URL.
        layer: Needed where the file has several.
        crs: States the CRS of a file that does not, or corrects it.
        where: OGR SQL condition on the attributes, e.g. `name = 'Cambodia'`.
        split_by: Return several areas: one per value of this attribute, or one per feature for `*`.
        name_field: Attribute that names the areas of `split_by="*"`.

    Raises:
        AreaError: One line with the file, the feature, what was found, what was expected and what to do.
        PlanError: If `crs` is unknown.
    """
    try:
        return _read_areas(source, layer, crs, where, split_by, name_field)
    except AreaError as error:
        # Names of files, layers and attributes are their authors' and may hold anything.
        raise AreaError(one_line(str(error))) from None
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        advice = f"free some space in {tempfile.gettempdir()}, or set TMPDIR" if full else "check its permissions"
        raise AreaError(one_line(f"{source}: cannot be read ({error.strerror}); {advice}")) from None


def one_line(text: str) -> str:
    """Return `text` without line breaks and without what a terminal would obey."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _read_areas(
    source: str,
    layer: str | None,
    crs: str | None,
    where: str | None,
    split_by: str | None,
    name_field: str | None,
) -> tuple[Area, ...]:
    # GEOS raises a floating point flag for every NaN it meets; `mend` refuses them by name.
    with np.errstate(invalid="ignore", over="ignore"):
        features = without_null(read_features(source, layer=layer, where=where))
        stated, notes = find_crs(features, crs)
        polygons, repairs = mend(features, stated)
    return tuple(
        Area(
            name=group.name,
            geometry=dissolve([polygons[index] for index in group.members], stated),
            crs=stated,
            source=source,
            sha256=features.sha256,
            notes=(*features.notes, *notes, *repairs, *group.notes),
            value=group.value,
        )
        for group in _groups(features, split_by, name_field, _stem(source, features))
    )


def read_features(source: str, *, layer: str | None, where: str | None) -> Features:
    """Return the features of a file, a text or a box, as they are there; errors as `read_areas`."""
    if where and "\0" in where:
        raise AreaError("the filter (--where) holds a NUL character, where GDAL would stop reading; write it again")
    inline = None
    path = existing_path(source)
    if path is None:
        inline = read_box(source)
        if inline is None and WKT_START.match(source):
            inline = read_wkt(source, "WKT")
    # A folder is no area, and people name folders after one.
    if inline is None and (path is None or path.is_dir()) and is_name(source):
        inline = named_features(source)
    if inline is None:
        path = open_path(source)
        return read_vectors(path, path.name, layer=layer, where=where)
    if where or layer:
        raise AreaError(f"{inline.label}: has neither attributes nor layers; leave --where and --layer out")
    return inline


def find_crs(features: Features, given: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the CRS that features are in, as they say or `given` does, and what was assumed, a sentence each."""
    stated = _stated_crs(features, needed=given is None)
    if given is None:
        return stated, ()
    name = crs_name(parse_crs(given))
    if not stated:
        said = "states no CRS" if not features.crs and not features.crs_trouble else "states a CRS that is not known"
        return name, (f"{features.label}: {said} and was taken as {name}, as asked.",)
    if stated == name:
        return name, ()
    return name, (f"{features.label}: states {stated[:60]} but was taken as {name}, as asked.",)


def _stated_crs(features: Features, *, needed: bool) -> str:
    """Return the CRS that a file states; empty, if it need not be known, where it states none that is known."""
    try:
        if features.crs is not None:
            return crs_name(parse_crs(features.crs))
        trouble = features.crs_trouble or "it states no CRS (a shapefile's .prj is missing or empty)"
    except PlanError as error:
        trouble = features.crs_trouble or f"its {str(error).split(';')[0]}"
    if not needed:
        return ""
    raise AreaError(f"{features.label}: {trouble}; state the CRS, e.g. --area-crs EPSG:4326")


def _stem(source: str, features: Features) -> str:
    if features.label == "WKT" or features.label.startswith("box "):
        return "area"
    return safe_name(features.name or Path(source).stem)


@dataclass(frozen=True, slots=True)
class _Group:
    """The features of one area."""

    name: str
    members: list[int]
    value: str = ""
    notes: tuple[str, ...] = ()


def _groups(features: Features, split_by: str | None, name_field: str | None, stem: str) -> list[_Group]:
    everything = list(range(len(features.ids)))
    if split_by is None:
        return [_Group(stem, everything)]
    if split_by == EACH_FEATURE:
        if name_field is None:
            texts = [f"{stem}-{features.ids[index]}" for index in everything]
            return [_Group(name, [index]) for index, name in enumerate(distinct_names(texts))]
        values = [_shown(value, stem) for value in _values(features, name_field)]
        names = distinct_names(name_of(value) for value in values)
        return [_Group(name, [index], values[index]) for index, name in enumerate(names)]
    members: dict[str, list[int]] = {}
    for index, value in enumerate(_values(features, split_by)):
        members.setdefault(_shown(value, stem), []).append(index)
    names = names_of_values(members, features.label, split_by)
    return [
        _Group(name, chosen, value, _renamed(features.label, split_by, value, name))
        for name, (value, chosen) in zip(names, members.items(), strict=True)
    ]


def _renamed(label: str, field: str, value: str, name: str) -> tuple[str, ...]:
    return () if name == value else (f"{label}: {field} {value[:200]!r} is called {name}.",)


def _values(features: Features, field: str) -> tuple[object, ...]:
    if field not in features.fields:
        known = ", ".join(features.fields) or "none"
        raise AreaError(f"{features.label}: has no attribute {field!r}; it has {known}")
    return features.fields[field]


def _shown(value: object, stem: str) -> str:
    return str(value).strip() if value is not None and str(value).strip() else stem
