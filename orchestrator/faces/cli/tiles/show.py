"""`tiles show`: a picture of tiles."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from orchestrator.core.units import format_count
from orchestrator.faces.cli.session import Context

EXAMPLES = """
By a split, a class, a column, or a share of one class: `--by split`, `--by class`, `--by area_km2`, `--by fold`,
`--by esa-world-cover_proportions:10`.
"""


@click.command(name="show", epilog=EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--by",
    default="",
    metavar="COLUMN",
    help="Colour by a column, by `split`, or by `class`: the one that most of a tile has.  [default: split, if any]",
)
@click.option("--column-less", is_flag=True, help="Draw all tiles in one colour.")
@click.option("--area", default="", metavar="FILE", help="Draw the outline of this area: a file, a box or a name.")
@click.option(
    "-o",
    "--output",
    "output",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help="Picture.  [default: beside FILE, as FILE.png]",
)
@click.option("--overwrite", is_flag=True, help="Replace the picture where it is there.")
@click.pass_obj
def show_tiles_of(
    context: Context, /, file: Path, by: str, area: str, output: Path | None, *, column_less: bool, overwrite: bool
) -> int:
    """
    Draw tiles, coloured by split, by class or by any column, with the count of each, and the outline of an area.

    Axes are in kilometres.
    """
    from orchestrator.app.verbs.tile_files import open_tiles  # noqa: PLC0415  geometries are heavy
    from orchestrator.app.verbs.tile_pictures import check_picture, show_tiles, write_picture  # noqa: PLC0415

    shown = context.output()
    path = output.expanduser() if output else file.with_suffix(".png")
    check_picture(path, overwrite=overwrite)
    tiles = open_tiles(file)
    chosen = "" if column_less else by or ("split" if "split" in tiles.frame.columns else "")
    with shown.busy("drawing"):
        write_picture(path, show_tiles(tiles, chosen, area=area), overwrite=overwrite)
    shown.say(str(path) if shown.quiet else f"{path}  ({format_count(len(tiles.frame), 'tile')})")
    shown.message("picture", {"path": str(path), "tiles": len(tiles.frame), "by": chosen})
    return 0
