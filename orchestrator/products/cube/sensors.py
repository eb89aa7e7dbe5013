"""What the bands of a cube are: names, one number type for all, and the scale of their sensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.model.number_type import nothing_of, number_type
from orchestrator.model.scene import StoredBand
from orchestrator.model.spec import PixelSpec

_ESA = re.compile(r"B0(\d)")
_FLOAT_NODATA = -9999.0  # Earth Engine takes no NaN as a constant


def band_names(asked: Sequence[str], there: Sequence[str], image: str) -> tuple[str, ...]:
    """
    Return Earth Engine's names of bands that may be called as ESA does, B04 for B4.

    Raises:
        UserError: An image has no such band.
    """
    if not asked:
        raise UserError(f"a cube needs its bands, in order; {image} has {', '.join(there)}")
    return tuple(_named(band, there, image) for band in asked)


def _named(band: str, there: Sequence[str], image: str) -> str:
    if band in there:
        return band
    plain = _ESA.sub(r"B\1", band)
    if _ESA.fullmatch(band) and plain in there:
        return plain
    near, every = hint(band, there), f"there are {', '.join(there)}"
    raise UserError(f"{image} has no band {band!r}; {near if near == every else f'{near} {every}'}")


def pixels_of(sensors: Mapping[str, Sequence[StoredBand]], bands: Sequence[str], nodata: float | None) -> PixelSpec:
    """
    Return what a pixel is, so that every band of every sensor fits: whole numbers where all are.

    Without a wish, nodata is that of `nothing_of` for whole numbers, -9999 for the others.

    Raises:
        RecipeError: The type does not hold the nodata value.
    """
    kinds = [band for there in sensors.values() for band in there if band.name in bands]
    dtype = number_type(kinds, spare=nodata is None)
    usual = _FLOAT_NODATA if dtype.startswith("float") else nothing_of(dtype, kinds)
    return PixelSpec(tuple(bands), dtype, usual if nodata is None else nodata)


def finest_scale(sensors: Mapping[str, Sequence[StoredBand]], bands: Sequence[str]) -> float:
    """
    Return the side of the finest pixel of the bands, in metres, where all sensors agree.

    Raises:
        UserError: They do not.
    """
    finest = {name: min(b.scale for b in there if b.name in bands) for name, there in sensors.items()}
    if len({round(scale, 3) for scale in finest.values()}) > 1:
        told = ", ".join(f"{name or 'the others'} {scale:g} m" for name, scale in finest.items())
        raise UserError(f"the scenes are of several sensors with pixels of {told}; give --scale")
    return next(iter(finest.values()))
