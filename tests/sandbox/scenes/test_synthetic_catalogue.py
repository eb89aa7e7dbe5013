"""Which scenes of the synthetic world there are, and what they say of themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from shapely.geometry import box
from synthetic_kit import ALPS, DAY, JULY, OCTOBER, scenes

from orchestrator.sandbox.scenes.catalogue import UnboundedQueryError
from orchestrator.sandbox.scenes.layout import PROBABILITY, REFLECTANCE
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue


def test_a_tile_is_seen_every_five_days(world):
    """Two platforms share each track: in forty days a track over a tile is flown eight times."""
    times = [
        scene.properties["system:time_start"]
        for scene in scenes(world, tile="33TWL")
        if scene.properties["SENSING_ORBIT_NUMBER"] == 122
    ]

    assert len(times) == 8
    assert np.diff(times) == pytest.approx(5 * DAY, abs=1)


def test_scenes_come_in_order_and_within_dates_and_region(world):
    """Ordered by (time, index), start included and end excluded, and each footprint touches the region."""
    found = scenes(world)
    keys = [(scene.properties["system:time_start"], scene.index) for scene in found]
    second = keys[1][0]

    later = scenes(world, start=second)
    earlier = scenes(world, end=second)

    assert keys == sorted(keys)
    assert all(scene.footprint.intersects(ALPS) for scene in found)
    assert later[0].properties["system:time_start"] == second
    assert all(scene.properties["system:time_start"] < second for scene in earlier)


def test_both_collections_have_the_same_indices(world):
    """The recipe joins them by system:index."""
    reflectance = [scene.index for scene in scenes(world)]

    assert [scene.index for scene in scenes(world, collection=PROBABILITY)] == reflectance


def test_a_scene_is_found_by_its_name(world, cloudy):
    """And only by its whole name."""
    assert world.scene(cloudy.asset_id).asset_id == cloudy.asset_id
    assert world.scene(cloudy.asset_id.replace("33TWL", "33TWZ")) is None
    assert world.scene(cloudy.asset_id.replace("_T33", "_33")) is None
    assert world.scene(cloudy.asset_id.replace("/20", "/19")) is None
    assert world.scene("LANDSAT/" + cloudy.index) is None


def test_the_properties_people_filter_by_are_there(cloudy):
    """Names as in Earth Engine's catalogue."""
    wanted = {
        "CLOUDY_PIXEL_PERCENTAGE",
        "MEAN_SOLAR_AZIMUTH_ANGLE",
        "MEAN_SOLAR_ZENITH_ANGLE",
        "MGRS_TILE",
        "NODATA_PIXEL_PERCENTAGE",
        "PRODUCT_ID",
        "SENSING_ORBIT_NUMBER",
        "SPACECRAFT_NAME",
        "system:index",
        "system:time_start",
    }

    assert wanted <= set(cloudy.properties)
    assert cloudy.properties["MGRS_TILE"] == "33TWL"
    assert cloudy.index.endswith("_T33TWL")


@pytest.mark.parametrize(
    ("region", "start", "end"),
    [
        pytest.param(None, JULY, OCTOBER, id="no region"),
        pytest.param(box(-10, 40, 8, 52), None, None, id="a large country without dates"),
    ],
)
def test_a_query_without_limits_is_refused(world, region, start, end):
    """The Earth over twenty years is never enumerated."""
    with pytest.raises(UnboundedQueryError):
        next(world.scenes(REFLECTANCE, region, start, end))


def test_an_unknown_band_is_named(cloudy):
    """Asking for what is not there says what is."""
    with pytest.raises(KeyError, match="B10"):
        cloudy.read("B10", 0, 0, 0, 1, 1)


def test_threads_read_the_same_as_one(cloudy):
    """The cache is shared; what it holds does not depend on who came first."""
    scene = SyntheticCatalogue().scene(cloudy.asset_id)
    bands = ["B2", "B3", "B4", "B8"] * 2

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda band: scene.read(band, 0, 900, 900, 64, 64)[0], bands))

    assert all(
        np.array_equal(part, cloudy.read(band, 0, 900, 900, 64, 64)[0]) for part, band in zip(parts, bands, strict=True)
    )
