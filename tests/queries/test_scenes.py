"""Which scenes are found, and what their table says: the real client, a sandbox of scenes that the test has placed."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import shapely
from placed_world import BOX, GRID, S2

from orchestrator.core.errors import UserError
from orchestrator.model.scene import SceneQuery
from orchestrator.queries.search import search

PROBABILITY = "COPERNICUS/S2_CLOUD_PROBABILITY"
S1 = "COPERNICUS/S1_GRD"
# The columns that notebooks written for georeader expect, with their types.
COLUMNS = {
    "system:time_start": "int64",
    "cloudcoverpercentage": "float64",
    "cloud_cover": "float64",
    "gee_id": "str",
    "proj": "object",
    "collection_name": "str",
    "geometry": "geometry",
    "utcdatetime": "datetime64[ms, UTC]",
    "overlappercentage": "float64",
    "solardatetime": "datetime64[ms]",
    "solarday": "str",
    "localdatetime": "datetime64[ms, UTC]",
    "satellite": "str",
}


def question(collection="s2-l2a", area=BOX, start=date(2024, 6, 1), end=date(2024, 7, 1), **more):
    return SceneQuery(collection, start, end, shapely.box(*area).wkb, **more)


@pytest.fixture
def ask(engine):
    """`ask(collection, ...)` returns what is found."""

    def asked(collection="s2-l2a", *, extra=(), s2cloudless=False, **more):
        return search(question(collection, **more), engine, lambda _: None, extra=extra, s2cloudless=s2cloudless)

    return asked


def indices(found):
    return [one.row.index for one in found.scenes]


def told(frame):
    """The types of the columns; texts are `object` in older versions of pandas."""
    return {name: str(kind) for name, kind in frame.dtypes.items()}


def test_the_table_has_the_columns_that_notebooks_expect(catalogue, ask):
    """In this order, and its index is the title."""
    catalogue.put("one", PRODUCT_ID="S2A_MSIL2A_one", CLOUDY_PIXEL_PERCENTAGE=12.5, MGRS_TILE="33NUA")

    frame = ask().frame()

    text = str(pd.Series(["a"], dtype="str").dtype)
    assert told(frame) == {name: text if kind == "str" else kind for name, kind in COLUMNS.items()} | {
        "MGRS_TILE": text
    }
    assert (list(frame.index), frame.index.name, frame.crs.to_epsg()) == (["S2A_MSIL2A_one"], "title", 4326)


def test_a_scene_is_told_as_the_service_has_it(catalogue, ask):
    """Cloud cover under both of its names; the grid is that of the band B2."""
    catalogue.put("one", "2024-06-03T10:00:00.250", PRODUCT_ID="S2B_one", CLOUDY_PIXEL_PERCENTAGE=12.5)

    row = ask().frame().iloc[0]

    assert (row["cloudcoverpercentage"], row["cloud_cover"]) == (12.5, 12.5)
    assert (row["gee_id"], row["collection_name"], row["satellite"]) == ("one", S2, "S2B")
    assert row["proj"] == {"crs": GRID[0], "transform": list(GRID[1])}
    assert row["utcdatetime"] == pd.Timestamp("2024-06-03T10:00:00.250Z")
    assert row["system:time_start"] == 1_717_408_800_250


def test_no_scene_is_an_empty_table_with_all_columns_and_a_sentence(catalogue, ask):
    """Columns and types are those of a table with scenes, so that what follows runs."""
    catalogue.put("elsewhere", box=(-60, 0, -59, 1))

    found = ask(s2cloudless=True)

    frame = found.frame()
    assert (len(frame), list(frame)) == (0, [*COLUMNS, "s2cloudless", "MGRS_TILE"])
    assert {kind for kind in COLUMNS.values() if kind != "str"} <= set(told(frame).values())
    assert len(frame[frame["cloud_cover"] < 20]) == 0
    assert found.notes == ("no scene of s2-l2a touches the area from 2024-06-01 to 2024-07-01, the end not included",)


def test_conditions_that_no_scene_fulfils_are_named_with_how_many_there_are_without(catalogue, ask):
    """Whether the area or the filter is to blame."""
    for index in "ab":
        catalogue.put(index, CLOUDY_PIXEL_PERCENTAGE=50, MGRS_TILE="33NUA")

    found = ask(max_cloud=20, filters=("MGRS_TILE == 33NUB",))

    assert len(found.notes) == 1
    assert found.notes[0].startswith("none of the 2 scenes of s2-l2a that touch the area from 2024-06-01 to 2024-07-01")
    assert found.notes[0].endswith("fulfils MGRS_TILE == 33NUB and CLOUDY_PIXEL_PERCENTAGE <= 20")


def test_a_property_that_no_scene_has_is_named(catalogue, ask):
    """A slip of the pen is not told as scenes that do not fulfil it."""
    for index in "ab":
        catalogue.put(index, CLOUDY_PIXEL_PERCENTAGE=5, MGRS_TILE="33NUA")

    found = ask(max_cloud=20, filters=("MGRS_TILE == 33NUA", "MGRS_TIL == 33NUA"))

    assert found.notes == ("none of the 2 scenes of s2-l2a has the property MGRS_TIL; did you mean 'MGRS_TILE'?",)


def test_the_end_is_the_day_after_the_last(catalogue, ask):
    """Half open: a scene at the beginning counts, one at the end does not."""
    for index, time in (("first", "2024-06-01T00:00:00"), ("last", "2024-06-30T23:59:59.999")):
        catalogue.put(index, time)
    catalogue.put("before", "2024-05-31T23:59:59.999")
    catalogue.put("end", "2024-07-01T00:00:00")

    assert indices(ask()) == ["first", "last"]


def test_a_time_of_day_begins_and_ends_within_days_and_names_the_zone_of_local_times(catalogue, ask):
    """12:00 in Ljubljana in June is 10:00 UTC."""
    here = ZoneInfo("Europe/Ljubljana")
    for hour in (9, 10, 11):
        catalogue.put(f"h{hour}", f"2024-06-03T{hour:02d}:00:00")

    found = ask(start=datetime(2024, 6, 3, 12, tzinfo=here), end=datetime(2024, 6, 3, 13, tzinfo=here))

    assert indices(found) == ["h10"]
    assert found.frame()["localdatetime"].iloc[0].isoformat() == "2024-06-03T12:00:00+02:00"


@pytest.mark.parametrize("longitude", [-170.0, 15.0, 172.5])
def test_the_solar_day_is_that_of_the_longitude_of_the_centre(catalogue, ask, longitude):
    """UTC and four minutes for each degree."""
    box = (longitude - 0.5, 0.0, longitude + 0.5, 1.0)
    catalogue.put("one", "2024-06-03T13:00:00", box)

    row = ask(area=box).frame().iloc[0]

    solar = datetime(2024, 6, 3, 13) + timedelta(minutes=4 * longitude)  # noqa: DTZ001  the sun has no zone
    assert abs(row["solardatetime"].to_pydatetime() - solar) < timedelta(seconds=1)
    assert row["solarday"] == solar.date().isoformat()


def test_the_share_of_the_area_is_told_in_per_cent_of_its_square_metres(catalogue, ask):
    """The northern 4 of 8 degrees; on a sphere areas are as the sines of latitudes."""
    catalogue.put("north", box=(15, 54, 15.2, 58))
    sine = {lat: math.sin(math.radians(lat)) for lat in (50, 54, 58)}
    expected = 100 * (sine[58] - sine[54]) / (sine[58] - sine[50])

    share = ask(area=(15, 50, 15.2, 58)).frame()["overlappercentage"].iloc[0]

    assert expected < 48
    assert share == pytest.approx(expected, abs=0.1)


def test_of_one_day_and_satellite_only_scenes_are_kept_that_add_to_the_area(catalogue, ask):
    """The whole area first, then nothing is left; the next day and the other satellite count for themselves."""
    west, whole = (14.9, 0.4, 15.2, 1.1), (14.9, 0.4, 15.6, 1.1)
    catalogue.put("a-west", "2024-06-03T10:00:00", west, PRODUCT_ID="S2A_1")
    catalogue.put("a-whole", "2024-06-03T10:00:10", whole, PRODUCT_ID="S2A_2")
    catalogue.put("b-west", "2024-06-03T10:30:00", west, PRODUCT_ID="S2B_1")
    catalogue.put("next-west", "2024-06-04T10:00:00", west, PRODUCT_ID="S2A_3")

    assert indices(ask()) == ["a-whole", "b-west", "next-west"]
    assert indices(ask(unique=False)) == ["a-west", "a-whole", "b-west", "next-west"]


def test_of_two_scenes_of_one_place_the_one_processed_last_is_kept(catalogue, ask):
    """Its title is the greater one: of a later baseline."""
    for index, baseline in (("new", "N0510"), ("old", "N0509")):
        catalogue.put(index, PRODUCT_ID=f"S2A_MSIL2A_20240601T100000_{baseline}_R122_T33NUA")

    assert indices(ask()) == ["new"]


def test_passes_of_one_day_count_for_themselves(catalogue, ask):
    """Sentinel-1 looks from another side in each; scenes in one polarisation are not of this kind."""
    both = {"transmitterReceiverPolarisation": ["VV", "VH"], "instrumentMode": "IW"}
    for index, told_of in (("S1A_1", both), ("S1A_2", both), ("S1A_3", both | {"instrumentMode": "EW"})):
        way = "ASCENDING" if index == "S1A_1" else "DESCENDING"
        catalogue.put(index, collection=S1, band="VV", orbitProperties_pass=way, **told_of)
    catalogue.put("S1A_4", collection=S1, band="HH", transmitterReceiverPolarisation=["HH"], instrumentMode="IW")

    frame = ask("s1").frame()

    assert frame["orbitProperties_pass"].to_dict() == {"S1A_1": "ASCENDING", "S1A_2": "DESCENDING"}
    assert frame["satellite"].tolist() == ["S1A", "S1A"]
    assert frame["cloud_cover"].isna().all()


def test_both_tiers_of_both_satellites_are_landsat(catalogue, ask):
    """Four collections, one table in the order of time, each scene with the id it has in its own."""
    ids = [f"LANDSAT/LC0{number}/C02/{tier}_TOA" for number in (8, 9) for tier in ("T1", "T2")]
    days = dict(zip((3, 1, 4, 2), ids, strict=True))
    for day, collection in days.items():
        catalogue.put(f"x{day}", f"2024-06-0{day}T10:00:00", collection=collection, LANDSAT_PRODUCT_ID=f"LC0{day}_x")

    found = ask("landsat")

    assert found.frame()["collection_name"].tolist() == [days[day] for day in (1, 2, 3, 4)]
    assert [scene.asset for scene in found.listed()] == [f"{days[day]}/x{day}" for day in (1, 2, 3, 4)]


def test_a_scene_of_the_thermal_sensor_alone_is_told_too(catalogue, ask):
    """It has no band B2, and the grid is that of its first one."""
    catalogue.put("LT08_x", collection="LANDSAT/LC08/C02/T1_TOA", band="B10", LANDSAT_PRODUCT_ID="LT08_x")
    for name in ("LC08/C02/T2", "LC09/C02/T1", "LC09/C02/T2"):
        catalogue.put("far", collection=f"LANDSAT/{name}_TOA", box=(-60, 0, -59, 1))

    assert ask("landsat").frame()["satellite"].tolist() == ["LT08"]


def test_footprints_that_span_too_many_degrees_are_left_out_and_counted(catalogue, ask):
    """Of single acquisitions; a composite of the Earth is as large as it is."""
    huge = (14, -3, 16, 3)
    catalogue.put("damaged", box=huge)
    catalogue.put("whole", box=huge, collection="SOME/COMPOSITES")

    found = ask()

    assert (indices(found), found.notes) == (
        [],
        ("left out: 1 scene with a footprint of more than 5 degrees of latitude, a damaged one",),
    )
    assert indices(ask("SOME/COMPOSITES")) == ["whole"]


def test_scenes_beside_the_area_are_not_told(catalogue, ask):
    """The service is asked with a region that is a little wider."""
    catalogue.put("beside", box=(15.5001, 0.5, 16, 1))

    found = ask()

    assert indices(found) == []
    assert found.notes == ("no scene of s2-l2a touches the area itself, only the region around it",)


def test_scenes_with_cloud_probabilities_are_told_on_request(catalogue, ask):
    """Those whose id is in the collection of probabilities."""
    for index, day in (("with", 1), ("without", 2)):
        catalogue.put(index, f"2024-06-0{day}T10:00:00")
    catalogue.put("with", collection=PROBABILITY, band="probability")

    assert ask(s2cloudless=True).frame()["s2cloudless"].tolist() == [True, False]


def test_further_properties_become_columns(catalogue, ask):
    """What a scene has not is missing."""
    catalogue.put("a", "2024-06-01T10:00:00", SUN=20.5)
    catalogue.put("b", "2024-06-02T10:00:00")

    assert ask(extra=("SUN",)).frame()["SUN"].fillna(-1).tolist() == [20.5, -1]


def test_an_area_on_both_sides_of_180_finds_scenes_of_both(catalogue, engine):
    """And the share counts both sides."""
    catalogue.put("east", "2024-06-01T10:00:00", (178, 0, 180, 1))
    catalogue.put("west", "2024-06-02T10:00:00", (-180, 0, -179, 1))
    area = shapely.MultiPolygon([shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1)])
    query = SceneQuery("s2-l2a", date(2024, 6, 1), date(2024, 7, 1), area.wkb)

    frame = search(query, engine, lambda _: None).frame()

    assert frame["overlappercentage"].to_dict() == pytest.approx({"east": 50, "west": 50}, abs=0.1)


def test_a_question_costs_one_count_and_a_request_for_each_page(catalogue, ask, sandbox):
    """As the sandbox counts; collections without a scene are not read."""
    catalogue.put("one", collection="LANDSAT/LC08/C02/T1_TOA", LANDSAT_PRODUCT_ID="LC08_one")
    for name in ("LC08/C02/T2", "LC09/C02/T1", "LC09/C02/T2"):
        catalogue.put("far", collection=f"LANDSAT/{name}_TOA", box=(-60, 0, -59, 1))

    ask("landsat")

    apis = [one["api"] for one in sandbox.journal.requests()]
    assert [apis.count(name) for name in ("value.compute", "table.computeFeatures")] == [1, 1]


def test_a_collection_that_the_service_does_not_know_is_told_with_the_nearest_name(ask):
    """Its own sentence, on one line."""
    with pytest.raises(UserError, match=r"HARMONISED' not found.*did you mean 'COPERNICUS/S2_SR_HARMONIZED'") as raised:
        ask("COPERNICUS/S2_SR_HARMONISED")

    assert "\n" not in str(raised.value)


def test_local_times_are_utc_where_no_zone_was_named(catalogue, ask):
    """As of dates."""
    catalogue.put("one", "2024-06-03T10:00:00")

    assert ask().frame()["localdatetime"].iloc[0] == datetime(2024, 6, 3, 10, tzinfo=UTC)
