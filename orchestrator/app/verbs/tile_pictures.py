"""Tiles as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.core.files import check_target, write_whole

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from orchestrator.tiling.file import Tiles


def show_tiles(tiles: Tiles, by: str = "", *, area: str = "") -> bytes:
    """
    Return a PNG of tiles, on the outline of an area where one is named.

    Args:
        tiles: Any.
        by: What they are coloured by; see `tiling.shown.values_of_tiles`. One colour where it is empty.
        area: A file, a name or a box whose outline is drawn; none where it is empty.

    Raises:
        UserError: They have no such column, or the area cannot be read.
    """
    from orchestrator.tiling.picture import draw_tiles  # noqa: PLC0415  matplotlib is heavy
    from orchestrator.tiling.shown import values_of_tiles  # noqa: PLC0415

    colouring = values_of_tiles(tiles, by) if by else None
    return draw_tiles(tiles.frame, tiles.name.stem, colouring, _outline(area))


def check_picture(path: Path, *, overwrite: bool) -> None:
    """Make sure that a PNG can be written; UserError where the name is not one or is taken."""
    check_target(path, (".png",), "a picture", overwrite=overwrite)


def write_picture(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write a PNG, whole or not at all; UserError where the name is not one or is taken."""
    check_picture(path, overwrite=overwrite)
    write_whole(path, content)


def _outline(area: str) -> BaseGeometry | None:
    """Return the outline of an area in degrees; None where none is named: that of a namesake would mislead."""
    from orchestrator.plan.aoi import read_areas  # noqa: PLC0415  geometries are heavy
    from orchestrator.plan.reproject import to_lonlat  # noqa: PLC0415

    if not area:
        return None
    read = read_areas(area)[0]
    return to_lonlat(read.geometry, read.crs)
