"""Tiles over an area, in a file: grids and random cuts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint

if TYPE_CHECKING:
    from orchestrator.plan.area import Area
    from orchestrator.tiling.file import Tiles

FORMATS = ("parquet", "geojson")
COVERS = ("full", "legacy")
CLIPS = ("none", "aoi")


@dataclass(frozen=True, slots=True)
class LaidTiles:
    """
    Tiles that were laid over an area; nothing is written yet.

    Attributes:
        tiles: Without a path.
        mended: What was mended or assumed of the area, a sentence each.
        notes: What a person must know of the tiles, a sentence each.
    """

    tiles: Tiles
    mended: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeptTiles:
    """
    Tiles in a folder.

    Attributes:
        tiles: The first of the files; with the columns that were added since, where it was there already.
        paths: Of each format.
        there: Those of them that were there already, and were left as they are.
    """

    tiles: Tiles
    paths: tuple[Path, ...]
    there: tuple[Path, ...]


def read_area(table: Mapping[str, str | None]) -> Area:
    """
    Return the area of a table `area` of a job: `source`, `layer`, `crs`, `where`; all its features are one.

    Raises:
        AreaError: It cannot be read.
    """
    from orchestrator.plan.aoi import read_areas  # noqa: PLC0415  geometries are heavy

    options = {name: table.get(name) or None for name in ("layer", "crs", "where")}
    return read_areas(table["source"] or "", **options)[0]


def lay_grid(
    table: Mapping[str, str | None],
    size: float,
    *,
    name: str = "",
    cover: str = "full",
    clip: str = "none",
    min_overlap: float = 0.0,
    crs: str = "",
    zones: str = "one",
) -> LaidTiles:
    """
    Return a grid over an area; nothing is written.

    Args:
        table: The area, as of `read_area`.
        size: Side of a cell, metres.
        name: What the area is called in the file's name; by default as its source.
        cover: `full`, or `legacy`: the published grid, which takes none of the options below.
        clip: `aoi` cuts the cells with the area; `none` leaves squares.
        min_overlap: Share of a cell that the area must be.
        crs: Whose lattice it is; the UTM zone of the area's middle where it is empty.
        zones: `one` lattice, or one for `each` UTM zone.

    Raises:
        UserError: An option is wrong or does not fit the others, or no tile is left.
    """
    from orchestrator.tiling.grids import Cover, full_tiles, legacy_tiles  # noqa: PLC0415  geometries are heavy

    _check(cover, COVERS, "--cover")
    _check(clip, CLIPS, "--clip")
    _check_name(name)
    wanted = Cover(clip == "aoi", min_overlap, crs, zones)
    if cover == "legacy" and wanted != Cover():
        raise UserError(
            "--cover legacy is the published formula and takes no --clip, --min-overlap, --crs or --zones; "
            "leave them out, or use --cover full"
        )
    area = read_area(table)
    called = name or default_name(area)
    tiles, notes = full_tiles(area, called, size, wanted) if cover == "full" else legacy_tiles(area, called, size)
    return LaidTiles(tiles, area.notes, notes)


def lay_random(
    table: Mapping[str, str | None], max_size: float, *, name: str = "", variance: float = 0.1, seed: int | None = None
) -> LaidTiles:
    """
    Return an area cut at random; `about` of the tiles tells the seed. Nothing is written.

    Args:
        table: The area, as of `read_area`.
        max_size: The longest side, metres.
        name: As of `lay_grid`.
        variance: How far a cut may lie from the middle, 0 to below 0.5.
        seed: Of the random numbers; a new one where it is None.

    Raises:
        UserError: A number is out of its range.
    """
    from orchestrator.tiling.grids import random_tiles  # noqa: PLC0415  geometries are heavy

    _check_name(name)
    chosen = secrets.randbelow(2**32) if seed is None else seed
    area = read_area(table)
    tiles, notes = random_tiles(area, name or default_name(area), max_size, seed=chosen, variance=variance)
    return LaidTiles(tiles, area.notes, notes)


def default_name(area: Area) -> str:
    """Return what an area is called in names of files: as its source, with '-' for the '_' that parts words there."""
    return area.name.replace("_", "-").strip("-.") or "area"


def keep_tiles(made: Tiles, folder: Path, formats: Sequence[str] = ("parquet",)) -> KeptTiles:
    """
    Write tiles into a folder; a file of the same name has the same tiles, perhaps with more columns, and stays.

    A format that lacks is written of what is there, with its columns.

    Raises:
        UserError: A format is unknown, or what is there cannot be read, or has other shapes.
    """
    from orchestrator.tiling.file import read_tiles, write_tiles  # noqa: PLC0415  geometries are heavy

    for one in formats:
        _check(one, FORMATS, "--format")
    wanted = {suffix: folder / f"{made.name.stem}{suffix}" for suffix in (f".{one}" for one in formats)}
    there = {suffix: read_tiles(path) for suffix, path in wanted.items() if path.exists()}
    for found in there.values():
        _refuse_other_shapes(found, made)
    base = max(there.values(), key=lambda one: len(one.frame.columns), default=made)
    kept = {suffix: there.get(suffix) or write_tiles(base, folder, suffix) for suffix in wanted}
    return KeptTiles(next(iter(kept.values())), tuple(wanted.values()), tuple(wanted[suffix] for suffix in there))


def _refuse_other_shapes(there: Tiles, made: Tiles) -> None:
    from orchestrator.tiling.degrees import in_degrees, same_shapes  # noqa: PLC0415  geometries are heavy

    if not same_shapes(in_degrees(there.frame), in_degrees(made.frame)):
        raise UserError(
            f"{there.path} is there with tiles of the same envelopes and other shapes (made with {dict(there.about)}); "
            "choose another folder (-o) or another --name"
        )


def _check_name(name: str) -> None:
    from orchestrator.tiling.file import TilesName  # noqa: PLC0415  geometries are heavy

    TilesName(name or "area", "any")  # refuses what no file can be called, before areas are read


def _check(value: Any, known: Sequence[str], option: str) -> None:
    if value not in known:
        raise UserError(f"{option} is {value!r}; {hint(str(value), known)}")
