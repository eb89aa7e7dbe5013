"""One scene made ready for training: `x.tif`, `y.tif` and `angles.tif` in a folder, strip by strip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.model.grid import Grid
from orchestrator.model.ports import Stop
from orchestrator.products.preprocess.bands import NODATA, NUMBERS, Band, opened_bands, statistics_of, stored_table
from orchestrator.products.preprocess.counting import strips
from orchestrator.products.preprocess.directions import directions_of
from orchestrator.products.preprocess.document import ScenePlan
from orchestrator.products.preprocess.keys import PreprocessKeys
from orchestrator.products.preprocess.labels import Labels, check_whole, find_backend
from orchestrator.products.preprocess.normalisation.stats import Stats
from orchestrator.products.preprocess.raster import StripReader, Warped
from orchestrator.products.preprocess.roles import TILE_METADATA
from orchestrator.products.preprocess.tiles import TileWriter
from orchestrator.products.terms import Tags
from orchestrator.raster.arrays import Flags, Ints

X, Y = "x.tif", "y.tif"


@dataclass(frozen=True, slots=True)
class SampleAsset:
    """
    A raster of a sample.

    Attributes:
        name: Of the file.
        grid: Where its pixels lie.
        bands: Names, in order.
        dtype: numpy's name.
        nodata: Its tag; None is none.
    """

    name: str
    grid: Grid
    bands: tuple[str, ...]
    dtype: str
    nodata: float | None = None


@dataclass(frozen=True, slots=True)
class MadeSample:
    """The rasters of a sample by their role, and what is told of them."""

    assets: Mapping[str, SampleAsset]
    statistics: Mapping[str, Any]
    labels: Mapping[str, Any] = field(default_factory=dict)


class FeatureStrips:
    """`x.tif` of one scene, strip by strip: bands, then the masks."""

    def __init__(self, bands: tuple[Band, ...], stats: Stats | None, *, per_band: bool) -> None:
        """Take open bands; with `per_band` a mask for each, else one, of the pixels that every band has."""
        self._bands, self._per_band = bands, per_band
        self._tables = [stored_table(band, stats) for band in bands]
        self._counts: Ints = np.zeros((len(bands), NUMBERS), np.int64)
        self._valid = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the bands of the file."""
        own = tuple(band.name for band in self._bands)
        return own + (tuple(f"valid_{name}" for name in own) if self._per_band else ("valid",))

    def strip(self, row: int, height: int, width: int, pool: Executor) -> NDArray[np.float32]:
        """Return (row, col, band) of the next rows."""
        made = np.empty((height, width, len(self.names)), np.float32)
        masks = list(pool.map(lambda at: self._band(at, row, height, made), range(len(self._bands))))
        together = np.logical_and.reduce(masks)
        self._valid += int(together.sum())
        if not self._per_band:
            made[..., -1] = together
        return made

    def _band(self, at: int, row: int, height: int, made: NDArray[np.float32]) -> Flags:
        numbers = self._bands[at].warped.valid(row, height)
        made[..., at] = self._tables[at][numbers]
        mask: Flags = numbers != NODATA
        if self._per_band:
            made[..., len(self._bands) + at] = mask
        self._counts[at] += np.bincount(numbers.ravel(), minlength=NUMBERS)
        return mask

    def statistics(self, pixels: int) -> dict[str, Any]:
        """Return what `meta.json` says of the bands, and of the pixels that all of them have."""
        told = {
            band.name: statistics_of(self._counts[at], self._tables[at], pixels) for at, band in enumerate(self._bands)
        }
        return {"valid_pixel_count": self._valid, "valid_pixel_ratio": self._valid / pixels, "bands": told}


@contextmanager
def opened_labels(scene: ScenePlan, keys: PreprocessKeys) -> Iterator[Labels]:
    """
    Open the raster of labels.

    Raises:
        PermanentError: It cannot be opened, or holds no whole numbers.
        UserError: It has another CRS.
    """
    assert scene.grid is not None  # noqa: S101  settled before
    backend = find_backend(keys.labels.backend)
    with StripReader(scene.path(backend.role)) as reader:
        check_whole(reader.path, reader.dtype)
        warped = Warped(reader, scene.grid, up=keys.labels.resample, down=keys.labels.resample)
        yield Labels(keys.labels, backend, warped, reader.nodata)


def make_sample(
    scene: ScenePlan, keys: PreprocessKeys, stats: Stats | None, folder: Path, tags: Tags, stop: Stop, pool: Executor
) -> MadeSample:
    """
    Write the rasters of one scene into `folder`: the same bytes for the same files and configuration.

    Memory is that of some strips, whatever the size of the scene.

    Raises:
        PermanentError, UserError: A file is not what it should be.
        Stopped: `stop` was set.
        SpaceError: The disk is full.
    """
    assert scene.grid is not None  # noqa: S101  settled before
    grid = scene.grid
    with ExitStack() as opened:
        bands = opened.enter_context(opened_bands(scene, keys))
        features = FeatureStrips(bands, stats, per_band=keys.valid_pixel_mask == "per_band")
        assets = {"x": SampleAsset(X, grid, features.names, "float32")}
        labels = opened.enter_context(opened_labels(scene, keys)) if keys.has_labels else None
        if labels is not None:
            assets["y"] = SampleAsset(Y, grid, ("label",), "uint8", keys.labels.ignore_index)
        writers = {role: opened.enter_context(_writer(folder, asset, tags, pool)) for role, asset in assets.items()}
        for row, height in strips(scene, stop):
            writers["x"].append(features.strip(row, height, grid.width, pool))
            if labels is not None:
                writers["y"].append(labels.strip(row, height)[..., None])
    if keys.has_angles:
        assets["angles"] = _write_angles(scene, keys, folder, tags, stop, pool)
    told = {"stats": labels.statistics(), "found": labels.found} if labels is not None else {}
    return MadeSample(assets, features.statistics(grid.pixels), told)


def _writer(folder: Path, asset: SampleAsset, tags: Tags, pool: Executor) -> TileWriter:
    return TileWriter(
        folder / asset.name, asset.grid, asset.bands, asset.dtype, nodata=asset.nodata, tags=tags, pool=pool
    )


def _write_angles(
    scene: ScenePlan, keys: PreprocessKeys, folder: Path, tags: Tags, stop: Stop, pool: Executor
) -> SampleAsset:
    assert scene.grid is not None  # noqa: S101  settled before
    directions = directions_of(scene.path(TILE_METADATA), keys.angles, scene.grid)
    asset = SampleAsset(keys.angles.output_name, directions.grid, directions.bands, "float32", float("nan"))
    with _writer(folder, asset, tags, pool) as writer:
        for piece in directions.pieces(stop):
            writer.append(piece)
    return asset
