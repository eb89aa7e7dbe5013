"""Composites and series against numpy, from what each scene itself holds of a small patch."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from recipes_kit import made, request, scenes, stack

from orchestrator.recipes.registry import find_recipe

pytestmark = pytest.mark.usefixtures("client")
S2, SCORES = "COPERNICUS/S2_SR_HARMONIZED", "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
MAY, DAYS = ("2024-05-01", "2024-06-01"), ("2024-05-01", "2024-05-16")


def masked(values, keep):
    return np.where(keep, values, np.nan)


def over_scenes(reduce, values):
    """Reduce over the first axis; of nothing, NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return reduce(values, axis=0)


def same(found, expected, tolerance):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("score", "threshold"), [("cs_cdf", 0.6), ("cs", 0.8)])
def test_pixels_that_are_not_clear_enough_do_not_count(score, threshold):
    """The median of the reflectance whose score reaches the threshold."""
    seen = stack(S2, ["B4", "B8"], *DAYS)
    clear = stack(SCORES, [score], *DAYS)[score] >= threshold

    found = made("sentinel2-cloudscore", request(*DAYS, bands=["B4", "B8"], score=score, threshold=threshold))

    assert clear.any()
    assert not clear.all()
    for band in ("B4", "B8"):
        same(found[band], over_scenes(np.nanmedian, masked(seen[band], clear)) / 10_000, 1e-6)


def test_the_clearest_pixel_gives_all_its_bands():
    """A quality mosaic takes one scene for a pixel: the one of the highest score."""
    seen, score = stack(S2, ["B4", "B8"], *DAYS), stack(SCORES, ["cs_cdf"], *DAYS)["cs_cdf"]
    best = np.argmax(np.nan_to_num(masked(score, score >= 0.6), nan=-1), axis=0)

    found = made("sentinel2-cloudscore", request(*DAYS, bands=["B4", "B8"], method="quality", dtype="uint16"))

    for band in ("B4", "B8"):
        expected = np.take_along_axis(seen[band], best[None], axis=0)[0]  # at 30 m, a mean of nine
        np.testing.assert_array_equal(found[band], np.round(expected))


# What each band is called by the satellite (LANDSAT/*/C02/T1_L2).
TM = {"blue": "SR_B1", "nir": "SR_B4", "swir2": "SR_B7", "thermal": "ST_B6"}
OLI = {"blue": "SR_B2", "nir": "SR_B5", "swir2": "SR_B7", "thermal": "ST_B10"}
LANDSAT = {"LANDSAT/LT05": TM, "LANDSAT/LE07": TM, "LANDSAT/LC08": OLI, "LANDSAT/LC09": OLI}


def landsat(first, *satellites):
    """Return the counts of clear pixels, band by band (scene, row, col), of the month that begins so."""
    last = first[:-5] + f"{int(first[-5:-3]) + 1:02d}-01"
    layers = {band: [] for band in TM}
    for satellite in satellites:
        names = LANDSAT[satellite]
        seen = stack(f"{satellite}/C02/T1_L2", [*names.values(), "QA_PIXEL", "QA_RADSAT"], first, last)
        flags = np.nan_to_num(seen["QA_PIXEL"], nan=1).astype(int)
        clear = (flags & 0b11111 == 0) & (seen["QA_RADSAT"] == 0)
        for band, name in names.items():
            layers[band].append(masked(seen[name], clear))
    return {band: np.concatenate(each) for band, each in layers.items()}


@pytest.mark.parametrize(
    ("first", "satellites"),
    [
        pytest.param("2002-06-01", ("LANDSAT/LT05", "LANDSAT/LE07"), id="thematic mappers"),
        pytest.param("2024-05-01", ("LANDSAT/LC08", "LANDSAT/LC09"), id="operational land imagers"),
    ],
)
def test_satellites_are_put_together_by_the_names_of_their_bands(first, satellites):
    """Reflectance is count × 0.0000275 - 0.2 and temperature count × 0.00341802 + 149, of clear pixels."""
    counts = landsat(first, *satellites)
    last = first[:-5] + f"{int(first[-5:-3]) + 1:02d}-01"

    found = made("landsat-composite", request(first, last, bands=list(TM)))

    assert np.isnan(counts["nir"]).any()
    for band in TM:
        scale, offset = (0.00341802, 149.0) if band == "thermal" else (2.75e-5, -0.2)
        same(found[band], over_scenes(np.nanmedian, counts[band]) * scale + offset, 2e-5)


def test_whole_numbers_are_the_counts_of_landsat():
    """uint16 is (reflectance + 0.2) / 0.0000275, and its tags say so."""
    asked = request(*MAY, bands=["nir"], dtype="uint16", satellites="8")
    spec = find_recipe("landsat-composite").pixels(asked)

    found = made("landsat-composite", asked)

    assert (spec.scale, spec.offset) == (2.75e-5, -0.2)
    same(found["nir"], over_scenes(np.nanmedian, landsat("2024-05-01", "LANDSAT/LC08")["nir"]), 0.5)


@pytest.mark.parametrize("orbit", ["both", "ascending", "descending"])
def test_backscatter_is_the_median_of_decibels_of_the_orbits_asked_for(orbit):
    """Of scenes whose property says that they pass so."""
    passes = [scene.properties["orbitProperties_pass"] for scene in scenes("COPERNICUS/S1_GRD", *MAY)]
    kept = np.array([orbit in ("both", one.lower()) for one in passes])

    found = made("sentinel1-backscatter", request(*MAY, orbit=orbit))

    for band, decibels in stack("COPERNICUS/S1_GRD", ["VV", "VH"], *MAY).items():
        same(found[band], over_scenes(np.nanmedian, decibels[kept]), 1e-4)


@pytest.mark.parametrize(
    ("unit", "shown"), [("db", lambda power: 10 * np.log10(power)), ("power", lambda power: power)]
)
def test_a_mean_of_backscatter_is_one_of_power(unit, shown):
    """Decibels are 10 log10 of power; a mean of them would be too low."""
    decibels = stack("COPERNICUS/S1_GRD", ["VV"], *MAY)["VV"]

    found = made("sentinel1-backscatter", request(*MAY, bands=["VV"], method="mean", unit=unit))

    same(found["VV"], shown(over_scenes(np.nanmean, 10 ** (decibels / 10))), 1e-4)


def test_speckle_is_averaged_away():
    """Neighbours of one mean differ less than those of single looks."""
    rough, smooth = (made("sentinel1-backscatter", request(*DAYS, bands=["VV"], speckle_m=m)) for m in (0, 90))

    assert np.std(smooth["VV"]) < np.std(rough["VV"]) / 2


def index(nir, red):
    return np.where((nir < 0) | (red < 0), np.nan, (nir - red) / (nir + red))


def test_a_series_of_ndvi_has_the_median_of_each_step():
    """Steps are counted from the first day, and named by theirs."""
    found = made("ndvi-series", request("2024-05-01", "2024-05-21", step="10d"))

    assert list(found) == ["NDVI_2024_05_01", "NDVI_2024_05_11"]
    for name, days in zip(found, (("2024-05-01", "2024-05-11"), ("2024-05-11", "2024-05-21")), strict=True):
        seen, score = stack(S2, ["B8", "B4"], *days), stack(SCORES, ["cs_cdf"], *days)["cs_cdf"]
        values = masked(index(seen["B8"], seen["B4"]), score >= 0.6)
        same(found[name], over_scenes(np.nanmedian, values), 1e-6)


def test_ndvi_of_modis_takes_good_and_marginal_pixels():
    """SummaryQA 0 and 1; whole numbers are the index × 10 000."""
    seen = stack("MODIS/061/MOD13Q1", ["NDVI", "SummaryQA"], *MAY)

    found = made("ndvi-series", request(*MAY, source="modis", reducer="max", dtype="int16"))

    expected = over_scenes(np.nanmax, masked(seen["NDVI"], seen["SummaryQA"] <= 1))
    np.testing.assert_array_equal(found["NDVI_2024_05"], expected)


def test_ndvi_of_landsat_is_one_of_reflectance():
    """Counts have an offset: their own ratio would be another number."""
    days = ("2024-05-01", "2024-05-12")
    seen = stack("LANDSAT/LC08/C02/T1_L2", ["SR_B5", "SR_B4", "QA_PIXEL"], *days)
    later = stack("LANDSAT/LC09/C02/T1_L2", ["SR_B5", "SR_B4", "QA_PIXEL"], *days)
    seen = {band: np.concatenate([seen[band], later[band]]) for band in seen}
    clear = np.nan_to_num(seen["QA_PIXEL"], nan=1).astype(int) & 0b11111 == 0
    values = masked(index(*(seen[band] * 2.75e-5 - 0.2 for band in ("SR_B5", "SR_B4"))), clear)

    found = made("ndvi-series", request(*days, source="landsat", step="11d", reducer="mean"))

    same(found["NDVI_2024_05_01"], over_scenes(np.nanmean, values), 1e-5)


@pytest.mark.parametrize(
    ("satellite", "time", "unit", "quality"),
    [("terra", "Day", "celsius", "made"), ("aqua", "Night", "kelvin", "good"), ("both", "Day", "kelvin", "good")],
)
def test_a_series_of_temperature_has_the_mean_of_each_month(satellite, time, unit, quality):
    """Of pixels that were made, or of good ones alone; counts are fiftieths of a kelvin."""
    names = {"terra": ("MOD11A2",), "aqua": ("MYD11A2",), "both": ("MOD11A2", "MYD11A2")}[satellite]
    months = {"LST_2024_05": MAY, "LST_2024_06": ("2024-06-01", "2024-07-01")}
    params = {"satellite": satellite, "time": time.lower(), "unit": unit, "quality": quality}

    found = made("lst-series", request("2024-05-01", "2024-07-01", **params), scale=1000)

    assert list(found) == list(months)
    for name, month in months.items():
        seen = [stack(f"MODIS/061/{one}", [f"LST_{time}_1km", f"QC_{time}"], *month, scale=1000) for one in names]
        counts = np.concatenate([each[f"LST_{time}_1km"] for each in seen])
        flags = np.nan_to_num(np.concatenate([each[f"QC_{time}"] for each in seen]), nan=3).astype(int)
        kelvin = over_scenes(np.nanmean, masked(counts, flags % 4 <= (0 if quality == "good" else 1))) * 0.02
        same(found[name], kelvin - (273.15 if unit == "celsius" else 0), 1e-4)
