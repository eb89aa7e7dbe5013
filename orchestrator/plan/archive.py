"""Zipped areas: one member taken out, under a name of ours, and never more bytes than an area can have."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from orchestrator.core.errors import AreaError
from orchestrator.core.units import format_bytes

# A coast of ten million vertices takes 160 MB as a shapefile; what unpacks to more than this is no area.
MAX_UNPACKED_BYTES = 2**30
# Shapes compress to a half or a third, a table of blanks to a fiftieth; DEFLATE itself ends near 1/1000.
MAX_RATIO = 200
# Below this nobody is harmed, whatever the ratio.
HARMLESS_BYTES = 64 * 2**20
MAX_MEMBERS = 10_000
# In the order in which they are preferred: the last ones also name notes and metadata of other files.
KINDS = (".shp", ".gpkg", ".fgb", ".kml", ".geojson", ".geojsonl", ".geojsons", ".ndjson", ".parquet", ".geoparquet")
LESSER_KINDS = (".json", ".wkt")
COMPANIONS = (".shx", ".dbf", ".prj", ".cpg")
_CHUNK = 1 << 20


@contextmanager
def _opened(path: Path, label: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        # RuntimeError: a password is needed. NotImplementedError: a method of compression that Python lacks.
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise AreaError(f"{label}: cannot be unpacked ({reason}); unpack it and give the file inside") from None


def unpack(path: Path, label: str, folder: Path, *, wanted: str | None) -> tuple[Path, str, bool]:
    """
    Take the vector file out of a zip archive (.zip, .shz, .kmz) into `folder`, with a shapefile's companions.

    Names in the archive choose, and are never used as paths.

    Args:
        path: The archive.
        label: The archive as messages name it.
        folder: Where the file is put, as `unpacked` and its extension.
        wanted: Which file, where there are several: its name, with or without folder and extension.

    Returns:
        The file, its name in the archive, and whether `wanted` chose it.

    Raises:
        AreaError: The archive is damaged, holds no vector file or several, or would unpack to too much.
    """
    with _opened(path, label) as archive:
        if len(archive.infolist()) > MAX_MEMBERS:
            raise AreaError(f"{label}: holds {len(archive.infolist())} files; unpack it and give the one that is meant")
        members = [info for info in archive.infolist() if not info.is_dir() and not _is_clutter(info.filename)]
        chosen, by_name = _chosen(members, label, wanted, is_kmz=path.suffix.lower() == ".kmz")
        purse = _Purse(label, path.stat().st_size)
        base = _stem(chosen.filename)
        for info in members:
            suffix = _suffix(info.filename)
            companion = suffix in COMPANIONS and _stem(info.filename).lower() == base.lower()
            if info is chosen or (companion and _suffix(chosen.filename) == ".shp"):
                _extract(archive, info, folder / f"unpacked{suffix}", purse)
        return folder / f"unpacked{_suffix(chosen.filename)}", chosen.filename, by_name


class _Purse:
    """How many bytes may still be written."""

    def __init__(self, label: str, packed_bytes: int) -> None:
        self._label = label
        self._packed = packed_bytes
        self._limit = min(MAX_UNPACKED_BYTES, max(HARMLESS_BYTES, MAX_RATIO * packed_bytes))
        self._spent = 0

    def spend(self, count: int) -> None:
        self._spent += count
        if self._spent > self._limit:
            raise AreaError(
                f"{self._label}: {format_bytes(self._packed)} unpack to more than {format_bytes(self._limit)}, "
                "which no area needs; unpack it yourself if it is meant"
            )


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, purse: _Purse) -> None:
    with archive.open(info) as source, target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            purse.spend(len(chunk))
            file.write(chunk)


def _chosen(
    members: list[zipfile.ZipInfo], label: str, wanted: str | None, *, is_kmz: bool
) -> tuple[zipfile.ZipInfo, bool]:
    if is_kmz:
        # The first .kml is the drawing, the others are linked from it (KML reference, KMZ files).
        drawings = [info for info in members if _suffix(info.filename) == ".kml"]
        if not drawings:
            raise AreaError(f"{label}: holds no .kml file; it is no Google Earth file")
        return drawings[0], False
    found = [info for info in members if _suffix(info.filename) in KINDS]
    found = found or [info for info in members if _suffix(info.filename) in LESSER_KINDS]
    if not found:
        raise AreaError(f"{label}: holds no vector file; give an archive with one of {', '.join(KINDS)}")
    if len(found) == 1:
        return found[0], False
    if wanted is not None:
        matching = [info for info in found if wanted in _names(info.filename)]
        if len(matching) == 1:
            return matching[0], True
    listed = ", ".join(info.filename for info in found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
    raise AreaError(f"{label}: holds the files {listed}; choose one (--layer {_stem(found[0].filename)})")


def _names(member: str) -> set[str]:
    path = PurePosixPath(member)
    return {member, path.name, path.stem, str(path.with_suffix(""))}


def _stem(member: str) -> str:
    return PurePosixPath(member).stem


def _suffix(member: str) -> str:
    return PurePosixPath(member).suffix.lower()


def _is_clutter(member: str) -> bool:
    parts = PurePosixPath(member).parts
    return "__MACOSX" in parts or not parts or parts[-1].startswith(".")
