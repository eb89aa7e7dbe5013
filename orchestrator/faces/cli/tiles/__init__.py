"""The commands `orchestrator tiles ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.tiles"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "grid": Listed(f"{_HERE}.grid", "Lay square tiles over an area."),
    "random": Listed(f"{_HERE}.random", "Cut an area at random into tiles of which no side is longer than a size."),
    "select": Listed(
        f"{_HERE}.select", "Take the polygons of a vector file that lie in an area as tiles, with their attributes."
    ),
    "link": Listed(
        f"{_HERE}.link",
        "Write into FILE which tile of OTHER each of its tiles lies in: the one with which it shares most area.",
    ),
    "split": Listed(
        f"{_HERE}.split", "Split tiles for training, test and validation, and tell how far the splits leak."
    ),
    "download": Listed(
        f"{_HERE}.download", "Bring a chip of each tile: a small GeoTIFF, all of one zone on one lattice."
    ),
    "show": Listed(
        f"{_HERE}.show",
        "Draw tiles, coloured by split, by class or by any column, with the count of each, and the outline of an area.",
        "show_tiles_of",
    ),
    "mosaic": Listed(
        f"{_HERE}.mosaic",
        "Join the chips of a dataset to one cloud-optimised GeoTIFF, by where they really lie.",
        "mosaic_of_chips",
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
