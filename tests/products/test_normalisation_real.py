"""Band B01 of a real tile: the numbers that were computed of it by other means."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import rasterio

from orchestrator.products.preprocess.normalisation.applying import normalised
from orchestrator.products.preprocess.normalisation.histogram import SceneCounter
from orchestrator.products.preprocess.normalisation.settings import NormalisationSettings
from orchestrator.products.preprocess.normalisation.stats import computed

DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
TILE = next(iter(sorted((DATA / "cdse_scene_T31TDH_20180101").rglob("*_B01.jp2"))), None)
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(TILE is None, reason="the folder of real scenes is not here (ORCHESTRATOR_TEST_DATA)"),
]


@cache
def band():
    with rasterio.open(TILE) as source:
        numbers = source.read(1)
    return numbers / 10_000, numbers != 0


@cache
def stats():
    made_of = NormalisationSettings(("B01",))
    counter = SceneCounter(made_of, "T31TDH", 1830)
    values, valid = band()
    for row in range(0, 1830, 512):
        counter.add_band("B01", values[row : row + 512], valid[row : row + 512], row)
    return computed(counter.histogram(), made_of)


def test_percentiles_and_winsorised_moments_are_as_published():
    of = stats().by_band["B01"]

    assert (of.clip_low, of.clip_high) == pytest.approx((0.11715, 0.98585), abs=1e-9)
    assert (of.mean, of.std) == pytest.approx((0.20866, 0.16375), abs=1e-5)


def test_every_valid_pixel_is_counted():
    values, valid = band()

    assert valid.sum() == 1_980_424
    assert values.max() == pytest.approx(1.5466)


def test_the_bins_move_the_exact_moments_by_less_than_a_bin():
    values, valid = band()
    exact = np.clip(values[valid], 0.11715, 0.98585)
    of = stats().by_band["B01"]

    assert (exact.mean(), exact.std()) == pytest.approx((0.20863, 0.16375), abs=1e-5)
    assert (of.mean, of.std) == pytest.approx((exact.mean(), exact.std()), abs=1e-4)


def test_the_normalised_band_has_mean_0_and_standard_deviation_1():
    values, valid = band()

    made = normalised(values.astype(np.float32), valid, stats(), "B01")

    assert made[valid].mean(dtype=float) == pytest.approx(0, abs=1e-3)
    assert made[valid].std(dtype=float) == pytest.approx(1, abs=1e-3)
    assert not made[~valid].any()
