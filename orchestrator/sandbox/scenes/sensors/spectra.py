"""
The ground in the bands of any instrument: its reflectance in Sentinel-2's bands, interpolated over wavelength.

An index made of bands near Sentinel-2's own thus agrees with that of Sentinel-2 to what the wavelengths differ by.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.landscape import BANDS, Surface
from orchestrator.sandbox.scenes.weather import Sky

# Central wavelengths of Sentinel-2A in nm, in the order of BANDS (Sentinel-2 User Handbook).
WAVELENGTHS = (442.7, 492.4, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1613.7, 2202.4)
# What clouds reflect: white, darker where ice and water absorb.
_CLOUD = ((400.0, 0.66), (900.0, 0.68), (1300.0, 0.6), (1610.0, 0.5), (2200.0, 0.4))
# What is left of the light in full shadow: the blue sky lights the short waves.
_SHADED = ((440.0, 0.55), (560.0, 0.44), (665.0, 0.4), (865.0, 0.28), (1610.0, 0.24), (2200.0, 0.22))


@lru_cache(maxsize=256)
def _neighbours(nanometres: float) -> tuple[int, int, float]:
    """The two of BANDS on either side of a wavelength, and the share of the second."""
    after = int(np.clip(np.searchsorted(WAVELENGTHS, nanometres), 1, len(BANDS) - 1))
    low, high = WAVELENGTHS[after - 1], WAVELENGTHS[after]
    return after - 1, after, float(np.clip((nanometres - low) / (high - low), 0.0, 1.0))


def reflectance(surface: Surface, nanometres: float) -> NDArray[np.float32]:
    """True reflectance (0 to 1) of the ground at a wavelength."""
    first, second, share = _neighbours(nanometres)
    value = surface.reflectance(BANDS[first]) * np.float32(1e-4 * (1.0 - share))
    if share > 0.0:
        value = value + surface.reflectance(BANDS[second]) * np.float32(1e-4 * share)
    return np.asarray(value, np.float32)


def under(sky: Sky, ground: NDArray[np.float32], nanometres: float) -> NDArray[np.float32]:
    """Reflectance of the ground as it is seen through clouds, and in their shadows."""
    if sky.clear:
        return ground
    shaded, cloud = (np.float32(np.interp(nanometres, *np.array(table).T)) for table in (_SHADED, _CLOUD))
    light = sky.light
    seen = ground
    if light.through is not None or light.dark is not None:
        share = np.float32(1.0) if light.through is None else light.through
        seen = ground * (share if light.dark is None else share - (np.float32(1.0) - shaded) * light.dark)
    return np.asarray(seen if light.glow is None else seen + cloud * light.glow, np.float32)


def ndvi(surface: Surface, red: float = 664.6, infrared: float = 832.8) -> NDArray[np.float32]:
    """Normalised difference vegetation index of the ground."""
    dark, light = reflectance(surface, red), reflectance(surface, infrared)
    return np.asarray((light - dark) / np.maximum(light + dark, 1e-6), np.float32)
