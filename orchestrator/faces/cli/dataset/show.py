"""`dataset show`: a picture of random chips with their labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.faces.cli.exits import DONE

if TYPE_CHECKING:
    from orchestrator.faces.cli.session import Context


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@option("--images", required=True, metavar="NAME", help="Dataset whose chips are the images.")
@option("--labels", default="", metavar="NAME", help="Dataset whose chips are shown beside them.")
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
    from orchestrator.app.verbs.packs import show_dataset  # noqa: PLC0415  arrays, GDAL and matplotlib are heavy

    shown = context.output()
    with shown.busy("drawing chips"):
        sheet, path = show_dataset(file.expanduser(), output.expanduser() if output else None, **given)
    shown.say(str(path) if shown.quiet else f"{path}  ({len(sheet.samples)} chips, seed {sheet.seed})")
    chips = [sample.identifier for sample in sheet.samples]
    shown.message("sheet", {"path": str(path), "chips": chips, "seed": sheet.seed})
    return DONE
