"""Tiles as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.core.errors import AreaError
from orchestrator.core.files import check_target, write_whole

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from orchestrator.tiling.file import Tiles


def show_tiles(tiles: Tiles, by: str = "", *, area: str = "") -> bytes:
    """
    Return a PNG of tiles on the outline of their area.

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
    return draw_tiles(tiles.frame, tiles.name.stem, colouring, _outline(area, tiles))


def check_picture(path: Path, *, overwrite: bool) -> None:
    """Make sure that a PNG can be written; UserError where the name is not one or is taken."""
    check_target(path, (".png",), "a picture", overwrite=overwrite)


def write_picture(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write a PNG, whole or not at all; UserError where the name is not one or is taken."""
    check_picture(path, overwrite=overwrite)
    write_whole(path, content)


def _outline(area: str, tiles: Tiles) -> BaseGeometry | None:
    """Return the outline of an area in degrees: of the one named, else of that after which the tiles are called."""
    from orchestrator.plan.aoi import read_areas  # noqa: PLC0415  geometries are heavy
    from orchestrator.plan.reproject import to_lonlat  # noqa: PLC0415

    source = area or str(tiles.about.get("area") or tiles.name.area)
    try:
        read = read_areas(source)[0]
    except AreaError:
        if area:
            raise
        return None  # the tiles were made of a file that is elsewhere now
    outline = to_lonlat(read.geometry, read.crs)
    return outline if area or _holds(outline, tiles) else None


def _holds(outline: BaseGeometry, tiles: Tiles) -> bool:
    """Tell whether tiles lie in an area that is called like theirs, rather than in another Georgia."""
    from shapely import box  # noqa: PLC0415  geometries are heavy

    corners = tiles.frame.geometry.to_crs("EPSG:4326").total_bounds
    return bool(box(*outline.bounds).contains(box(*corners).centroid))
