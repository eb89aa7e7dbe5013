"""Recipes on other collections, the whole way: from `run` to a file that holds what the scenes hold."""

from __future__ import annotations

import journey_kit as kit
import numpy as np
import pytest
import rasterio

from orchestrator.sandbox.scenes.world import WorldCatalogue

BOX = "14.40,46.00,14.41,46.01"
PATCH = "454515,5092815,457515,5095815"  # on Landsat's lattice


@pytest.fixture
def run(tmp_path, program, service):
    """Run a recipe over BOX to its end; return the home and the result's raster."""
    home = kit.Home(tmp_path, program, service)

    def ran(*words):
        told = ["run", "--area", BOX, "--output", "out", "--base-name", "small", *words]
        home.command(*told, "--sandbox-url", service.url, "--bucket", kit.BUCKET).expect(0)
        return home, home.final

    return ran


def held(scene, band, raster):
    """Return the values and the mask that a scene holds where a raster on its lattice lies."""
    a, _, c, _, e, f = next(each for each in scene.bands if each.name == band).transform
    left, top = raster.transform.c, raster.transform.f
    col, row = round((left - c) / a), round((top - f) / e)
    assert (left - c) / a == pytest.approx(col, abs=1e-6)
    return scene.read(band, 0, row, col, raster.height, raster.width)


def test_terrain_holds_the_heights_of_its_model(run):
    """Without dates; the proof names the model's makers."""
    side = 1 / 3600
    lattice = f"{side!r},0,{-180 - side / 2!r},0,{-side!r},{60 + side / 2!r}"
    home, final = run(
        *("--recipe", "terrain", "--param", "resampling=nearest", "--bands", "elevation,slope"),
        *("--crs", "EPSG:4326", "--crs-transform", lattice),
    )

    with rasterio.open(final) as raster:
        heights, slopes = raster.read(masked=True)
        stored, _ = held(WorldCatalogue(0).scene("USGS/SRTMGL1_003"), "elevation", raster)
        assert raster.descriptions == ("elevation", "slope")
    inside = ~np.ma.getmaskarray(heights)
    assert inside.sum() > 1000
    np.testing.assert_array_equal(heights.data[inside], stored[inside])
    assert 0 < slopes.max() < 60
    assert "SRTM V3 by NASA JPL" in home.proof()["attribution"]


def test_a_landsat_composite_of_one_scene_is_that_scene(run):
    """Its own counts where QA_PIXEL and QA_RADSAT are clear, nodata elsewhere."""
    scene = WorldCatalogue(0).scene("LANDSAT/LC08/C02/T1_L2/LC08_191028_20240506")
    lattice = ",".join(str(number) for number in scene.bands[0].transform)

    home, final = run(
        *("--area", f"{PATCH};EPSG:32633", "--crs", "EPSG:32633", "--crs-transform", lattice),
        *("--recipe", "landsat-composite", "--param", "satellites=8", "--param", "dtype=uint16", "--bands", "red,nir"),
        *("--start-date", "2024-05-06", "--end-date", "2024-05-07"),
    )

    with rasterio.open(final) as raster:
        pixels = raster.read()
        clear = held(scene, "QA_PIXEL", raster)[0].astype(int) & 0b11111 == 0
        clear &= held(scene, "QA_RADSAT", raster)[0] == 0
        stored = np.stack([held(scene, band, raster)[0] for band in ("SR_B4", "SR_B5")])
        assert (raster.scales, raster.offsets) == ((2.75e-5, 2.75e-5), (-0.2, -0.2))
    assert home.proof()["recipe"]["scenes"][-1]["scenes"] == 1
    assert 0 < clear.mean() < 1
    np.testing.assert_array_equal(pixels, np.where(clear, stored, 65_535))
