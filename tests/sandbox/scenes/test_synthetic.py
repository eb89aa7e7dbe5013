"""The synthetic world: the same from every window, tile and zone, with clouds, shadows and a known ground."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation
from shapely import contains_xy
from shapely.geometry import Point, box
from synthetic_kit import DAY, JULY, OCTOBER, scenes, with_cover

from orchestrator.sandbox.scenes.ground import lonlat
from orchestrator.sandbox.scenes.layout import LAYERS, PROBABILITY, REFLECTANCE
from orchestrator.sandbox.scenes.mgrs import find
from orchestrator.sandbox.scenes.orbit import PLATFORMS, Pass
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue, SyntheticScene
from orchestrator.sandbox.scenes.weather import height


def test_a_second_world_of_the_same_seed_has_the_same_pixels(cloudy):
    """Nothing is stored, so everything must come from seed and place."""
    other = SyntheticCatalogue().scene(cloudy.asset_id)

    values, valid = other.read("B4", 0, 3000, 2000, 64, 64)

    expected, expected_valid = cloudy.read("B4", 0, 3000, 2000, 64, 64)
    assert np.array_equal(values, expected)
    assert np.array_equal(valid, expected_valid)
    assert dict(other.properties) == dict(cloudy.properties)


def test_another_seed_is_another_world(cloudy):
    """Same orbits, other ground and weather."""
    other = SyntheticCatalogue(seed=1).scene(cloudy.asset_id)

    values, _ = other.read("B4", 0, 3000, 2000, 64, 64)

    assert not np.array_equal(values, cloudy.read("B4", 0, 3000, 2000, 64, 64)[0])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.integers(0, 119),
    col=st.integers(0, 119),
    height=st.integers(1, 120),
    width=st.integers(1, 120),
    band=st.sampled_from(["B8", "SCL", "B1", "AOT", "QA60"]),
    level=st.sampled_from([0, 0, 1, 3]),
)
def test_a_window_is_cut_from_the_same_picture(cloudy, row, col, height, width, band, level):
    """Whatever the window, a pixel has one value: across the squares in which it is computed too."""
    side = LAYERS[band].metres
    # A seam of squares lies inside: they begin at multiples of 512 pixels of the zone.
    tile = cloudy.tile
    seam_row = (-(tile.north // side) // 512 + 9) * 512 + tile.north // side
    seam_col = ((tile.west // side) // 512 + 4) * 512 - tile.west // side
    r0, c0 = (seam_row - 120) >> level, (seam_col - 120) >> level
    whole, whole_valid = cloudy.read(band, level, r0, c0, 240, 240)

    values, valid = cloudy.read(band, level, r0 + row, c0 + col, height, width)

    assert np.array_equal(values, whole[row : row + height, col : col + width])
    assert np.array_equal(valid, whole_valid[row : row + height, col : col + width])


def test_there_is_no_step_where_squares_meet(world):
    """Relief and woods run on over the seam: its step is like any other step."""
    scene = with_cover(world, 0, 1)
    seam = ((scene.tile.west // 10) // 512 + 4) * 512 - scene.tile.west // 10

    values = scene.read("B8", 0, 1000, seam - 128, 2000, 256)[0].astype(float)

    steps = np.abs(np.diff(values, axis=1)).mean(axis=0)
    assert steps[127] < 1.35 * np.median(steps)


def test_clouds_have_no_step_where_squares_meet(cloudy):
    """The probability of a cloud changes slowly, over a seam too."""
    seam = ((cloudy.tile.west // 10) // 512 + 4) * 512 - cloudy.tile.west // 10
    scene = SyntheticScene(PROBABILITY, cloudy.tile, cloudy.overpass, cloudy._renderer)

    values = scene.read("probability", 0, 1000, seam - 8, 1500, 16)[0].astype(float)

    steps = np.abs(np.diff(values, axis=1)).max(axis=0)
    assert steps[7] <= 1.5 * np.max(np.delete(steps, 7))


def test_neighbours_of_one_zone_agree_in_their_overlap(world):
    """Two tiles of one pass show the same pixels, clouds and noise in the 9.8 km they share."""
    south = with_cover(world, 20, 80)
    north = SyntheticScene(REFLECTANCE, find("33TWM"), south.overpass, south._renderer)
    down = (north.tile.north - south.tile.north) // 10

    upper, _ = north.read("B3", 0, down, 4000, 200, 200)

    lower, _ = south.read("B3", 0, 0, 4000, 200, 200)
    assert np.array_equal(upper, lower)


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        pytest.param(12.0, 46.2, id="Alps"),
        pytest.param(180.0, -16.6, id="antimeridian"),
        pytest.param(36.0, -1.0, id="south of the equator"),
        pytest.param(-72.0, 0.0, id="on the equator"),
    ],
)
def test_zones_agree_where_they_meet(world, lon, lat):
    """The ground is a function of the place: each zone samples it with its own pixels, at most one apart."""
    from pyproj import Transformer  # noqa: PLC0415 - only here

    zone = int((lon + 180) // 6) % 60
    hemisphere = 32600 if lat > 0 else 32700
    west_zone, east_zone = hemisphere + (zone - 1) % 60 + 1, hemisphere + zone + 1
    shift = np.random.default_rng(5).uniform(-0.02, 0.02, (2, 4000))
    pixels = []
    for epsg in {west_zone, east_zone} if west_zone != east_zone else {west_zone, west_zone - 1}:
        to_zone = Transformer.from_crs(4326, epsg, always_xy=True)
        pixels.append(world.surface("B8", *to_zone.transform(lon + shift[0], lat + shift[1]), f"EPSG:{epsg}"))

    agree = np.corrcoef(pixels[0], pixels[1])[0, 1]

    assert agree > 0.85
    assert np.mean(np.abs(pixels[0] / pixels[1] - 1) < 0.05) > 0.6


def test_a_clear_scene_shows_the_known_surface(world):
    """What `surface` says is what the sensor sees, to its noise of 3 counts and 0.2 %."""
    scene = with_cover(world, 0, 0.5)
    rows, cols = np.mgrid[2000:2100, 2500:2600]
    x, y = scene.tile.west + (cols + 0.5) * 10, scene.tile.north - (rows + 0.5) * 10
    probability = SyntheticScene(PROBABILITY, scene.tile, scene.overpass, scene._renderer)

    values, valid = scene.read("B4", 0, 2000, 2500, 100, 100)

    clear = probability.read("probability", 0, 2000, 2500, 100, 100)[0] == 0
    truth = world.surface("B4", x, y, f"EPSG:{scene.tile.epsg}")
    lit = clear & valid & (np.abs(values / truth - 1) < 0.2)
    assert lit.mean() > 0.9
    assert np.abs(values[lit] - truth[lit]).max() < 5 * (3 + 0.002 * truth.max()) + 1


@pytest.mark.parametrize("band", ["B4", "B5", "B1"])
def test_the_known_surface_is_on_the_tiles_grid_in_the_south(world, band):
    """Southern grids of 60 m do not start at a multiple of 60 m: the truth lies on the same pixels."""
    region = box(150.9, -33.9, 151.0, -33.8)
    scene = next(
        scene
        for scene in scenes(world, region=region, end=OCTOBER, tile="56HLH")
        if not scene.read("MSK_CLDPRB", 2, 600, 600, 100, 100)[0].any()
    )
    metres = LAYERS[band].metres
    rows, cols = np.mgrid[0:30, 0:30] + 49980 // metres
    x, y = scene.tile.west + (cols + 0.5) * metres, scene.tile.north - (rows + 0.5) * metres

    values, valid = scene.read(band, 0, rows[0, 0], cols[0, 0], 30, 30)

    truth = world.surface(band, x, y, "EPSG:32756")
    assert valid.all()
    assert np.median(np.abs(values - truth)) < 6 + 0.004 * np.median(truth)


def test_a_cloudy_season_gives_the_surface_back(world):
    """The median of what two months show outside clouds and shadows is the known surface, to its noise."""
    stack = []
    for scene in scenes(world, tile="33TWL", end=JULY + 60 * DAY):
        classes = np.kron(scene.read("SCL", 0, 1250, 1000, 60, 60)[0], np.ones((2, 2), np.uint8))
        percent = np.kron(scene.read("MSK_CLDPRB", 0, 1250, 1000, 60, 60)[0], np.ones((2, 2), np.uint8))
        hidden = binary_dilation((percent > 50) | (classes == 3), iterations=5)
        stack.append(np.where(hidden, np.nan, scene.read("B4", 0, 2500, 2000, 120, 120)[0]))
    rows, cols = np.mgrid[2500:2620, 2000:2120]
    x, y = 499980 + (cols + 0.5) * 10, 5100000 - (rows + 0.5) * 10

    mosaic = np.nanmedian(np.array(stack), axis=0)

    error = np.abs(mosaic - world.surface("B4", x, y, "EPSG:32633"))
    assert np.isnan(np.array(stack)).mean() > 0.1
    assert np.median(error) < 3
    assert np.percentile(error, 99) < 25


def test_a_shadow_lies_away_from_the_sun(world, cloudy, place):
    """The shadow is the cloud moved away from the sun by its height over the tangent of the sun's elevation."""
    square = 1200
    scene = SyntheticScene(PROBABILITY, cloudy.tile, cloudy.overpass, cloudy._renderer)
    cloud = scene.read("probability", 0, *place, square, square)[0] > 20
    rows, cols = np.mgrid[place[0] : place[0] + square, place[1] : place[1] + square]
    x, y = cloudy.tile.west + (cols + 0.5) * 10, cloudy.tile.north - (rows + 0.5) * 10
    truth = world.surface("B8", x, y, f"EPSG:{cloudy.tile.epsg}")
    seen = cloudy.read("B8", 0, *place, square, square)[0]
    dark = (seen < 0.6 * truth) & ~cloud
    azimuth = np.radians(cloudy.properties["MEAN_SOLAR_AZIMUTH_ANGLE"])
    zenith = np.radians(cloudy.properties["MEAN_SOLAR_ZENITH_ANGLE"])
    reach = height(cloudy.overpass, 0) * np.tan(zenith) / 10

    def hit(towards):
        """Share of dark pixels with a cloud at the given turn from the sun's direction."""
        r, c = np.nonzero(dark)
        r = np.rint(r - reach * np.cos(azimuth + towards)).astype(int)
        c = np.rint(c + reach * np.sin(azimuth + towards)).astype(int)
        inside = (r >= 0) & (r < square) & (c >= 0) & (c < square)
        return cloud[r[inside], c[inside]].mean()

    assert dark.sum() > 1000
    assert hit(0.0) > 0.95
    assert hit(np.pi) < 0.7


def test_shadowed_land_is_dark_in_the_near_infrared(cloudy, place):
    """The recipe calls a pixel dark below a reflectance of 0.15: full shadows are."""
    classes, _ = cloudy.read("SCL", 0, place[0] // 2, place[1] // 2, 640, 640)

    infrared, _ = cloudy.read("B8A", 0, place[0] // 2, place[1] // 2, 640, 640)

    assert (classes == 3).sum() > 500
    assert np.median(infrared[classes == 3]) < 1500


@pytest.mark.parametrize(("value", "test"), [(9, lambda p: p >= 80), (8, lambda p: p >= 50), (4, lambda p: p < 25)])
def test_classes_agree_with_the_probability(cloudy, place, value, test):
    """High and medium clouds are probable, vegetation is not."""
    classes, _ = cloudy.read("SCL", 0, place[0] // 2, place[1] // 2, 640, 640)

    percent, _ = cloudy.read("MSK_CLDPRB", 0, place[0] // 2, place[1] // 2, 640, 640)

    assert (classes == value).any()
    assert test(percent[classes == value]).all()


def test_water_is_dark_and_classified(world):
    """Lakes and rivers have SCL 6 and hardly any near infrared."""
    scene = with_cover(world, 0, 0.5)
    classes, _ = scene.read("SCL", 0, 1250, 1125, 90, 90)

    infrared, _ = scene.read("B8A", 0, 1250, 1125, 90, 90)

    assert (classes == 6).sum() > 1000
    assert np.median(infrared[classes == 6]) < 400


def test_the_stated_cloud_cover_is_the_drawn_one(cloudy):
    """CLOUDY_PIXEL_PERCENTAGE is an estimate on a grid, within ten points of the probability above 50."""
    scene = SyntheticScene(PROBABILITY, cloudy.tile, cloudy.overpass, cloudy._renderer)

    percent, valid = scene.read("probability", 5, 0, 0, 344, 344)

    assert abs(100 * (percent[valid] > 50).mean() - cloudy.properties["CLOUDY_PIXEL_PERCENTAGE"]) < 10


def test_pixels_beyond_the_scene_are_invalid(cloudy):
    """A window may hang over every edge, and lie wholly outside."""
    values, valid = cloudy.read("B2", 0, -10, -10, 20, 20)

    assert not valid[:10].any()
    assert not valid[:, :10].any()
    assert valid[10:, 10:].all()
    assert (values[~valid] == 0).all()
    assert not cloudy.read("B2", 0, 20000, 0, 5, 5)[1].any()


def test_the_edge_of_the_swath_is_without_data(world):
    """Track 122 leaves the east of 33TWL unseen, as NODATA_PIXEL_PERCENTAGE says; the footprint holds all data."""
    scene = SyntheticScene(REFLECTANCE, find("33TWL"), Pass(PLATFORMS[0], 42590), world._renderer)

    _, valid = scene.read("MSK_CLDPRB", 4, 0, 0, 344, 344)

    assert 100 * (~valid).mean() == pytest.approx(scene.properties["NODATA_PIXEL_PERCENTAGE"], abs=3)
    assert valid[0, 0]
    assert not valid[-1, -1]
    assert not scene.footprint.contains(Point(16.3, 45.2))
    rows, cols = np.nonzero(valid[:343, :343])
    lon, lat = lonlat(32633, scene.tile.west + (cols + 0.5) * 320, scene.tile.north - (rows + 0.5) * 320)
    assert contains_xy(scene.footprint, lon, lat).all()


@pytest.mark.parametrize("band", list(LAYERS))
def test_every_band_reads_in_its_type(cloudy, band):
    """All bands of Level-2A are there, in Earth Engine's order, each on its native grid."""
    described = {entry.name: entry for entry in cloudy.bands}[band]

    values, valid = cloudy.read(band, 0, 10, 10, 8, 9)

    assert [entry.name for entry in cloudy.bands] == list(LAYERS)
    assert values.shape == valid.shape == (8, 9)
    assert values.dtype == LAYERS[band].dtype
    assert described.transform[0] * described.width == 109800
