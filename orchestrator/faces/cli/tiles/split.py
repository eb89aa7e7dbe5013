"""`tiles split`: which tile trains, which tests, which validates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.core.units import format_count
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context

if TYPE_CHECKING:
    from orchestrator.tiling.split_report import SplitReport, SplitRow

EXAMPLES = """
Bands across the area with a kilometre between them: `orchestrator tiles split FILE --bands 8 --angle 45 --gap 1000`.
Whole communes, after `tiles link`: `--group-by communes`. Squares of 10 km, drawn by chance: `--blocks 10000 --seed 7`.
Five folds: `--folds 5`. Alike in their classes, after `labels count`: `--stratify esa-world-cover`.
"""


@click.command(epilog=EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@option("--train", type=float, default=0.7, metavar="SHARE", help="Share that trains.  [default: 0.7]")
@option("--test", type=float, default=0.15, metavar="SHARE", help="Share that tests.  [default: 0.15]")
@option("--val", type=float, default=0.15, metavar="SHARE", help="Share that validates.  [default: 0.15]")
@option("--folds", type=int, default=0, metavar="K", help="Instead, K folds of equal share: column fold, 0 to K-1.")
@option("--bands", type=int, metavar="N", help="Parallel bands across the tiles.  [default: 8; one a fold]")
@option(
    "--angle",
    type=float,
    default=45.0,
    metavar="DEGREES",
    help="Of the way across the bands, -90 to 90; 0 makes bands of latitude.  [default: 45]",
)
@option("--radians", type=float, metavar="ANGLE", help="The same in radians.")
@option(
    "--balance",
    type=click.Choice(["count", "width"]),
    default="count",
    help="Cut bands where the shares come out, or all equally wide in degrees, as geetiles.  [default: count]",
)
@option("--group-by", default="", metavar="NAME", help="Keep together what has one value: linked tiles, or a column.")
@option("--blocks", type=float, default=0.0, metavar="METRES", help="Keep squares of this side together.")
@option("--gap", type=float, default=0.0, metavar="METRES", help="No tiles of different splits are nearer.")
@option("--stratify", default="", metavar="DATASET", help="Make the shares of its classes alike in all splits.")
@option("--seed", type=int, default=0, metavar="N", help="Draw blocks otherwise.  [default: 0]")
@option("--column", default="", metavar="NAME", help="Column.  [default: split, split_NAME by groups, or fold]")
@option("--overwrite", is_flag=True, help="Replace the column where it is there.")
@click.pass_obj
def split(context: Context, /, file: Path, **given: Any) -> int:
    """
    Split tiles for training, test and validation, and tell how far the splits leak.

    FILE gets a column more, and a table of all splits beside it. Tiles that stand in the gap have no split.
    """
    from orchestrator.app.verbs.splits import split as write  # noqa: PLC0415  --help needs no geometries
    from orchestrator.tiling.split_options import SplitOptions  # noqa: PLC0415

    shown = context.output()
    with shown.busy("splitting"):
        _, report = write(file, SplitOptions(**given))
    _tell(report, shown)
    shown.message("split", report.to_json())
    return 0


def _tell(report: SplitReport, shown: Output) -> None:
    if shown.quiet:
        shown.say(str(report.path))
        return
    gap = f"< {report.gap:g} m" if report.gap else ""
    classes = list(report.classes)
    head = [report.column, "tiles", "wanted", "achieved", "km²", "touching", *filter(None, [gap]), *classes]
    rows = [_cells(row, classes, near=bool(gap)) for row in report.rows]
    if report.given_up:
        rows.append(["(none)", f"{report.given_up:,}"] + [""] * (len(head) - 2))
    share = 1 - report.given_up / report.tiles
    whole = ["all", f"{report.tiles:,}", "", f"{share:.4f}", f"{_area(report):,.1f}", f"{report.touching:,}"]
    rows.append([*whole, *([f"{report.near:,}"] if gap else []), *(f"{report.classes[name]:.4f}" for name in classes)])
    for line in _aligned([head, *rows]):
        shown.say(line)
    for sentence in _sentences(report):
        shown.say(sentence)
    shown.say(str(report.path))
    shown.say(str(report.csv))


def _area(report: SplitReport) -> float:
    return sum(row.area_km2 for row in report.rows)


def _cells(row: SplitRow, classes: Sequence[str], *, near: bool) -> list[str]:
    told = [row.name, f"{row.tiles:,}", f"{row.wanted:.4f}", f"{row.achieved:.4f}", f"{row.area_km2:,.1f}"]
    pairs = [f"{row.touching:,}", *([f"{row.near:,}"] if near else [])]
    return [*told, *pairs, *(f"{row.classes[name]:.4f}" for name in classes)]


def _sentences(report: SplitReport) -> list[str]:
    """Say what a table does not: how near the shares came, what was given up, what chance decided."""
    near = f"shares are off by {report.largest_deviation:.4f} at most"
    told = [f"{near}, in {format_count(report.units, 'unit')} that stay whole" if report.units else near]
    if report.classes:
        told.append(f"shares of classes differ from those of all tiles by {report.largest_class_deviation:.4f} at most")
    if report.gap:
        many = "; fewer bands, larger blocks or a smaller gap keep more" if report.given_up > report.tiles / 4 else ""
        told.append(f"{format_count(report.given_up, 'tile')} given up for a gap of {report.gap:g} m{many}")
    elif report.touching:
        told.append("tiles of different splits touch, and may show the same ground; --gap METRES keeps splits apart")
    if report.seed is not None:
        told.append(f"seed {report.seed}")
    return told


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]
