"""
Clouds and their shadows over one square during one pass.

The cloud field is a function of the ground position and the pass, so tiles and zones agree. A shadow is the
same field looked up where the sun's ray comes through the clouds: displaced towards the sun by the height of
the clouds times the tangent of the zenith angle. How cloudy a pass is differs by pass and by place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from orchestrator.sandbox.scenes.ground import Mesh, Square
from orchestrator.sandbox.scenes.noise import WORLD_METRES, chance, octave, spectrum
from orchestrator.sandbox.scenes.orbit import HALF_SWATH_KM, Pass

LOWEST_METRES, HIGHEST_METRES = 400.0, 800.0
# The farthest a shadow falls from its cloud, where a low sun would throw it farther than masks look.
SHADOW_REACH_METRES = 950.0
_MESH_METRES = 80
_CLOUD = {9: 0.5, 10: 0.6, 11: 0.7, 12: 0.8, 13: 0.9, 14: 0.9, 15: 0.8, 16: 0.55, 17: 0.3}
_PLACE_ZOOM = 6  # 626 km: how far one weather reaches
_THICKNESS = 2.4  # optical depth per standard deviation above the threshold
_CIRRUS_CHANCE = 0.15
_VEIL_DEPTH = 0.3  # the thickest cirrus
_Kind = TypeVar("_Kind", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Sky:
    """
    The air over one square during one pass, all (SQUARE, SQUARE).

    Attributes:
        depth: Optical depth of the clouds above each pixel, 0 is clear.
        shadow: Share of the sun's direct light that clouds take away, 0 to 1.
        seen: Whether the pixel lies in the swath.
    """

    depth: NDArray[np.float32]
    shadow: NDArray[np.float32]
    seen: NDArray[np.bool_]

    @property
    def nbytes(self) -> int:
        """Bytes really held: a field that is the same everywhere is kept as one value."""
        fields = (self.depth, self.shadow, self.seen)
        return sum(field.itemsize if field.strides[0] == 0 else field.nbytes for field in fields)

    @property
    def clear(self) -> bool:
        """Whether no cloud and no shadow touches the square."""
        return self.depth.strides[0] == 0 and self.shadow.strides[0] == 0

    @property
    def opacity(self) -> NDArray[np.float32]:
        """Share of what the sensor sees that is cloud, 0 to 1."""
        opacity: NDArray[np.float32] = -np.expm1(-self.depth)
        return opacity

    def probability(self) -> NDArray[np.uint8]:
        """Percent as s2cloudless would give: 50 where a fifth of the signal is cloud."""
        percent: NDArray[np.uint8] = np.rint(100.0 * -np.expm1(-3.1 * self.depth)).astype(np.uint8)
        return percent


def observe(square: Square, overpass: Pass, seed: int) -> Sky:
    """Compute the clouds, shadows and swath of a pass over a square."""
    mesh = square.mesh(max(1, min(64, _MESH_METRES // square.spacing)))
    depth = mesh.spread(_raw_depth(mesh.x, mesh.y, square.spacing, overpass, seed), square.offset)
    shade_x, shade_y = _towards_sun(mesh, overpass, seed)
    shade = mesh.spread(_raw_depth(shade_x, shade_y, square.spacing, overpass, seed), square.offset)
    swath = square.mesh(64)
    across = swath.spread(overpass.across(swath.lon, swath.lat), square.offset)
    np.maximum(depth, 0.0, out=depth)
    # Veils and the thinnest edges scatter light rather than cast a shadow.
    shadow: NDArray[np.float32] = -np.expm1(-3.5 * np.maximum(shade - _VEIL_DEPTH, 0.0))
    return Sky(_kept(depth), _kept(shadow), _kept(np.abs(across) <= HALF_SWATH_KM))


def _kept(field: NDArray[_Kind]) -> NDArray[_Kind]:
    """The field, as one repeated value where it is the same everywhere: most skies are partly clear."""
    if (field == field[0, 0]).all():
        return np.broadcast_to(field[0, 0], field.shape)
    return field


def cloudiness(x: NDArray[np.floating], y: NDArray[np.floating], overpass: Pass, seed: int) -> float:
    """Share of world points under clouds that a mask would take, estimated on points some km apart."""
    raw = _raw_depth(x, y, 1500.0, overpass, seed)
    return float(np.mean(raw > 0.23))


def height(overpass: Pass, seed: int) -> float:
    """Height of the clouds of a pass in metres."""
    return LOWEST_METRES + (HIGHEST_METRES - LOWEST_METRES) * chance(*_key(overpass, seed), 1)


def _key(overpass: Pass, seed: int) -> tuple[int, int, int]:
    return seed, 77 + len(overpass.platform.name) + ord(overpass.platform.name[-1]), overpass.orbit


def _raw_depth(
    x: NDArray[np.floating], y: NDArray[np.floating], spacing: float, overpass: Pass, seed: int
) -> NDArray[np.float64]:
    """Optical depth, negative where it is clear: what lies above a threshold that sets the cover."""
    key = _key(overpass, seed)
    cover = _cover(x, y, overpass, seed)
    cloud = spectrum(x, y, _CLOUD, spacing, *key, 2)
    depth = _THICKNESS * (cloud - ndtri(1.0 - cover))
    if chance(*key, 3) < _CIRRUS_CHANCE:
        veil = 0.12 + 0.14 * octave(x, y, 9, *key, 4) + 0.05 * octave(x, y, 12, *key, 4)
        depth = np.maximum(depth, np.minimum(veil, _VEIL_DEPTH))
    return np.asarray(depth)


def _cover(x: NDArray[np.floating], y: NDArray[np.floating], overpass: Pass, seed: int) -> NDArray[np.float64]:
    """
    Share of the sky that is clouded, from nearly 0 to nearly 1, changing over hundreds of kilometres.

    A uniform number to the power 1.5: half of the passes have less than a third.
    """
    mood = chance(*_key(overpass, seed), 5) + 0.17 * octave(x, y, _PLACE_ZOOM, *_key(overpass, seed), 6)
    return np.clip(mood, 0.0, 1.0) ** 1.5 * 0.998 + 0.0005


def _towards_sun(mesh: Mesh, overpass: Pass, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """World positions where the rays to the mesh's nodes pass the clouds."""
    azimuth, zenith = overpass.sun(mesh.lon, mesh.lat)
    reach = height(overpass, seed) * np.tan(np.radians(np.minimum(zenith, 85.0)))
    reach = np.minimum(reach, SHADOW_REACH_METRES) / np.cos(np.radians(mesh.lat)) / WORLD_METRES
    azimuth = np.radians(azimuth)
    return mesh.x + reach * np.sin(azimuth), mesh.y - reach * np.cos(azimuth)
