"""Lists through the real client: computed images, empty pages, getInfo of what is too much, shuffled rows."""

from __future__ import annotations

import ee
import pytest

from orchestrator.sandbox.sentences import SENTENCES

pytestmark = pytest.mark.usefixtures("sandbox")
RAMPS = "TEST/RAMPS"


def pages(ask, key, most=20):
    """Follow the tokens; the elements of each page."""
    found, token = [], None
    while len(found) < most:
        answer = ask({"pageToken": token} if token else {})
        found.append(answer.get(key, []))
        if not (token := answer.get("nextPageToken")):
            return found
    raise AssertionError(f"no end after {most} pages")


def images(more):
    return ee.data.computeImages({"expression": ee.ImageCollection(RAMPS), "pageSize": 2, **more})


def features(more):
    numbered = ee.FeatureCollection([ee.Feature(None, {"n": at}) for at in range(5)])
    return ee.data.computeFeatures({"expression": numbered, "pageSize": 2, **more})


def numbers(listed):
    return [[each["properties"]["n"] for each in page] for page in listed]


def indexes(listed):
    return [[each["properties"]["system:index"] for each in page] for page in listed]


def test_computed_images_come_page_by_page():
    """REST reference: a page has as many images as asked, and a token while there are more."""
    assert indexes(pages(images, "images")) == [["r0", "r1"], ["r2", "r3"], ["r4"]]
    assert indexes(pages(lambda more: images({"pageSize": 5, **more}), "images")) == [[f"r{day}" for day in range(5)]]


def test_a_computed_image_is_an_asset():
    """REST reference, EarthEngineAsset: type, name, times and the bands' grids of what is stored."""
    shown = images({})["images"][0]

    listed = ee.data.getAsset(f"{RAMPS}/r0")
    assert {key: shown[key] for key in ("type", "name", "id", "startTime")} == {
        key: listed[key] for key in ("type", "name", "id", "startTime")
    }
    assert [band["id"] for band in shown["bands"]] == ["ramp", "half"]
    assert shown["bands"][0]["grid"] == listed["bands"][0]["grid"]
    assert shown["bands"][0]["dataType"] == {"precision": "INT", "range": {"max": 65535}}


def test_what_is_mapped_has_what_the_function_made_of_it():
    """A computation's images have its bands and properties, and no name in the catalogue."""
    made = ee.ImageCollection(RAMPS).map(
        lambda each: each.select("half").rename("x").set("day", each.date().get("day"))
    )

    shown = ee.data.computeImages({"expression": made})["images"]

    assert [each["properties"]["day"] for each in shown] == [14, 15, 16, 17, 18]
    assert {band["id"] for each in shown for band in each["bands"]} == {"x"}


def test_no_images_are_no_list():
    """An empty list is no field in the JSON of protocol buffers."""
    assert ee.data.computeImages({"expression": ee.ImageCollection(RAMPS).filterDate("1999", "2000")}) == {}


@pytest.mark.parametrize(
    ("api", "ask", "key", "of", "whole"),
    [
        ("table.computeFeatures", features, "features", numbers, [[0, 1], [2, 3], [4]]),
        ("imageCollection.computeImages", images, "images", indexes, [["r0", "r1"], ["r2", "r3"], ["r4"]]),
    ],
    ids=["features", "images"],
)
def test_an_empty_page_with_a_token_loses_nothing(kit, api, ask, key, of, whole):
    """Ordered for the first and twice for the second page: whoever follows the token gets every element once."""
    kit.order("empty_page", api=api)
    kit.order("empty_page", api=api, skip=1, count=2)

    assert of(pages(ask, key)) == [[], whole[0], [], [], *whole[1:]]


def test_an_empty_page_of_a_list_in_the_address_is_followed_too(kit):
    """The client's `listImages` goes on; the token stands in the query of a GET."""
    number = kit.order("empty_page", api="assets.list")

    found = ee.data.listAssets({"parent": f"projects/earthengine-public/assets/{RAMPS}"})["assets"]

    assert kit.consumed(number) == 1
    assert [each["properties"]["system:index"] for each in found] == [f"r{day}" for day in range(5)]


@pytest.mark.parametrize("kind", ["PANDAS_DATAFRAME", "GEOPANDAS_GEODATAFRAME"])
def test_the_clients_own_tables_go_on_after_an_empty_page(kit, kind):
    """`computeFeatures` with a format follows all pages itself."""
    kit.order("empty_page", api="table.computeFeatures", count=2)
    points = ee.FeatureCollection([ee.Feature(ee.Geometry.Point([at, 50]), {"n": at}) for at in range(5)])

    frame = ee.data.computeFeatures({"expression": points, "fileFormat": kind, "pageSize": 2})

    assert list(frame["n"]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", [ee.FeatureCollection, ee.ImageCollection], ids=["features", "images"])
@pytest.mark.parametrize(("count", "refused"), [(5000, False), (5001, True)])
def test_info_of_a_collection_stops_at_5000_elements(kind, count, refused):
    """The sentence is the one users published."""
    numbers = ee.List.sequence(1, count)
    made = kind(numbers.map(lambda n: ee.Feature(None, {"n": n}) if kind is ee.FeatureCollection else ee.Image(1)))

    if not refused:
        assert len(made.getInfo()["features"]) == count
        return
    with pytest.raises(ee.EEException) as caught:
        made.getInfo()
    assert str(caught.value) == SENTENCES["query_aborted"].text


def region(**more):
    """Twelve pixels of five images."""
    place = ee.Geometry.Rectangle([502502, 5196462, 502538, 5196498], "EPSG:32633", geodesic=False)
    lattice = {"crs": "EPSG:32633", "crsTransform": [10, 0, 500000, 0, -10, 5200000]}
    return ee.ImageCollection(RAMPS).select("ramp").getRegion(place, **lattice, **more).getInfo()


def test_rows_of_a_region_are_shuffled_on_demand(kit):
    """No page tells an order: the rows are the same, the header is first, and no two orders are alike."""
    plain = region()
    number = kit.order("shuffle_rows", api="value.compute", count=2)

    mixed = [region(), region()]

    assert kit.consumed(number) == 2
    assert [each[0] for each in mixed] == [plain[0]] * 2
    assert [sorted(each[1:]) for each in mixed] == [sorted(plain[1:])] * 2
    assert plain[1:] != mixed[0][1:] != mixed[1][1:] != plain[1:]


@pytest.mark.parametrize("value", [[[3, 1], [2, 2], [1, 3], [0, 4]], [6, 5], ["idle"], []])
def test_shuffling_leaves_other_answers_alone(kit, value):
    """A list that is no region keeps its order."""
    kit.order("shuffle_rows", api="value.compute", count=None)

    assert ee.List(value).getInfo() == value
