"""What is made of tiles and of the chips beside them, in Python: pictures, rasters, and a look at what is whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.api.arguments import path_of, texts, tiles_path
from orchestrator.api.checking import typed
from orchestrator.api.results import Picture
from orchestrator.app.verbs.tile_files import open_tiles

if TYPE_CHECKING:
    from orchestrator.api.arguments import TilesOrFile
    from orchestrator.app.verbs.tile_checks import Inspected
    from orchestrator.app.verbs.tile_rasters import MadeRaster


@typed
def show_tiles(
    tiles: TilesOrFile,
    by: str = "",
    *,
    area: str = "",
    path: str | os.PathLike[str] | None = None,
    overwrite: bool = True,
) -> Picture:
    """
    Draw tiles, on the outline of an area where one is named; a notebook shows the picture.

    Tiles show themselves in a notebook too, coloured by their split.

    Args:
        tiles: Tiles, or their file.
        by: A column, `split`, `class` (the one that most of a tile has), or `DATASET_proportions:CLASS`; one colour
            where it is empty.
        area: A file, a box or a name, whose outline is drawn.
        path: Of the PNG; by default beside the file of tiles.
        overwrite: Whether a file that is there is replaced.

    Raises:
        UserError: There is no such column, the area cannot be read, or the file's name is taken.
    """
    from orchestrator.app.verbs import tile_pictures  # noqa: PLC0415  matplotlib is heavy

    opened = open_tiles(tiles)
    target = opened.folder.with_suffix(".png") if path is None else path_of(path, "path")
    tile_pictures.check_picture(target, overwrite=overwrite)
    tile_pictures.write_picture(target, tile_pictures.show_tiles(opened, by, area=area), overwrite=overwrite)
    return Picture(target)


@typed
def mosaic_chips(
    tiles: TilesOrFile,
    dataset: str,
    path: str | os.PathLike[str],
    *,
    scale: float | None = None,
    crs: str = "",
    resampling: str = "",
    overwrite: bool = False,
) -> MadeRaster:
    """
    Join the chips of a dataset to one cloud-optimised GeoTIFF, by where they really lie.

    Chips on one lattice are copied as they are; of overlapping ones the first in the order of the tiles is taken.
    Others are warped. What is missing is told by `.missing` of what is returned: (identifier, why) of each.

    Args:
        tiles: Tiles, or their file.
        dataset: The folder of chips beside it.
        path: Of the raster.
        scale: Side of a pixel in units of the CRS; by default that of the chips.
        crs: Of the raster; by default that of the chips.
        resampling: `nearest`, `bilinear`, `cubic`, `average` or `mode`; by default `nearest` for classes and bytes,
            else `bilinear`.
        overwrite: Whether a file that is there is replaced.

    Raises:
        UserError: There are no such chips, they do not fit together, or the file's name is taken.
    """
    from orchestrator.app.verbs.tile_rasters import mosaic_tiles  # noqa: PLC0415  GDAL is heavy

    options = {"scale": scale, "crs": crs, "resampling": resampling, "overwrite": overwrite}
    return mosaic_tiles(open_tiles(tiles), dataset, path_of(path, "path"), **options)  # type: ignore[arg-type]


@typed
def burn_tiles(
    tiles: TilesOrFile,
    column: str,
    path: str | os.PathLike[str],
    *,
    scale: float,
    crs: str = "",
    overwrite: bool = False,
) -> MadeRaster:
    """
    Burn the values of a column into the pixels of a cloud-optimised GeoTIFF.

    Args:
        tiles: Tiles, or their file.
        column: As `by` of `show`. Texts become codes from 1, whose table is the file's tag `CATEGORIES`.
        path: Of the raster.
        scale: Side of a pixel in units of the CRS.
        crs: Of the raster; by default that of the tiles where it is projected, else their UTM zone.
        overwrite: Whether a file that is there is replaced.

    Raises:
        UserError: There is no such column, no tile has a value, or the file's name is taken.
    """
    from orchestrator.app.verbs.tile_rasters import burn_column  # noqa: PLC0415  GDAL is heavy

    target = path_of(path, "path")
    return burn_column(open_tiles(tiles), column, target, scale=scale, crs=crs, overwrite=overwrite)


@typed
def verify_chips(tiles: TilesOrFile, datasets: str | Sequence[str] = (), *, fix: bool = False) -> Inspected:
    """
    Compare a file of tiles with its name, and every chip with the list beside it.

    What is returned has `.faults`, each with `kind`, `dataset`, `name`, `path` and `what`; none where all is whole.

    Args:
        tiles: The file, or tiles that are in one: it is read anew.
        datasets: Whose chips; all that there are where it is empty.
        fix: Move bad chips aside and mark them FAILED, so that the next download asks for them again.

    Raises:
        UserError: There are no chips of a dataset, or the tiles were changed and `fix` is wanted.
    """
    from orchestrator.app.verbs.tile_checks import open_unchecked, verify_tiles  # noqa: PLC0415  GDAL is heavy

    return verify_tiles(open_unchecked(tiles_path(tiles)), texts(datasets, "datasets"), fix=fix)
