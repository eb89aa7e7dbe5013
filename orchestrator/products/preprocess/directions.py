"""
Directions to sun and satellite as bands: `angles.tif`, on the pixels of a sample or at the nodes of the metadata.

Angles hold at nodes, from the tile's corner on, and are averaged and interpolated as vectors; see `safe.angles`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import Stopped, UserError
from orchestrator.core.nearest import hint
from orchestrator.model.grid import BLOCK, Grid, Window
from orchestrator.model.ports import Stop
from orchestrator.products.preprocess.keys import AngleKeys
from orchestrator.safe.angles import angle_transform, merged, sample
from orchestrator.safe.tile import AngleGrid, TileMetadata, read_tile

# What is made at once, in bytes of the file: many bands need narrow pieces.
_PIECE_BYTES = 48 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """
    Every direction that is asked for of one scene.

    Attributes:
        grid: Of the bands.
        nodes: Of the metadata, as a raster with a node in the centre of each pixel.
        named: Prefix of the bands' names, and directions at the nodes.
        encode: `sin_cos` or `deg`.
    """

    grid: Grid
    nodes: Grid
    named: tuple[tuple[str, AngleGrid], ...]
    encode: str

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands, in order."""
        ends = ("zen_deg", "azi_deg") if self.encode == "deg" else ("zen_sin", "zen_cos", "azi_sin", "azi_cos")
        return tuple(f"{name}_{end}" for name, _ in self.named for end in ends)

    def pieces(self, stop: Stop) -> Iterator[NDArray[np.float32]]:
        """
        Yield (row, col, band) of one row of blocks after the other, each from left to right in whole blocks.

        Raises:
            Stopped: `stop` was set.
        """
        wide = max(1, _PIECE_BYTES // (BLOCK * BLOCK * 4 * len(self.bands))) * BLOCK
        for window in self.grid.window.tiles(BLOCK, wide):
            if stop.is_set():
                raise Stopped("stopped between two blocks of angles; the same command begins the scene again")
            made = np.empty((window.height, window.width, len(self.bands)), np.float32)
            at = 0
            for _, directions in self.named:
                for values in self._encoded(self._on(directions, window)):
                    made[..., at] = values
                    at += 1
            yield made

    def _on(self, directions: AngleGrid, window: Window) -> AngleGrid:
        if self.grid == self.nodes:
            rows, cols = slice(window.row, window.bottom), slice(window.col, window.right)
            return AngleGrid(directions.zenith[rows, cols], directions.azimuth[rows, cols], directions.step)
        return sample(directions, self.nodes.transform, self.grid.transform, window)

    def _encoded(self, angles: AngleGrid) -> Iterator[NDArray[np.float64]]:
        for degrees in (angles.zenith, angles.azimuth):
            if self.encode == "deg":
                yield degrees
            else:
                yield np.sin(np.radians(degrees))
                yield np.cos(np.radians(degrees))


def directions_of(path: Path, keys: AngleKeys, target: Grid) -> Directions:
    """
    Read the directions of a tile.

    Raises:
        UserError: The metadata is damaged, of another CRS or place, or has no angles of a band.
    """
    tile = read_tile(path.read_bytes(), str(path))
    if tile.crs != target.crs:
        raise UserError(f"{path} is in {tile.crs}, and the target grid in {target.crs}; expected one CRS")
    _check_place(tile, target, path)
    height, width = tile.sun.zenith.shape
    nodes = Grid(tile.crs, angle_transform(tile), height, width)
    sun = [("sun", tile.sun)] if keys.include_sun else []
    view = list(_view(tile, keys, path)) if keys.include_view else []
    for name, directions in (*sun, *view):
        if np.isnan(directions.zenith).all():
            raise UserError(f"{path} has no value in the angles of {name}; bring it again, or leave angles out")
    return Directions(target if keys.grid == "target" else nodes, nodes, (*sun, *view), keys.encode)


def _check_place(tile: TileMetadata, target: Grid, path: Path) -> None:
    a, _b, west, _d, e, north = target.transform
    east, south = west + a * target.width, north + e * target.height
    for grid in tile.grids.values():
        right, bottom = grid.ulx + grid.width * grid.step, grid.uly - grid.height * grid.step
        # Real tiles of 10, 20 and 60 m end on the same metre; rasters that were made coarser may stand out by a part.
        spare = 2 * max(a, -e, grid.step)
        inside = (west - grid.ulx, right - east, grid.uly - north, south - bottom)
        if not all(metres >= -spare for metres in inside):
            raise UserError(
                f"{path} tells of {grid.width} x {grid.height} pixels from {grid.ulx:,.0f}, {grid.uly:,.0f} on, and "
                f"the target grid at {west:,.0f}, {north:,.0f} is not in it; bring the scene again"
            )


def _view(tile: TileMetadata, keys: AngleKeys, path: Path) -> Iterator[tuple[str, AngleGrid]]:
    bands = keys.view_bands or tuple(tile.view)
    if missing := [band for band in bands if not tile.view.get(band)]:
        raise UserError(f"{path} has no viewing angles of {missing[0]}; {hint(missing[0], tile.view)}")
    if keys.view_mode == "single":
        yield "view", merged(grid for band in bands for grid in tile.view[band].values())
    else:
        for band in bands:
            yield f"view_{band}", merged(tile.view[band].values())
