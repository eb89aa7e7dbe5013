"""
What the sensor records: the known surface under a sky, as bands of a Sentinel-2 scene.

Values are made for whole squares and cut to windows. What a median over a season leaves as error: sensor noise
(3 counts plus 0.2 % of the signal in each scene), and thin cloud and cirrus below a mask's threshold (at a
probability of 20 % about 7 % of the signal is cloud, some 400 counts over dark land in that scene). Where most
scenes of a place are clear the first is all that remains, about one count in the visible bands; it cannot be
zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes import landscape, weather
from orchestrator.sandbox.scenes.grain import Grain, grain
from orchestrator.sandbox.scenes.ground import SQUARE, Cut, Square
from orchestrator.sandbox.scenes.landscape import Cover, Surface
from orchestrator.sandbox.scenes.noise import chance, mix
from orchestrator.sandbox.scenes.orbit import Pass
from orchestrator.sandbox.scenes.store import Store
from orchestrator.sandbox.scenes.weather import Air, Sky

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
_GROUND_HALVED = ("B2", "B3", "B4", "B8")
HALVED = (*_GROUND_HALVED, "probability")  # of 10 m, whose first pyramid level has a way of its own
_ONES = np.ones((1, SQUARE), np.float32)  # numpy compares with a row six times as fast as with a number
_STRIP_PIXELS = 1 << 15  # at once: what is needed for them stays in the processor's cache
Pixels = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Ground:
    """Bands of a square without air, (..., row, col): mean reflectance × 10000 as float32, or classes as uint8."""

    values: NDArray[Any]

    @property
    def nbytes(self) -> int:
        return self.values.nbytes


@dataclass(frozen=True, slots=True)
class _View:
    """What is looked at: a square during a pass; `halved` if its pixels are 2 × 2 native ones."""

    square: Square
    overpass: Pass
    air: Air
    halved: bool


class Renderer:
    """
    Makes squares of bands; keeps the ground and the air, which scenes and bands share, within `max_bytes`.

    Safe to be used from several threads.
    """

    def __init__(self, seed: int, max_bytes: int) -> None:
        self.seed = seed
        self._surfaces: Store[Surface] = Store(max_bytes // 6)
        self._grounds: Store[Ground] = Store(max_bytes // 3)
        self._airs: Store[Air] = Store(max_bytes // 4)
        self._skies: Store[Sky] = Store(max_bytes // 4)

        self._layers: dict[str, Callable[[_View, Cut], Pixels]] = {
            "SCL": self._classes,
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

    def air(self, square: Square, overpass: Pass) -> Air:
        """Clouds, shadows and swath over a square."""
        return self._airs.get((square, overpass), lambda: weather.observe(square, overpass, self.seed))

    def sky(self, air: Air, cut: Cut) -> Sky:
        """Clouds, shadows and swath over a part of a square, kept until all bands were asked for."""
        (top, bottom), (left, right) = ((part.start, part.stop) for part in cut)
        return self._skies.get((air, top, bottom, left, right), lambda: air.over(cut))

    def ground(self, square: Square, band: str) -> NDArray[np.float32]:
        """The known ground of a band at the pixels of a square."""
        return self._grounds.get((square, band), lambda: Ground(self.surface(square).reflectance(band))).values

    def halved(self, quarter: Square, band: str) -> NDArray[np.float32]:
        """The known ground of a band over a square: means of 2 × 2 pixels, (SQUARE / 2, SQUARE / 2)."""
        bands = self._grounds.get((quarter, "halved"), lambda: self._halve(quarter)).values
        return np.asarray(bands[_GROUND_HALVED.index(band)], np.float32)

    def _halve(self, quarter: Square) -> Ground:
        """All bands at once: the survey takes many times as long, and is forgotten before the next band is wanted."""
        surface = self.surface(quarter)
        values = np.empty((len(_GROUND_HALVED), SQUARE // 2, SQUARE // 2), np.float32)
        for mean, band in zip(values, _GROUND_HALVED, strict=True):
            fine = surface.reflectance(band)
            rows = fine[::2] + fine[1::2]
            np.multiply(rows[:, ::2] + rows[:, 1::2], np.float32(0.25), out=mean)
        return Ground(values)

    def render(
        self, layer: str, square: Square, overpass: Pass, cut: Cut, out: Pixels, *, halved: bool = False
    ) -> NDArray[np.bool_]:
        """
        Draw a part of a band of a square.

        With `halved`, the square's pixels are 2 × 2 native ones of a band in `HALVED`, and the values close to their
        mean: ground and noise are means of the native ones, so where it is clear only rounding is left, half a
        count. The sky is taken at the middle of the pixel. There is no bias; under clouds the standard deviation from
        the mean is some 4 counts, less than the sensor's noise, and more at single pixels on the edge of a cloud.

        Args:
            layer: A band.
            square: Where.
            overpass: When.
            cut: Which part of the square.
            out: Values of that part are put here, rounded if it holds whole numbers.
            halved: Whether the square is the first level of a pyramid.

        Returns:
            Whether each pixel was seen.
        """
        view = _View(square, overpass, self.air(square, overpass), halved)
        top, left = cut[0].start, cut[1].start
        for piece in _pieces(cut, SQUARE // 2 if halved else SQUARE):
            rows, cols = piece
            target = out[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
            values = self._values(layer, view, piece)
            if target.dtype.kind != "f" and values.dtype.kind == "f":
                values = np.rint(values)
            target[...] = values
        return view.air.seen[cut]

    def _values(self, layer: str, view: _View, cut: Cut) -> Pixels:
        if layer in landscape.BANDS:
            return self._reflectance(layer, view, cut)
        if layer in _VISIBLE:
            visible = self._reflectance(_VISIBLE[layer], view, cut)
            return np.asarray(np.clip(visible * np.float32(255.0 / _TCI_FULL), 0.0, 255.0))
        if layer in _PROBABILITY:
            return self.sky(view.air, cut).likelihood()
        return self._layers[layer](view, cut)

    def _reflectance(self, band: str, view: _View, cut: Cut) -> NDArray[np.float32]:
        """The ground under the air, with the noise of the sensor."""
        index = landscape.BANDS.index(band)
        if view.halved:
            quarter, inside = _quarter(view.square, cut)
            ground, noise = self.halved(quarter, band)[inside], self._halved_noise(index, quarter, view, inside)
        else:
            ground, noise = self.ground(view.square, band)[cut], self._noise(index, view, cut)
        sky = self.sky(view.air, cut)
        if sky.clear:
            value = ground * noise.gain
        else:
            value = _under(sky, index, ground)
            value *= noise.gain
        value += noise.counts
        # 0 is what Sentinel-2 keeps for no data.
        return np.asarray(np.maximum(value, _ONES[:, : value.shape[1]], out=value), np.float32)

    def _noise(self, index: int, view: _View, cut: Cut) -> Grain:
        """Noise whose place in the table is hashed from pass, band and square."""
        row, col = self._noise_place(index, view.square, view.overpass)
        return _cut_out(grain(_NOISE_SHARE, _NOISE_COUNTS), cut, (row, col))

    def _noise_place(self, index: int, square: Square, overpass: Pass) -> tuple[int, int]:
        name = ord(overpass.platform.name[-1])
        return _place_in_table(self.seed, name, overpass.orbit, index, square.epsg, square.row, square.col)

    def _halved_noise(self, index: int, quarter: Square, view: _View, cut: Cut) -> Grain:
        """The mean of the noise of 2 × 2 native pixels, so that coarse and native levels show the same scene."""
        row, col = self._noise_place(index, quarter, view.overpass)
        table = grain(_NOISE_SHARE, _NOISE_COUNTS, (row % 2, col % 2))
        return _cut_out(table, cut, (row // 2, col // 2))

    def _classes(self, view: _View, cut: Cut) -> NDArray[np.uint8]:
        """The scene classification (SCL): 3 shadow, 4 vegetation, 5 bare, 6 water, 7 unclear, 8 to 10 cloud."""
        sky = self.sky(view.air, cut)
        ground = self._grounds.get((view.square, "SCL"), lambda: Ground(_ground_classes(self.surface(view.square))))
        classes = ground.values[cut].copy()
        if sky.shadow is not None:
            classes[(sky.shadow > 0.6) & (classes != 6)] = 3
        if sky.depth is None:
            return classes
        # Bounds of optical depth: unclear, thin, medium and high.
        level = np.zeros(sky.depth.shape, np.uint8)
        for bound in _CLOUD_BOUNDS:
            level += sky.depth > bound
        cloud = np.take(_CLOUD_CLASS, level)
        np.copyto(classes, cloud, where=level > 0)
        return classes

    def _opaque(self, view: _View, cut: Cut) -> NDArray[np.uint16]:
        """QA60: bit 10 opaque cloud, bit 11 cirrus."""
        depth = self.sky(view.air, cut).depths()
        return np.where(depth > 0.4, 1024, np.where(depth > 0.13, 2048, 0)).astype(np.uint16)

    def _aerosol(self, view: _View, cut: Cut) -> NDArray[np.float32]:
        """Aerosol optical thickness × 1000: one value per pass, more under clouds."""
        base = 60.0 + 160.0 * chance(self.seed, 11, view.overpass.orbit)
        thick = np.float32(base) + np.float32(12.0) * np.minimum(self.sky(view.air, cut).depths(), np.float32(4))
        return thick.astype(np.float32)

    def _vapour(self, view: _View, cut: Cut) -> NDArray[np.float32]:
        """Water vapour in centimetres × 1000."""
        base = 900.0 + 2200.0 * chance(self.seed, 12, view.overpass.orbit)
        noise = self._noise(20, view, cut).counts * np.float32(25.0 / _NOISE_COUNTS)
        return (np.float32(base) + noise).astype(np.float32)

    def _nothing(self, view: _View, cut: Cut) -> NDArray[np.uint8]:
        """Snow does not fall here, and the old quality bands are empty."""
        del view
        return np.zeros((cut[0].stop - cut[0].start, cut[1].stop - cut[1].start), np.uint8)


def _ground_classes(surface: Surface) -> NDArray[np.uint8]:
    classes = np.take(_GROUND_CLASS, surface.cover)
    classes[(surface.cover == Cover.CROP) & (surface.vigour < 0.35)] = 5
    return classes


def _under(sky: Sky, index: int, ground: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is seen of the ground of a band under clouds and their shadows."""
    light = sky.light
    if light.dark is not None:
        value = light.dark * (_SHADED[index] - np.float32(1.0))
        value += np.float32(1.0) if light.through is None else light.through
        value *= ground
    else:
        value = ground.copy() if light.through is None else ground * light.through
    if light.glow is not None:
        value += light.glow * _CLOUD[index]
    return np.asarray(value, np.float32)


def _pieces(cut: Cut, side: int) -> Iterator[Cut]:
    """Divide a part of a square into strips that lie in one block of `side` × `side` pixels each."""
    for cols in _blocks(cut[1], side):
        for rows in _blocks(cut[0], side):
            step = max(1, _STRIP_PIXELS // (cols.stop - cols.start))
            for row in range(rows.start, rows.stop, step):
                yield slice(row, min(row + step, rows.stop)), cols


def _quarter(square: Square, cut: Cut) -> tuple[Square, Cut]:
    """The square of half the spacing that a part of one quarter lies in, and the part counted from its corner."""
    half = SQUARE // 2
    down, right = cut[0].start // half, cut[1].start // half
    inside = (
        slice(cut[0].start - down * half, cut[0].stop - down * half),
        slice(cut[1].start - right * half, cut[1].stop - right * half),
    )
    return square.quarters()[2 * down + right], inside


def _blocks(part: slice, side: int) -> Iterator[slice]:
    for start in range(part.start // side * side, part.stop, side):
        yield slice(max(start, part.start), min(start + side, part.stop))


def _cut_out(table: Grain, cut: Cut, shift: tuple[int, int]) -> Grain:
    """Part of a table of noise, from a pixel's place in its square on."""
    rows, cols = (slice(part.start + by, part.stop + by) for part, by in zip(cut, shift, strict=True))
    return Grain(table.gain[rows, cols], table.counts[rows, cols])


@lru_cache(maxsize=1 << 14)
def _place_in_table(*parts: int) -> tuple[int, int]:
    """Where in the table of noise a square's noise begins."""
    bits = int(mix(*parts))
    return bits % SQUARE, bits // SQUARE % SQUARE
