"""`labels balance`: how common each class is."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich_click import option

from orchestrator.faces.cli.exits import DONE

if TYPE_CHECKING:
    from orchestrator.app.verbs.labels import BalanceReport
    from orchestrator.faces.cli.output import Output
    from orchestrator.faces.cli.session import Context

HELP = """
The weight of a class is 1 / (number of classes × its share): a loss that is weighted so counts each class as much as
any other. Take those of the split that is trained on.
"""


@click.command(epilog=HELP)
@click.argument("file", type=click.Path(path_type=Path))
@option("--dataset", required=True, metavar="NAME", help="Whose classes were counted.")
@option("--by", metavar="COLUMN", help="Group tiles by this column.  [default: split, where there is one]")
@option("-o", "--output", "table", type=click.Path(path_type=Path), metavar="FILE", help="Write a .csv or .json too.")
@option("--overwrite", is_flag=True, help="Replace the file where it is there.")
@click.pass_obj
def balance(context: Context, /, file: Path, dataset: str, by: str | None, table: Path | None, overwrite: bool) -> int:
    """
    Show how common each class is, over all tiles and in each split, with weights for a loss.

    Areas are those of the tiles on the ellipsoid, as far as they hold data.
    """
    from orchestrator.app.verbs.labels import balance_labels, write_balance  # noqa: PLC0415  numpy is heavy

    output = context.output()
    report = balance_labels(file.expanduser(), dataset, by=by)
    if table:
        write_balance(report, table.expanduser(), overwrite=overwrite)
    output.message("balance", report.facts())
    if output.quiet:
        output.say(str(table or report.tiles.path))
        return DONE
    _list(report, output)
    if table:
        output.say(str(table))
    return DONE


def _list(report: BalanceReport, output: Output) -> None:
    wide = max([len("class"), *(len(row.word) for row in report.rows)])
    for group, rows in groupby(report.rows, key=lambda row: row.group):
        output.say(f"{group}")
        output.say(f"  {'class':<{wide}}{'share %':>9}{'km²':>12}{'tiles':>8}{'majority':>10}{'weight':>9}")
        for row in rows:
            weight = "-" if row.weight is None else f"{row.weight:.3f}"
            line = f"  {row.word:<{wide}}{100 * row.share:>9.3f}{row.area_km2:>12.3f}{row.tiles:>8}{row.majority:>10}"
            output.say(f"{line}{weight:>9}  {row.name}".rstrip())
    if report.unknown:
        output.warn(f"{report.unknown:,} tiles have no shares and take no part")
