"""How a raster that was made of tiles is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.core.units import format_bytes, format_count
from orchestrator.faces.cli.output import Output

if TYPE_CHECKING:
    from orchestrator.app.verbs.tile_rasters import MadeRaster


def show_raster(made: MadeRaster, output: Output) -> None:
    """Show where a raster is, how large, and what was assumed."""
    size = made.path.stat().st_size
    for note in made.notes:
        output.warn(f"note: {note}")
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
    }  # fmt: skip
    output.message("raster", facts)
