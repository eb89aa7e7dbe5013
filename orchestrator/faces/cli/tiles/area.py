"""The area that tiles are laid over, and what is said of the file that was made of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.core.units import format_count
from orchestrator.faces.cli.called import quoted
from orchestrator.faces.cli.option_sets import all_of
from orchestrator.faces.cli.output import Output

if TYPE_CHECKING:
    from orchestrator.app.verbs.grids import KeptTiles, LaidTiles

_AREA_OPTIONS = (
    click.argument("area", metavar="AREA", type=str.strip),
    option("--area-layer", "--layer", "area_layer", metavar="NAME", help="Layer of an area file that has several."),
    option("--area-crs", metavar="CRS", help="CRS of an area file that does not say, as EPSG:n."),
    option("--where", metavar="SQL", help="Which features of the file."),
)
_FILE_OPTIONS = (
    option("--name", default="", metavar="NAME", help="What the area is called; no '_'.  [default: as its file]"),
    option(
        "-o",
        "--output",
        "output",
        default=".",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Folder of the file.  [default: .]",
    ),
    option(
        "--format",
        "formats",
        multiple=True,
        default=("parquet",),
        type=click.Choice(["parquet", "geojson"]),
        help="GeoParquet keeps the lattice exactly, GeoJSON is in degrees; repeatable.  [default: parquet]",
    ),
    option("--dry-run", is_flag=True, help="Tell how many tiles there would be; nothing is written."),
)

# An argument AREA, and the options that say how to read it; those of a file of tiles that is made.
area_options = all_of(_AREA_OPTIONS)
file_options = all_of(_FILE_OPTIONS)


def area_given(given: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the table `area` of a job that options describe."""
    return {"source": given["area"], "layer": given["area_layer"], "crs": given["area_crs"], "where": given["where"]}


def keep_and_tell(laid: LaidTiles, given: Mapping[str, Any], shown: Output) -> None:
    """Write tiles, or only count them, and tell what came of it."""
    from orchestrator.app.verbs.grids import keep_tiles  # noqa: PLC0415  geometries are heavy

    for note in laid.mended:
        shown.note(f"note: {note}")
    for note in laid.notes:
        shown.warn(f"note: {note}")
    kept = None if given["dry_run"] else keep_tiles(laid.tiles, given["output"].expanduser(), given["formats"])
    tiles = kept.tiles if kept else laid.tiles
    words = f"{format_count(len(tiles.frame), 'tile')}, {tiles.frame['area_km2'].sum():,.1f} km²"
    if kept is None:
        shown.say(str(len(tiles.frame)) if shown.quiet else f"{tiles.name.stem}: {words}; nothing was written")
    else:
        _tell(kept, words, shown)
    shown.message(
        "tiles",
        {
            "path": str(kept.paths[0]) if kept else "",
            "paths": [str(path) for path in kept.paths] if kept else [],
            "there_already": [str(path) for path in kept.there] if kept else [],
            "tiles": len(tiles.frame),
            "area_km2": float(tiles.frame["area_km2"].sum()),
            "name": tiles.name.stem,
            "hash": tiles.name.hash,
            "about": dict(laid.tiles.about),
            "notes": [*laid.mended, *laid.notes],
        },
    )


def _tell(kept: KeptTiles, words: str, shown: Output) -> None:
    for path in kept.paths:
        was = "; it was there already and stays as it is" if path in kept.there else ""
        shown.say(str(path) if shown.quiet else f"{path}  ({words}{was})")
    shown.note(f"next: `orchestrator tiles split {quoted(str(kept.paths[0]))}`")
