"""
Numbers of Landsat scenes as radiance, reflectance and temperature, by the coefficients in their metadata.

Radiance is a linear function of the number; reflectance another one, over the sine of the sun's elevation; temperature
is K2 / ln(K1 / radiance + 1) (Chander et al. 2009; Landsat 8 Data Users Handbook, chapter 5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.images import pointwise
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Image, ImageBand, number_in

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _told(name: str, image: Image, key: str) -> float | None:
    value = image.properties.get(key)
    return None if value is None else number_in(name, value)


def _linear(name: str, image: Image, quantity: str, band: str) -> Curve | None:
    """Give the straight line of a quantity for a band, or null where the scene has none."""
    factor, offset = (_told(name, image, f"{quantity}_{part}_BAND_{band}") for part in ("MULT", "ADD"))
    if factor is None or offset is None:
        return None
    return partial(_line, factor=factor, offset=offset)


def _line(numbers: NDArray[np.float64], *, factor: float, offset: float) -> NDArray[np.float64]:
    return numbers * factor + offset


def _calibrated(name: str, image: Image, curve: Callable[[str], Curve | None]) -> Image:
    """
    Apply the curve of each band; bands without one stay as they are.

    Raises:
        NotImitatedError: If no band has a curve: coefficients of scenes without metadata are not kept here.
    """
    curves = {band.name: curve(band.name.removeprefix("B")) for band in image.bands}
    if not any(curves.values()):
        raise not_imitated(f"{name} of an image without rescaling coefficients among its properties")
    return image.with_bands(_bent(band, curves[band.name]) for band in image.bands)


def _bent(band: ImageBand, curve: Curve | None) -> ImageBand:
    if curve is None:
        return band
    return replace(band, node=pointwise(partial(_measured, curve=curve), band.node), type=pixel_types.FLOAT)


def _measured(tile: Tile, *, curve: Curve) -> Tile:
    return Tile(np.asarray(curve(tile.values.astype(np.float64)), np.float32), tile.valid)


@function("Landsat.calibratedRadiance")
def calibrated_radiance(image: Image) -> Image:
    name = "Landsat.calibratedRadiance"
    return _calibrated(name, image, lambda band: _linear(name, image, "RADIANCE", band))


@function("Landsat.TOA")
def toa(image: Image) -> Image:
    """Give reflectance at the top of the atmosphere, and the brightness temperature of thermal bands in kelvin."""
    name = "Landsat.TOA"
    elevation = _told(name, image, "SUN_ELEVATION")

    def curve(band: str) -> Curve | None:
        constants = [_told(name, image, f"K{number}_CONSTANT_BAND_{band}") for number in (1, 2)]
        line = _linear(name, image, "RADIANCE", band)
        if line is not None and constants[0] is not None and constants[1] is not None:
            return partial(_temperature, line=line, first=constants[0], second=constants[1])
        line = _linear(name, image, "REFLECTANCE", band)
        if line is None or elevation is None:
            return None
        return partial(_over, line=line, divisor=float(np.sin(np.radians(elevation))))

    return _calibrated(name, image, curve)


def _over(numbers: NDArray[np.float64], *, line: Curve, divisor: float) -> NDArray[np.float64]:
    return line(numbers) / divisor


def _temperature(numbers: NDArray[np.float64], *, line: Curve, first: float, second: float) -> Any:
    with np.errstate(all="ignore"):
        return second / np.log(first / line(numbers) + 1)
