"""`tiles mosaic`: chips joined to one raster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.faces.cli.session import Context
from orchestrator.faces.cli.tiles.made import make_raster


@click.command(name="mosaic")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dataset", required=True, metavar="NAME", help="Whose chips: a folder beside the file of tiles.")
@click.option("-o", "--output", "output", type=click.Path(path_type=Path), required=True, metavar="TIF", help="Raster.")
@click.option("--scale", type=float, metavar="UNITS", help="Pixel size in units of the CRS.  [default: that of chips]")
@click.option("--crs", default="", metavar="EPSG:n", help="CRS of the raster.  [default: that of the chips]")
@click.option(
    "--resampling",
    type=click.Choice(["nearest", "bilinear", "cubic", "average", "mode"]),
    help="How chips are warped, where they must be.  [default: nearest for classes and bytes, else bilinear]",
)
@click.option("--overwrite", is_flag=True, help="Replace the raster where it is there.")
@click.pass_obj
def mosaic_of_chips(context: Context, /, file: Path, dataset: str, output: Path, **given: Any) -> int:
    """
    Join the chips of a dataset to one cloud-optimised GeoTIFF, by where they really lie.

    Chips on one lattice are copied, pixel by pixel; of overlapping ones the first in the file's order is taken. Chips
    of several zones or lattices are warped to `--scale`. Where chips are missing the others are joined, and the exit
    code is 3.
    """
    from orchestrator.app.verbs.tile_files import open_tiles  # noqa: PLC0415  geometries are heavy
    from orchestrator.app.verbs.tile_rasters import mosaic_tiles  # noqa: PLC0415

    given["resampling"] = given["resampling"] or ""
    return make_raster(
        context,
        "reading the headers of chips",
        lambda **how: mosaic_tiles(open_tiles(file), dataset, output.expanduser(), **given, **how),
    )
