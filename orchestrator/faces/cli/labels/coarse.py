"""`labels from`: the class shares of coarser tiles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich_click import option

from orchestrator.faces.cli.labels.count import show_labels

if TYPE_CHECKING:
    from orchestrator.faces.cli.session import Context

HELP = """
Classes of communes, counted once, for the chips that lie in them:

    orchestrator labels count lux_partitions_communes_1a471c686e053.parquet --dataset esa-world-cover

    orchestrator labels from lux_partitions_aschips_14c55eb7d417f.parquet --dataset esa-world-cover --coarse
    lux_partitions_communes_1a471c686e053.parquet
"""


@click.command("from", epilog=HELP)
@click.argument("file", type=click.Path(path_type=Path))
@option("--coarse", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The file of coarser tiles.")
@option("--dataset", required=True, metavar="NAME", help="Whose classes were counted in the coarser tiles.")
@option("--flat", is_flag=True, help="Write a column for each class as well: DATASET_at_TILES_CLASS.")
@option("--legacy", is_flag=True, help="Weigh as geetiles, by square degrees.")
@option("--overwrite", is_flag=True, help="Replace a column that came from something else.")
@click.pass_obj
def from_coarse(context: Context, /, file: Path, coarse: Path, dataset: str, legacy: bool, **given: bool) -> int:
    """
    Give each tile the class shares of the coarser tiles in which it lies, by the area that it shares with each.

    A column says, too, in which of them most of it lies.
    """
    from orchestrator.app.verbs.labels import coarse_labels  # noqa: PLC0415  numpy is heavy

    output = context.output()
    with output.busy("weighing coarser tiles"):
        report = coarse_labels(file.expanduser(), coarse.expanduser(), dataset, published=legacy, **given)
    return show_labels(report, output, "in no coarser tile with shares")
