"""The commands `orchestrator tiles ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.tiles"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "show": Listed(
        f"{_HERE}.show",
        "Draw tiles on the area, coloured by split, by class or by any column, with the count of each.",
    ),
    "mosaic": Listed(
        f"{_HERE}.mosaic", "Join the chips of a dataset to one cloud-optimised GeoTIFF, by where they really lie."
    ),
    "burn": Listed(f"{_HERE}.burn", "Burn the values of a column into the pixels of one cloud-optimised GeoTIFF."),
    "verify": Listed(
        f"{_HERE}.verify",
        "Compare tiles with their name, and every chip with the list beside it: size, place, bands, checksum.",
    ),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def tiles() -> None:
    """
    Cut an area into tiles, split them for training, and bring a chip for each.

    A file of tiles is a table of footprints; `grid`, `random` and `select` make one, the others read it.
    """
