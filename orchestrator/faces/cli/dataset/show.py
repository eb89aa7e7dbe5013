"""`dataset show`: a picture of random chips with their labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.core.units import format_count
from orchestrator.faces.cli.exits import DONE
from orchestrator.faces.cli.options import split_list

if TYPE_CHECKING:
    from orchestrator.faces.cli.session import Context


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@option("--images", required=True, metavar="NAME", help="Dataset whose chips are the images.")
@option("--labels", default="", metavar="NAME", help="Dataset whose chips are shown beside them.")
@option(
    "--bands", default="", metavar="R,G,B", help="Red, green and blue, or one band in grey.  [default: true colour]"
)
@option("--count", type=int, default=16, metavar="N", help="How many chips.  [default: 16]")
@option("--seed", type=click.IntRange(0), default=0, metavar="N", help="Draws other chips.  [default: 0]")
@option("--split-column", default="", metavar="COLUMN", help="Which column tells the split.  [default: split]")
@option(
    "-o",
    "--output",
    "output",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help="Picture.  [default: the dataset's name, beside the tiles]",
)
@option("--overwrite", is_flag=True, help="Replace the picture where it is there.")
@click.pass_obj
def show_chips(context: Context, /, file: Path, output: Path | None, **given: Any) -> int:
    """Draw a contact sheet of random chips with their labels beside them, their splits and a legend of classes."""
    from orchestrator.app.verbs.packs import LEFT_OUT, show_dataset, show_facts  # noqa: PLC0415  arrays are heavy

    shown = context.output()
    given["bands"] = split_list(given["bands"])
    with shown.busy("drawing chips"):
        sheet, path = show_dataset(file.expanduser(), output.expanduser() if output else None, **given)
    told = show_facts(sheet, path)
    if shown.quiet:
        shown.say(str(path))
    else:
        drawn = len(sheet.samples)
        many = (
            format_count(drawn, "chip") if drawn == sheet.chips else f"{drawn} of {format_count(sheet.chips, 'chip')}"
        )
        left = ", ".join(f"{count:,} {LEFT_OUT[kind]}" for kind, count in told["lacking"].items() if count)
        shown.say(f"{path}  ({many}, seed {sheet.seed}{f'; of the tiles {left}' if left else ''})")
    shown.message("sheet", told)
    return DONE
