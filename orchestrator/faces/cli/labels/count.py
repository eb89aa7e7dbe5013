"""`labels count`: the share of each class in each tile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.faces.cli.exits import DONE, WAITS_FOR_PERSON

if TYPE_CHECKING:
    from orchestrator.app.verbs.labels import LabelReport
    from orchestrator.faces.cli.output import Output
    from orchestrator.faces.cli.session import Context

HELP = """
Of the chips of a dataset that was downloaded for these tiles:

    orchestrator labels count lux_partitions_aschips_14c55eb7d417f.parquet --dataset esa-world-cover

Of a raster of your own, in any CRS, with classes of your own: `--raster crops.tif --dataset crops --map
10=forest,20=water`.
"""
LISTED = 20  # tiles that are named one by one


@click.command(epilog=HELP)
@click.argument("file", type=click.Path(path_type=Path))
@option("--dataset", metavar="NAME", help="Whose chips, and what columns are called.  [default: the raster's name]")
@option("--raster", type=click.Path(path_type=Path), metavar="FILE", help="A raster of classes, instead of chips.")
@option("--band", type=click.IntRange(1), metavar="N", help="Which band holds the classes.  [default: the only one]")
@option(
    "--map",
    "mapping",
    metavar="10=1,20=2",
    help="From values to classes, numbers or names; others become 0, or `other`. [10,20,30] are classes 0, 1, 2; `own` "
    "is what the dataset says itself.",
)
@option("--run-code", is_flag=True, help="Run the code beside the chips: its map_values is the map.")
@option("--nodata", type=float, metavar="VALUE", help="The value of pixels without data.  [default: the file's own]")
@option("--all-touched", is_flag=True, help="Count every pixel that a tile touches, not only those centred inside.")
@option("--flat", is_flag=True, help="Write a column for each class as well: DATASET_CLASS.")
@option("--legacy", is_flag=True, help="Count as geetiles: outer rings, stretched to the chip, say what lies inside.")
@option("--overwrite", is_flag=True, help="Replace a column that was counted from something else.")
@click.pass_obj
def count(context: Context, /, file: Path, dataset: str | None, raster: Path | None, **given: Any) -> int:
    """
    Count the share of each class in each tile, and write it into the file of tiles.

    Pixels without data are of no class; a column beside tells the share of each tile that holds data. Where chips are
    missing the others are counted, and the exit code is 3.
    """
    from orchestrator.app.verbs.labels import count_labels  # noqa: PLC0415  numpy is heavy

    output = context.output()
    with output.telling("counting classes") as say:
        report = count_labels(
            file.expanduser(),
            dataset or (raster.stem if raster else ""),
            raster=raster.expanduser() if raster else None,
            band=given["band"] or 0,
            mapping=given["mapping"],
            run_code=given["run_code"],
            nodata=given["nodata"],
            all_touched=given["all_touched"],
            flat=given["flat"],
            published=given["legacy"],
            overwrite=given["overwrite"],
            say=say,
        )
    return show_labels(report, output)


def show_labels(report: LabelReport, output: Output, empty: str = "without data") -> int:
    """Show what was counted, and what was not; return the exit code."""
    from orchestrator.core.units import format_count  # noqa: PLC0415  read with the command

    output.message("labels", report.facts())
    if output.quiet:
        output.say(str(report.tiles.path))
    else:
        tiles, classes = format_count(report.counted, "tile"), len(report.classes)
        output.say(f"{report.tiles.path}  column {report.column}: {tiles}, {classes} classes")
    if report.empty:
        _warn(output, f"{format_count(len(report.empty), 'tile')} {empty}", list(report.empty))
    if report.missing:
        _warn(
            output, f"{format_count(len(report.missing), 'tile')} not counted", [": ".join(m) for m in report.missing]
        )
    return WAITS_FOR_PERSON if report.missing else DONE


def _warn(output: Output, what: str, members: list[str]) -> None:
    more = f" and {len(members) - LISTED:,} more" if len(members) > LISTED else ""
    output.warn(f"{what}: {'; '.join(members[:LISTED])}{more}")
