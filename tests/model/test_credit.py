"""What the makers of images ask to be said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator.model.credit import credit_of, data_sheets, sentinel_notice


def taken(asset, *years):
    return [(f"{asset}/x", round(datetime(year, 6, 1, tzinfo=UTC).timestamp() * 1000)) for year in years]


@pytest.mark.parametrize(
    ("images", "notice", "words"),
    [
        pytest.param(
            taken("COPERNICUS/S2_SR_HARMONIZED", 2024, 2023) + taken("COPERNICUS/S1_GRD", 2023),
            "Contains modified Copernicus Sentinel data 2023-2024",
            ["sentinels.copernicus.eu"],
            id="two Sentinels",
        ),
        pytest.param(
            taken("LANDSAT/LC09/C02/T1_L2", 2023) + taken("LANDSAT/LC08/C02/T2_TOA", 2022),
            "Landsat-8, 9 images courtesy of the U.S. Geological Survey",
            ["LANDSAT"],
            id="two Landsats",
        ),
        pytest.param(
            taken("projects/earthengine-public/assets/COPERNICUS/S2", 2020) + taken("LANDSAT/LE07/C02/T1_TOA", 2001),
            "Contains modified Copernicus Sentinel data 2020; Landsat-7 images courtesy of the U.S. Geological Survey",
            ["sentinels.copernicus.eu", "LANDSAT"],
            id="both",
        ),
        pytest.param(taken("projects/me/assets/S2", 2024) + taken("COPERNICUS/DEM/GLO30", 2024), "", [""], id="others"),
    ],
)
def test_sources_that_are_known_are_credited(images, notice, words):
    """Sentinel data with their years, Landsat with its satellites; of others nothing is claimed."""
    found = credit_of(images)

    assert found["attribution"] == notice
    assert all(word in terms for word, terms in zip(words, found["licence"].split("; "), strict=True))


def test_years_that_do_not_follow_each_other_are_told_apart():
    """The notice asks for the years that were used."""
    assert sentinel_notice([2024, 2019, 2020, 2020]) == "Contains modified Copernicus Sentinel data 2019-2020, 2024"


def test_a_data_sheet_has_the_name_of_its_collection():
    """Of Earth Engine's own; a user's collection has none."""
    page = "https://developers.google.com/earth-engine/datasets/catalog/COPERNICUS_S2_SR_HARMONIZED"

    assert data_sheets(["projects/me/assets/mine", "COPERNICUS/S2_SR_HARMONIZED"]) == (page,)
