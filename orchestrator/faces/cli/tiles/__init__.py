"""The commands `orchestrator tiles ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.tiles"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "download": Listed(
        f"{_HERE}.download", "Bring a chip of each tile: a small GeoTIFF, all of one zone on one lattice."
    ),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def tiles() -> None:
    """
    Cut an area into tiles, split them for training, and bring a chip for each.

    A file of tiles is a table of footprints; `grid`, `random` and `select` make one, the others read it.
    """
