"""One invented Earth for the tests of its collections."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from orchestrator.sandbox.scenes.layout import PROBABILITY
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue, SyntheticScene
from orchestrator.sandbox.scenes.world import WorldCatalogue

sys.path.insert(0, str(Path(__file__).parent))

from synthetic_kit import OCTOBER, scenes


@pytest.fixture(scope="session")
def earth():
    """The catalogue of all collections, seed 0."""
    return WorldCatalogue()


@pytest.fixture(scope="session")
def world():
    return SyntheticCatalogue()


@pytest.fixture(scope="session")
def cloudy(world):
    """A scene partly under clouds and partly under a sky without haze."""
    for scene in scenes(world, tile="33TWL", end=OCTOBER):
        if not 30 < scene.properties["CLOUDY_PIXEL_PERCENTAGE"] < 70:
            continue
        percent, valid = scene.read("MSK_CLDPRB", 5, 0, 0, 170, 170)
        if np.mean(percent[valid] > 50) > 0.3 and np.mean(percent[valid] == 0) > 0.3:
            return scene
    raise AssertionError("no such scene in the season")


@pytest.fixture(scope="session")
def place(cloudy):
    """Row and column (10 m, even) of 1280 × 1280 pixels of that scene of which about a third is cloud."""
    scene = SyntheticScene(PROBABILITY, cloudy.tile, cloudy.overpass, cloudy._renderer)
    percent, valid = scene.read("probability", 5, 0, 0, 320, 320)
    blocks = ((percent > 50) & valid).reshape(8, 40, 8, 40).mean(axis=(1, 3))
    whole = valid.reshape(8, 40, 8, 40).all(axis=(1, 3))
    row, col = np.unravel_index(np.argmin(np.abs(blocks - 0.33) + ~whole), blocks.shape)
    return int(row) * 1280, int(col) * 1280
