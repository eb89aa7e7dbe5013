"""The commands `orchestrator geet ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.geet"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "grid": Listed(f"{_HERE}.tiling", "Make a grid of tiles over an area: `tiles grid --cover legacy`.", "old_grid"),
    "random": Listed(
        f"{_HERE}.tiling", "Cut an area into random rectangles: `tiles random`, which tells its seed.", "old_random"
    ),
    "select": Listed(
        f"{_HERE}.tiling",
        "Choose the polygons of a file that lie in an area: `tiles select --overlap legacy`.",
        "old_select",
    ),
    "download": Listed(
        f"{_HERE}.download", "Bring a chip of a dataset for each tile: `tiles download`.", "old_download"
    ),
    "intersect": Listed(
        f"{_HERE}.tiling",
        "Name for each tile the coarser tile in which most of it lies: `tiles link --legacy`.",
        "old_intersect",
    ),
    "lp.compute": Listed(
        f"{_HERE}.training", "Count the share of each class in each tile: `labels count --legacy`.", "old_lp_compute"
    ),
    "lp.from_foreign": Listed(
        f"{_HERE}.training",
        "Give each tile the shares of the coarser tiles in which it lies: `labels from --legacy`.",
        "old_lp_from_foreign",
    ),
    "split": Listed(
        f"{_HERE}.tiling", "Split tiles for training by bands at an angle: `tiles split --balance width`.", "old_split"
    ),
    "zip.dataset": Listed(
        f"{_HERE}.training",
        "Pack images and labels as pickles in a zip: `dataset pack --format zip-pickle`.",
        "old_zip_dataset",
    ),
    "mosaic": Listed(f"{_HERE}.rasters", "Join the chips of a folder to one raster: `tiles mosaic`.", "old_mosaic"),
    "mosaic.fromvals": Listed(
        f"{_HERE}.rasters", "Burn the column `value` of tiles into a raster: `tiles burn`.", "old_mosaic_fromvals"
    ),
    "cleanup": Listed(
        f"{_HERE}.rasters",
        "Move chips that cannot be read aside: `tiles verify --fix`, which deletes nothing.",
        "old_cleanup",
    ),
    "aois": Listed(
        f"{_HERE}.rasters", "List areas by name, or write one to a file: `aoi list`, `aoi extract`.", "old_aois"
    ),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def geet() -> None:
    """
    Speak as to geetiles: its words, old and new, are understood as they are printed.

    What each is called here says the page *If you know geetiles*.
    """
