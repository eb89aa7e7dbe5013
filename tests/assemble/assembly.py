"""Small parts and areas for the assembler's tests, and the slow way to join them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import shapely
from rasterio.errors import NodataShadowWarning
from rasterio.mask import mask
from rasterio.merge import merge
from rasterio.transform import Affine

from orchestrator.assemble.mosaic import BlockAssembler, BlockMosaic
from orchestrator.model.grid import Grid, Window
from orchestrator.model.mosaic import MosaicReport, MosaicSpec, OutputOptions
from orchestrator.model.spec import PixelSpec

CRS = "EPSG:32633"
# From GDAL 3.11 on the COG driver may store each band apart (uncompressed, it does); before, it never does, and
# passes over the word.
ASKED = {"COG": {"interleave": "pixel"}}


class Never:
    """Nobody wants to stop."""

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002  the port's signature
        return False


@dataclass(frozen=True)
class Scene:
    """A grid, its pixels, how they are cut into parts and stored, and the area."""

    height: int = 200
    width: int = 260
    side: int = 64
    bands: int = 2
    dtype: str = "uint16"
    nodata: float = 0
    area: shapely.Geometry | None = None
    all_touched: bool = False
    holes: float = 0.1
    seed: int = 0
    missing: tuple[int, ...] = ()
    masked: bool = False
    profile: dict[str, Any] = field(default_factory=lambda: {"tiled": True, "blockxsize": 16, "blockysize": 16})
    driver: str = "GTiff"
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def grid(self) -> Grid:
        return Grid(CRS, (10.0, 0.0, 499980.0, 0.0, -10.0, 5200020.0), self.height, self.width)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"B{n + 1}" for n in range(self.bands))

    def windows(self) -> list[Window]:
        every = list(self.grid.window.tiles(self.side, self.side))
        return [w for n, w in enumerate(every) if n not in self.missing]

    def spec(self, **changes: Any) -> MosaicSpec:
        pixels = PixelSpec(self.names, self.dtype, self.nodata, classes=changes.pop("classes", False))
        wkb = None if self.area is None else shapely.to_wkb(self.area)
        asked = {f.name: changes.pop(f.name) for f in fields(OutputOptions) if f.name in changes}
        options = OutputOptions(**{"all_touched": self.all_touched} | asked)
        return MosaicSpec(self.grid, pixels, area_wkb=wkb, options=options, **changes)

    def pixels(self) -> np.ndarray:
        """(band, row, col), smooth, with patches of nodata."""
        rng = np.random.default_rng(self.seed)
        walk = np.cumsum(rng.normal(size=(self.bands, self.height, self.width)), axis=2) * 9 + 600
        data = walk.clip(1, 250).astype(self.dtype) if self.dtype in {"uint8", "int8"} else walk.astype(self.dtype)
        if self.dtype == "int8":
            data = walk.clip(1, 120).astype(self.dtype)
        empty = rng.random((-(-self.height // 8), -(-self.width // 8))) < self.holes
        empty = empty.repeat(8, 0).repeat(8, 1)[: self.height, : self.width]
        data[:, empty] = self.nodata
        return data

    def write(self, folder: Path) -> dict[Window, Path]:
        data = self.pixels()
        folder.mkdir(parents=True, exist_ok=True)
        return {window: self._write_part(folder, window, data) for window in self.windows()}

    def _write_part(self, folder: Path, window: Window, data: np.ndarray) -> Path:
        path = folder / f"{window.row}-{window.col}.tif"
        profile = {
            "count": self.bands, "dtype": self.dtype, "crs": CRS, "nodata": self.nodata,
            "height": window.height, "width": window.width, "transform": Affine(*self.grid.window_transform(window)),
        } | ASKED.get(self.driver, {}) | self.profile  # fmt: skip
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", driver=self.driver, **profile) as dst:
            dst.write(data[:, window.row : window.bottom, window.col : window.right])
            dst.descriptions = self.names
            dst.update_tags(**self.tags)
            if self.masked:
                rng = np.random.default_rng((self.seed, window.row, window.col))
                dst.write_mask(rng.random((window.height, window.width)) > 0.2)
        return path


def store_bands_apart(path: Path) -> None:
    """Rewrite a cloud-optimised part, overviews included, with a block for each band; any GDAL can."""
    together = path.rename(path.with_suffix(".together"))
    with rasterio.open(together) as src:
        kept = {k: src.profile[k] for k in ("tiled", "blockxsize", "blockysize", "compress") if k in src.profile}
    rasterio.shutil.copy(together, path, driver="GTiff", interleave="band", copy_src_overviews=True, **kept)
    together.unlink()


def reference(scene: Scene, parts: dict[Window, Path], folder: Path) -> np.ndarray:
    """Join and cut by rasterio.merge and rasterio.mask; (band, row, col)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # rasterio uses affine in its old way
        # GDAL takes the last of four byte bands for an alpha band; nodata decides all the same.
        warnings.simplefilter("ignore", NodataShadowWarning)
        return _reference(scene, parts, folder)


def _reference(scene: Scene, parts: dict[Window, Path], folder: Path) -> np.ndarray:
    left, bottom, right, top = scene.grid.bounds()
    merged = folder / "merged.tif"
    data, transform = merge(list(parts.values()), bounds=(left, bottom, right, top), nodata=scene.nodata)
    profile = {"driver": "GTiff", "count": scene.bands, "dtype": scene.dtype, "crs": CRS, "nodata": scene.nodata}
    profile |= {"height": scene.height, "width": scene.width, "transform": transform}
    with rasterio.open(merged, "w", **profile) as dst:
        dst.write(data)
    if scene.area is None:
        return data
    with rasterio.open(merged) as src:
        return mask(src, [scene.area], nodata=scene.nodata, all_touched=scene.all_touched)[0]


def assemble(
    scene: Scene, parts: dict[Window, Any], folder: Path, *, examining: bool = False, **changes: Any
) -> MosaicReport:
    mosaic = BlockAssembler().open(scene.spec(**changes), folder, examining=examining)
    place(mosaic, parts.items())
    return mosaic.finish(Never())


def place(mosaic: BlockMosaic, parts: Iterable[tuple[Window, Any]]) -> None:
    """Place parts when nobody asks which are durable already."""
    mosaic.place(parts, lambda _window: None)


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as src:
        return src.read()


def star(scene: Scene, rng: np.random.Generator, points: int = 24, *, hole: bool = True) -> shapely.Geometry:
    """A rough star that covers about half of the grid, with a hole."""
    left, bottom, right, top = scene.grid.bounds()
    angle = np.sort(rng.random(points)) * 2 * np.pi
    radius = rng.uniform(0.5, 1.0, points) * max(right - left, top - bottom) * rng.uniform(0.2, 0.7)
    x = rng.uniform(left, right) + radius * np.cos(angle)
    y = rng.uniform(bottom, top) + radius * np.sin(angle)
    ring = np.stack((x, y), axis=1)
    middle = ring.mean(axis=0)
    return shapely.make_valid(shapely.Polygon(ring, [(ring - middle) * 0.3 + middle] if hole else []))
