"""`tiles grid`: square tiles over an area."""

from __future__ import annotations

from typing import Any

import rich_click as click
from rich_click import option

from orchestrator.faces.cli.boxes import AreaCommand
from orchestrator.faces.cli.session import Context
from orchestrator.faces.cli.tiles.area import area_given, area_options, file_options, keep_and_tell

EXAMPLES = """
`orchestrator tiles grid luxembourg.wkt --size 1000 --name lux -o tiles` makes
tiles/lux_partitions_aschips_HASH.parquet; the hash is that of the tiles' identifiers.
"""


@click.command(cls=AreaCommand, epilog=EXAMPLES)
@area_options
@option("--size", required=True, type=float, metavar="METRES", help="Side of a tile.")
@option(
    "--cover",
    type=click.Choice(["full", "legacy"]),
    default="full",
    help="full: a lattice that covers the area once; legacy: the grid of geetiles, cell for cell.  [default: full]",
)
@option(
    "--clip",
    type=click.Choice(["none", "aoi"]),
    default="none",
    help="none leaves squares, aoi cuts them with the area.  [default: none]",
)
@option(
    "--min-overlap",
    type=float,
    default=0.0,
    metavar="SHARE",
    help="Leave tiles out of which the area is less, 0 to 1.  [default: 0]",
)
@option("--crs", default="", metavar="EPSG:n", help="Whose lattice, in metres.  [default: UTM zone of the area]")
@option(
    "--zones",
    type=click.Choice(["one", "each"]),
    default="one",
    help="one lattice, or one for each UTM zone, whose tiles end where the zone does.  [default: one]",
)
@file_options
@click.pass_obj
def grid(context: Context, /, **given: Any) -> int:
    """
    Lay square tiles over an area.

    AREA is a vector file, WKT, a box `left,bottom,right,top`, or a name such as Luxembourg. A file of
    the same tiles that is there already stays, with the columns it has.
    """
    from orchestrator.app.verbs.grids import lay_grid  # noqa: PLC0415  --help needs no geometries

    shown = context.output()
    with shown.telling("laying tiles"):
        names = ("name", "cover", "clip", "min_overlap", "crs", "zones")
        laid = lay_grid(area_given(given), given["size"], **{name: given[name] for name in names})
    keep_and_tell(laid, given, shown)
    return 0
