"""
A vector file made ready for GDAL: under a plain name in a folder of its own, unpacked, and free of links.

GDAL and what wraps it take a path apart: `;`, `?`, `!`, a colon, `/vsi` and endings like `.zip` have meanings there.
So no name of a user's ever reaches them; what they open is `area` and an extension, in a temporary folder.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.core.errors import AreaError
from orchestrator.plan.archive import unpack
from orchestrator.plan.dbf import to_utf8
from orchestrator.plan.features import DRIVERS, SIDECARS, check_beginning, sibling
from orchestrator.plan.geojson import LINES, sanitise
from orchestrator.plan.kml import read_kml

# What a GeoPackage needs beside plain tables; other modules open files or the network by name.
MODULES = ("rtree", "rtree_i32", "fts3", "fts4", "fts5", "geopoly")


@dataclass(frozen=True, slots=True)
class Staged:
    """
    A file that may be opened.

    Attributes:
        path: Where it is now; the extension tells its kind.
        label: As messages name it.
        layer: Which layer is still to be chosen.
        nulls: How many features the file says have no geometry; None where that is not known.
        crs: Its CRS where the staging has read it; None where GDAL shall.
        crs_trouble: See `Features.crs_trouble`.
        notes: What was done, a sentence each.
    """

    path: Path
    label: str
    layer: str | None
    nulls: int | None = None
    crs: str | None = None
    crs_trouble: str = ""
    notes: tuple[str, ...] = ()


@contextmanager
def staged(path: Path, label: str, layer: str | None) -> Iterator[Staged]:
    """
    Put a file where it may be opened, for as long as the context lasts.

    Args:
        path: A file of a kind in `DRIVERS`.
        label: The file as messages name it.
        layer: A layer, or a file in an archive that holds several.

    Raises:
        AreaError: The file is damaged, of another kind than its name says, or larger than an area can be.
    """
    with tempfile.TemporaryDirectory(prefix="area-") as name:
        folder = Path(name)
        if "!" in name:
            raise AreaError(f"{label}: the folder for temporary files, {name}, has a '!' in it; set TMPDIR to another")
        if DRIVERS[path.suffix.lower()] == "zip":
            path, member, by_name = unpack(path, label, folder, wanted=layer)
            label, layer = f"{label} ({member})", None if by_name else layer
            check_beginning(path, label)
        yield _staged(path, folder, Staged(path, label, layer))


def _staged(path: Path, folder: Path, now: Staged) -> Staged:
    suffix = path.suffix.lower()
    kind = DRIVERS[suffix]
    target = folder / f"area{suffix}"
    if kind == "GeoJSON":
        return _geojson(path, folder, now)
    if kind == "KML":
        collection = read_kml(path, now.label, now.layer)
        target = folder / "area.geojson"
        target.write_text(json.dumps(collection), encoding="utf-8")
        nulls = sum(feature["geometry"] is None for feature in collection["features"])
        return replace(now, path=target, layer=None, nulls=nulls, crs="EPSG:4326")
    _link(target, path)
    if kind == "ESRI Shapefile":
        return _shapefile(path, folder, replace(now, path=target))
    if kind == "GPKG":
        _check_geopackage(target, now.label)
    return replace(now, path=target)


def _geojson(path: Path, folder: Path, now: Staged) -> Staged:
    safe = sanitise(path, now.label, folder / "area.geojson", lines=path.suffix.lower() in LINES)
    target = folder / "area.geojson"
    if safe.path != target:
        _link(target, path)
    return replace(
        now, path=target, nulls=safe.nulls, crs=safe.crs, crs_trouble=safe.trouble, notes=(*now.notes, *safe.notes)
    )


def _shapefile(path: Path, folder: Path, now: Staged) -> Staged:
    notes = list(now.notes)
    for suffix in SIDECARS[1:]:
        member = sibling(path, suffix)
        if member is None or suffix == ".cpg":
            continue
        if suffix != ".dbf":
            _link(folder / f"area{suffix}", member)
            continue
        page = sibling(path, ".cpg")
        stated = page.read_text(encoding="ascii", errors="replace")[:100] if page else None
        codec, guessed = to_utf8(member, folder / "area.dbf", stated)
        (folder / "area.cpg").write_text("UTF-8", encoding="ascii")
        if guessed:
            notes.append(
                f"{now.label}: its table names no code page that is known and was read as {codec}; where names look "
                f"wrong, write the right one (852, 1251, UTF-8, ...) into {path.with_suffix('.cpg').name} beside it."
            )
    trouble = f"its {path.stem}.prj is not understood" if _is_filled(sibling(path, ".prj")) else ""
    return replace(now, crs_trouble=trouble, notes=tuple(notes))


def _link(name: Path, file: Path) -> None:
    """Give a file a second name; where links need a right that one does not have (Windows), its bytes are copied."""
    try:
        name.symlink_to(file.resolve())
    except OSError:
        shutil.copyfile(file, name)


def _is_filled(path: Path | None) -> bool:
    return path is not None and bool(path.read_bytes().strip())


def _computed(database: sqlite3.Connection) -> str:
    """Return the first table that GDAL would read rows of and whose rows are an expression of the file's author."""
    views = "SELECT name FROM sqlite_master WHERE type = 'view' AND (lower(name) GLOB 'gpkg*' OR name = 'layer_styles')"
    found = database.execute(views).fetchone()
    if found:
        return str(found[0])
    listed = "SELECT m.name, m.type FROM sqlite_master m JOIN gpkg_contents c ON lower(c.table_name) = lower(m.name)"
    tables = "SELECT name, type FROM sqlite_master WHERE type = 'table' AND lower(name) GLOB 'gpkg*'"
    for name, kind in [*database.execute(tables), *database.execute(listed)]:
        columns = database.execute("SELECT hidden FROM pragma_table_xinfo(?)", (name,))
        if kind == "view" or any(hidden in _GENERATED for (hidden,) in columns):
            return str(name)
    return ""


_GENERATED = (2, 3)  # SQLite's PRAGMA table_xinfo: virtual and stored columns


def _check_geopackage(path: Path, label: str) -> None:
    """Refuse an SQLite file that is no GeoPackage, or has tables that open other files."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=2)) as database:
            database.text_factory = lambda text: text.decode("utf-8", "replace")
            rows = database.execute("SELECT lower(name), coalesce(sql, '') FROM sqlite_master").fetchall()
            computed = _computed(database) if "gpkg_contents" in {name for name, _ in rows} else ""
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        # A damaged name makes SQLite's own sentence undecodable.
        reason = "its list of tables" if isinstance(error, UnicodeError) else str(error)
        raise AreaError(
            f"{label}: cannot be read as a GeoPackage ({reason}); it may be damaged or in use: copy it again"
        ) from None
    if "gpkg_contents" not in {name for name, _ in rows}:
        raise AreaError(
            f"{label}: may be damaged: it has no table gpkg_contents, so it is an SQLite file but no GeoPackage"
        )
    if computed:
        raise AreaError(
            f"{label}: its layer {computed!r} is computed whenever it is read (a view, or generated columns), which "
            "may take any time and memory; copy the layer into a GeoPackage of its own (ogr2ogr)"
        )
    for name, sql in rows:
        words = sql.replace("(", " ( ").lower().split()
        if words[:3] == ["create", "virtual", "table"]:
            module = words[words.index("using") + 1] if "using" in words[:-1] else "?"
            if module.strip("\"'`[]") not in MODULES:
                raise AreaError(
                    f"{label}: its table {name!r} is made by {module!r}, which may open other files; "
                    "copy the layer into a GeoPackage of its own"
                )
