"""`tiles random`: an area cut at random."""

from __future__ import annotations

from typing import Any

import rich_click as click
from rich_click import option

from orchestrator.faces.cli.boxes import AreaCommand
from orchestrator.faces.cli.session import Context
from orchestrator.faces.cli.tiles.area import area_given, area_options, file_options, keep_and_tell


@click.command(cls=AreaCommand)
@area_options
@option("--max-size", required=True, type=float, metavar="METRES", help="The longest side of a tile.")
@option(
    "--variance",
    type=float,
    default=0.1,
    metavar="SHARE",
    help="How far a cut may lie from the middle, 0 to below 0.5.  [default: 0.1]",
)
@option("--seed", type=int, metavar="N", help="Of the random numbers.  [default: a new one, which is told]")
@file_options
@click.pass_obj
def random(context: Context, /, **given: Any) -> int:
    """
    Cut an area at random into tiles of which no side is longer than a size.

    AREA is a vector file, WKT, a box `left,bottom,right,top`, or a name such as Luxembourg. The same
    seed gives the same file.
    """
    from orchestrator.app.verbs.grids import lay_random  # noqa: PLC0415  --help needs no geometries

    shown = context.output()
    with shown.telling("laying tiles"):
        laid = lay_random(
            area_given(given), given["max_size"], name=given["name"], variance=given["variance"], seed=given["seed"]
        )
    seed = laid.tiles.about["seed"]
    shown.note(f"seed: {seed}; --seed {seed} gives the same tiles")
    keep_and_tell(laid, given, shown)
    return 0
