"""
Landsat Collection 2, Level 1: numbers as delivered, and top of atmosphere reflectance (Data Catalog, LANDSAT/*/C02/T1).

Numbers follow from reflectance by each scene's own rescaling properties, so that what is computed from them by the
published formula is the reflectance of the TOA collection, to the rounding of the numbers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.landsat import View
from orchestrator.sandbox.scenes.sensors.landsat_bands import Scenery, radiance, toa
from orchestrator.sandbox.scenes.sensors.landsat_calibration import Calibration, calibration
from orchestrator.sandbox.scenes.sensors.landsat_level1_properties import properties_of
from orchestrator.sandbox.scenes.sensors.landsat_level2 import is_modern, lattice_of, outline_of
from orchestrator.sandbox.scenes.sensors.lattice import Patch
from orchestrator.sandbox.scenes.sensors.picture import FLOAT, INT16, UINT8, UINT16, Layer, Painted, Picture

_ANGLES = ("SAA", "SZA", "VAA", "VZA")
_COOLER = 4.0  # kelvin that the top of the atmosphere seems colder than the ground
_HEIGHT_KM = 705.0
_CENTIDEGREES = 100.0


class Level1:
    """Numbers as delivered (`reflective` False), or reflectance and brightness temperature."""

    def __init__(self, *, reflective: bool) -> None:
        self._reflective = reflective
        self.suffix = "_TOA" if reflective else ""
        self.title = "TOA Reflectance" if reflective else "Raw Scenes"

    def picture(self, collection: str, view: View, earth: Earth) -> Picture:
        """Make the scene of a view."""
        frame = view.sight.frame
        lattices = {
            "": lattice_of(frame, view.epsg),
            "thermal": lattice_of(frame, view.epsg, 60.0, 30.0),
            "pan": lattice_of(frame, view.epsg, 15.0, 7.5),
        }
        return Picture(
            f"{collection}/{view.index}",
            self._layers(view),
            lattices,
            outline_of(frame),
            partial(properties_of, view, earth, lattices),
            partial(self._paint, view, earth),
        )

    def _layers(self, view: View) -> tuple[Layer, ...]:
        number = UINT16 if is_modern(view) else UINT8
        kind = FLOAT if self._reflective else number
        bands = [Layer(f"B{name}", kind, lattice=_lattice_name(view, name)) for name in calibration(view).names]
        quality = [Layer(name, UINT16, "sample") for name in ("QA_PIXEL", "QA_RADSAT")]
        return (*bands, *quality, *(Layer(name, INT16) for name in _ANGLES))

    def _paint(self, view: View, earth: Earth, band: str, patch: Patch, cut: Cut) -> Painted:
        scenery = Scenery(earth, view, patch, cut)
        seen = scenery.seen()
        if band == "QA_PIXEL":
            return scenery.quality(), seen
        if band == "QA_RADSAT":
            return np.zeros(_shape(cut), np.uint16), seen
        if band in _ANGLES:
            return _angle(scenery, band), seen
        return self._measured(scenery, calibration(view), band.removeprefix("B")), seen

    def _measured(self, scenery: Scenery, known: Calibration, name: str) -> NDArray[Any]:
        if name in known.thermal:
            kelvin = np.asarray(scenery.temperature() - np.float32(_COOLER))
            return kelvin if self._reflective else known.number_of_radiance(name, radiance(kelvin, known.thermal[name]))
        value = _reflectance(scenery, known.wavelengths[name])
        return value if self._reflective else known.number_of_reflectance(name, value)


def _lattice_name(view: View, name: str) -> str:
    if name == "8":
        return "pan"
    return "thermal" if view.mission.code == "LE07" and name.startswith("6") else ""


def _reflectance(scenery: Scenery, nanometres: float) -> NDArray[np.float32]:
    """Reflectance at the top of the atmosphere; the band of cirrus sees no ground."""
    if 1300.0 < nanometres < 1450.0:
        return np.asarray(0.0012 + 0.03 * np.minimum(scenery.sky().depths(), 0.6), np.float32)
    share, added = toa(nanometres)
    return np.asarray(np.maximum(scenery.reflectance(nanometres) * share + added, 0.0), np.float32)


def _angle(scenery: Scenery, band: str) -> NDArray[Any]:
    """Angles of the sun and of the view, in hundredths of a degree."""
    view = scenery.view
    if band == "SAA":
        azimuth = view.sun_azimuth if view.sun_azimuth <= 180.0 else view.sun_azimuth - 360.0
        return np.full(_shape(scenery.cut), azimuth * _CENTIDEGREES, np.float32)
    if band == "SZA":
        return np.full(_shape(scenery.cut), (90.0 - view.sun_elevation) * _CENTIDEGREES, np.float32)
    across = scenery.across()
    if band == "VZA":
        return np.asarray(np.degrees(np.arctan(np.abs(across) / _HEIGHT_KM)) * _CENTIDEGREES)
    # The satellite is seen from a pixel to the right of the track towards the left, and the other way round.
    heading = view.sight.frame.heading
    seen = np.where(across > 0, heading - 90.0, heading + 90.0)
    return np.asarray(((seen + 180.0) % 360.0 - 180.0) * _CENTIDEGREES)


def _shape(cut: Cut) -> tuple[int, int]:
    return cut[0].stop - cut[0].start, cut[1].stop - cut[1].start
