"""`tiles link`: which tile of another file each tile lies in."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from orchestrator.core.units import format_count
from orchestrator.faces.cli.session import Context

EXAMPLES = """
`orchestrator tiles link lux_partitions_aschips_HASH.parquet lux_partitions_communes_HASH.parquet` writes the column
foreignid_communes into the first; `tiles split --group-by communes` and `labels from` use it.
"""


@click.command(epilog=EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path))
@click.option("--legacy", is_flag=True, help="Compare as geetiles, by square degrees; -1 where there is none.")
@click.pass_obj
def link(context: Context, /, file: Path, other: Path, *, legacy: bool) -> int:
    """
    Write into FILE which tile of OTHER each of its tiles lies in: the one with which it shares most area.

    A tile that shares none has nothing there.
    """
    from orchestrator.app.verbs.splits import link as write  # noqa: PLC0415  --help needs no geometries

    shown = context.output()
    with shown.busy("comparing"):
        linked, column = write(file, other, square_degrees=legacy)
    found = linked.frame[column]
    inside = int((found.notna() & ~found.isin([-1, "-1"])).sum())
    alone = len(linked.frame) - inside
    shown.message("link", {"path": str(linked.path), "column": column, "linked": inside, "alone": alone})
    if shown.quiet:
        shown.say(str(linked.path))
        return 0
    shown.say(f"{column}: {format_count(inside, 'tile')} lie in a tile of {other.name}, {alone:,} in none")
    shown.say(str(linked.path))
    return 0
