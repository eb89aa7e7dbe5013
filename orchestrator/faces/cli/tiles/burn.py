"""`tiles burn`: values of tiles as pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.faces.cli.session import Context
from orchestrator.faces.cli.tiles.made import make_raster

EXAMPLES = """
A column of numbers is burnt as it is; texts as codes from 1, whose table is the tag CATEGORIES of the file. `split` and
`class`, and `DATASET_proportions:CLASS` for the share of one class, are taken as by `tiles show`.
"""


@click.command(epilog=EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--column", required=True, metavar="NAME", help="Whose values: numbers or texts.")
@click.option("--scale", type=float, required=True, metavar="UNITS", help="Pixel size in units of the CRS.")
@click.option("-o", "--output", "output", type=click.Path(path_type=Path), required=True, metavar="TIF", help="Raster.")
@click.option("--crs", default="", metavar="EPSG:n", help="CRS of the raster.  [default: that of the tiles, or UTM]")
@click.option("--overwrite", is_flag=True, help="Replace the raster where it is there.")
@click.pass_obj
def burn(context: Context, /, file: Path, column: str, output: Path, **given: Any) -> int:
    """
    Burn the values of a column into the pixels of one cloud-optimised GeoTIFF.

    A pixel has the value of the tile that holds its centre; of two tiles the first in the file's order.
    """
    from orchestrator.app.verbs.tile_files import open_tiles  # noqa: PLC0415  geometries are heavy
    from orchestrator.app.verbs.tile_rasters import burn_column  # noqa: PLC0415

    return make_raster(
        context,
        "reading tiles",
        lambda **how: burn_column(open_tiles(file), column, output.expanduser(), **given, **how),
    )
