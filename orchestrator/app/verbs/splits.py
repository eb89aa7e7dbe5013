"""Tiles that are there already: taken from a file, linked with others, split for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.tiling.file import Tiles
    from orchestrator.tiling.split_report import SplitReport


def split(path: Path, **options: Any) -> SplitReport:
    """
    Split a file of tiles, which is written again with a column more, and a CSV beside it.

    Args:
        path: The file.
        options: Those of `tiling.split_options.SplitOptions`.

    Raises:
        UserError: The file or an option is wrong; nothing is written.
    """
    from orchestrator.tiling.split_options import SplitOptions  # noqa: PLC0415  geometries are heavy

    asked = SplitOptions(**options)  # a wrong option is said before a large file is read
    from orchestrator.tiling.file import read_tiles  # noqa: PLC0415
    from orchestrator.tiling.splits import split_tiles  # noqa: PLC0415

    return split_tiles(read_tiles(path), asked)[1]


def link(path: Path, other: Path, *, in_degrees: bool = False) -> tuple[Tiles, str, int]:
    """
    Write into a file of tiles which tile of another each lies in; return it, the column and how many lie in none.

    Args:
        path: The file that is written again with a column more.
        other: The file of the other tiles.
        in_degrees: As geetiles 0.1.7; see `tiling.links.link_tiles`.

    Raises:
        UserError: A file is wrong; nothing is written.
    """
    from orchestrator.tiling.file import read_tiles  # noqa: PLC0415  geometries are heavy
    from orchestrator.tiling.links import link_tiles  # noqa: PLC0415
    from orchestrator.tiling.units import FOREIGN, NO_LINK  # noqa: PLC0415

    others = read_tiles(other)
    linked = link_tiles(read_tiles(path), others, in_degrees=in_degrees)
    column = f"{FOREIGN}{others.name.tiles}"
    return linked, column, sum(value is None or str(value) == NO_LINK for value in linked.frame[column])
