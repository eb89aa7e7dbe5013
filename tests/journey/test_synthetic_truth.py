"""A world whose surface is known, under a cloudy season: does the mosaic recover it?"""

from __future__ import annotations

import journey_kit as kit
import numpy as np
import pytest
import rasterio
from small_job import write_area

from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue

BANDS = ("B3", "B8")
# 1.3 km across, in one tile.
PATCH = ((530_000, 5_100_000), (531_280, 5_100_000), (531_280, 5_101_280), (530_000, 5_101_280))


@pytest.fixture(scope="module")
def recovered(tmp_path_factory, program, service):
    """(mosaic, truth) as reflectance (band, row, col); NaN where the mosaic has nothing."""
    home = kit.Home(tmp_path_factory.mktemp("synthetic"), program, service)
    write_area(home.folder / "area.geojson", PATCH)
    words = [
        *("run", "--shapefile", "area.geojson", "--output", "out", "--base-name", "small"),
        *("--start-date", "2023-04-01", "--end-date", "2023-07-01", "--crs", "EPSG:32633", "--scale", "10"),
        *("--bands", ",".join(BANDS), "--param", "max_scene_cloud=80"),
        *("--sandbox-url", service.url, "--bucket", kit.BUCKET),
    ]
    home.command(*words).expect(0)
    with rasterio.open(home.final) as raster:
        pixels = raster.read(masked=True).filled(np.nan)
        transform, shape = raster.transform, raster.shape
    x = transform.c + (np.arange(shape[1]) + 0.5) * 10
    y = transform.f - (np.arange(shape[0]) + 0.5) * 10
    world = SyntheticCatalogue(seed=0)
    truth = np.stack([world.surface(band, x[None, :], y[:, None], "EPSG:32633") for band in BANDS]) / 10_000
    return home.proof(), pixels, truth


def test_the_mosaic_recovers_the_known_surface(recovered):
    """
    Half of all pixels are within 0.0003 of the true reflectance, 99 of 100 within 0.0015, the worst within 0.005.
    """
    proof, pixels, truth = recovered
    seen = ~np.isnan(pixels)
    error = np.abs(pixels - truth)[seen]
    scenes = proof["recipe"]["scenes"][-1]["scenes"]

    middle, p99, most = (float(np.quantile(error, q)) for q in (0.5, 0.99, 1))
    bias = float(np.mean((pixels - truth)[seen]))
    figures = f"median {middle:.5f}, 99 % {p99:.5f}, largest {most:.5f}, bias {bias:+.5f}"
    print(f"{scenes} scenes, {seen.mean():.1%} seen, error in reflectance: {figures}")  # noqa: T201  asked for

    # Why it is not smaller: a scene's noise is 3 counts and 0.2 % of the signal (a count is 0.0001), so about 10
    # counts in B8; the median of some 30 clear looks leaves 1.25 / sqrt(30) of that, 2 counts; each look is rounded
    # to whole counts; and thin cloud and cirrus below the recipe's 50 % probability brighten a few looks.
    assert scenes >= 20
    assert seen.mean() > 0.99
    assert middle < 0.0003
    assert p99 < 0.0015
    assert most < 0.005


def test_no_cloud_is_left(recovered):
    """The season was cloudy: scenes were left out as a whole, and of the others no cloud is in the mosaic."""
    proof, pixels, _ = recovered
    counts = [step["scenes"] for step in proof["recipe"]["scenes"]]

    assert counts[0] > counts[-1]
    assert np.nanmax(pixels[0]) < 0.4  # green: no cloud is as dark as that
