"""A piece of synthetic ground is surveyed as rarely as may be: it takes most of the time of a composite."""

from __future__ import annotations

import pytest

from orchestrator.sandbox.scenes import landscape, synthetic
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue

SCENE = "COPERNICUS/S2_SR_HARMONIZED/20230709T100000_20230709T100808_T33TWL"


@pytest.fixture
def surveyed(monkeypatch):
    """The squares that were surveyed."""
    squares = []
    survey = landscape.survey

    def noted(square, seed):
        squares.append(square)
        return survey(square, seed)

    monkeypatch.setattr(landscape, "survey", noted)
    return squares


def test_bands_of_the_first_level_share_one_survey_of_the_quarter_they_show(surveyed):
    """Four bands of ten pixels at 20 m: one square of 10 m, of the four that lie under a square of 20 m."""
    scene = SyntheticCatalogue(seed=11).scene(SCENE)

    for band in ("B2", "B3", "B4", "B8"):
        scene.read(band, 1, 1000, 1000, 10, 10)

    assert [square.spacing for square in surveyed] == [10]


def test_a_survey_is_not_repeated_for_the_next_band_of_a_wide_window(surveyed, monkeypatch):
    """Where more ground is looked at than is kept as a survey, what bands are made of is kept instead."""
    monkeypatch.setattr(synthetic, "CACHE_BYTES", 12 << 20)  # of which a sixth is for surveys of 2.3 MB
    scene = SyntheticCatalogue(seed=11).scene(SCENE)

    for band in ("B8", "B2"):
        scene.read(band, 1, 1000, 0, 4, 600)

    assert len(surveyed) == len(set(surveyed)) > 1
