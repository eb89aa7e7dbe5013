"""Pixels of samples, as they are packed: values mapped, nodata told apart, filled up to one shape."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import rasterio
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.packing.samples import TrainingSample
from orchestrator.raster.opening import opened_bytes
from orchestrator.tiling.chip_raster import ChipRaster
from orchestrator.tiling.value_maps import OWN_MAP

IGNORE = 255  # what labels without data become, where nothing else is asked for: the usual one of segmentation
READERS = min(8, 2 * (os.cpu_count() or 1))  # GDAL decodes without holding the interpreter


class ValueMapping(Protocol):
    """What labels become: `tiling.value_maps.ValueMap`."""

    @property
    def pairs(self) -> Sequence[tuple[int, int]]: ...

    def apply(self, pixels: NDArray[Any]) -> NDArray[Any]: ...

    def word(self, code: Any) -> str: ...

    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class CodeMap:
    """
    A user's function from values to classes, as a map of values of which the pairs are not known.

    Attributes:
        function: From an array (row, col) to one of as many rows and columns.
        says: What it is called.
    """

    function: Callable[[Any], Any]
    says: str = "map_values of the user's code"

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        return ()

    def apply(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """
        Return the class of each pixel.

        Raises:
            UserError: The function returned something else than an array of the same shape.
        """
        made = np.asarray(self.function(pixels))
        if made.shape != pixels.shape or made.dtype.kind not in "uibf":
            raise UserError(
                f"{self.says} made {made.shape} of {made.dtype} out of labels of {pixels.shape} (row, col); a "
                "number for each pixel is wanted"
            )
        return made

    def word(self, code: Any) -> str:
        return str(code)

    def text(self) -> str:
        return OWN_MAP


@dataclass(frozen=True, slots=True)
class Reading:
    """
    How chips become pixels of samples.

    Attributes:
        shape: Of every sample, (rows, columns).
        value_map: What the values of labels become; None leaves them.
        ignore: The value of labels where there is no data; None takes IGNORE, for labels of floats their nodata.
    """

    shape: tuple[int, int]
    value_map: ValueMapping | None = None
    ignore: int | None = None


@dataclass(frozen=True, slots=True)
class SamplePixels:
    """
    Pixels of one sample.

    Attributes:
        image: (band, row, col).
        valid: Where the image has data, (band, row, col).
        label: (row, col), or None.
        labelled: Where the label has data, (row, col).
        ignore: What the label holds elsewhere; None where it has data everywhere.
        image_file: The bytes of the image's file, where its pixels are those of `image`.
        label_file: Likewise.
    """

    image: NDArray[Any]
    valid: NDArray[np.bool_]
    label: NDArray[Any] | None = None
    labelled: NDArray[np.bool_] | None = None
    ignore: float | None = None
    image_file: bytes = b""
    label_file: bytes = b""


def read_all(samples: Sequence[TrainingSample], reading: Reading) -> Iterator[tuple[TrainingSample, SamplePixels]]:
    """Yield samples in their order with their pixels, some read ahead by threads."""
    with ThreadPoolExecutor(READERS, "chips") as pool:
        ahead: deque[tuple[TrainingSample, Future[SamplePixels]]] = deque()
        try:
            for sample in samples:
                ahead.append((sample, pool.submit(read, sample, reading)))
                if len(ahead) >= 2 * READERS:
                    first, pixels = ahead.popleft()
                    yield first, pixels.result()
            while ahead:
                first, pixels = ahead.popleft()
                yield first, pixels.result()
        finally:
            for _, pixels in ahead:
                pixels.cancel()


def read(sample: TrainingSample, reading: Reading) -> SamplePixels:
    """
    Return the pixels of a sample.

    Raises:
        IntegrityError: A chip is not the one of the manifest.
        UserError: It does not open, it is another than the manifest tells, or a class has the value that is to be
            ignored.
    """
    content = sample.image.content()
    image, valid = _decoded(content, sample.image)
    padded = sample.image.shape != reading.shape
    fill = _fill(sample.image)
    image, valid = _grown(image, reading.shape, fill), _grown(valid, reading.shape, value=False)
    kept = b"" if padded else content
    if sample.label is None:
        return SamplePixels(image, valid, image_file=kept)
    label_content = sample.label.content()
    raw, has_data = _decoded(label_content, sample.label)
    label, ignore = _label(raw[0], has_data[0], sample, reading)
    untouched = not padded and reading.value_map is None and (has_data.all() or ignore == sample.label.nodata)
    label = _grown(label, reading.shape, ignore)
    labelled = _grown(has_data[0], reading.shape, value=False)
    return SamplePixels(image, valid, label, labelled, ignore, kept, label_content if untouched else b"")


def ignore_value(dtype: np.dtype[Any], chip: ChipRaster, asked: int | None) -> float:
    """
    Return what labels of a number type hold where there is no data.

    Raises:
        UserError: The type cannot hold it.
    """
    if asked is None and dtype.kind == "f":
        return float("nan") if chip.nodata is None else chip.nodata
    value = IGNORE if asked is None else asked
    if dtype.kind in "ui" and not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
        raise UserError(f"labels of {dtype} cannot hold {value} for pixels without data; choose another --ignore")
    return value


def _decoded(content: bytes, chip: ChipRaster) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return pixels and where they are data, both (band, row, col)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            with opened_bytes(content, chip.path.name) as source:
                _check_told(source, chip)
                pixels = source.read()
                valid = source.read_masks() != 0
    except rasterio.errors.RasterioIOError as error:
        raise UserError(f"{chip.path} does not open as a GeoTIFF: {error}; `tiles verify` tells all such") from None
    if pixels.dtype.kind == "f":
        valid &= np.isfinite(pixels)
    return pixels, valid


def _check_told(source: Any, chip: ChipRaster) -> None:
    """Refuse a chip that is not what is told of it before a pixel is decoded: a few bytes may say any size."""
    found, kinds = (source.count, source.height, source.width), sorted(set(source.dtypes))
    wanted = (chip.bands, *chip.shape)
    if found != wanted or kinds != [chip.dtype]:
        raise UserError(
            f"{chip.path} has {found} values of {', '.join(kinds)} (band, row, col), its manifest says {wanted} of "
            f"{chip.dtype}; `tiles verify` tells all such"
        )


def _label(
    raw: NDArray[Any], has_data: NDArray[np.bool_], sample: TrainingSample, reading: Reading
) -> tuple[NDArray[Any], float]:
    label = raw if reading.value_map is None else reading.value_map.apply(raw)
    assert sample.label is not None  # noqa: S101  its pixels are here
    ignore = ignore_value(label.dtype, sample.label, reading.ignore)
    if has_data.all() and not (label == ignore).any():
        return label, ignore
    if (label[has_data] == ignore).any():
        raise UserError(
            f"the label of tile {sample.identifier} has a class {ignore:g}, which is to mean that there is no data; "
            "choose another value with --ignore, or map that class with --label-map"
        )
    return np.where(has_data, label, np.asarray(ignore, label.dtype)), ignore


def _fill(chip: ChipRaster) -> float:
    """Return what pixels that were not there become."""
    if chip.nodata is not None:
        return chip.nodata
    return float("nan") if np.dtype(chip.dtype).kind == "f" else 0.0


def _grown(pixels: NDArray[Any], shape: tuple[int, int], value: float) -> NDArray[Any]:
    """Return pixels filled up at the bottom and on the right."""
    height, width = pixels.shape[-2:]
    if (height, width) == shape:
        return pixels
    before = [(0, 0)] * (pixels.ndim - 2)
    return np.pad(pixels, [*before, (0, shape[0] - height), (0, shape[1] - width)], constant_values=value)
