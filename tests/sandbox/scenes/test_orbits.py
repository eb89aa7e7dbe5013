"""Landsat and Sentinel-1 fly as they fly: published scenes exist, at their place and time."""

from __future__ import annotations

import itertools

import pytest
import shapely

LJUBLJANA = shapely.Point(15.15, 45.72)
JULY, DAY = 1688169600000, 86_400_000


@pytest.mark.parametrize(
    ("index", "collection"),
    [
        ("LC08_044034_20140318", "LC08"),
        ("LC08_186059_20130419", "LC08"),
        ("LC08_123032_20140515", "LC08"),
        ("LC08_038032_20160820", "LC08"),
        ("LC08_045033_20171011", "LC08"),
        ("LC09_044034_20220111", "LC09"),
        ("LE07_233058_20011113", "LE07"),
        ("LT05_034033_20000913", "LT05"),
        ("LT05_044034_20080214", "LT05"),
    ],
)
def test_a_landsat_scene_of_the_documentation_exists_in_one_of_the_tiers(earth, index, collection):
    """Path, row and day of scenes that the guides and the reference name."""
    found = [earth.scene(f"LANDSAT/{collection}/C02/{tier}_L2/{index}") for tier in ("T1", "T2")]

    (scene,) = [each for each in found if each is not None]

    assert scene.properties["WRS_PATH"] == int(index[5:8])
    assert scene.properties["WRS_ROW"] == int(index[8:11])


@pytest.mark.parametrize("index", ["LC08_044034_20140319", "LC08_234034_20140318", "LC08_044034_99999999", "LC08"])
def test_no_landsat_scene_is_made_up_for_another_day(earth, index):
    """The day after a pass there is nothing."""
    assert earth.scene(f"LANDSAT/LC08/C02/T1_L2/{index}") is None


def test_a_landsat_scene_is_centred_where_its_path_and_row_are(earth):
    """WRS-2 path 44, row 34: San Francisco, 37.47 N, 122.08 W (USGS)."""
    scene = earth.scene("LANDSAT/LC08/C02/T1_L2/LC08_044034_20140318")

    assert shapely.centroid(scene.footprint).distance(shapely.Point(-122.08, 37.47)) < 0.15
    assert scene.bands[0].crs == "EPSG:32610"


def test_a_published_slice_of_sentinel_1_lies_where_it_was_published(earth):
    """S1A, orbit 30172, 2019-12-02 16:34:55, relative orbit 175, cycle 186, slice over 18.8 E, 49.3 N."""
    time = 1575304495000
    found = list(earth.scenes("COPERNICUS/S1_GRD", shapely.Point(18.8, 49.3), time, time + 1))

    assert [scene.properties["system:time_start"] for scene in found] == [time]
    properties = found[0].properties
    assert found[0].asset_id.startswith("COPERNICUS/S1_GRD/S1A_IW_GRDH_1SDV_20191202T163455_20191202T163520_030172_")
    assert (properties["relativeOrbitNumber_start"], properties["cycleNumber"]) == (175, 186)
    assert properties["orbitProperties_pass"] == "ASCENDING"  # noqa: S105 - a pass, no password
    assert properties["startTimeANX"] == pytest.approx(789446.6, abs=1.0)
    assert properties["orbitProperties_ascendingNodeTime"] == 1575303706150
    assert shapely.centroid(found[0].footprint).distance(shapely.Point(18.8, 49.3)) < 0.3


def test_sentinel_1_sees_a_place_from_its_three_tracks(earth):
    """Ljubljana lies on relative orbits 22 and 124 (descending) and 146 (ascending), each twelve days apart."""
    found = list(earth.scenes("COPERNICUS/S1_GRD", LJUBLJANA, JULY, JULY + 24 * DAY))

    tracks = sorted((scene.properties["relativeOrbitNumber_start"]) for scene in found)
    assert tracks == [22, 22, 124, 124, 146, 146]


@pytest.mark.parametrize(
    ("collection", "days", "expected"),
    [("LANDSAT/LC08/C02/T1_L2", 16, 1), ("LANDSAT/LC08/C02/T2_L2", 16, 1), ("COPERNICUS/S1_GRD", 12, 3)],
)
def test_revisits_are_those_of_the_orbit(earth, collection, days, expected):
    """A cycle later everything comes again."""
    found = list(earth.scenes(collection, LJUBLJANA, JULY, JULY + 320 * DAY))
    if collection.startswith("LANDSAT"):
        other = collection.replace("T1", "TX").replace("T2", "T1").replace("TX", "T2")
        found += list(earth.scenes(other, LJUBLJANA, JULY, JULY + 320 * DAY))

    assert len(found) == pytest.approx(expected * 320 / days, abs=2)


@pytest.mark.parametrize(
    "collection", ["LANDSAT/LC08/C02/T1_L2", "LANDSAT/LT04/C02/T1_L2", "COPERNICUS/S1_GRD", "ESA/WorldCover/v100"]
)
def test_a_collection_without_bounds_has_a_first_image(earth, collection):
    """Scenes come one by one in the order of time."""
    first, *more = itertools.islice(earth.scenes(collection, None, None, None), 20)

    times = [scene.properties["system:time_start"] for scene in (first, *more)]
    assert times == sorted(times)
    assert earth.scene(first.asset_id).asset_id == first.asset_id


@pytest.mark.parametrize("collection", ["LANDSAT/LC08/C02/T1_L2", "COPERNICUS/S1_GRD"])
def test_a_scene_is_found_by_place_and_time_and_by_its_id(earth, collection):
    """A query and a look-up give the same image."""
    for scene in itertools.islice(earth.scenes(collection, LJUBLJANA, JULY, JULY + 40 * DAY), 3):
        again = earth.scene(scene.asset_id)

        assert dict(again.properties) == dict(scene.properties)
        assert again.footprint.intersects(LJUBLJANA)
