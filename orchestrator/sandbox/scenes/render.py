"""
What the sensor records: the known surface under a sky, as bands of a Sentinel-2 scene.

Values are made for whole squares and cut to windows. What a median over a season leaves as error: sensor noise
(3 counts plus 0.2 % of the signal in each scene), and thin cloud and cirrus below a mask's threshold (at a
probability of 20 % about 7 % of the signal is cloud, some 400 counts over dark land in that scene). Where most
scenes of a place are clear the first is all that remains, about one count in the visible bands; it cannot be
zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes import landscape, weather
from orchestrator.sandbox.scenes.ground import SQUARE, Square
from orchestrator.sandbox.scenes.landscape import Cover, Surface
from orchestrator.sandbox.scenes.noise import chance, grain, halved_grain, mix
from orchestrator.sandbox.scenes.orbit import Pass
from orchestrator.sandbox.scenes.store import Store
from orchestrator.sandbox.scenes.weather import Sky

# Clouds × 10000 in the order of landscape.BANDS: white, darker where ice and water absorb.
_CLOUD = np.array([6700, 6600, 6500, 6500, 6600, 6700, 6800, 6800, 6900, 6000, 5000, 4000], np.float32)
# What is left of a surface's light in full shadow: the blue sky lights the short waves.
_SHADED = np.array([0.55, 0.5, 0.44, 0.4, 0.36, 0.32, 0.3, 0.29, 0.28, 0.28, 0.24, 0.22], np.float32)
_NOISE_COUNTS, _NOISE_SHARE = 3.0, 0.002
_VISIBLE = {"TCI_R": "B4", "TCI_G": "B3", "TCI_B": "B2"}
_GROUND_CLASS = np.array([6, 4, 4, 4, 4, 5, 5, 5], np.uint8)  # SCL in the order of Cover
_CLOUD_BOUNDS = np.array([0.07, 0.13, 0.4, 1.1], np.float32)  # of optical depth
_CLOUD_CLASS = np.array([0, 7, 10, 8, 9], np.uint8)  # SCL below, between and above the bounds
_TCI_FULL = 3558.0  # reflectance × 10000 that the true colour image shows as 255
_PROBABILITY = ("MSK_CLDPRB", "probability")
HALVED = ("B2", "B3", "B4", "B8", "probability")  # of 10 m, whose first pyramid level has a way of its own
Pixels = NDArray[np.floating] | NDArray[np.integer]
Cut = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Halved:
    """Mean reflectance × 10000 of a band over 2 × 2 native pixels, (SQUARE, SQUARE)."""

    values: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        return self.values.nbytes


class Renderer:
    """
    Makes squares of bands; keeps surfaces and skies, which bands share, within `max_bytes`.

    Safe to be used from several threads.
    """

    def __init__(self, seed: int, max_bytes: int) -> None:
        self.seed = seed
        self._surfaces: Store[Surface] = Store(max_bytes // 8)
        self._halved: Store[Halved] = Store(max_bytes * 3 // 8)
        self._skies: Store[Sky] = Store(max_bytes // 2)

        self._masks: dict[str, Callable[[Square, Pass], Pixels]] = {
            "AOT": self._aerosol,
            "WVP": self._vapour,
            "MSK_SNWPRB": self._nothing,
            "QA10": self._nothing,
            "QA20": self._nothing,
            "QA60": self._opaque,
        }

    def surface(self, square: Square) -> Surface:
        """The known ground of a square."""
        return self._surfaces.get(square, lambda: landscape.survey(square, self.seed))

    def sky(self, square: Square, overpass: Pass) -> Sky:
        """Clouds, shadows and swath over a square."""
        return self._skies.get((square, overpass), lambda: weather.observe(square, overpass, self.seed))

    def halved(self, square: Square, band: str) -> NDArray[np.float32]:
        """The known ground of a band over a square whose pixels are 2 × 2 native ones: their mean."""
        return self._halved.get((square, band), lambda: self._halve(square, band)).values

    def _halve(self, square: Square, band: str) -> Halved:
        values = np.empty((SQUARE, SQUARE), np.float32)
        half = SQUARE // 2
        for place, quarter in zip(np.ndindex(2, 2), square.quarters(), strict=True):
            fine = self.surface(quarter).reflectance(band)
            rows = fine[::2] + fine[1::2]
            part = tuple(slice(at * half, (at + 1) * half) for at in place)
            values[part] = (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)
        return Halved(values)

    def render(self, layer: str, square: Square, overpass: Pass, cut: Cut) -> tuple[Pixels, NDArray[np.bool_]]:
        """Part of a band of a square: values before their cast to the band's type, and whether the pixel was seen."""
        sky = self.sky(square, overpass).cut(cut)
        if layer in landscape.BANDS:
            return self._reflectance(layer, square, overpass, cut), sky.seen
        if layer in _VISIBLE:
            visible = self._reflectance(_VISIBLE[layer], square, overpass, cut)
            return np.clip(visible * np.float32(255.0 / _TCI_FULL), 0.0, 255.0), sky.seen
        if layer in _PROBABILITY:
            return sky.probability(), sky.seen
        if layer == "SCL":
            return self._classes(square, overpass, cut), sky.seen
        return self._masks[layer](square, overpass)[cut], sky.seen

    def render_halved(self, layer: str, square: Square, overpass: Pass, cut: Cut) -> tuple[Pixels, NDArray[np.bool_]]:
        """
        Part of a band in `HALVED` of a square whose pixels are 2 × 2 native ones, close to their mean.

        Ground and noise are means of the native ones, so where it is clear only rounding is left: half a count.
        The sky is taken at the middle of the pixel. There is no bias; under clouds the standard deviation from the
        mean is some 4 counts, less than the sensor's noise, and more at single pixels on the edge of a cloud.
        """
        sky = self.sky(square, overpass).cut(cut)
        if layer in _PROBABILITY:
            return sky.likelihood(), sky.seen
        index = landscape.BANDS.index(layer)
        ground = self.halved(square, layer)[cut].copy()
        return self._seen_through(sky, index, ground, self._halved_noise(index, square, overpass, cut)), sky.seen

    def _reflectance(self, band: str, square: Square, overpass: Pass, cut: Cut) -> NDArray[np.float32]:
        index = landscape.BANDS.index(band)
        ground = self.surface(square).cut(cut).reflectance(band)
        noise = self._noise(index, square, overpass)[cut]
        return self._seen_through(self.sky(square, overpass).cut(cut), index, ground, noise)

    def _seen_through(
        self, sky: Sky, index: int, value: NDArray[np.float32], noise: NDArray[np.int16]
    ) -> NDArray[np.float32]:
        """Put a sky and noise (normal × 1000) over the ground, in place."""
        if not sky.clear:
            value *= 1.0 - (1.0 - _SHADED[index]) * sky.shadow
            # Thick clouds are brighter than their edges and have some relief.
            bright = _CLOUD[index] * (0.55 + np.float32(0.1) * np.minimum(sky.depth, 5.0))
            value += sky.opacity * (bright - value)
        # (counts + share × value) × noise, in few passes over memory.
        loud = noise * np.float32(1e-3)
        value *= 1.0 + np.float32(_NOISE_SHARE) * loud
        value += np.float32(_NOISE_COUNTS) * loud
        np.maximum(value, 1.0, out=value)  # 0 is what Sentinel-2 keeps for no data
        return value

    def _noise(self, index: int, square: Square, overpass: Pass) -> NDArray[np.int16]:
        """Standard normal noise × 1000, its place in the table hashed from pass, band and square."""
        row, col = self._noise_place(index, square, overpass)
        return grain(0)[row : row + SQUARE, col : col + SQUARE]

    def _noise_place(self, index: int, square: Square, overpass: Pass) -> tuple[int, int]:
        name = ord(overpass.platform.name[-1])
        return _place_in_table(self.seed, name, overpass.orbit, index, square.epsg, square.row, square.col)

    def _halved_noise(self, index: int, square: Square, overpass: Pass, cut: Cut) -> NDArray[np.int16]:
        """The mean of the noise of 2 × 2 native pixels, so that coarse and native levels show the same scene."""
        half = SQUARE // 2
        noise = np.empty((cut[0].stop - cut[0].start, cut[1].stop - cut[1].start), np.int16)
        for corner, quarter in zip(np.ndindex(2, 2), square.quarters(), strict=True):
            place = self._noise_place(index, quarter, overpass)
            target, source = [], []
            for at, whole, first in zip(corner, cut, place, strict=True):
                start, stop = max(whole.start, at * half), min(whole.stop, (at + 1) * half)
                target.append(slice(start - whole.start, max(stop, start) - whole.start))
                source.append(slice(first // 2 + start - at * half, first // 2 + max(stop, start) - at * half))
            table = halved_grain(0, place[0] % 2, place[1] % 2)
            noise[tuple(target)] = table[tuple(source)]
        return noise

    def _classes(self, square: Square, overpass: Pass, cut: Cut) -> NDArray[np.uint8]:
        """The scene classification (SCL): 3 shadow, 4 vegetation, 5 bare, 6 water, 7 unclear, 8 to 10 cloud."""
        surface, sky = self.surface(square).cut(cut), self.sky(square, overpass)
        classes = np.take(_GROUND_CLASS, surface.cover)
        classes[(surface.cover == Cover.CROP) & (surface.vigour < 0.35)] = 5
        if sky.clear and not sky.depth[0, 0]:
            return classes
        shadow, depth = sky.shadow[cut], sky.depth[cut]
        classes[(shadow > 0.6) & (classes != 6)] = 3
        # Bounds of optical depth: unclear, thin, medium and high.
        cloud = np.take(_CLOUD_CLASS, np.searchsorted(_CLOUD_BOUNDS, depth))
        return np.asarray(np.where(cloud, cloud, classes), np.uint8)

    def _opaque(self, square: Square, overpass: Pass) -> NDArray[np.uint16]:
        """QA60: bit 10 opaque cloud, bit 11 cirrus."""
        depth = self.sky(square, overpass).depth
        return np.where(depth > 0.4, 1024, np.where(depth > 0.13, 2048, 0)).astype(np.uint16)

    def _aerosol(self, square: Square, overpass: Pass) -> NDArray[np.float32]:
        """Aerosol optical thickness × 1000: one value per pass, more under clouds."""
        base = 60.0 + 160.0 * chance(self.seed, 11, overpass.orbit)
        thick = np.float32(base) + 12.0 * np.minimum(self.sky(square, overpass).depth, 4.0)
        return thick.astype(np.float32)

    def _vapour(self, square: Square, overpass: Pass) -> NDArray[np.float32]:
        """Water vapour in centimetres × 1000."""
        base = 900.0 + 2200.0 * chance(self.seed, 12, overpass.orbit)
        return (base + 0.025 * self._noise(20, square, overpass)).astype(np.float32)

    def _nothing(self, square: Square, overpass: Pass) -> NDArray[np.uint8]:
        """Snow does not fall here, and the old quality bands are empty."""
        del square, overpass
        return np.zeros((SQUARE, SQUARE), np.uint8)


@lru_cache(maxsize=1 << 14)
def _place_in_table(*parts: int) -> tuple[int, int]:
    """Where in the table of noise a square's noise begins."""
    bits = int(mix(*parts))
    return bits % SQUARE, bits // SQUARE % SQUARE
