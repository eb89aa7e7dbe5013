"""Places and times are asked of the catalogue, whatever the order of a script's filters."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from evaluate_kit import DAY, S2, MemoryCatalogue, answer, argument, array, call, define, make_scene

from orchestrator.sandbox.scenes.world import WorldCatalogue

WORLD = WorldCatalogue()
PLAIN = np.zeros((4, 4), np.uint16)
PLACE = call("GeometryConstructors.Point", coordinates=[500020, 5199980], crs=call("Projection", crs="EPSG:32633"))
STEPS = {
    "place": call("Filter.intersects", leftField=".all", rightValue=PLACE),
    "time": call(
        "Filter.dateRangeContains",
        leftValue=call("DateRange", start=10 * DAY, end=20 * DAY),
        rightField="system:time_start",
    ),
    "property": call("Filter.lessThan", leftField="cloud", rightValue=20),
}
SELECTED = {**define("body", "_MAPPING_VAR_0_0")}


def scenes():
    """Five scenes, two of which pass all filters: the others are too early, too late, or too cloudy."""
    days_and_clouds = [(5, 0), (10, 10), (15, 50), (19, 19), (20, 0)]
    return [
        make_scene(S2, f"s{n}", {"B4": PLAIN, "B8": PLAIN}, when=day * DAY, cloud=cloud)
        for n, (day, cloud) in enumerate(days_and_clouds)
    ]


def narrowed(steps):
    """Apply filters and `select` in some order; give the indices that are left, and what the catalogue was asked."""
    catalogue, node = MemoryCatalogue(scenes()), call("ImageCollection.load", id=S2)
    for step in steps:
        if step == "select":
            node = call("Collection.map", collection=node, baseAlgorithm=SELECTED)
        elif step == "all at once":
            every = call("Filter.and", filters=array(*STEPS.values()))
            node = call("Collection.filter", collection=node, filter=every)
        else:
            node = call("Collection.filter", collection=node, filter=STEPS[step])
    body = call("Image.select", input=argument("_MAPPING_VAR_0_0"), bandSelectors=["B8"])
    found = answer(
        call("AggregateFeatureCollection.array", collection=node, property="system:index"), catalogue, body=body
    )
    return found, catalogue.queries


@pytest.mark.parametrize(
    "steps",
    [*itertools.permutations(STEPS), ("select", "property", "time", "place"), ("all at once",)],
    ids=" ".join,
)
def test_filters_may_stand_in_any_order(steps):
    """The same scenes are found, and the catalogue is asked once, for the place and the time."""
    found, queries = narrowed(steps)

    assert found == ["s1", "s3"]
    ((_, region, start, end),) = queries
    assert (region is not None, start, end) == (True, 10 * DAY, 20 * DAY)


def test_a_second_span_is_looked_at_here():
    """A catalogue is asked for one span; what another one leaves of it is still right."""
    later = call(
        "Filter.dateRangeContains",
        leftValue=call("DateRange", start=12 * DAY, end=30 * DAY),
        rightField="system:time_start",
    )
    node = call("Collection.filter", collection=call("ImageCollection.load", id=S2), filter=STEPS["time"])
    node = call("Collection.filter", collection=node, filter=later)

    found = answer(
        call("AggregateFeatureCollection.array", collection=node, property="system:index"), MemoryCatalogue(scenes())
    )

    assert found == ["s2", "s3"]


def test_other_maps_are_not_passed_by():
    """A map may change a time: a filter that follows it sees the new one."""
    moved = call("Element.set", object=argument("image"), key="system:time_start", value=15 * DAY)
    node = call("Collection.map", collection=call("ImageCollection.load", id=S2), baseAlgorithm=define("body", "image"))
    node = call("Collection.filter", collection=node, filter=STEPS["time"])

    assert answer(call("Collection.size", collection=node), MemoryCatalogue(scenes()), body=moved) == 5


@pytest.mark.parametrize(
    ("collection", "properties", "expected"),
    [
        # Landsat 8 saw path 44, row 34 on 2014-03-18, as its catalogue page has it, and every 16 days.
        ("LANDSAT/LC08/C02/T1_TOA", {"WRS_PATH": 44, "WRS_ROW": 34}, "LC08_044034_20140318"),
        ("COPERNICUS/S2_HARMONIZED", {"MGRS_TILE": "33UVP"}, "T33UVP"),
    ],
    ids=["path and row", "tile"],
)
@pytest.mark.parametrize("dates_first", [True, False], ids=["dates first", "dates last"])
def test_properties_that_tell_a_place_are_looked_up(collection, properties, expected, dates_first):
    """A month of one place is found by them alone, among the scenes of the whole Earth."""
    year = 2014 if "LANDSAT" in collection else 2017
    start = int(np.datetime64(f"{year}-03-01", "ms").astype(int))
    month = call("DateRange", start=start, end=start + 31 * DAY)
    filters = [call("Filter.equals", leftField=name, rightValue=value) for name, value in properties.items()]
    dates = call("Filter.dateRangeContains", leftValue=month, rightField="system:time_start")
    node = call("ImageCollection.load", id=collection)
    for each in [dates, *filters] if dates_first else [*filters, dates]:
        node = call("Collection.filter", collection=node, filter=each)

    found = answer(call("AggregateFeatureCollection.array", collection=node, property="system:index"), WORLD)

    assert any(expected in index for index in found)
    assert 1 <= len(found) <= 7
