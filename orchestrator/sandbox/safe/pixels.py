"""
The pixels of an image file: those of the scene as Earth Engine's harmonised collections have them, with the offset of
the baseline. Files whose pixels are larger than the recorded ones hold the mean of the valid ones, or of classes the
middle one. Axis order is (plane, row, col).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.safe.bands import BANDS, CLOUD, L1C, TCI, Image
from orchestrator.sandbox.safe.product import COARSEST, Product
from orchestrator.sandbox.scenes.pyramid import Pixels, reduce_mean

_EARTH_ENGINE = {band.name: band.short for band in BANDS} | {CLOUD: "MSK_CLDPRB"}
_TRUE_COLOUR = ("TCI_R", "TCI_G", "TCI_B")
_VISIBLE = ("B4", "B3", "B2")
_TCI_FULL = 3558.0  # reflectance × 10000 that the true colour image shows as 255


def layers_of(product: Product, image: Image) -> tuple[str, ...]:
    """Name the layers of the scene that an image is made of."""
    if image.name == TCI:
        return _VISIBLE if product.level == L1C else _TRUE_COLOUR
    return (_EARTH_ENGINE.get(image.name, image.name),)


def read(product: Product, layer: str, native: int, rows: slice, cols: slice) -> Pixels:
    """Read a window of a layer of `native` metres; rows and columns count from the corner of the cut."""
    cut, times = product.options.cut, COARSEST // native
    corner = cut.row * times + rows.start, cut.col * times + cols.start
    return product.scene.read(layer, 0, *corner, rows.stop - rows.start, cols.stop - cols.start)


def draw(product: Product, image: Image, layers: Mapping[str, Pixels]) -> NDArray[np.generic]:
    """
    Return the pixels of an image over rows that were read, (plane, row, col) in the image's type; 0 is no data.

    Rows and columns must be multiples of the ratio of the pixel sizes.
    """
    planes = [_plane(product, image, *layers[name]) for name in layers_of(product, image)]
    return np.stack(planes)


def _plane(product: Product, image: Image, values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[Any]:
    values, valid = _resized(image, values, valid)
    if image.name == TCI and product.level == L1C:
        values = np.clip(values * np.float32(255.0 / _TCI_FULL), 0, 255)
    if values.dtype.kind == "f":
        values = np.rint(values)
    added = product.offset if image.is_reflectance else 0
    return np.asarray(np.where(valid, values + values.dtype.type(added), 0).astype(image.dtype))


def _resized(image: Image, values: NDArray[Any], valid: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if image.metres == image.native:
        return values, valid
    if image.metres < image.native:
        times = image.native // image.metres
        return _repeated(values, times), _repeated(valid, times)
    ratio = image.metres // image.native
    if image.is_class:
        middle = slice(ratio // 2, None, ratio)
        return values[middle, middle], valid[middle, middle]
    return reduce_mean(values, valid, ratio)


def _repeated(values: NDArray[Any], times: int) -> NDArray[Any]:
    return values.repeat(times, axis=0).repeat(times, axis=1)
