"""Heights, land cover and embeddings against numpy; and what is left of a window without scenes."""

from __future__ import annotations

import ee
import numpy as np
import pytest
from recipes_kit import REGION, made, patch, request, stack, undated

from orchestrator.recipes.registry import find_recipe

pytestmark = pytest.mark.usefixtures("client")
MAY = ("2024-05-01", "2024-06-01")


@pytest.mark.parametrize(
    ("dem", "asset"), [("srtm", "USGS/SRTMGL1_003"), ("nasadem", "NASA/NASADEM_HGT/001"), ("glo30", "")]
)
def test_the_nearest_heights_are_those_of_the_model(dem, asset):
    """Nothing is added or smoothed where that is asked for."""
    tiles = ee.ImageCollection("COPERNICUS/DEM/GLO30").filterBounds(ee.Geometry(REGION)).select("DEM")
    image, band = (ee.Image(asset), "elevation") if asset else (tiles.mosaic(), "DEM")

    found = made("terrain", undated(bands=["elevation"], dem=dem, resampling="nearest"))

    np.testing.assert_array_equal(found["elevation"], patch(image.toFloat())[band])


def test_heights_are_interpolated_unless_the_nearest_are_asked_for():
    """On a finer grid the nearest heights are stairs, and their slopes are nought and cliffs."""
    smooth, stairs = (
        made("terrain", undated(dem="glo30", resampling=how), scale=10) for how in ("bilinear", "nearest")
    )

    assert np.unique(stairs["elevation"]).size < np.unique(smooth["elevation"]).size == smooth["elevation"].size
    assert (stairs["slope"] == 0).any()
    assert (smooth["slope"] > 0).all()


def test_slope_aspect_and_hillshade_follow_from_the_heights():
    """From differences of the four neighbours over twice the pixel (reference of Terrain.slope and hillshade)."""
    bands = ["elevation", "slope", "aspect", "hillshade"]
    found = made("terrain", undated(bands, dem="glo30", sun_azimuth=315, sun_elevation=30), scale=100)
    height = found["elevation"]
    east, north = (height[1:-1, 2:] - height[1:-1, :-2]) / 200, (height[:-2, 1:-1] - height[2:, 1:-1]) / 200
    slope, downhill = np.arctan(np.hypot(east, north)), np.arctan2(-east, -north)
    sun, high = np.radians(315), np.radians(30)
    light = np.sin(high) * np.cos(slope) + np.cos(high) * np.sin(slope) * np.cos(sun - downhill)

    inside = {band: values[1:-1, 1:-1] for band, values in found.items()}

    np.testing.assert_allclose(inside["slope"], np.degrees(slope), atol=0.01)
    np.testing.assert_allclose(inside["aspect"], np.degrees(downhill) % 360, atol=0.5)
    np.testing.assert_allclose(inside["hillshade"], 255 * light, atol=1.1)  # whole numbers


def test_vectors_are_those_of_the_year_and_have_the_length_1():
    """At the collection's own scale they do already."""
    bands = ["A00", "A63"]
    stored = stack("GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL", bands, "2024-01-01", "2025-01-01", scale=10)

    found = made("embeddings", request("2024-01-01", "2025-01-01"), scale=10)

    np.testing.assert_allclose(sum(values**2 for values in found.values()), 1, atol=1e-5)
    for band in bands:
        np.testing.assert_allclose(found[band], np.nanmax(stored[band], axis=0), atol=1e-5)


def test_means_of_vectors_get_their_length_back():
    """A coarser pixel is the mean of different vectors, which is shorter; it keeps its direction."""
    whole, plain = (made("embeddings", request(*MAY, normalise=flag), scale=640) for flag in (True, False))
    length = np.sqrt(sum(values**2 for values in plain.values()))

    assert length.min() < 0.99
    np.testing.assert_allclose(sum(values**2 for values in whole.values()), 1, atol=1e-5)
    np.testing.assert_allclose(whole["A07"], plain["A07"] / length, atol=1e-5)


@pytest.mark.parametrize(
    ("asked", "collection", "band", "days"),
    [
        pytest.param(undated(), "ESA/WorldCover/v200", "Map", ("2021-01-01", "2022-01-01"), id="2021"),
        pytest.param(
            undated(source="worldcover-2020"), "ESA/WorldCover/v100", "Map", ("2020-01-01", "2021-01-01"), id="2020"
        ),
        pytest.param(
            request("2020-05-01", "2020-06-01", source="mcd12q1", scheme="LC_Type2"),
            "MODIS/061/MCD12Q1",
            "LC_Type2",
            ("2020-01-01", "2021-01-01"),
            id="MODIS",
        ),
    ],
)
def test_classes_are_the_numbers_of_their_source(asked, collection, band, days):
    """On a coarse grid, too: there is no class between two others."""
    (stored,) = stack(collection, [band], *days, scale=150)[band]

    found = made("landcover", asked, scale=150)

    np.testing.assert_array_equal(found["landcover"], stored)


def test_dynamic_world_gives_the_most_frequent_class_of_the_dates():
    """Of all looks that have one."""
    labels = stack("GOOGLE/DYNAMICWORLD/V1", ["label"], "2024-08-01", "2024-10-01", scale=100)["label"]
    counts = np.stack([(labels == number).sum(axis=0) for number in range(9)])

    asked = request("2024-08-01", "2024-10-01", source="dynamic-world")
    found = made("landcover", asked, scale=100)["landcover"].astype(int)

    assert np.nanmax(np.nanstd(labels, axis=0)) > 0
    assert (np.take_along_axis(counts, found[None], axis=0)[0] == counts.max(axis=0)).all()


@pytest.mark.parametrize(
    ("recipe", "asked"),
    [
        pytest.param("sentinel2-cloudscore", request("2012-01-01", "2012-02-01"), id="cloud score"),
        pytest.param("sentinel2-cloudscore", request("2012-01-01", "2012-02-01", method="quality"), id="quality"),
        pytest.param("landsat-composite", request("1970-01-01", "1970-02-01"), id="landsat"),
        pytest.param("sentinel1-backscatter", request("2012-01-01", "2012-02-01"), id="sentinel 1"),
        pytest.param("sentinel1-backscatter", request("2012-01-01", "2012-02-01", method="mean"), id="power"),
        pytest.param("embeddings", request("2012-01-01", "2012-02-01"), id="embeddings"),
        pytest.param("landcover", request("2012-01-01", "2012-02-01", source="dynamic-world"), id="dynamic world"),
        pytest.param("landcover", request("1999-01-01", "1999-02-01", source="mcd12q1"), id="land cover of MODIS"),
        *(
            pytest.param("ndvi-series", request("1970-01-01", "1970-02-01", source=source), id=f"ndvi of {source}")
            for source in ("sentinel2", "landsat", "modis")
        ),
        pytest.param("lst-series", request("1999-01-01", "1999-02-01", satellite="both"), id="temperature"),
    ],
)
def test_a_window_without_scenes_keeps_its_bands(recipe, asked):
    """With nothing in them; and the survey, which a run asks before, counts none."""
    found = made(recipe, asked)

    assert tuple(found) == find_recipe(recipe).pixels(asked).bands
    assert all(np.isnan(values).all() for values in found.values())
    assert find_recipe(recipe).survey(asked)[-1][1].getInfo() == 0


def test_a_step_without_scenes_is_an_empty_band_among_the_others():
    """MOD11A2 begins on 2000-02-18."""
    found = made("lst-series", request("2000-01-10", "2000-04-01"), scale=1000)

    assert [name for name, values in found.items() if np.isnan(values).all()] == ["LST_2000_01"]
    assert list(found) == ["LST_2000_01", "LST_2000_02", "LST_2000_03"]
