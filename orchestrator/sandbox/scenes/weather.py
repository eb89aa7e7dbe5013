"""
Clouds and their shadows over one square during one pass.

The cloud field is a function of the ground position and the pass, so tiles and zones agree. A shadow is the
same field looked up where the sun's ray comes through the clouds: displaced towards the sun by the height of
the clouds times the tangent of the zenith angle. How cloudy a pass is differs by pass and by place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from orchestrator.sandbox.scenes.ground import Cut, Mesh, Square, world
from orchestrator.sandbox.scenes.noise import (
    WORLD_METRES,
    Lattice,
    Scattered,
    chance,
    extent,
    octave,
    resolved,
    spectrum,
    surface,
)
from orchestrator.sandbox.scenes.orbit import HALF_SWATH_KM, Pass

LOWEST_METRES, HIGHEST_METRES = 400.0, 800.0
# The farthest a shadow falls from its cloud, where a low sun would throw it farther than masks look.
SHADOW_REACH_METRES = 950.0
_MESH_METRES = 80
_CLOUD = {9: 0.5, 10: 0.6, 11: 0.7, 12: 0.8, 13: 0.9, 14: 0.9, 15: 0.8, 16: 0.55, 17: 0.3}
_CLEAREST = -1.0  # how far below zero an optical depth matters to its neighbours
# Between nodes a spline may rise over them by a quarter of their difference, which `_CLEAREST` bounds.
_CLEAR = _CLEAREST / 4
_PLACE_ZOOM = 6  # 626 km: how far one weather reaches
_SMOOTH_METRES = 5200  # between places over which the sun and the cover change all but linearly
_THICKNESS = 2.4  # optical depth per standard deviation above the threshold
_CIRRUS_CHANCE = 0.15
_CIRRUS = {9: 0.14, 12: 0.05}
_VEIL_DEPTH = 0.3  # the thickest cirrus
_MERCATOR_END = 85.0  # degrees of latitude
_NOWHERE: NDArray[np.float32] = np.zeros((1, 1), np.float32)
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Sky:
    """
    The air over a part of a square during one pass, all (row, col) of that part.

    Attributes:
        depth: Optical depth of the clouds above each pixel; null where all is clear.
        shadow: Share of the sun's direct light that clouds take away, 0 to 1; null where there is no shadow.
        seen: Whether the pixel lies in the swath.
    """

    depth: NDArray[np.float32] | None
    shadow: NDArray[np.float32] | None
    seen: NDArray[np.bool_]

    @property
    def nbytes(self) -> int:
        """Bytes held, with the light."""
        planes = 3 * (self.depth is not None) + 2 * (self.shadow is not None)
        return self.seen.size * 4 * planes + 512

    @property
    def clear(self) -> bool:
        """Whether no cloud and no shadow touches the part."""
        return self.depth is None and self.shadow is None

    @cached_property
    def light(self) -> Light:
        """What the sky does to the light of the ground."""
        dark = self.shadow
        if self.depth is None:
            return Light(None, dark, None)
        through = np.exp(-self.depth)
        # Thick clouds are brighter than their edges and have some relief.
        glow = np.minimum(self.depth, np.full((1, self.depth.shape[1]), 5.0, np.float32))
        glow *= np.float32(0.1)
        glow += np.float32(0.55)
        glow *= np.float32(1.0) - through
        return Light(through, None if dark is None else dark * through, glow)

    @property
    def opacity(self) -> NDArray[np.float32]:
        """Share of what the sensor sees that is cloud, 0 to 1."""
        return np.asarray(-np.expm1(-self.depths()))

    def likelihood(self) -> NDArray[np.float32]:
        """Percent as s2cloudless would give, not rounded: 50 where a fifth of the signal is cloud."""
        if self.depth is None:
            return np.broadcast_to(_NOWHERE, self.seen.shape)
        percent = self.depth * np.float32(-3.1)
        np.expm1(percent, out=percent)
        percent *= np.float32(-100.0)
        return percent

    def depths(self) -> NDArray[np.float32]:
        """The optical depth as an array."""
        return np.broadcast_to(_NOWHERE, self.seen.shape) if self.depth is None else self.depth

    def shadows(self) -> NDArray[np.float32]:
        """The shadow as an array."""
        return np.broadcast_to(_NOWHERE, self.seen.shape) if self.shadow is None else self.shadow


@dataclass(frozen=True, slots=True)
class Light:
    """
    What becomes of the light of the ground: ground × (through - shading × dark) + white × glow.

    Attributes:
        through: Share of what the sensor sees that is no cloud; null is all.
        dark: `through` times the shadow; null is none.
        glow: What the cloud adds, as a share of the brightness of a white one; null is nothing.
    """

    through: NDArray[np.float32] | None
    dark: NDArray[np.float32] | None
    glow: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, eq=False)
class Air:
    """
    The air over one square during one pass, on the nodes of a mesh; compared by identity.

    Attributes:
        mesh: Where the nodes are.
        offset: Where in a pixel its value is taken.
        depth: Optical depth at the nodes, negative where it is clear; null where it is clear everywhere.
        shade: The same where the sun's rays to the nodes pass the clouds.
        seen: Whether each pixel lies in the swath, for the whole square.
    """

    mesh: Mesh
    offset: float
    depth: NDArray[np.float32] | None
    shade: NDArray[np.float32] | None
    seen: NDArray[np.bool_]

    @property
    def nbytes(self) -> int:
        """Bytes really held: a field that is the same everywhere is kept as one value."""
        fields = [field.nbytes for field in (self.depth, self.shade) if field is not None]
        return sum(fields) + (1 if self.seen.strides[0] == 0 else self.seen.nbytes) + 512

    def over(self, cut: Cut) -> Sky:
        """Draw the sky over a part of the square. A pixel's sky does not depend on the part."""
        shadow = self._spread(self.shade, cut)
        if shadow is not None:
            # Veils and the thinnest edges scatter light rather than cast a shadow.
            shadow *= np.float32(-3.5)
            np.expm1(shadow, out=shadow)
            np.negative(shadow, out=shadow)
        return Sky(self._spread(self.depth, cut), shadow, self.seen[cut])

    def _spread(self, nodes: NDArray[np.float32] | None, cut: Cut) -> NDArray[np.float32] | None:
        """The positive part of a field on nodes, at pixels; null where there is none."""
        if nodes is None or self.mesh.around(nodes, cut).max() < _CLEAR:
            return None
        field = self.mesh.spread(nodes, self.offset, cut)
        return np.maximum(field, np.zeros((1, field.shape[1]), np.float32), out=field)


def observe(square: Square, overpass: Pass, seed: int) -> Air:
    """Compute the clouds, shadows and swath of a pass over a square."""
    mesh, seen = square.mesh_within(_MESH_METRES), _seen(square, overpass)
    if not seen.any():
        return Air(mesh, square.offset, None, None, seen)
    depth, shade = _depths(square, mesh, overpass, seed)
    veil = _veil(mesh.x, mesh.y, overpass, seed)
    if veil is not None:
        depth = veil if depth is None else np.maximum(depth, veil)
    return Air(mesh, square.offset, depth, shade, seen)


def _seen(square: Square, overpass: Pass) -> NDArray[np.bool_]:
    """Whether each pixel lies in the swath."""
    apart = overpass.across(*square.places())
    # The distance from the track is all but linear over a square: far from the edge the nodes decide.
    if np.abs(apart).max() < HALF_SWATH_KM - 1.0:
        return _everywhere(square, value=True)
    if np.abs(apart).min() > HALF_SWATH_KM + 1.0 and (apart.max() < 0 or apart.min() > 0):
        return _everywhere(square, value=False)
    swath = square.mesh(64)
    across = swath.spread(square.refine(apart, 64, swath), square.offset, square.whole)
    seen = np.abs(across) <= HALF_SWATH_KM
    return _everywhere(square, value=bool(seen[0, 0])) if (seen == seen[0, 0]).all() else seen


def _everywhere(square: Square, *, value: bool) -> NDArray[np.bool_]:
    return np.broadcast_to(np.asarray(value), (square.side, square.side))


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
) -> NDArray[np.floating]:
    """Optical depth, negative where it is clear: what lies above a threshold that sets the cover."""
    noise = spectrum(x, y, _CLOUD, spacing, *_key(overpass, seed), 2)
    depth = _THICKNESS * (noise - _threshold(x, y, overpass, seed))
    veil = _veil(x, y, overpass, seed)
    return depth if veil is None else np.maximum(depth, veil)


def _depths(
    square: Square, mesh: Mesh, overpass: Pass, seed: int
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
    """Optical depth at the nodes: straight above, and where the sun's rays to them pass the clouds, less a veil."""
    step = max(64, min(square.side, 1 << max(1, _SMOOTH_METRES // square.spacing).bit_length() - 1))
    lon, lat = square.places(step)
    east, south = (square.refine(field, step, mesh) for field in _towards_sun(lon, lat, overpass, seed))
    threshold = square.refine(_threshold(*world(lon, lat), overpass, seed), step, mesh)
    weights = resolved(_CLOUD, float(square.spacing)) or {min(_CLOUD): 0.0}
    west, north, far_east, far_south = extent(mesh.x, mesh.y)
    reach = float(max(np.abs(east).max(), np.abs(south).max()))
    bounds = west - reach, north - reach, far_east + reach, far_south + reach
    noise = surface(bounds, weights, *_key(overpass, seed), 2)
    # A surface never rises over its control values.
    if _THICKNESS * (noise.greatest - float(threshold.min())) < _CLEAR:
        return None, None
    return (
        _above(noise, mesh.x, mesh.y, threshold, 0.0),
        _above(noise, mesh.x + east, mesh.y + south, threshold, _VEIL_DEPTH),
    )


def _above(
    noise: Lattice | Scattered, x: Floats, y: Floats, threshold: Floats, less: float
) -> NDArray[np.float32] | None:
    depth = noise.near(x, y)
    depth -= threshold
    depth *= np.float32(_THICKNESS)
    depth -= np.float32(less)
    return None if depth.max() < _CLEAR else np.maximum(depth, np.float32(_CLEAREST), out=depth)


def _veil(x: Floats, y: Floats, overpass: Pass, seed: int) -> NDArray[np.float32] | None:
    """Depth of thin cirrus; most passes have none."""
    key = _key(overpass, seed)
    if chance(*key, 3) >= _CIRRUS_CHANCE:
        return None
    veil = surface(extent(x, y), _CIRRUS, *key, 4).near(x, y)
    veil += np.float32(0.12)
    return np.minimum(veil, np.float32(_VEIL_DEPTH), out=veil)


def _threshold(x: Floats, y: Floats, overpass: Pass, seed: int) -> NDArray[np.float64]:
    """How many standard deviations of the noise lie below the clouds."""
    return np.asarray(ndtri(1.0 - _cover(x, y, overpass, seed)), np.float64)


def _cover(x: NDArray[np.floating], y: NDArray[np.floating], overpass: Pass, seed: int) -> NDArray[np.float64]:
    """
    Share of the sky that is clouded, from nearly 0 to nearly 1, changing over hundreds of kilometres.

    A uniform number to the power 1.5: half of the passes have less than a third.
    """
    mood = chance(*_key(overpass, seed), 5) + 0.17 * octave(x, y, _PLACE_ZOOM, *_key(overpass, seed), 6)
    return np.clip(mood, 0.0, 1.0) ** 1.5 * 0.998 + 0.0005


def _towards_sun(
    lon: NDArray[np.float64], lat: NDArray[np.float64], overpass: Pass, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far east and south, in world coordinates, the sun's rays to places pass the clouds."""
    azimuth, zenith = overpass.sun(lon, lat)
    reach = height(overpass, seed) * np.tan(np.radians(np.minimum(zenith, 85.0)))
    reach = (
        np.minimum(reach, SHADOW_REACH_METRES)
        / np.cos(np.radians(np.clip(lat, -_MERCATOR_END, _MERCATOR_END)))
        / WORLD_METRES
    )
    azimuth = np.radians(azimuth)
    return reach * np.sin(azimuth), -reach * np.cos(azimuth)
