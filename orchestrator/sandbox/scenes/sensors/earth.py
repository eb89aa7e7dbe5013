"""
The invented Earth that every instrument sees: cover, height and the temperature of the air.

Cover comes from `landscape`, clouds from `weather`. Heights and temperatures are added here, in closed form, for
nothing else needs them. Water is not lower than its banks: heights know nothing of lakes and rivers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes import landscape, weather
from orchestrator.sandbox.scenes.ground import Cut, Mesh
from orchestrator.sandbox.scenes.landscape import Cover, Surface
from orchestrator.sandbox.scenes.noise import WORLD_METRES, octave
from orchestrator.sandbox.scenes.orbit import Pass
from orchestrator.sandbox.scenes.sensors.lattice import Patch
from orchestrator.sandbox.scenes.store import Store
from orchestrator.sandbox.scenes.weather import Air, Sky

CACHE_BYTES = 256 * 2**20
Floats = NDArray[np.floating]
# Heights: amplitude in metres by zoom. Amplitudes shrink with the size of features, so that each adds a similar slope.
_BROAD_RELIEF = {4: 500.0, 6: 320.0, 8: 160.0}
_FINE_RELIEF = {10: 90.0, 11: 55.0, 12: 32.0, 13: 18.0, 14: 10.0, 15: 5.0, 16: 2.2}
_LOWEST, _HIGHEST = 2.0, 5800.0
_FINE_METRES = 80  # between nodes at which heights are computed
_DAY_SECONDS = 86400.0
LAPSE = 6.5e-3  # kelvin per metre
# Kelvin that the ground is warmer than the air under a high sun, in the order of Cover.
_WARMTH = np.array([-4.0, -1.0, -0.5, 3.0, 4.0, 10.0, 9.0, 11.0], np.float32)


@dataclass(frozen=True, slots=True)
class Relief:
    """Height in metres and its slope (rise over run) to the east and to the south, (side, side)."""

    height: NDArray[np.float32]
    east: NDArray[np.float32]
    south: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        return 3 * self.height.nbytes


class Earth:
    """
    The ground and the sky of one seed, kept within CACHE_BYTES.

    Safe to be used from several threads.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._surfaces: Store[Surface] = Store(CACHE_BYTES // 2)
        self._reliefs: Store[Relief] = Store(CACHE_BYTES // 4)
        self._airs: Store[Air] = Store(CACHE_BYTES // 8)
        self._skies: Store[Sky] = Store(CACHE_BYTES // 8)

    def surface(self, patch: Patch) -> Surface:
        """The known ground of a patch."""
        return self._surfaces.get(patch, lambda: landscape.survey(patch, self.seed))

    def relief(self, patch: Patch) -> Relief:
        """Heights of a patch."""
        return self._reliefs.get(patch, lambda: _relief(patch, self.seed))

    def sky(self, patch: Patch, overpass: Pass, cut: Cut) -> Sky:
        """Clouds and shadows over a part of a patch as one pass meets them."""
        air = self._airs.get((patch, overpass), lambda: weather.observe(patch, overpass, self.seed))
        (top, bottom), (left, right) = ((part.start, part.stop) for part in cut)
        return self._skies.get((air, top, bottom, left, right), lambda: air.over(cut))

    def air(self, lon: Floats, lat: Floats, height: Floats, seconds: float) -> NDArray[np.float64]:
        """Daily mean temperature of the air in kelvin at places (degrees) and heights (metres)."""
        return climate_normal(lat, height, seconds) + self.anomaly(lon, lat, seconds)

    def anomaly(self, lon: Floats, lat: Floats, seconds: float) -> NDArray[np.float64]:
        """How much warmer a day is than usual, in kelvin: a field that drifts from day to day."""
        x, y = mercator(lon, lat)
        day, part = divmod(seconds / _DAY_SECONDS / 3.0, 1.0)
        today, later = (octave(x, y, 5, self.seed, 31, int(day) + step) for step in (0, 1))
        return np.asarray(2.0 * ((1.0 - part) * today + part * later))


def climate_normal(lat: Floats, height: Floats, seconds: float) -> NDArray[np.float64]:
    """Usual temperature of the air in kelvin: colder towards the poles and upward, warmest a month after midsummer."""
    sine = np.sin(np.radians(lat))
    year = 2.0 * np.pi * ((seconds / _DAY_SECONDS - 10957.0) / 365.2425 - 0.55)
    swing = 18.0 * sine * np.cos(year)
    return np.asarray(301.0 - 34.0 * sine**2 - 14.0 * sine**8 + swing - LAPSE * height)


def warmth(cover: NDArray[np.uint8], sun_elevation: float) -> NDArray[np.float32]:
    """How much warmer than the air the ground is by day, in kelvin."""
    return np.asarray(np.take(_WARMTH, cover) * np.float32(max(0.0, np.sin(np.radians(sun_elevation)))))


def is_water(surface: Surface) -> NDArray[np.bool_]:
    """Where the ground is water."""
    return np.asarray(surface.cover == Cover.WATER)


def _relief(patch: Patch, seed: int) -> Relief:
    mesh = patch.mesh_within(_FINE_METRES)
    nodes = _heights(mesh.x, mesh.y, float(patch.spacing), seed)
    # Slopes come from heights a node apart on either side, over metres of ground.
    across, down = _spacings(mesh)
    east, south = _ratio(np.gradient(nodes, axis=1), across), _ratio(np.gradient(nodes, axis=0), down)
    height, *slopes = (mesh.spread(field, patch.offset, patch.whole) for field in (nodes, east, south))
    return Relief(np.maximum(height, np.float32(_LOWEST)), *slopes)


def _ratio(rise: NDArray[np.float64], run: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide; nearer to a pole than the ground is known, it is flat."""
    return np.divide(rise, run, out=np.zeros_like(rise), where=np.abs(run) > 1e-3)


def _spacings(mesh: Mesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ground metres between nodes, eastward by column and southward by row (negative where rows go north)."""
    # The cosine of the latitude, which Mercator's y is a function of.
    true = WORLD_METRES / np.cosh(2.0 * np.pi * (mesh.y - 0.5))
    return np.gradient(mesh.x, axis=1) * true, np.gradient(mesh.y, axis=0) * true


def heights(lon: Floats, lat: Floats, seed: int, spacing: float = 30.0) -> NDArray[np.float64]:
    """Height in metres at places in degrees; features finer than `spacing` metres are left out."""
    return _heights(*mercator(lon, lat), spacing, seed)


def _heights(x: Floats, y: Floats, spacing: float, seed: int) -> NDArray[np.float64]:
    """Plains and mountains: where the broad relief is high the fine one is strong."""
    broad = sum(metres * octave(x, y, zoom, seed, 41) for zoom, metres in _BROAD_RELIEF.items())
    rough = 0.6 * np.exp(0.8 * octave(x, y, 7, seed, 42))
    fine = np.zeros(x.shape)
    for zoom, metres in _FINE_RELIEF.items():
        if WORLD_METRES / 2**zoom >= spacing:
            fine += metres * octave(x, y, zoom, seed, 43)
    raw = (650.0 + broad + rough * fine) / 250.0
    # Softly kept above the sea: the slope has no step.
    return np.asarray(np.minimum(_LOWEST + 250.0 * np.logaddexp(0.0, raw), _HIGHEST))


def mercator(lon: Floats, lat: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """World coordinates of degrees; nearer to a pole than 85 degrees, those of that parallel."""
    clipped = np.radians(np.clip(np.asarray(lat, np.float64), -85.0, 85.0))
    x = np.asarray(lon, np.float64) / 360.0 + 0.5
    return np.asarray(x), np.asarray(0.5 - np.arctanh(np.sin(clipped)) / (2.0 * np.pi))
