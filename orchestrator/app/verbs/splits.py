"""Tiles that are there already: taken from a file, linked with others, split for training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.verbs.grids import LaidTiles, default_name, read_area
from orchestrator.app.verbs.tile_files import open_tiles

if TYPE_CHECKING:
    from orchestrator.tiling.file import Tiles
    from orchestrator.tiling.split_options import SplitOptions
    from orchestrator.tiling.split_report import SplitReport


def select(
    source: Mapping[str, str], table: Mapping[str, str | None], *, name: str = "", tiles_name: str = "", **rule: Any
) -> LaidTiles:
    """
    Return the features of a vector file that lie in an area, as tiles; nothing is written.

    Args:
        source: Where they are: `path`, `layer`, `crs`, `where`.
        table: The area, as of `read_area`.
        name: What the area is called in the file's name; by default as its source.
        tiles_name: The same of the tiles.
        rule: Those of `tiling.selection.Rule`: which are taken, and what of them.

    Raises:
        UserError: A file or an option is wrong, or nothing lies in the area.
    """
    from orchestrator.plan.area import safe_name  # noqa: PLC0415  geometries are heavy
    from orchestrator.tiling.selection import Rule, TileSource, select_tiles  # noqa: PLC0415

    asked = Rule(**rule)  # a wrong option is said before a large file is read
    area = read_area(table)
    called = tiles_name or safe_name(Path(source["path"]).stem, "tiles").replace("_", "-").strip("-.")
    tiles, mended = select_tiles(TileSource(**source), area, (name or default_name(area), called), asked)
    return LaidTiles(tiles, (*area.notes, *mended), ())


def split(tiles: Tiles | str | os.PathLike[str], options: SplitOptions) -> tuple[Tiles, SplitReport]:
    """
    Return tiles with a split, and what came of it; a file of them is written again, and a CSV beside it.

    Raises:
        UserError: The file is wrong, or the options do not fit it; nothing is written.
    """
    from orchestrator.tiling.splits import split_tiles  # noqa: PLC0415  geometries are heavy

    return split_tiles(open_tiles(tiles), options)


def link(
    tiles: Tiles | str | os.PathLike[str], others: Tiles | str | os.PathLike[str], *, square_degrees: bool = False
) -> tuple[Tiles, str]:
    """
    Return tiles that know which of others each lies in, and the column; a file of them is written again.

    Args:
        tiles: They, or their file.
        others: The same of the others.
        square_degrees: As geetiles 0.1.7; see `tiling.links.link_tiles`.

    Raises:
        UserError: A file is wrong; nothing is written.
    """
    from orchestrator.tiling.links import link_tiles  # noqa: PLC0415  geometries are heavy
    from orchestrator.tiling.units import FOREIGN  # noqa: PLC0415

    there = open_tiles(others)
    return link_tiles(open_tiles(tiles), there, square_degrees=square_degrees), f"{FOREIGN}{there.name.tiles}"
