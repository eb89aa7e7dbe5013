"""A chip of each dataset by the real client from a sandbox: values where the page says, nothing where nothing is."""

from __future__ import annotations

import io

import ee
import numpy as np
import pytest
import shapely
from recipes_kit import made, patch, stack, undated

from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.presets import find
from orchestrator.recipes.registry import find_recipe

pytestmark = pytest.mark.usefixtures("client")

LJUBLJANA, WINNIPEG, DENVER, SVALBARD = (14.41, 46.0), (-97.1, 49.9), (-105.0, 39.7), (16.0, 78.2)
SIDE = 16


def chip(name, bands, place, scale=100):
    """Return 16 x 16 pixels of a dataset around a place, as a structured array (row, col), nodata where masked."""
    lon, lat = place
    region = dict(shapely.geometry.mapping(shapely.box(lon - 0.02, lat - 0.02, lon + 0.02, lat + 0.02)))
    asked = ImageRequest(region, undated().start, undated().end, tuple(bands), {"name": name})
    recipe = find_recipe("dataset")
    step = scale / 111_319.49
    grid = {
        "dimensions": {"width": SIDE, "height": SIDE},
        "affineTransform": {
            "scaleX": step, "shearX": 0, "translateX": lon - step * SIDE / 2,
            "shearY": 0, "scaleY": -step, "translateY": lat + step * SIDE / 2,
        },
        "crsCode": "EPSG:4326",
    }  # fmt: skip
    image = recipe.image(asked).unmask(recipe.pixels(asked).nodata, sameFootprint=False)
    return np.load(io.BytesIO(ee.data.computePixels({"expression": image, "fileFormat": "NPY", "grid": grid})))


@pytest.mark.parametrize(
    ("name", "bands", "place"),
    [
        ("sentinel2-rgb-median-2020", ["red", "green", "blue"], LJUBLJANA),
        ("s2-2021", ["summer_B2", "summer_B12"], LJUBLJANA),
        ("s2_13bands-2020", ["summer_B1", "summer_B10"], LJUBLJANA),
        ("s2_raw-2020", ["summer_B8A"], LJUBLJANA),
        ("s2rgb-2023", ["summer_red", "summer_blue"], LJUBLJANA),
        ("s2rgbm-2020", ["07_green"], LJUBLJANA),
        ("s1grd-2020", ["winter_vvasc", "fall_vhdes"], LJUBLJANA),
        ("s1grdm-2020-asc", ["01_vv", "12_vh"], LJUBLJANA),
        ("s1grdm-2020-des", ["06_vv"], LJUBLJANA),
        ("s1count-2020", ["01_vvasc", "02_vhdes"], LJUBLJANA),
        ("s1grdobs-202006", [f"2020-06-{day:02d}_ASC_VV" for day in range(1, 13)], LJUBLJANA),
        ("esa-world-cover", ["Map"], LJUBLJANA),
        ("esaworldcover-2021", ["Map"], LJUBLJANA),
        ("canadacrop2020", ["landcover"], WINNIPEG),
        ("srtm", ["elevation", "slope"], LJUBLJANA),
        ("usnedlandforms", ["constant"], DENVER),
        ("treecover2020", ["Percent_Tree_Cover"], LJUBLJANA),
        ("modis44b006veg", ["Percent_Tree_Cover_2016", "Percent_Tree_Cover_2020"], LJUBLJANA),
        ("firecci51", ["2016_BurnDate", "2019_ConfidenceLevel", "2020_LandCover"], DENVER),
        ("globalfloods-2016", ["floods", "flooded", "duration", "clear_perc"], LJUBLJANA),
        ("humanpop2015", ["population_count"], LJUBLJANA),
        ("soilphbenelux", ["b0", "b200"], LJUBLJANA),
    ],
)
def test_a_chip_has_values_of_the_documented_range(name, bands, place):
    """In the number type of the dataset; masked pixels hold nodata, which no true value is."""
    preset, pixels = find(name), chip(name, bands, place)
    values = np.stack([pixels[band].astype(float) for band in bands])
    seen = values[values != preset.nodata]

    assert list(pixels.dtype.names) == bands
    np.testing.assert_array_equal(seen, seen.astype(preset.dtype))
    assert seen.size > 0
    assert preset.valid[0] <= seen.min() <= seen.max() <= preset.valid[1]
    assert not preset.valid[0] <= preset.nodata <= preset.valid[1]
    if preset.classes:
        assert set(np.unique(seen)) <= {each.value for each in preset.classes}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param("srtm", SVALBARD, id="heights north of 60 degrees"),
        pytest.param("canadacrop2020", LJUBLJANA, id="crops of another continent"),
        pytest.param("usnedlandforms", LJUBLJANA, id="landforms of another country"),
        pytest.param("soilph", (0.0, -80.0), id="soil of the Antarctic"),
        pytest.param("globalfloods-2016", (16.0, 82.0), id="floods beyond the maps"),
    ],
)
def test_where_a_dataset_has_nothing_a_chip_is_nodata(name, place):
    """All of its bands, which are there nevertheless."""
    preset, pixels = find(name), chip(name, (), place)

    assert pixels.dtype.names == preset.bands
    assert all((pixels[band] == preset.nodata).all() for band in preset.bands)


def test_a_picture_is_the_median_of_clear_pixels_stretched():
    """B4 of July, scenes below 20 percent of clouds, flags of QA60 clear, reflectance 0 to 0.3 as 0 to 255."""
    held = stack("COPERNICUS/S2_SR_HARMONIZED", ["B4", "QA60"], "2020-07-01", "2020-08-01")
    cloudy = [scene.properties["CLOUDY_PIXEL_PERCENTAGE"] >= 20 for scene in _scenes("2020-07-01", "2020-08-01")]
    hidden = (held["QA60"].astype(int) & (1 << 10 | 1 << 11)) > 0
    red = np.where(hidden | np.array(cloudy)[:, None, None], np.nan, held["B4"])
    wanted = np.clip(np.nanmedian(red, axis=0) / 10_000 / 0.3 * 255, 1, 255)

    found = made("dataset", undated(["07_red"], name="s2rgbm-2020"))["07_red"]

    assert 0 < sum(cloudy) < len(cloudy)
    np.testing.assert_allclose(found, wanted, atol=1)


def _scenes(start, end):
    from recipes_kit import scenes  # noqa: PLC0415  its name is that of what it returns

    return scenes("COPERNICUS/S2_SR_HARMONIZED", start, end)


def _looks(start, end, orbit, band):
    from recipes_kit import scenes  # noqa: PLC0415

    held = stack("COPERNICUS/S1_GRD", [band], start, end)[band]
    passing = [scene.properties["orbitProperties_pass"] == orbit for scene in scenes("COPERNICUS/S1_GRD", start, end)]
    return held[passing]


def test_a_month_of_radar_is_the_mean_of_power_in_decibels():
    """Of the last days, too; -30 to 0 dB are 0 to 255."""
    power = 10 ** (_looks("2020-01-01", "2020-02-01", "ASCENDING", "VH") / 10)
    decibels = 10 * np.log10(np.nanmean(power, axis=0))

    found = made("dataset", undated(["01_vh"], name="s1grdm-2020-asc"))["01_vh"]

    np.testing.assert_allclose(found, np.clip(np.rint((decibels + 30) / 30 * 255), 1, 255), atol=1)


def test_looks_are_counted_by_month_and_orbit():
    """A pixel of a scene that is masked there was not seen."""
    seen = np.isfinite(_looks("2020-03-01", "2020-04-01", "DESCENDING", "VV")).sum(axis=0)

    found = made("dataset", undated(["03_vvdes"], name="s1count-2020"))["03_vvdes"]

    np.testing.assert_array_equal(found, seen)


def test_where_nobody_looked_the_count_is_0():
    """Which is not nodata: orbits end near 82 degrees."""
    found = chip("s1count-2020", ["02_vvasc"], (14.41, 88.0))["02_vvasc"]

    assert (found == 0).all()


def test_floods_of_a_year_are_counted_and_their_longest_is_told():
    """Of all events that began in it, also of the one that ends in the next year."""
    held = stack("GLOBAL_FLOOD_DB/MODIS_EVENTS/V1", ["flooded", "duration"], "2016-01-01", "2017-01-01", scale=900)
    asked = undated(["floods", "flooded", "duration"], name="globalfloods-2016")

    found = made("dataset", asked, scale=900)

    assert len(held["flooded"]) == 12
    np.testing.assert_array_equal(found["floods"], held["flooded"].sum(axis=0))
    np.testing.assert_array_equal(found["flooded"], held["flooded"].max(axis=0))
    np.testing.assert_array_equal(found["duration"], held["duration"].max(axis=0))
    assert found["floods"].max() > 0


def test_trees_are_percent_and_water_is_masked():
    """MOD44B holds 200 where there is water."""
    stored = patch(ee.Image("MODIS/061/MOD44B/2020_03_05").select("Percent_Tree_Cover").unmask(253, False), 3000)
    percent = stored["Percent_Tree_Cover"].astype(float)

    found = made("dataset", undated(name="treecover2020"), scale=3000)["Percent_Tree_Cover"]

    np.testing.assert_array_equal(found, np.where(percent <= 100, percent, np.nan))
