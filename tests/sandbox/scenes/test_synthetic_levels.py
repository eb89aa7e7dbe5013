"""The synthetic world seen from farther away: means, samples, and what is in between."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.sandbox.scenes.layout import PROBABILITY
from orchestrator.sandbox.scenes.synthetic import SyntheticScene


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("band", ["B8A", "B7", "AOT"])
def test_a_mean_level_averages_the_valid_pixels(cloudy, band, level):
    """Level n is the mean of 2**n × 2**n native pixels from the scene's origin on."""
    side = 2**level
    native = cloudy.read(band, 0, 40 * side, 30 * side, 20 * side, 24 * side)[0]

    values, _ = cloudy.read(band, level, 40, 30, 20, 24)

    expected = native.reshape(20, side, 24, side).mean(axis=(1, 3))
    assert values == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize(("band", "counts"), [("B2", 5), ("B8", 5), ("probability", 0.5)])
def test_a_quick_level_is_the_mean_to_less_than_the_noise(cloudy, place, band, counts, level):
    """What is not computed from native pixels has no bias, and the same noise and texture, half under clouds too."""
    scene = cloudy if band != "probability" else SyntheticScene(PROBABILITY, *_flight(cloudy))
    side = 2**level
    row, col = place[0] // side, place[1] // side
    native = scene.read(band, 0, row * side, col * side, 512, 512)[0]

    values, _ = scene.read(band, level, row, col, 512 // side, 512 // side)

    error = values - native.reshape(512 // side, side, 512 // side, side).mean(axis=(1, 3))
    # Native probabilities are rounded to whole percents, most of them to 0 and to 100: that alone is half the bound.
    assert np.abs(error.mean()) < 0.06 * counts
    assert error.std() < counts
    assert np.median(np.abs(error)) < 0.6


def _flight(scene):
    return scene.tile, scene.overpass, scene._renderer


def test_a_sample_level_takes_the_top_left_pixel(cloudy):
    """Classes cannot be averaged."""
    native = cloudy.read("SCL", 0, 400, 400, 160, 160)[0]

    values, _ = cloudy.read("SCL", 3, 50, 50, 20, 20)

    assert np.array_equal(values, native[::8, ::8])


def test_a_deep_level_is_close_to_the_mean(cloudy):
    """Levels over 3 evaluate the fields at the level's spacing: no pixel is exact, the picture is the same."""
    deep, deep_valid = cloudy.read("B8", 4, 100, 100, 32, 32)

    native = cloudy.read("B8", 3, 200, 200, 64, 64)[0].reshape(32, 2, 32, 2).mean(axis=(1, 3))

    assert deep_valid.all()
    assert deep.mean() == pytest.approx(native.mean(), rel=0.1)
