"""Rasters of tiles: chips joined to one file, values of a column burnt into pixels."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.core.files import check_target

if TYPE_CHECKING:
    from orchestrator.model.grid import Grid
    from orchestrator.model.ports import Stop
    from orchestrator.tiling.file import Tiles
    from orchestrator.tiling.rasters import OnPiece

RASTERS = (".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class MadeRaster:
    """
    A raster that was made.

    Attributes:
        path: A cloud-optimised GeoTIFF.
        grid: Where its pixels are.
        tiles: How many tiles are in it.
        resampling: How chips were warped; empty where their pixels were copied as they are.
        codes: Of categories, the number that stands for each.
        notes: What was assumed, a sentence each.
        missing: (identifier, why) of tiles that are not in it, though they have pixels.
    """

    path: Path
    grid: Grid
    tiles: int
    resampling: str
    codes: dict[str, int]
    notes: tuple[str, ...]
    missing: tuple[tuple[str, str], ...] = ()


def mosaic_tiles(
    tiles: Tiles,
    dataset: str,
    path: Path,
    *,
    scale: float | None = None,
    crs: str = "",
    resampling: str = "",
    overwrite: bool = False,
    stop: Stop | None = None,
    say: OnPiece = lambda *_: None,
) -> MadeRaster:
    """
    Join the chips of a dataset to one cloud-optimised GeoTIFF; see `tiling.joining.plan_joining`.

    Raises:
        UserError: See there; or the file's name is wrong or taken.
        Stopped: `stop` was set; nothing was written.
    """
    from orchestrator.tiling.chip_folder import open_chips  # noqa: PLC0415
    from orchestrator.tiling.joining import join_chips, plan_joining  # noqa: PLC0415  GDAL is heavy

    check_target(path, RASTERS, "a mosaic", overwrite=overwrite)
    joining = plan_joining(tiles, open_chips(tiles, dataset), scale=scale, crs=crs, resampling=resampling)
    join_chips(joining, path, stop or threading.Event(), say)
    return MadeRaster(
        path, joining.spec.grid, len(joining.chips), joining.resampling, {}, joining.notes, joining.missing
    )


def burn_column(
    tiles: Tiles,
    column: str,
    path: Path,
    *,
    scale: float,
    crs: str = "",
    overwrite: bool = False,
    stop: Stop | None = None,
    say: OnPiece = lambda *_: None,
) -> MadeRaster:
    """
    Burn the values of a column into pixels of a cloud-optimised GeoTIFF; see `tiling.burning.plan_burning`.

    Raises:
        UserError: See there; or the file's name is wrong or taken.
        Stopped: `stop` was set; nothing was written.
    """
    from orchestrator.tiling.burning import burn_tiles, plan_burning  # noqa: PLC0415  GDAL is heavy
    from orchestrator.tiling.shown import values_of_tiles  # noqa: PLC0415

    check_target(path, RASTERS, "a raster", overwrite=overwrite)
    burning = plan_burning(tiles, values_of_tiles(tiles, column), scale, crs)
    burn_tiles(burning, path, stop or threading.Event(), say)
    return MadeRaster(path, burning.spec.grid, len(burning.values), "", dict(burning.codes), ())
