"""
Tiles, in Python: `orc.tiles.grid(...)`, `orc.tiles.random(...)`, `orc.tiles.read(path)`, `orc.tiles.write(...)`.

What they return has `.frame`, a GeoDataFrame of a row for each tile, `.name`, `.about` and, where it is in a file,
`.path`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.api.areas import area_table
from orchestrator.api.arguments import path_of, texts
from orchestrator.api.checking import typed
from orchestrator.api.tile_outputs import burn_tiles as burn
from orchestrator.api.tile_outputs import mosaic_chips as mosaic
from orchestrator.api.tile_outputs import show_tiles as show
from orchestrator.api.tile_outputs import verify_chips as verify
from orchestrator.core import log as logs

if TYPE_CHECKING:
    from orchestrator.api.arguments import TilesOrFile
    from orchestrator.app.verbs.grids import LaidTiles
    from orchestrator.tiling.file import Tiles
    from orchestrator.tiling.split_report import SplitReport

__all__ = ["burn", "grid", "link", "mosaic", "random", "read", "select", "show", "split", "verify", "write"]

log = logs.get(__name__)


@typed
def grid(
    area: object,
    size: float,
    *,
    name: str = "",
    cover: str = "full",
    clip: str = "none",
    min_overlap: float = 0.0,
    crs: str = "",
    zones: str = "one",
    area_crs: str = "",
    folder: str | os.PathLike[str] | None = None,
) -> Tiles:
    """
    Return square tiles over an area.

    Args:
        area: As of a job: a path, a box in degrees, WKT, a geometry, a GeoDataFrame, an `ee.Geometry`.
        size: Side of a tile, metres.
        name: What the area is called in the file's name; by default as its file, else `area`.
        cover: `full`: the cells of a lattice of metres that share surface with the area, which they cover once;
            `legacy`: those of the published tool geetiles, with the same identifiers.
        clip: `none` leaves squares, `aoi` cuts them with the area.
        min_overlap: Share of a tile that the area must be, 0 to 1.
        crs: A projected CRS in metres whose lattice it is; by default the UTM zone of the area's middle.
        zones: `one` lattice, or one for `each` UTM zone, whose tiles end where the zone does.
        area_crs: CRS of an area that does not say its own.
        folder: Write them there as GeoParquet; a file of the same tiles that is there is returned as it is.

    Raises:
        UserError: An argument is wrong, the area cannot be read, or there would be too many tiles.
    """
    from orchestrator.app.verbs.grids import lay_grid  # noqa: PLC0415  geometries are heavy

    laid = lay_grid(
        area_table(area, area_crs),
        size,
        name=name,
        cover=cover,
        clip=clip,
        min_overlap=min_overlap,
        crs=crs,
        zones=zones,
    )
    return _kept(laid, folder)


@typed
def random(
    area: object,
    max_size: float,
    *,
    seed: int | None = None,
    variance: float = 0.1,
    name: str = "",
    area_crs: str = "",
    folder: str | os.PathLike[str] | None = None,
) -> Tiles:
    """
    Return an area cut at random into tiles no side of which is longer than `max_size` metres.

    The same seed gives the same tiles; `.about["seed"]` is the one that was used.

    Args:
        area: As of `grid`.
        max_size: Metres.
        seed: 0 to 2^32 - 1; a new one where it is None.
        variance: How far a cut may lie from the middle, 0 to below 0.5.
        name: As of `grid`.
        area_crs: As of `grid`.
        folder: As of `grid`.

    Raises:
        UserError: As of `grid`.
    """
    from orchestrator.app.verbs.grids import lay_random  # noqa: PLC0415  geometries are heavy

    return _kept(lay_random(area_table(area, area_crs), max_size, name=name, variance=variance, seed=seed), folder)


@typed
def select(
    source: str | os.PathLike[str],
    area: object,
    *,
    name: str = "",
    tiles_name: str = "",
    overlap: str = "area",
    min_overlap: float = 0.0,
    clip: str = "none",
    attributes: bool = True,
    layer: str = "",
    crs: str = "",
    where: str = "",
    area_crs: str = "",
    folder: str | os.PathLike[str] | None = None,
) -> Tiles:
    """
    Return the polygons of a vector file that lie in an area as tiles, in the order of the file and in its CRS.

    Args:
        source: Any vector file.
        area: As of `grid`.
        name: As of `grid`.
        tiles_name: What the tiles are called; by default as their source.
        overlap: `area`: all that share area with the AOI; `legacy`: more than 1e-5 square degrees, as geetiles.
        min_overlap: The least share of a polygon's own area that lies in the AOI, 0 to 1.
        clip: `none` keeps polygons whole, `aoi` cuts them.
        attributes: Whether the columns of the file are kept.
        layer: Needed where the file has several.
        crs: Of a file that does not say its own.
        where: OGR SQL condition on the attributes.
        area_crs: As of `grid`.
        folder: As of `grid`.

    Raises:
        UserError: A file or an argument is wrong, or nothing lies in the area.
    """
    from orchestrator.app.verbs.splits import select as choose  # noqa: PLC0415  geometries are heavy

    laid = choose(
        {"path": os.fspath(source), "layer": layer, "crs": crs, "where": where},
        area_table(area, area_crs),
        name=name,
        tiles_name=tiles_name,
        overlap=overlap,
        min_overlap=min_overlap,
        clip=clip,
        attributes=attributes,
    )
    return _kept(laid, folder)


@typed
def link(tiles: TilesOrFile, others: TilesOrFile) -> Tiles:
    """
    Return tiles with a column foreignid_{name of the others}: which of them each shares most area with, if any.

    Tiles that are in a file are written there too.

    Args:
        tiles: They, or their file.
        others: The same of the others, in any CRS.

    Raises:
        UserError: A file is wrong; nothing is written.
    """
    from orchestrator.app.verbs.splits import link as write  # noqa: PLC0415  geometries are heavy

    return write(tiles, others)[0]


@typed
def split(
    tiles: TilesOrFile,
    *,
    train: float = 0.7,
    test: float = 0.15,
    val: float = 0.15,
    folds: int = 0,
    bands: int | None = None,
    angle: float = 45.0,
    radians: float | None = None,
    balance: str = "count",
    group_by: str = "",
    blocks: float = 0.0,
    gap: float = 0.0,
    stratify: str = "",
    seed: int = 0,
    column: str = "",
    overwrite: bool = False,
) -> tuple[Tiles, SplitReport]:
    """
    Return tiles with a column that says which split each is in, and what came of it.

    Tiles that are in a file are written there too, and a CSV of all splits beside it. `report.table()` shows shares,
    areas, and how many pairs of tiles of different splits are near each other.

    Args:
        tiles: They, or their file.
        train: Share of the tiles; the three add up to 1, to a thousandth.
        test: The same.
        val: The same.
        folds: Instead of the three, so many folds of equal share, numbered from 0.
        bands: Parallel bands across the tiles, by default 8; folds have one each.
        angle: Of the way across the bands, degrees from north clockwise, -90 to 90: 0 makes bands of latitude.
        radians: The same in radians, where it is given.
        balance: Bands are cut where the shares come out (`count`), or all equally wide in degrees (`width`), as by
            geetiles.
        group_by: A column, or the tiles that another file was linked as: tiles of one value stay together.
        blocks: Side, metres, of squares whose tiles stay together.
        gap: Metres; tiles of different splits are not nearer: those between have no split.
        stratify: A dataset whose shares of classes shall be alike in all splits.
        seed: Decides which of equal blocks goes where.
        column: What the column is called; by default split, split_{group} or fold.
        overwrite: Whether a column of that name is replaced.

    Raises:
        UserError: The file or an argument is wrong; nothing is written.
    """
    from orchestrator.app.verbs.splits import split as write  # noqa: PLC0415  geometries are heavy
    from orchestrator.tiling.split_options import SplitOptions  # noqa: PLC0415

    asked = SplitOptions(
        train=train,
        test=test,
        val=val,
        folds=folds,
        bands=bands,
        angle=angle,
        radians=radians,
        balance=balance,
        group_by=group_by,
        blocks=blocks,
        gap=gap,
        stratify=stratify,
        seed=seed,
        column=column,
        overwrite=overwrite,
    )
    return write(tiles, asked)


@typed
def read(path: str | os.PathLike[str]) -> Tiles:
    """
    Return the tiles of a file, GeoParquet or GeoJSON, also one of geetiles.

    Raises:
        UserError: There is none, it cannot be read, or its geometries are not those that its name tells.
    """
    from orchestrator.tiling.file import read_tiles  # noqa: PLC0415  geometries are heavy

    return read_tiles(path_of(path, "path"))


@typed
def write(tiles: Tiles, folder: str | os.PathLike[str], formats: str | Sequence[str] = "parquet") -> Tiles:
    """
    Write tiles into a folder and return them with their path: of the first format, where there are several.

    A file of the same name has the same tiles and stays as it is: columns that were added to it are not lost.

    Args:
        tiles: Any.
        folder: Made where it is not there.
        formats: `parquet`, `geojson`, or both.

    Raises:
        UserError: A format is unknown, or a file of that name has other shapes.
    """
    from orchestrator.app.verbs.grids import keep_tiles  # noqa: PLC0415  geometries are heavy

    return keep_tiles(tiles, path_of(folder, "folder"), texts(formats, "formats")).tiles


def _kept(laid: LaidTiles, folder: str | os.PathLike[str] | None) -> Tiles:
    for note in (*laid.mended, *laid.notes):
        log.warning("tiles.note", note=note)
    return laid.tiles if folder is None else write(laid.tiles, folder)
