"""The commands `orchestrator labels ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.labels"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "count": Listed(
        f"{_HERE}.count", "Count the share of each class in each tile, and write it into the file of tiles."
    ),
    "from": Listed(
        f"{_HERE}.coarse",
        "Give each tile the class shares of the coarser tiles in which it lies, by the area that it shares with each.",
        "from_coarse",
    ),
    "balance": Listed(
        f"{_HERE}.balance", "Show how common each class is, over all tiles and in each split, with weights for a loss."
    ),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def labels() -> None:
    """
    Count the classes in each tile, from chips or from a raster of your own.

    The shares become columns of the file of tiles.
    """
