"""
How Landsat's instruments turn light into numbers.

Radiance ranges of TM and ETM+ and exoatmospheric irradiances: Chander, Markham and Helder 2009, tables 1 to 4. For OLI
the reflectance scale is 2e-5 and -0.1 by definition, and irradiances follow from a published radiance scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.sensors.landsat import View
from orchestrator.sandbox.scenes.sensors.landsat_bands import OLI, THERMAL, TM

_PAN_TM, _PAN_OLI, _CIRRUS = 700.0, 590.0, 1373.0
# Irradiance in W / (m2 um), and the radiance of the numbers 1 and 255, by band.
_TM5 = {
    "1": (1983.0, -1.52, 193.0),
    "2": (1796.0, -2.84, 365.0),
    "3": (1536.0, -1.17, 264.0),
    "4": (1031.0, -1.51, 221.0),
    "5": (220.0, -0.37, 30.2),
    "6": (0.0, 1.2378, 15.303),
    "7": (83.44, -0.15, 16.5),
}
_TM4 = {
    "1": (1983.0, -1.52, 171.0),
    "2": (1795.0, -2.84, 336.0),
    "3": (1539.0, -1.17, 254.0),
    "4": (1028.0, -1.51, 221.0),
    "5": (219.8, -0.37, 31.4),
    "6": (0.0, 1.2378, 15.303),
    "7": (83.49, -0.15, 16.6),
}
_ETM = {
    "1": (1997.0, -6.2, 191.6),
    "2": (1812.0, -6.4, 196.5),
    "3": (1533.0, -5.0, 152.9),
    "4": (1039.0, -5.1, 241.1),
    "5": (230.8, -1.0, 31.06),
    "6_VCID_1": (0.0, 0.0, 17.04),
    "6_VCID_2": (0.0, 3.2, 12.65),
    "7": (84.9, -0.35, 10.8),
    "8": (1362.0, -4.7, 243.1),
}
_OLI_IRRADIANCE = {
    "1": 1972.0,
    "2": 2020.0,
    "3": 1861.0,
    "4": 1569.0,
    "5": 960.0,
    "6": 239.0,
    "7": 80.5,
    "8": 1776.0,
    "9": 375.0,
}
_OLI_NAMES = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11")
_ELEVENTH = {"LC08": (480.8883, 1201.1442), "LC09": (475.6581, 1198.3494)}


@dataclass(frozen=True, slots=True)
class Calibration:
    """
    Of one scene.

    Attributes:
        names: Of the bands in order, without their `B`.
        wavelengths: Of the reflective bands in nm.
        thermal: K1 and K2 of the thermal bands.
        radiance: Factor and summand from numbers to W / (m2 sr um).
        reflectance: The same to reflectance times the sine of the sun's elevation.
        sun: The sine of the sun's elevation.
    """

    names: tuple[str, ...]
    wavelengths: Mapping[str, float]
    thermal: Mapping[str, tuple[float, float]]
    radiance: Mapping[str, tuple[float, float]]
    reflectance: Mapping[str, tuple[float, float]]
    sun: float

    def number_of_reflectance(self, name: str, value: NDArray[np.float32]) -> NDArray[np.float32]:
        """Numbers, with fractions, of a reflectance; 0 is kept for no data."""
        factor, summand = self.reflectance[name]
        return np.asarray(np.maximum((value * self.sun - summand) / factor, 1.0), np.float32)

    def number_of_radiance(self, name: str, value: NDArray[np.float32]) -> NDArray[np.float32]:
        """Numbers, with fractions, of a radiance."""
        factor, summand = self.radiance[name]
        return np.asarray(np.maximum((value - summand) / factor, 1.0), np.float32)


def sun_distance(moment: float) -> float:
    """Distance of the sun in astronomical units (the eccentricity's first term)."""
    day = (moment / 86400.0 - 10957.0) % 365.2425
    return float(1.0 - 0.01672 * np.cos(2.0 * np.pi * (day - 3.0) / 365.2425))


def calibration(view: View) -> Calibration:
    """Calibration of a view: the sun's distance changes what a reflectance is worth."""
    sun = float(np.sin(np.radians(view.sun_elevation)))
    worth = np.pi * sun_distance(view.sight.time) ** 2
    code = view.mission.code
    if code in {"LC08", "LC09"}:
        return _of_oli(code, sun, worth)
    ranges = {"LT04": _TM4, "LT05": _TM5, "LE07": _ETM}[code]
    wavelengths = TM | ({"8": _PAN_TM} if code == "LE07" else {})
    thermal = {name: THERMAL[code] for name in ranges if name.startswith("6")}
    radiance = {name: _scale(low, high) for name, (_, low, high) in ranges.items()}
    reflectance = {
        name: (factor * worth / ranges[name][0], summand * worth / ranges[name][0])
        for name, (factor, summand) in radiance.items()
        if name not in thermal
    }
    return Calibration(tuple(ranges), wavelengths, thermal, radiance, reflectance, sun)


def _scale(low: float, high: float) -> tuple[float, float]:
    factor = (high - low) / 254.0
    return factor, low - factor


def _of_oli(code: str, sun: float, worth: float) -> Calibration:
    wavelengths = OLI | {"8": _PAN_OLI, "9": _CIRRUS}
    radiance = {name: (2e-5 * value / worth, -0.1 * value / worth) for name, value in _OLI_IRRADIANCE.items()}
    radiance |= {"10": (3.342e-4, 0.1), "11": (3.342e-4, 0.1)}
    reflectance = dict.fromkeys(_OLI_IRRADIANCE, (2e-5, -0.1))
    thermal = {"10": THERMAL[code], "11": _ELEVENTH[code]}
    return Calibration(_OLI_NAMES, wavelengths, thermal, radiance, reflectance, sun)
