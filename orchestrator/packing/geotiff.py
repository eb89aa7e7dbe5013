"""
Folders of GeoTIFFs: `images/` and `labels/` with equal names, and a list of names for each split.

TorchGeo reads the two as RasterDatasets joined by `&`, Raster Vision matches them by stem, and TerraTorch takes the
lists in `splits/`, a name without its suffix a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.io import MemoryFile

from orchestrator.packing.formats import SamplePlace, Target
from orchestrator.tiling.chip_raster import class_colours

if TYPE_CHECKING:
    from orchestrator.packing.pixels import SamplePixels
    from orchestrator.packing.samples import TrainingSample
    from orchestrator.tiling.chip_raster import ChipRaster

IMAGES, LABELS, SPLITS = "images", "labels", "splits"
_COLOURED = {"uint8", "uint16"}  # number types that may have a table of colours


class Rasters:
    """Writes `images/{key}.tif`, `labels/{key}.tif`, `splits/{split}.txt`; a chip that is not changed is copied."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._splits: dict[str, list[str]] = {}
        for name in (IMAGES, SPLITS, *([LABELS] if target.labels else [])):
            (target.folder / name).mkdir()

    def add(self, sample: TrainingSample, pixels: SamplePixels) -> SamplePlace:
        self._splits.setdefault(sample.split, []).append(sample.key)
        image = self._write(f"{IMAGES}/{sample.key}.tif", pixels.image_file or self._image(sample, pixels))
        if pixels.label is None:
            return SamplePlace(image)
        return SamplePlace(
            image, self._write(f"{LABELS}/{sample.key}.tif", pixels.label_file or self._label(sample, pixels))
        )

    def close(self) -> None:
        for split, names in self._splits.items():
            self._write(f"{SPLITS}/{split}.txt", "".join(f"{name}\n" for name in names).encode())

    def _write(self, name: str, content: bytes) -> str:
        (self._target.folder / name).write_bytes(content)
        return name

    def _image(self, sample: TrainingSample, pixels: SamplePixels) -> bytes:
        return encoded(sample.image, pixels.image, sample.image.nodata, self._target.images.band_names)

    def _label(self, sample: TrainingSample, pixels: SamplePixels) -> bytes:
        assert sample.label is not None  # noqa: S101  its pixels are here
        assert pixels.label is not None  # noqa: S101
        return encoded(
            sample.label, pixels.label[np.newaxis], pixels.ignore, ("label",), class_colours(self._target.classes)
        )


def encoded(
    chip: ChipRaster,
    pixels: Any,
    nodata: float | None,
    names: tuple[str, ...],
    colours: dict[int, tuple[int, int, int, int]] | None = None,
) -> bytes:
    """Return pixels (band, row, col) as a GeoTIFF on the grid of a chip, that may go on at the bottom and right."""
    profile = {
        "driver": "GTiff",
        "count": pixels.shape[0],
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "dtype": str(pixels.dtype),
        "crs": chip.crs or None,
        "transform": rasterio.Affine(*chip.transform),
        "nodata": nodata,
        "compress": "deflate",
        "interleave": "pixel",
    }
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(pixels)
            target.descriptions = names
            if colours and str(pixels.dtype) in _COLOURED:
                target.write_colormap(1, colours)
        content: bytes = memory.read()
    return content
