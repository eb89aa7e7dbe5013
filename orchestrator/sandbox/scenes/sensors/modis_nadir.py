"""MODIS reflectance as from the zenith (MODIS/061/MCD43A4): the ground of every day, without clouds."""

from __future__ import annotations

from functools import partial

import numpy as np

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.sensors.coarse import on_earth
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.flights import LAST_DAY
from orchestrator.sandbox.scenes.sensors.lattice import Patch
from orchestrator.sandbox.scenes.sensors.modis import HALF, WAVELENGTHS, mean_reflectance
from orchestrator.sandbox.scenes.sensors.picture import INT16, UINT8, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Series, Span, every_day

_QUALITY = "BRDF_Albedo_Band_Mandatory_Quality_Band"


def nadir(earth: Earth) -> Products:
    """Make the collection."""
    numbers = range(1, len(WAVELENGTHS) + 1)
    values = tuple(Layer(f"Nadir_Reflectance_Band{number}", INT16, smooth=True) for number in numbers)
    quality = tuple(Layer(f"{_QUALITY}{number}", UINT8, "sample", smooth=True) for number in numbers)
    title = "MCD43A4.061 MODIS Nadir BRDF-Adjusted Reflectance Daily 500m"
    calendar = every_day("2000-02-24", LAST_DAY, "%Y_%m_%d")
    return Products(
        (Series("MODIS/061/MCD43A4", title, values + quality, {"": HALF}, calendar, partial(_paint, earth)),)
    )


def _paint(earth: Earth, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    del span
    if band.startswith(_QUALITY):  # 0 is of good quality
        return np.zeros((cut[0].stop - cut[0].start, cut[1].stop - cut[1].start), np.uint8), on_earth(patch, cut)
    wavelength = WAVELENGTHS[f"0{band[-1]}"]
    return mean_reflectance(earth, patch, cut, wavelength) * 1e4, on_earth(patch, cut)
