"""
What a coarse pixel holds: means and majorities of the ground over its parts, and clouds by the day.

A pixel is divided into PARTS x PARTS parts, and the ground is looked up in the middle of each.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.landscape import Cover, Surface
from orchestrator.sandbox.scenes.noise import octave
from orchestrator.sandbox.scenes.sensors.earth import Earth, mercator
from orchestrator.sandbox.scenes.sensors.lattice import Lattice, Patch

PARTS = 4
_SIDE = 256  # of patches of parts, in pixels
_OPAQUE = 0.35  # of a cloud field in standard deviations above its threshold


def averaged(
    earth: Earth, patch: Patch, cut: Cut, value: Callable[[Surface], NDArray[np.floating]], parts: int = PARTS
) -> NDArray[np.float32]:
    """Mean of a quantity of the ground over each pixel of a part of a patch."""
    fine = _fine(earth, patch, cut, parts, value)
    height, width = fine.shape
    blocks = fine.reshape(height // parts, parts, width // parts, parts)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))


def shares(earth: Earth, patch: Patch, cut: Cut, parts: int = PARTS) -> NDArray[np.float32]:
    """Share of each cover in each pixel, (cover, row, col)."""
    fine = _fine(earth, patch, cut, parts, lambda surface: surface.cover.astype(np.float32)).astype(np.uint8)
    height, width = fine.shape
    blocks = fine.reshape(height // parts, parts, width // parts, parts)
    return np.stack([(blocks == cover).mean(axis=(1, 3), dtype=np.float32) for cover in Cover])


def majority(earth: Earth, patch: Patch, cut: Cut, parts: int = PARTS) -> NDArray[np.uint8]:
    """The cover that most parts of each pixel have; the lower number of equals."""
    return np.asarray(shares(earth, patch, cut, parts).argmax(axis=0), np.uint8)


def _fine(
    earth: Earth, patch: Patch, cut: Cut, parts: int, value: Callable[[Surface], NDArray[np.floating]]
) -> NDArray[np.float32]:
    rows, cols = cut
    transform = (patch.step_x / parts, 0.0, patch.left, 0.0, patch.step_y / parts, patch.top)
    lattice = Lattice(patch.crs, transform, 0, 0)
    first_row, first_col = patch.first
    height, width = (rows.stop - rows.start) * parts, (cols.stop - cols.start) * parts
    window = ((first_row + rows.start) * parts, (first_col + cols.start) * parts, height, width)
    found = np.empty((height, width), np.float32)
    for place, piece, inner in lattice.patches(*window, 0.5, _SIDE):
        found[place] = value(earth.surface(piece).cut(inner))
    return found


def cloud(earth: Earth, patch: Patch, cut: Cut, *key: int) -> NDArray[np.float32]:
    """
    Optical depth of the clouds of one look at the Earth, 0 where it is clear.

    Args:
        earth: Whose.
        patch: Where.
        cut: Which part of it.
        key: Numbers that tell the look from others: instrument and day.
    """
    x, y = mercator(*patch.centres(cut))
    mood = octave(x, y, 6, earth.seed, 71, *key)
    field = 0.75 * octave(x, y, 9, earth.seed, 72, *key) + 0.5 * octave(x, y, 11, earth.seed, 73, *key)
    return np.asarray(np.maximum(2.0 * (field - 0.55 + 0.5 * mood), 0.0), np.float32)


def is_opaque(depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether a look is of cloud rather than of the ground."""
    return np.asarray(depth > _OPAQUE)


def on_earth(patch: Patch, cut: Cut) -> NDArray[np.bool_] | None:
    """Which pixels lie on the Earth: the corners of a sinusoidal grid do not. None is all."""
    if not patch.crs.startswith("SR-ORG"):
        return None
    lon, lat = patch.centres(cut)
    inside = (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    return None if inside.all() else np.asarray(inside)
