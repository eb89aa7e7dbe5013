"""`tiles verify`: are the chips what is said of them?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from orchestrator.core.units import format_count
from orchestrator.faces.cli.exits import WAITS_FOR_PERSON
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, obey_signals

if TYPE_CHECKING:
    from orchestrator.app.verbs.tile_checks import Inspected

_MOST_LISTED = 20


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dataset", "datasets", multiple=True, metavar="NAME", help="Whose chips; repeatable.  [default: all]")
@click.option("--fix", is_flag=True, help="Move bad chips aside and mark them FAILED, for the next `tiles download`.")
@click.pass_obj
def verify(context: Context, /, file: Path, datasets: tuple[str, ...], *, fix: bool) -> int:
    """
    Compare tiles with their name, and every chip with the list beside it: size, place, bands, checksum.

    Only looks, unless `--fix` is given; exit code 3 when something is wrong or missing. Nothing is ever deleted.
    """
    from orchestrator.app.verbs.tile_checks import open_unchecked, verify_tiles  # noqa: PLC0415  GDAL is heavy

    shown = context.output()
    obey_signals(context.stop)
    with shown.telling("reading tiles") as say:
        found = verify_tiles(
            open_unchecked(file),
            datasets,
            fix=fix,
            stop=context.stop,
            say=lambda name, done, of: say(f"looking at chips of {name}: {done}/{of}"),
        )
    _show(found, shown, fix=fix)
    return WAITS_FOR_PERSON if found.faults else 0


def _show(found: Inspected, output: Output, *, fix: bool) -> None:
    for fault in found.faults:
        moved = str(found.moved.get(fault.path, ""))
        facts = {"kind": fault.kind, "dataset": fault.dataset, "name": fault.name, "path": str(fault.path)}
        output.message("fault", facts | {"what": fault.what, "moved": moved})
    for fault in found.faults[:_MOST_LISTED]:
        output.say(f"{fault.kind:<9} {fault.path}: {fault.what}")
    if (rest := len(found.faults) - _MOST_LISTED) > 0:
        output.say(f"... and {rest:,} more; --json lists them all")
    counts = Counter(fault.kind for fault in found.faults)
    told = {"datasets": list(found.datasets), "tiles": found.tiles, "faults": dict(counts), "moved": len(found.moved)}
    told |= {"unasked": found.unasked}
    output.message("verified", told)
    words = ", ".join(f"{count:,} {kind}" for kind, count in counts.items()) or "all is as it is said"
    of = ", ".join(found.datasets) or "no dataset yet"
    output.say(f"{format_count(found.tiles, 'tile')}, {of}: {words}")
    for dataset, count in found.unasked.items():
        output.say(f"{format_count(count, 'tile')} of {dataset} were never asked for")
    _advise(found, counts, output, fix=fix)


def _advise(found: Inspected, counts: Counter[str], output: Output, *, fix: bool) -> None:
    """Say what to do next."""
    if found.moved:
        folder = next(iter(found.moved.values())).parent.parent
        output.say(
            f"{format_count(len(found.moved), 'chip')} moved to {folder}; the same `orchestrator tiles download` as "
            "before asks for them again and for no other"
        )
        if counts["stranger"]:
            output.warn("a download replaces no folder that strangers lie in: move them out of it first")
    elif not fix and any(fault.is_new for fault in found.faults):
        output.say(
            "`--fix` moves bad chips aside, and marks them and those that are gone FAILED: the next `orchestrator "
            "tiles download` then asks for them"
        )
    elif counts["missing"]:
        output.say("the same `orchestrator tiles download` as before asks for those that are missing")
