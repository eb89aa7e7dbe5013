"""Areas by name: which there are, and one of them as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.core.errors import UserError
from orchestrator.plan.countries import KINDS, NamedPlace, near, places

if TYPE_CHECKING:
    from orchestrator.plan.features import Features


def list_places(text: str = "", kind: str = "") -> tuple[NamedPlace, ...]:
    """
    Return the countries, continents and regions there are: those that `text` names or that hold its words.

    Raises:
        UserError: There is no such kind, or nothing is called so.
    """
    if kind and kind not in KINDS:
        raise UserError(f"the kind is {kind!r}; choose one of {', '.join(KINDS)}")
    found = tuple(place for place in (near(text) if text else places()) if kind in ("", place.kind))
    if not found:
        from orchestrator.plan.named import find_place  # noqa: PLC0415  geometries are heavy

        place = find_place(text)
        found = (place,) if kind in ("", place.kind) else ()
    if not found:
        raise UserError(f"no {kind} is called {text!r}; leave --kind out, or see the list without a name")
    return found


def extract_area(name: str, path: Path, *, mainland: bool = False, overwrite: bool = False) -> Features:
    """
    Write the area of a name to a file: a row for each country, in .wkt all in one; return what was written.

    Raises:
        UserError: The name or the file's ending is not known, or the file is there already.
        OSError: It cannot be written.
    """
    from orchestrator.plan.export import check_export, write_features  # noqa: PLC0415  geopandas is heavy
    from orchestrator.plan.named import MAINLAND, named_features  # noqa: PLC0415

    check_export(path, overwrite=overwrite)
    features = named_features(f"{MAINLAND} {name}" if mainland else name)
    write_features(features, path)
    return features
