"""
Files of tiles: `{area}_partitions_{tiles}_{hash}`, as GeoJSON (what the published tool reads) or GeoParquet.

The name carries the checksum of the identifiers, so that others never take their place; columns may be added.
GeoParquet keeps the CRS in which tiles were laid out and numbers as they are; GeoJSON is in degrees.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from orchestrator.core.errors import UserError
from orchestrator.core.files import write_whole
from orchestrator.core.optional import required
from orchestrator.core.writing import in_turn, writing
from orchestrator.tiling.degrees import cut_at_180, in_degrees
from orchestrator.tiling.identifiers import file_hash, identify
from orchestrator.tiling.measure import square_kilometres
from orchestrator.tiling.merging import merge_columns, merge_remarks
from orchestrator.tiling.reading import (
    REMARKS,
    read_geojson,
    read_geoparquet,
    read_shares,
    refuse_nowhere,
    refuse_other_names,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

GEOJSON, PARQUET = ".geojson", ".parquet"
IDENTIFIER, AREA = "identifier", "area_km2"
# Columns that hold a share of each class, `{"10": 0.25, ...}`; see `is_shares`.
SHARES = "_proportions"
_WORD = "partitions"
_STEM = re.compile(rf"(?P<area>[^_]+)_{_WORD}_(?P<tiles>[^_]+)_(?P<hash>[0-9a-f]{{13}})")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TilesName:
    """
    What a file of tiles is called.

    Attributes:
        area: Of what; without `_`.
        tiles: Which tiles: `aschips`, `5k`, `communes`; without `_`, nor the word partitions.
        hash: Checksum of the identifiers.
    """

    area: str
    tiles: str
    hash: str = ""

    def __post_init__(self) -> None:
        for what, name in (("area", self.area), ("tiles", self.tiles)):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", name):
                raise UserError(
                    f"the name of the {what} is {name!r}; letters, digits, '-' and '.' only: a '_' parts the words of "
                    "a tiles file's name"
                )
        if _WORD in self.tiles:
            raise UserError(f"the name of the tiles is {self.tiles!r}; choose one without the word {_WORD!r}")

    @property
    def stem(self) -> str:
        """The name of the file without its suffix, and that of the folder of what is downloaded for it."""
        return f"{self.area}_{_WORD}_{self.tiles}_{self.hash}"

    @staticmethod
    def of(path: Path) -> TilesName:
        """
        Return what the name of a file says.

        Raises:
            UserError: It is not the name of a file of tiles.
        """
        found = _STEM.fullmatch(path.stem)
        if found is None:
            raise UserError(
                f"{path.name} is not called as a file of tiles is: AREA_{_WORD}_TILES_HASH{GEOJSON} or {PARQUET}; "
                "`tiles grid`, `tiles random` and `tiles select` make one"
            )
        return TilesName(found["area"], found["tiles"], found["hash"])


@dataclass(frozen=True, slots=True)
class Tiles:
    """
    A table of tiles.

    Attributes:
        frame: A row for each tile; columns `area_km2`, `identifier`, `geometry` and what was added. Its CRS is the one
            in which the tiles were laid out; of GeoJSON EPSG:4326.
        name: What it is called.
        about: How it was made, as JSON can hold it: `kind`, `size`, `crs`, `seed`, `area`, ...
        path: Where it lies; None before it is written.
        stamp: Which writing of that file it is.
    """

    frame: GeoDataFrame
    name: TilesName
    about: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    path: Path | None = None
    stamp: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @property
    def identifiers(self) -> list[str]:
        """What tiles are called, in their order."""
        return [str(each) for each in self.frame[IDENTIFIER]]

    @property
    def folder(self) -> Path:
        """Where what is downloaded for these tiles lies: beside the file, called like it."""
        if self.path is None:
            raise UserError(f"the tiles {self.name.stem} are not in a file yet; write them first")
        return self.path.with_suffix("")

    def __repr__(self) -> str:
        where = f"in {self.path}" if self.path else "in no file yet"
        crs = self.frame.crs.to_string() if self.frame.crs else "no CRS"
        return f"<Tiles {self.name.stem}: {len(self.frame):,} in {crs}, {where}>"

    def _repr_png_(self) -> bytes:
        """Return a picture for a notebook: coloured by their split, where they have one."""
        from orchestrator.tiling.picture import SPLIT, Colouring, draw_tiles  # noqa: PLC0415  heavy

        split = Colouring(SPLIT, self.frame[SPLIT]) if SPLIT in self.frame.columns else None
        return draw_tiles(self.frame, self.name.stem, split)


def name_tiles(frame: GeoDataFrame, area: str, tiles: str, about: Mapping[str, Any] = _NOTHING) -> Tiles:
    """
    Return geometries as a table of tiles: named, measured, in their order.

    Args:
        frame: Polygons in any CRS, with the columns that are to be kept.
        area: Name of the area.
        tiles: Name of the tiles.
        about: How they were made.

    Raises:
        UserError: A name is wrong, there are no tiles, or two have the same envelope.
    """
    TilesName(area, tiles)
    if not len(frame):
        raise UserError("there is not one tile: nothing of what was asked for lies in the area")
    names = identify(in_degrees(frame))
    _refuse_doubles(names)
    kept = frame.drop(columns=[IDENTIFIER, AREA], errors="ignore")
    geometry = kept.pop(kept.geometry.name)
    kept.insert(0, IDENTIFIER, names)
    kept.insert(0, AREA, square_kilometres(frame))
    kept = kept.set_geometry(geometry.rename("geometry")).reset_index(drop=True)
    return Tiles(kept, TilesName(area, tiles, file_hash(names)), about)


def write_tiles(tiles: Tiles, folder: Path, suffix: str = PARQUET) -> Tiles:
    """
    Write tiles under their own name, whole or not at all; what lay there had the same tiles.

    Raises:
        UserError: The suffix is none of the two, or the file cannot be written there.
        SpaceError: The disk is full.
    """
    if suffix not in (GEOJSON, PARQUET):
        raise UserError(f"tiles are written as {GEOJSON} or {PARQUET}, not as {suffix!r}")
    path = folder / f"{tiles.name.stem}{suffix}"
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            return _write(tiles, path)


def rewrite_tiles(
    tiles: Tiles,
    frame: GeoDataFrame,
    about: Mapping[str, Any] | None = None,
    *,
    overwrite: bool = False,
    also: Callable[[Tiles], object] = lambda _written: None,
) -> Tiles:
    """
    Write the file of `tiles` again with other columns; those that another command wrote since it was read stay.

    Args:
        tiles: As they were read.
        frame: The same with other columns.
        about: Remarks; those of `tiles` by default.
        overwrite: Replace also what another command wrote meanwhile.
        also: Is given the tiles as they are in the file, before another command writes it.

    Raises:
        UserError: The geometries are not those that the name of the file tells, another command wrote the same column
            meanwhile, or the file cannot be written.
        SpaceError: The disk is full.
    """
    path = tiles.path
    if path is None:
        raise UserError(f"the tiles {tiles.name.stem} are not in a file yet; write them first")
    _check(frame, tiles.name, path)
    made = replace(tiles, frame=frame, about=tiles.about if about is None else about)
    with writing(path), _alone(path):
        if path.exists() and _stamp_of(path) != tiles.stamp:
            there = read_tiles(path)
            columns = merge_columns(tiles.frame, frame, there.frame, overwrite=overwrite)
            made = replace(there, frame=columns, about=merge_remarks(tiles.about, made.about, there.about))
        written = _write(made, path)
        also(written)
    return written


def _alone(path: Path) -> AbstractContextManager[None]:
    return in_turn(path.with_name(f".{path.name}.lock"), str(path))


def _write(tiles: Tiles, path: Path) -> Tiles:
    write_whole(path, _geoparquet(tiles) if path.suffix == PARQUET else _geojson(tiles))
    return Tiles(tiles.frame, tiles.name, tiles.about, path, _stamp_of(path))


def _stamp_of(path: Path) -> tuple[int, ...]:
    """Return what tells one writing of a file from the next."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def read_tiles(path: Path, *, check: bool = True) -> Tiles:
    """
    Read a file of tiles.

    Raises:
        UserError: There is none, it cannot be read, or its geometries are not those that its name tells.
    """
    name = TilesName.of(path)
    if path.is_dir():
        raise UserError(f"{path} is a folder, no file of tiles; chips lie in such a one, the file of tiles beside it")
    try:
        stamp = _stamp_of(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"there is no file {path}; `tiles grid`, `tiles random` and `tiles select` make one") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    frame, about = read_geoparquet(path) if path.suffix == PARQUET else read_geojson(path)
    frame = _with_shares(frame, path)
    if check:
        _check(frame, name, path)
    return Tiles(frame, name, about, path, stamp)


def is_shares(column: str) -> bool:
    """Tell whether a column holds a share of each class: `{dataset}_proportions`, `..._proportions_at_{tiles}`."""
    return column.endswith(SHARES) or f"{SHARES}_at_" in column


def _check(frame: GeoDataFrame, name: TilesName, path: Path) -> None:
    if IDENTIFIER not in frame.columns:
        raise UserError(f"{path.name} has no column {IDENTIFIER!r}; it is not a file of tiles")
    lonlat = in_degrees(frame)
    refuse_nowhere(lonlat, path)
    names = identify(lonlat)
    found = file_hash(names)
    if found != name.hash:
        raise UserError(
            f"the tiles in {path.name} were changed since it was named: they hash to {found}, the name says "
            f"{name.hash}; make a new file with `tiles select`, whose name tells them"
        )
    refuse_other_names(list(frame[IDENTIFIER]), names, path)


def _refuse_doubles(names: list[str]) -> None:
    seen: set[str] = set()
    doubled = next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]
    if doubled is not None:
        raise UserError(
            f"two tiles have the same envelope, to five decimals of a degree, and would both be called {doubled}; "
            "leave one out, or choose larger tiles"
        )


def _geoparquet(tiles: Tiles) -> bytes:
    parquet = required("pyarrow.parquet", "parquet", "GeoParquet")

    frame = tiles.frame.copy(deep=False)
    for column in filter(is_shares, frame.columns):
        frame[column] = [None if each is None else json.dumps(each) for each in frame[column]]
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, write_covering_bbox=True, compression="zstd")
    buffer.seek(0)
    table = parquet.read_table(buffer)
    about = {REMARKS.encode(): json.dumps(dict(tiles.about), sort_keys=True).encode()}
    out = io.BytesIO()
    parquet.write_table(
        table.replace_schema_metadata({**(table.schema.metadata or {}), **about}), out, compression="zstd"
    )
    return out.getvalue()


def _geojson(tiles: Tiles) -> bytes:
    """Return a feature collection in degrees, a feature a line, coordinates as they are."""
    frame = tiles.frame
    columns = [column for column in frame.columns if column != frame.geometry.name]
    rows = zip(*(_plain(frame[column]) for column in columns), strict=True)
    shapes = shapely.to_geojson(cut_at_180(in_degrees(frame)))
    features = [
        f'{{"type": "Feature", "properties": {json.dumps(dict(zip(columns, row, strict=True)))}, "geometry": {shape}}}'
        for row, shape in zip(rows, shapes, strict=True)
    ]
    head = {"type": "FeatureCollection", "name": tiles.name.stem, REMARKS: dict(tiles.about)}
    return (json.dumps(head)[:-1] + ', "features": [\n' + ",\n".join(features) + "\n]}\n").encode()


def _plain(column: Any) -> list[Any]:
    """Return values as JSON can hold them: nothing for what is missing."""
    if is_shares(str(column.name)):
        return list(column)
    return list(column.astype(object).where(column.notna(), None))


def _with_shares(frame: GeoDataFrame, path: Path) -> GeoDataFrame:
    for column in filter(is_shares, frame.columns):
        values = np.empty(len(frame), object)
        values[:] = read_shares(column, list(frame[column]), path)
        frame[column] = values
    return frame
