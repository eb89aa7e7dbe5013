"""
Real scenes over east Slovenia, through the whole program, against numpy.

The expected pixels are computed here from the JPEG 2000 files and the published steps of Google's tutorial
"Sentinel-2 Cloud Masking with s2cloudless" alone; nothing of the sandbox's evaluator or of the recipe is used.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from pathlib import Path

import geopandas
import journey_kit as kit
import numpy as np
import pytest
import rasterio
import rasterio.features

BANDS = {"B2": "B02", "B3": "B03", "B4": "B04", "B8": "B08"}
PROBABILITY_OF_CLASS = {9: 100, 8: 65, 10: 40, 3: 20}
WATER = 6
NODATA = -9999.0

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Scene:
    """One acquisition: its rasters on their 120 m grid, 0 being no data, and where the sun stood."""

    name: str
    left: float
    top: float
    sun_azimuth: float
    bands: dict[str, np.ndarray]

    @property
    def classes(self):
        return self.bands["SCL"]

    def nearest(self, values, metres, x, y):
        """Values of a grid of `metres` from the scene's corner at centres x, y; and which lie on it."""
        cols = np.floor((x - self.left) / metres + 1e-6).astype(int)
        rows = np.floor((self.top - y) / metres + 1e-6).astype(int)
        on_rows, on_cols = ((at >= 0) & (at < size) for at, size in zip((rows, cols), values.shape, strict=True))
        found = values[np.ix_(np.clip(rows, 0, values.shape[0] - 1), np.clip(cols, 0, values.shape[1] - 1))]
        return found, on_rows[:, None] & on_cols[None, :]

    def centres(self, metres):
        """Centres (x, y) of the pixels of `metres` that cover the scene."""
        height, width = (side * 120 // metres for side in self.classes.shape)
        at = lambda count: (np.arange(count) + 0.5) * metres  # noqa: E731  two lines would say no more
        return self.left + at(width), self.top - at(height)

    def resampled(self, values, metres):
        """A raster of the scene, by nearest neighbour, on its grid of `metres`."""
        return self.nearest(values, 120, *self.centres(metres))[0]


def read_scene(folder):
    item = json.loads(next(folder.glob("S2*.json")).read_text())
    bands = {}
    for name in (*BANDS.values(), "SCL"):
        with rasterio.open(folder / f"{name}.tif") as source:
            bands[name] = source.read(1)
            left, top = source.transform.c, source.transform.f
    return Scene(folder.name, left, top, item["properties"]["view:sun_azimuth"], bands)


def cloud_of(classes):
    """Where the probability that a class of SCL stands for is above 50; no data is no cloud."""
    probability = np.zeros(classes.shape, int)
    for number, percent in PROBABILITY_OF_CLASS.items():
        probability[classes == number] = percent
    return probability > 50


def shadow_cast(scene):
    """Pixels of 100 m that have a cloud within 10 pixels in the direction of the sun, themselves included."""
    cloud = np.pad(cloud_of(scene.resampled(scene.classes, 100)), 10)
    towards_sun = math.radians(90 - scene.sun_azimuth)
    height, width = cloud.shape[0] - 20, cloud.shape[1] - 20
    reached = np.zeros((height, width), bool)
    for step in range(11):
        east = math.floor(step * math.cos(towards_sun) + 0.5)
        south = math.floor(-step * math.sin(towards_sun) + 0.5)
        reached |= cloud[10 + south : 10 + south + height, 10 + east : 10 + east + width]
    return reached


def spoilt(scene, x, y):
    """Cloud or shadow, opened by 2 and dilated by 5 pixels of 20 m, at centres x, y."""
    classes, nir = scene.resampled(scene.classes, 20), scene.resampled(scene.bands["B08"], 20)
    cast = scene.nearest(shadow_cast(scene), 100, *scene.centres(20))[0]
    valid = (classes != 0) & (nir != 0)
    bad = cloud_of(classes) | (cast & (nir < 1500) & (classes != WATER))
    # The least of the valid pixels around: what is not valid must not decide. It is known beyond the scene's edge
    # too, as far as something valid is near.
    opened = around(np.where(valid, bad, True), 2, np.logical_and, outside=True)
    known = around(valid, 2, np.logical_or, outside=False)
    # Where nothing valid is near enough to tell, the mask is not valid either.
    return dilated_at(opened & known, scene, x, y) | ~dilated_at(known, scene, x, y)


def around(values, radius, operation, *, outside):
    """Combine the pixels of a disc around each pixel, and around those within `radius` of the edge."""
    height, width = (side + 2 * radius for side in values.shape)
    padded = np.pad(values, 2 * radius, constant_values=outside)
    views = (padded[radius + row :, radius + col :][:height, :width] for row, col in disc(radius))
    return functools.reduce(operation, views)


def disc(radius):
    """Offsets (row, col) of the pixels whose centre is within `radius`."""
    span = range(-radius, radius + 1)
    return [(row, col) for row in span for col in span if row * row + col * col <= radius * radius]


def dilated_at(bad, scene, x, y):
    """Whether a bad pixel lies within 5 of the one that each centre falls into; `bad` begins 2 beyond the edge."""
    cols = np.floor((x - scene.left) / 20 + 1e-6).astype(int) + 2
    rows = np.floor((scene.top - y) / 20 + 1e-6).astype(int) + 2
    padded = np.pad(bad, 1)  # one ring of False catches everything outside
    found = np.zeros((rows.size, cols.size), bool)
    for row, col in disc(5):
        at_rows = np.clip(rows + row + 1, 0, padded.shape[0] - 1)
        at_cols = np.clip(cols + col + 1, 0, padded.shape[1] - 1)
        found |= padded[np.ix_(at_rows, at_cols)]
    return found


def expected(scenes, x, y):
    """The mosaic (band, row, col), NaN where no scene is clear."""
    layers = {name: [] for name in BANDS}
    for scene in scenes:
        bad = spoilt(scene, x, y)
        for name, file in BANDS.items():
            counts, on = scene.nearest(scene.bands[file], 120, x, y)
            layers[name].append(np.where(on & (counts != 0) & ~bad, counts / np.float32(10_000), np.float32(np.nan)))
    return np.stack([median(np.stack(layers[name])) for name in BANDS]).astype(np.float32)


def median(values):
    """Middle value of those that are not NaN, the mean of both where their number is even."""
    ordered, count = np.sort(values, axis=0), np.sum(~np.isnan(values), axis=0)
    low, high = (np.take_along_axis(ordered, np.maximum(at, 0)[None], 0)[0] for at in ((count - 1) // 2, count // 2))
    return np.where(count > 0, (low + np.where(count > 0, high, 0)) / 2, np.nan)


@pytest.fixture(scope="module")
def folder():
    if kit.real_data() is None:
        pytest.skip("no real scenes: set ORCHESTRATOR_TEST_DATA to their folder")
    return kit.real_data()


@pytest.fixture(scope="module")
def scenes(folder):
    return [read_scene(each) for each in sorted((folder / "l2a_120m_T33TWL_T33TWM").iterdir()) if each.is_dir()]


@pytest.fixture(scope="module")
def service(tmp_path_factory, program, folder):
    there = folder / "l2a_120m_T33TWL_T33TWM"
    with kit.Service(program, tmp_path_factory.mktemp("sandbox"), "--scenes", str(there)) as service:
        yield service


def slovenia(folder, *more):
    """Options of the job over Slovenia."""
    return [
        *("--shapefile", str(folder / "aoi" / "svn_border.geojson"), "--start-date", "2023-08-01"),
        *("--end-date", "2023-09-01", "--scale", "120", "--crs-transform", "120,0,499980,0,-120,5200020"),
        *("--recipe", "sentinel2-cloudless", "--bands", "B2,B3,B4,B8", "--max-size-mb", "48"),
        *more,
    ]


class SceneHome(kit.Home):
    """A home whose job is Slovenia's."""

    def job(self, *more):
        own = super().job(*more)
        drop = own.index("--param")
        return own[:drop] + own[drop + 2 :]


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory, program, service, folder):
    """The finished run, and its raster as (bands, mask of nodata, x of columns, y of rows)."""
    home = SceneHome(tmp_path_factory.mktemp("slovenia"), program, service)
    done = home.run(*slovenia(folder)).expect(0)
    with rasterio.open(home.final) as raster:
        pixels, transform = raster.read(), raster.transform
        assert raster.descriptions == tuple(BANDS)
        assert (raster.nodata, raster.crs.to_epsg(), raster.dtypes[0]) == (NODATA, 32633, "float32")
        x = transform.c + (np.arange(raster.width) + 0.5) * 120
        y = transform.f - (np.arange(raster.height) + 0.5) * 120
    return done, pixels, x, y, transform


@pytest.fixture(scope="module")
def inside(mosaic, folder):
    """Pixels whose centre lies in Slovenia."""
    _, pixels, _, _, transform = mosaic
    border = geopandas.read_file(folder / "aoi" / "svn_border.geojson").geometry
    return rasterio.features.geometry_mask(border, pixels.shape[1:], transform, invert=True)


@pytest.fixture(scope="module")
def oracle(mosaic, scenes):
    _, _, x, y, _ = mosaic
    return expected(scenes, x, y)


def test_the_grid_is_the_lattice_that_was_asked_for(mosaic, folder):
    """Every pixel lies on the given lattice, and the whole border within the raster."""
    _, pixels, _, _, transform = mosaic
    left, bottom, right, top = geopandas.read_file(folder / "aoi" / "svn_border.geojson").total_bounds

    assert ((transform.c - 499_980) % 120, (5_200_020 - transform.f) % 120) == (0, 0)
    assert transform.c <= left < transform.c + 120
    assert transform.f - 120 < top <= transform.f
    assert transform.c + 120 * pixels.shape[2] >= right
    assert transform.f - 120 * pixels.shape[1] <= bottom


def test_every_pixel_is_the_one_numpy_computes(mosaic, oracle, inside):
    """Equal to the last bit wherever numpy has a value, nodata exactly where it has none."""
    pixels = mosaic[1]
    wanted = np.where(inside & ~np.isnan(oracle), oracle, np.float32(NODATA))

    differing = np.count_nonzero(pixels != wanted)

    assert np.count_nonzero(wanted != NODATA) > 1_000_000
    assert differing == 0, f"{differing} of {wanted.size} pixels differ"


def test_answers_to_requests_bring_the_same_pixels(tmp_path, program, service, folder, mosaic):
    """Without an export, in requests of which none is refused."""
    service.delete("/sandbox/pixels")
    home = SceneHome(tmp_path, program, service)

    home.run(*slovenia(folder, "--route", "pixels")).expect(0)

    np.testing.assert_array_equal(home.pixels(), mosaic[1])
    assert set(service.state()["pixels"]["statuses"]) == {"200"}


def test_outside_the_area_is_nodata(mosaic, inside):
    """Not one value where the centre of a pixel lies outside the border."""
    assert np.all(mosaic[1][:, ~inside] == NODATA)


def test_clouds_are_gone(mosaic, oracle, scenes, inside):
    """No pixel comes from a scene's cloud: where every scene that sees it is cloudy, there is nodata."""
    _, pixels, x, y, _ = mosaic
    clear = np.zeros(pixels.shape[1:], bool)
    for scene in scenes:
        classes, on = scene.nearest(scene.classes, 120, x, y)
        blue = scene.nearest(scene.bands["B02"], 120, x, y)[0]
        clear |= on & (blue != 0) & ~cloud_of(classes)
    never_clear = inside & ~clear

    shown = pixels[0] != NODATA

    assert np.count_nonzero(shown) > 0
    assert not np.any(shown & never_clear)
    assert np.count_nonzero(never_clear) > 0  # there were clouds to remove
    assert oracle.shape == pixels.shape


def test_many_parts_give_the_pixels_of_few(tmp_path, program, service, folder, mosaic):
    """Cut into blocks of 256 pixels, shadows and dilated clouds cross every seam; the pixels are the same."""
    home = SceneHome(tmp_path, program, service)

    done = home.run(*slovenia(folder, "--max-size-mb", "1.6"), ORCHESTRATOR_EE__LIVE_TASKS="40").expect(0)

    before, after = (len(proof(outcome)["parts"]) for outcome in (mosaic[0], done))
    assert after > before
    assert np.array_equal(home.pixels(), mosaic[1])


def proof(outcome):
    return json.loads(Path(outcome.summary["proof"]).read_text())
