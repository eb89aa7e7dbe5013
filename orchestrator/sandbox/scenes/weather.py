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

from orchestrator.sandbox.scenes.ground import SQUARE, Mesh, Square
from orchestrator.sandbox.scenes.noise import BROAD, BROAD_METRES, DETAILED, WORLD_METRES, chance, octave, spectrum
from orchestrator.sandbox.scenes.orbit import HALF_SWATH_KM, Pass

LOWEST_METRES, HIGHEST_METRES = 400.0, 800.0
# The farthest a shadow falls from its cloud, where a low sun would throw it farther than masks look.
SHADOW_REACH_METRES = 950.0
_MESH_METRES = 80
_CLOUD = {9: 0.5, 10: 0.6, 11: 0.7, 12: 0.8, 13: 0.9, 14: 0.9, 15: 0.8, 16: 0.55, 17: 0.3}
_HIGHEST_FINE = 1.5  # three standard deviations of the fine shapes: where the broad ones are lower, it is clear
_CLEAREST = -1.0  # how far below zero an optical depth matters to its neighbours
_PLACE_ZOOM = 6  # 626 km: how far one weather reaches
_THICKNESS = 2.4  # optical depth per standard deviation above the threshold
_CIRRUS_CHANCE = 0.15
_VEIL_DEPTH = 0.3  # the thickest cirrus
_Kind = TypeVar("_Kind", bound=np.generic)
Floats = NDArray[np.floating]


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
        percent: NDArray[np.uint8] = np.rint(self.likelihood()).astype(np.uint8)
        return percent

    def likelihood(self) -> NDArray[np.float32]:
        """The probability before it is rounded to whole percents."""
        if self.depth.strides[0] == 0:
            return np.broadcast_to(-100.0 * np.expm1(-3.1 * self.depth[:1, :1]), self.depth.shape)
        return np.asarray(-100.0 * np.expm1(-3.1 * self.depth), np.float32)

    def cut(self, part: tuple[slice, slice]) -> Sky:
        """The sky over a part of the square."""
        return Sky(self.depth[part], self.shadow[part], self.seen[part])


def observe(square: Square, overpass: Pass, seed: int) -> Sky:
    """Compute the clouds, shadows and swath of a pass over a square."""
    seen = _seen(square, overpass)
    if not seen.any():
        return Sky(_everywhere(np.float32(0)), _everywhere(np.float32(0)), seen)
    fine = square.mesh_within(_MESH_METRES)
    depth = _spread(_nodes(square, fine, overpass, seed, sunward=False), fine, square.offset)
    shade = _spread(_nodes(square, fine, overpass, seed, sunward=True) - _VEIL_DEPTH, fine, square.offset)
    # Veils and the thinnest edges scatter light rather than cast a shadow.
    shadow = shade if shade.strides[0] == 0 else -np.expm1(-3.5 * shade)
    return Sky(_kept(depth), _kept(shadow), seen)


def _seen(square: Square, overpass: Pass) -> NDArray[np.bool_]:
    """Whether each pixel lies in the swath."""
    swath = square.mesh(64)
    apart = np.abs(overpass.across(swath.lon, swath.lat))
    # The distance from the track is all but linear over a square: far from the edge the nodes decide.
    if apart.max() < HALF_SWATH_KM - 1.0:
        return _everywhere(np.True_)
    across = swath.spread(overpass.across(swath.lon, swath.lat), square.offset)
    return _kept(np.abs(across) <= HALF_SWATH_KM)


def _spread(nodes: NDArray[np.float64], mesh: Mesh, offset: float) -> NDArray[np.float32]:
    """The positive part of a field on nodes, at pixels."""
    # Between nodes a spline may rise over them by a quarter of their difference, which `_CLEAREST` bounds.
    if nodes.max() < _CLEAREST / 4:
        return _everywhere(np.float32(0))
    field = mesh.spread(nodes, offset)
    np.maximum(field, 0.0, out=field)
    return field


def _everywhere(value: _Kind) -> NDArray[_Kind]:
    return np.broadcast_to(np.asarray(value), (SQUARE, SQUARE))


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
    broad = _broad(x, y, spacing, overpass, seed)
    return _thick(broad, x, y, spacing, overpass, seed, _veil(x, y, overpass, seed))


def _nodes(square: Square, fine: Mesh, overpass: Pass, seed: int, *, sunward: bool) -> NDArray[np.float64]:
    """
    Optical depth at the nodes of `fine`: straight above, or where the sun's rays to them pass the clouds.

    What is broad is computed at fewer nodes and interpolated.
    """
    spacing = float(square.spacing)
    wide = square.mesh_within(BROAD_METRES)
    there, here = (wide.x, wide.y), (fine.x, fine.y)
    if sunward:
        east, south = _towards_sun(wide, overpass, seed)
        there = (wide.x + east, wide.y + south)
        here = (fine.x + wide.carry(east, fine), fine.y + wide.carry(south, fine))
    broad = wide.carry(_broad(*there, spacing, overpass, seed), fine)
    veil = _veil(*there, overpass, seed)
    carried = None if veil is None else wide.carry(veil, fine)
    return np.maximum(_thick(broad, *here, spacing, overpass, seed, carried), _CLEAREST)


def _broad(x: Floats, y: Floats, spacing: float, overpass: Pass, seed: int) -> NDArray[np.float64]:
    """The wide shapes of clouds above the threshold, in standard deviations of the whole noise."""
    cover = _cover(x, y, overpass, seed)
    return np.asarray(spectrum(x, y, _CLOUD, spacing, *_key(overpass, seed), 2, zooms=BROAD) - ndtri(1.0 - cover))


def _thick(
    broad: Floats, x: Floats, y: Floats, spacing: float, overpass: Pass, seed: int, veil: Floats | None
) -> NDArray[np.float64]:
    """Add the fine shapes, but only where they can matter: they are cut off at `_HIGHEST_FINE`."""
    cloud = np.asarray(broad + _HIGHEST_FINE)
    near = cloud > -0.2
    if near.any():
        fine = spectrum(x[near], y[near], _CLOUD, spacing, *_key(overpass, seed), 2, zooms=DETAILED)
        cloud[near] += np.minimum(fine, _HIGHEST_FINE) - _HIGHEST_FINE
    depth = _THICKNESS * cloud
    return depth if veil is None else np.maximum(depth, veil)


def _veil(x: Floats, y: Floats, overpass: Pass, seed: int) -> NDArray[np.float64] | None:
    """Depth of thin cirrus; most passes have none."""
    key = _key(overpass, seed)
    if chance(*key, 3) >= _CIRRUS_CHANCE:
        return None
    veil = 0.12 + 0.14 * octave(x, y, 9, *key, 4) + 0.05 * octave(x, y, 12, *key, 4)
    return np.asarray(np.minimum(veil, _VEIL_DEPTH), np.float64)


def _cover(x: NDArray[np.floating], y: NDArray[np.floating], overpass: Pass, seed: int) -> NDArray[np.float64]:
    """
    Share of the sky that is clouded, from nearly 0 to nearly 1, changing over hundreds of kilometres.

    A uniform number to the power 1.5: half of the passes have less than a third.
    """
    mood = chance(*_key(overpass, seed), 5) + 0.17 * octave(x, y, _PLACE_ZOOM, *_key(overpass, seed), 6)
    return np.clip(mood, 0.0, 1.0) ** 1.5 * 0.998 + 0.0005


def _towards_sun(mesh: Mesh, overpass: Pass, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far east and south, in world coordinates, the rays to the mesh's nodes pass the clouds."""
    azimuth, zenith = overpass.sun(mesh.lon, mesh.lat)
    reach = height(overpass, seed) * np.tan(np.radians(np.minimum(zenith, 85.0)))
    reach = np.minimum(reach, SHADOW_REACH_METRES) / np.cos(np.radians(mesh.lat)) / WORLD_METRES
    azimuth = np.radians(azimuth)
    return reach * np.sin(azimuth), -reach * np.cos(azimuth)
