"""
Bands of Level-1C on the pixels of a sample, and what their numbers mean.

There are at most 65,536 numbers, so that reflectance and normalisation are tables: each is computed once for every
number, and looked up for every pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import PermanentError, UserError
from orchestrator.products.preprocess.document import ScenePlan
from orchestrator.products.preprocess.keys import PreprocessKeys
from orchestrator.products.preprocess.normalisation.applying import normalised
from orchestrator.products.preprocess.normalisation.stats import Stats
from orchestrator.products.preprocess.raster import StripReader, Warped
from orchestrator.products.preprocess.roles import PRODUCT_METADATA, band_role
from orchestrator.raster.arrays import Floats, Ints
from orchestrator.safe.product import read_product

NUMBERS = 1 << 16
NODATA = 0  # "SPECIAL_VALUE_INDEX" of NODATA, in every product


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """
    One band.

    Attributes:
        name: "B02".
        warped: Its numbers on the pixels of the sample.
        values: What each number means, (65536,): reflectance, or the number itself; 0 for no data.
    """

    name: str
    warped: Warped
    values: Floats


def scene_bands(scene: ScenePlan, keys: PreprocessKeys) -> tuple[Band, ...]:
    """
    Return every band of a scene, none of it read yet.

    Raises:
        PermanentError: A file cannot be opened, or holds other numbers.
        UserError: The metadata is damaged, or a band has another CRS.
    """
    assert scene.grid is not None  # noqa: S101  settled before
    tables = tables_of(scene.path(PRODUCT_METADATA), keys.l1c_bands) if keys.to_toa_reflectance else None
    bands = []
    for place, name in enumerate(keys.l1c_bands):
        reader = StripReader(scene.path(band_role(name)))
        if reader.dtype not in (np.uint8, np.uint16):
            raise PermanentError(f"{reader.path} holds {reader.dtype} numbers; Level-1C has uint16")
        values = tables[place] if tables else np.arange(NUMBERS, dtype=np.float64)
        warped = Warped(reader, scene.grid, up=keys.upsample_method, down=keys.downsample_method)
        bands.append(Band(name, warped, values))
    return tuple(bands)


def tables_of(metadata: Path, names: Sequence[str]) -> list[Floats]:
    """
    Return the reflectance of every number: (number + offset) / quantification; 0 for no data, never -0.1.

    Raises:
        UserError: The metadata is damaged, or lacks offsets that its baseline needs.
    """
    product = read_product(metadata.read_bytes(), str(metadata))
    if product.level != "L1C":
        raise UserError(f"{metadata} is of {product.level}; reflectance at the top of the atmosphere needs L1C")
    numbers = np.arange(NUMBERS, dtype=np.float64)
    made = []
    for name in names:
        values = (numbers + product.offsets[name]) / product.quantification
        values[NODATA] = 0.0
        made.append(values)
    return made


def stored_table(band: Band, stats: Stats | None) -> NDArray[np.float32]:
    """Return what `x.tif` holds for each number: its value, normalised where there are statistics; 0 for no data."""
    if stats is None:
        return band.values.astype(np.float32)
    valid = np.arange(NUMBERS) != NODATA
    table: NDArray[np.float32] = normalised(band.values[None], valid[None], stats, band.name)[0]
    return table


def statistics_of(counts: Ints, table: NDArray[Any], pixels: int) -> dict[str, Any]:
    """Return what `meta.json` says of a band: of `counts` of each number, in the units of `table`."""
    there = np.flatnonzero(counts[1:]) + 1
    many, values = counts[there], table[there].astype(np.float64)
    valid = int(many.sum())
    told: dict[str, Any] = {"valid_pixel_count": valid, "valid_pixel_ratio": valid / pixels}
    if not valid:
        return told | dict.fromkeys(("minimum", "maximum", "mean", "std"))
    mean = float((many * values).sum() / valid)
    std = float(np.sqrt((many * (values - mean) ** 2).sum() / valid))
    return told | {"minimum": float(values.min()), "maximum": float(values.max()), "mean": mean, "std": std}
