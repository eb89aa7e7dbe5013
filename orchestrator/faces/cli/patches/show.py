"""`patches show`: pictures of a set of patches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click
from rich_click import option

from orchestrator.faces.cli.exits import DONE
from orchestrator.faces.cli.options import split_list
from orchestrator.faces.cli.session import Context

HELP = """
Two pictures, PATCHES_sheet.png and PATCHES_splits.png beside the set:

    orchestrator patches show out/patches --count 24 --bands B04,B03,B02
"""


@click.command("show", epilog=HELP)
@click.argument("folder", metavar="PATCHES", type=click.Path(path_type=Path))
@option("-o", "--output", "output", type=click.Path(path_type=Path), metavar="FILE", help="The sheet.")
@option("--count", type=int, default=8, metavar="N", help="How many patches.  [default: 8]")
@option("--seed", type=click.IntRange(0), default=0, metavar="N", help="Draws others.  [default: 0]")
@option("--bands", default="", metavar="B04,B03,B02", help="Red, green, blue, or one.  [default: true colour]")
@option("--overwrite", is_flag=True, help="Replace pictures that are there.")
@click.pass_obj
def show_patches(context: Context, /, folder: Path, output: Path | None, bands: str, **given: Any) -> int:
    """Draw a contact sheet of random patches with their labels beside them, and a map of the splits."""
    from orchestrator.app.verbs import patches  # noqa: PLC0415  geopandas is heavy

    shown = context.output()
    with shown.busy("drawing"):
        sheet, splits = patches.show_patches(folder.expanduser(), output, bands=split_list(bands), **given)
    shown.say(f"{sheet}\n{splits}")
    shown.message("pictures", {"sheet": str(sheet), "splits": str(splits)})
    return DONE
