"""What Landsat's instruments record: bands and wavelengths, clouds as quality bits, the temperature of the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.grain import grain
from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.noise import mix
from orchestrator.sandbox.scenes.sensors import spectra
from orchestrator.sandbox.scenes.sensors.earth import LAPSE, Earth, is_water, warmth
from orchestrator.sandbox.scenes.sensors.landsat import CYCLE, View
from orchestrator.sandbox.scenes.sensors.lattice import Patch
from orchestrator.sandbox.scenes.weather import Sky

# Middles of the reflective bands in nm (data sheets of the Earth Engine Data Catalog).
TM = {"1": 485.0, "2": 560.0, "3": 660.0, "4": 835.0, "5": 1650.0, "7": 2215.0}
OLI = {"1": 443.0, "2": 482.0, "3": 561.5, "4": 654.5, "5": 865.0, "6": 1608.5, "7": 2200.5}
# K1 and K2 of the thermal bands (Landsat 8 Data Users Handbook; Chander et al. 2009).
THERMAL = {
    "LT04": (671.62, 1284.30),
    "LT05": (607.76, 1260.56),
    "LE07": (666.09, 1282.71),
    "LC08": (774.8853, 1321.0789),
    "LC09": (799.0284, 1329.2405),
}
# Optical depths from which a cloud is certain, near, or a veil.
_CLOUD, _NEAR, _VEIL = 0.4, 0.23, 0.13
_SHADOW = 0.6
_COLD = 35.0  # kelvin that an opaque cloud is colder than the ground
_SLC_FAILED = 1054339200.0  # 2003-05-31, when Landsat 7's scan line corrector failed
_SCAN_KM, _GAP_KM, _WHOLE_KM = 0.96, 0.42, 11.0


@dataclass(frozen=True, slots=True)
class Scenery:
    """A part of a patch as one view meets it."""

    earth: Earth
    view: View
    patch: Patch
    cut: Cut

    def sky(self) -> Sky:
        """Clouds and shadows over the part."""
        return self.earth.sky(self.patch, self.view.overpass, self.cut)

    def reflectance(self, nanometres: float) -> NDArray[np.float32]:
        """Reflectance at the surface (0 to 1) with clouds, shadows and noise."""
        ground = spectra.reflectance(self.earth.surface(self.patch).cut(self.cut), nanometres)
        return spectra.under(self.sky(), ground, nanometres) + self.noise(round(nanometres)) * np.float32(0.002)

    def noise(self, channel: int) -> NDArray[np.float32]:
        """Standard normal noise."""
        frame = self.view.sight.frame
        bits = int(mix(self.earth.seed, self.view.sight.number, frame.number, channel, self.patch.row, self.patch.col))
        row, col = bits % 512, bits // 512 % 512
        rows, cols = self.cut
        return grain(0.0, 1.0).counts[row + rows.start : row + rows.stop, col + cols.start : col + cols.stop]

    def temperature(self) -> NDArray[np.float32]:
        """Temperature of what is seen, in kelvin: of the ground, colder under clouds."""
        surface = self.earth.surface(self.patch).cut(self.cut)
        frame = self.view.sight.frame
        height = self.earth.relief(self.patch).height[self.cut]
        here = (np.asarray([frame.lon]), np.asarray([frame.lat]), np.zeros(1))
        air = float(self.earth.air(*here, self.view.sight.time)[0]) - LAPSE * height
        value = air + warmth(surface.cover, self.view.sun_elevation) + self.noise(10) * np.float32(0.25)
        return np.asarray(value - np.float32(_COLD) * self.sky().opacity, np.float32)

    def seen(self) -> NDArray[np.bool_] | None:
        """Which pixels lie in the frame, and for Landsat 7 after May 2003 in no gap; None is all."""
        inside = CYCLE.seen(self.view.sight.frame, self.patch, self.cut)
        broken = self.view.mission.code == "LE07" and self.view.sight.time > _SLC_FAILED
        if not broken or self.patch.spacing > 120:
            return inside
        kept = self._scanned()
        return kept if inside is None else inside & kept

    def across(self) -> NDArray[np.float32]:
        """Kilometres to the right of the track."""
        return CYCLE.right_of_middle(self.view.sight.frame, self.patch, self.cut)

    def _scanned(self) -> NDArray[np.bool_]:
        """Gaps widen from none near the middle line to a third of a scan at the edges."""
        mesh = self.patch.mesh(64)
        along, across = (
            mesh.spread(field, self.patch.offset, self.cut)
            for field in CYCLE.offsets(self.view.sight.frame, *self.patch.nodes())
        )
        width = _GAP_KM * np.clip((np.abs(across) - _WHOLE_KM) / (CYCLE.half_across_km - _WHOLE_KM), 0.0, 1.0)
        return np.asarray(np.mod(along, _SCAN_KM) >= width)

    def quality(self) -> NDArray[np.uint16]:
        """QA_PIXEL. Bits by the data sheet; a near miss of a cloud counts as its dilation."""
        sky, surface = self.sky(), self.earth.surface(self.patch).cut(self.cut)
        has_cirrus = self.view.mission.code in {"LC08", "LC09"}
        depth = sky.depths()
        cloud = depth > _CLOUD
        dilated = (depth > _NEAR) & ~cloud
        shadow = (sky.shadows() > _SHADOW) & ~cloud & ~dilated
        bits = np.full(cloud.shape, (1 << 8) | (1 << 10) | (1 << 12), np.uint16)
        bits[dilated] |= 1 << 1
        bits[cloud] |= (1 << 3) | (3 << 8)
        bits[shadow] |= (1 << 4) | (3 << 10)
        bits[~cloud & ~dilated] |= 1 << 6
        bits[is_water(surface) & ~cloud] |= 1 << 7
        if has_cirrus:
            veil = (depth > _VEIL) & ~cloud
            bits |= np.uint16(1 << 14)
            bits[veil] |= (1 << 2) | (3 << 14)
        return bits


def radiance(temperature: NDArray[np.float32], constants: tuple[float, float]) -> NDArray[np.float32]:
    """Thermal radiance in W / (m2 sr um) of a temperature in kelvin."""
    first, second = constants
    return np.asarray(first / np.expm1(second / temperature), np.float32)


def toa(nanometres: float) -> tuple[float, float]:
    """Transmittance of a clear atmosphere, and the reflectance that it adds (Rayleigh, by wavelength to the fourth)."""
    hazy = 0.085 * (443.0 / nanometres) ** 4
    return 1.0 - 0.9 * hazy - 0.03, hazy
