"""How a raster that was made of tiles is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from orchestrator.core.units import format_bytes, format_count
from orchestrator.faces.cli.exits import DONE, WAITS_FOR_PERSON
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, obey_signals

if TYPE_CHECKING:
    from orchestrator.app.verbs.tile_rasters import MadeRaster

LISTED = 20  # tiles that are named one by one


def make_raster(context: Context, first: str, make: Callable[..., MadeRaster]) -> int:
    """Let a raster be made, with `stop` and `say`; show what is being done, at first `first`, and what came of it."""
    shown = context.output()
    obey_signals(context.stop)
    with shown.telling(first) as say:
        made = make(stop=context.stop, say=lambda what, done, of: say(f"{what}: {done}/{of}" if of else what))
    show_raster(made, shown)
    return WAITS_FOR_PERSON if made.missing else DONE


def listed(members: Sequence[str]) -> str:
    """Return what there is, one after the other; of many the first and the number of the rest."""
    more = f" and {len(members) - LISTED:,} more" if len(members) > LISTED else ""
    return f"{'; '.join(members[:LISTED])}{more}"


def show_raster(made: MadeRaster, output: Output) -> None:
    """Show where a raster is, how large, and what was assumed."""
    size = made.path.stat().st_size
    for note in made.notes:
        output.warn(f"note: {note}")
    if made.missing:
        output.warn(
            f"{format_count(len(made.missing), 'tile')} not in it: {listed([': '.join(m) for m in made.missing])}"
        )
    if output.quiet:
        output.say(str(made.path))
    else:
        shape = f"{made.grid.height:,} × {made.grid.width:,} pixels of {made.grid.crs}"
        output.say(f"{made.path}  ({format_count(made.tiles, 'tile')}, {shape}, {format_bytes(size)})")
    for name, code in made.codes.items():
        if not output.quiet:
            output.say(f"  {code}: {name}")
    facts = {
        "path": str(made.path), "bytes": size, "tiles": made.tiles, "crs": made.grid.crs,
        "transform": list(made.grid.transform), "height": made.grid.height, "width": made.grid.width,
        "resampling": made.resampling, "codes": made.codes, "notes": list(made.notes),
        "missing": [{"identifier": one, "why": why} for one, why in made.missing],
    }  # fmt: skip
    output.message("raster", facts)
