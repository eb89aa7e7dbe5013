"""`dataset pack`: chips, labels and splits become a training set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.faces.cli.exits import DONE, WAITS_FOR_PERSON

if TYPE_CHECKING:
    from orchestrator.app.verbs.packs import Packed
    from orchestrator.faces.cli.output import Output
    from orchestrator.faces.cli.session import Context

# Of `packing/formats.py`, which is not loaded for a help.
FORMATS = ("npz", "webdataset", "geotiff", "zip-pickle")
HELP = """
Images and labels that `tiles download` brought, in shards for each split:

    orchestrator dataset pack lux_partitions_aschips_14c55eb7d417f.parquet --images sentinel2-rgb-median-2020 --labels
    esa-world-cover --format webdataset -o lux-train

Beside the chips: a card (README.md), statistics of the bands over `train` alone, index.parquet, splits.csv, a STAC
collection and SHA256SUMS. The same chips give the same bytes.
"""


@click.command(epilog=HELP)
@click.argument("file", type=click.Path(path_type=Path))
@option("--images", required=True, metavar="NAME", help="Dataset whose chips are the images.")
@option("--labels", default="", metavar="NAME", help="Dataset whose chips are the labels, on the same grids.")
@option(
    "--format",
    type=click.Choice(FORMATS),
    default="npz",
    help="A file for each chip, shards, folders of rasters, or geetiles' archive of pickles.  [default: npz]",
)
@option("--shard-size", default="256MB", metavar="N/MB", help="Of webdataset: samples, or bytes.  [default: 256MB]")
@option("--split-column", default="", metavar="COLUMN", help="Which column tells the split.  [default: split]")
@option(
    "--label-map",
    default="",
    metavar="MAP",
    help="Of labels: 10=1,20=2, or 10=forest,20=water, or [10,20], or own (the map that the dataset tells).",
)
@option("--ignore", type=int, metavar="VALUE", help="What labels hold where there is no data.  [default: 255]")
@option("--pad", "odd", flag_value="pad", help="Fill smaller chips up to the largest, at the bottom and on the right.")
@option("--drop", "odd", flag_value="drop", help="Leave out chips of another shape than most have.")
@option("--skip-missing", is_flag=True, help="Leave out tiles whose chips are not there.")
@option("--seed", type=click.IntRange(0), metavar="N", help="Shuffle each split.  [default: the order of the tiles]")
@option("--dates", default="", metavar="FIRST,AFTER", help="What the images show, where the dataset does not say.")
@option("--coarse", type=click.Path(path_type=Path), metavar="FILE", help="Of zip-pickle: coarser tiles with shares.")
@option("--run-code", is_flag=True, help="Run the code beside the chips: include_chip_in_dataset, map_values.")
@option("--readme", type=click.Path(path_type=Path), metavar="FILE", help="Markdown that begins the card.")
@option(
    "-o", "--output", "output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="The training set."
)
@option("--overwrite", is_flag=True, help="Replace a training set that was made here and not changed since.")
@click.pass_obj
def pack(context: Context, /, file: Path, output: Path, **given: Any) -> int:
    """
    Make a training set of chips, with their labels, splits, statistics and a card.

    Chips that differ in shape are refused, unless --pad or --drop. Exit code 3 while chips asked for are missing.
    """
    from orchestrator.app.verbs.packs import facts, pack_dataset  # noqa: PLC0415  arrays and GDAL are heavy

    shown = context.output()
    with shown.telling("reading the tiles") as say:
        made = pack_dataset(
            file.expanduser(), output.expanduser(), say=say, **given | {"odd": given["odd"] or "refuse"}
        )
    _show(made, shown)
    shown.message("packed", facts(made))
    return WAITS_FOR_PERSON if made.missing else DONE


def _show(made: Packed, output: Output) -> None:
    from orchestrator.app.verbs.packs import LEFT_OUT  # noqa: PLC0415  arrays and GDAL are heavy

    about = made.about
    for note in made.notes:
        output.warn(f"note: {note}")
    if output.quiet:
        output.say(str(made.folder))
        return
    splits = ", ".join(f"{count:,} {name}" for name, count in about["splits"].items())
    output.say(f"{made.folder}  {about['format']}, {about['samples']:,} samples: {splits}")
    out = [f"{about['left_out'][name]:,} {says}" for name, says in LEFT_OUT.items() if about["left_out"].get(name)]
    if out:
        output.say(f"  of the tiles {', '.join(out)}: left out")
    if about["padded"]:
        output.say(f"  filled up to the largest: {about['padded']:,}")
    for band in about["statistics"]["bands"]:
        if band["mean"] is not None:
            output.say(
                f"  {band['band']:<12} mean {band['mean']:.6g}  std {band['std']:.6g}  min {band['min']:.6g}  max "
                f"{band['max']:.6g}  valid {100 * band['valid_share']:.1f} %  (of {about['statistics']['split']})"
            )
