"""Filters of collections go as early as they can, and find what they would find last."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    DAY,
    S2,
    MemoryCatalogue,
    answer,
    argument,
    array,
    call,
    constant,
    define,
    make_scene,
    reference,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.sandbox.earthengine.evaluate import registry
from orchestrator.sandbox.earthengine.evaluate.keeping import _RULES, Keeping
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue

WORLD = SyntheticCatalogue()
BLOCK = np.ones((2, 2), np.uint16)
PLACES = ((500000.0, 5200000.0), (600000.0, 5200000.0), (500000.0, 5300000.0))
SPAN = call("DateRange", start=DAY, end=4 * DAY)
TIME = call("Filter.dateRangeContains", leftValue=SPAN, rightField="system:time_start")
PLACE = call(
    "Filter.intersects",
    leftField=".all",
    rightValue=call("GeometryConstructors.Rectangle", coordinates=[14.99, 46.9, 15.01, 47.0]),
)
CLEAR = call("Filter.lessThan", leftField="cloud", rightValue=50)
IMAGE = argument("x")
MAPS = {
    "select": call("Image.select", input=IMAGE, bandSelectors=["B2"]),
    "mask": call("Image.updateMask", image=IMAGE, mask=call("Image.select", input=IMAGE, bandSelectors=[0])),
    "add": call("Image.addBands", dstImg=IMAGE, srcImg=call("Image.toFloat", value=IMAGE)),
    "set": call("Element.set", object=IMAGE, key="other", value=call("Element.get", object=IMAGE, property="cloud")),
    "scale": call(
        "Element.copyProperties",
        destination=call("Image.multiply", image1=IMAGE, image2=call("Image.constant", value=2)),
        source=IMAGE,
        properties=["system:time_start"],
    ),
}
BREAKING = {
    "hide": call("Element.set", object=IMAGE, key="cloud", value=0),
    "later": call("Element.set", object=IMAGE, key="system:time_start", value=2 * DAY),
    "lose": call("Image.multiply", image1=IMAGE, image2=call("Image.constant", value=2)),
    "clip": call("Image.clip", input=IMAGE, geometry=call("GeometryConstructors.Point", coordinates=[0, 0])),
    "key": call("Element.set", object=IMAGE, key=call("String.cat", string1="clo", string2="ud"), value=0),
}


class Counting(MemoryCatalogue):
    """Counts the scenes that it gives."""

    given = 0

    def scenes(self, *asked):
        for scene in super().scenes(*asked):
            self.given += 1
            yield scene


def catalogue():
    """Twelve scenes: two days at each of six times, three places, and clouds in no order."""
    return Counting(
        make_scene(
            S2,
            f"s{at:02d}",
            {"B2": BLOCK, "B3": BLOCK},
            origin=PLACES[at % 3],
            when=at // 2 * DAY,
            cloud=(at * 37) % 100,
        )
        for at in range(12)
    )


def mapped(collection, body):
    return call("Collection.map", collection=collection, baseAlgorithm=define(body, "x"))


def step(collection, name, values):
    """One more call on a collection; a map's body is a value of the expression of its own."""
    if name in FILTERS:
        return call("Collection.filter", collection=collection, filter=FILTERS[name])
    if name == "sort":
        return call("Collection.limit", collection=collection, key="system:index", ascending=False)
    if name == "limit":
        return call("Collection.limit", collection=collection, limit=5)
    values[name] = {**MAPS, **BREAKING}[name]
    return mapped(collection, name)


FILTERS = {
    "time": TIME,
    "place": PLACE,
    "clear": CLEAR,
    "all": call("Filter.and", filters=array(TIME, CLEAR, PLACE)),
    "none": call("Filter.or", filters=array(call("Filter.not", filter=CLEAR), TIME)),
}


def chain(names, source):
    values = {}
    node = source
    for name in names:
        node = step(node, name, values)
    return node, values


def everything(node):
    """All that a client sees of the elements."""
    return call("Collection.toList", collection=node, count=100)


LOADED = call("ImageCollection.load", id=S2)
# The same images as a list, which nobody can narrow.
LISTED = call("ImageCollection.fromImages", images=call("Collection.toList", collection=LOADED, count=100))


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*FILTERS, *MAPS, *BREAKING, "sort", "limit"]), max_size=6))
def test_a_filter_finds_the_same_elements_wherever_it_is_carried_out(names):
    """A chain on the catalogue gives what the same chain gives on a list of all its images."""
    (pushed, values), (listed, _) = chain(names, LOADED), chain(names, LISTED)

    assert answer(everything(pushed), catalogue(), **values) == answer(everything(listed), catalogue(), **values)


@settings(max_examples=30)
@given(st.permutations(["time", "place", "clear", "select", "mask", "add", "set", "sort"]))
def test_only_scenes_of_the_place_and_time_are_enumerated(names):
    """Whatever keeps place and time may come first: the catalogue is asked for the span and the region all the same."""
    node, values = chain(names, LOADED)
    scenes = catalogue()

    answer(everything(node), scenes, **values)

    assert scenes.given == 2  # of the six scenes between day 1 and day 4, those of the first place


def test_a_filter_does_not_pass_a_limit():
    """The first five of all, and of those the ones that pass."""
    node, values = chain(["limit", "time"], LOADED)

    found = answer(call("AggregateFeatureCollection.array", collection=node, property="system:index"), catalogue())

    assert (found, values) == (["s02", "s03", "s04"], {})


def test_the_parts_of_a_merged_collection_are_filtered_each():
    """Either part is asked for the span alone."""
    scenes = catalogue()
    node = call("ImageCollection.merge", collection1=LOADED, collection2=LOADED)

    found = answer(
        call(
            "AggregateFeatureCollection.array",
            collection=call("Collection.filter", collection=node, filter=TIME),
            property="system:index",
        ),
        scenes,
    )

    assert found[:1] + found[-1:] == ["1_s02", "2_s07"]
    assert scenes.given == 12


def test_two_spans_of_time_are_asked_for_as_their_overlap():
    """A date of a date: no scene outside either is enumerated."""
    scenes = catalogue()
    late = call(
        "Filter.dateRangeContains",
        leftValue=call("DateRange", start=3 * DAY, end=9 * DAY),
        rightField="system:time_start",
    )
    node = call("Collection.filter", collection=LOADED, filter=TIME)

    answer(everything(call("Collection.filter", collection=node, filter=late)), scenes)

    assert scenes.given == 2


def test_elements_are_enumerated_once():
    """A function that looks at a collection for each of ten elements of a list asks the catalogue once."""
    scenes = catalogue()
    count = call("Collection.size", collection=reference("sorted"))
    node = call("List.map", list=list(range(10)), baseAlgorithm=define("each", "n"))

    found = answer(
        node,
        scenes,
        each=call("Number.add", left=argument("n"), right=count),
        filtered=call("Collection.filter", collection=reference("select_all"), filter=call("Filter.not", filter=CLEAR)),
        select_all=mapped(LOADED, "select"),
        select=MAPS["select"],
        sorted=call("Collection.filter", collection=reference("filtered"), filter=CLEAR),
    )

    assert (found, scenes.given) == (list(range(10)), 12)


CONSTANTS = {"key": "k", "properties": {"k": 1}, "names": ["X", "Y"], "bandSelectors": ["B2", "B3"], "mode": "bilinear"}


@pytest.mark.parametrize("name", sorted(_RULES))
def test_what_is_said_to_be_kept_is_kept(name):
    """Of each function in the table: a property, the time and the place that it is told to keep are the image's own."""
    others = {
        "Image": IMAGE,
        "Element": IMAGE,
        "Geometry": call("GeometryConstructors.Point", coordinates=[0, 0]),
        "Object": constant(2),
        "Dictionary": call("Image.bandTypes", image=IMAGE),
        "ImageCollection": LOADED,
        "Integer": constant(0),
    }
    arguments = {}
    for at, parameter in enumerate(registry.parameters(name)):
        if parameter.name in CONSTANTS and name != "Image.addBands":
            arguments[parameter.name] = constant(CONSTANTS[parameter.name])
        elif at == 0 or not parameter.optional:
            arguments[parameter.name] = others[parameter.type.partition("<")[0]]
    if name in {f"Image.{operation}" for operation in ("add", "subtract", "multiply", "divide")}:
        arguments["image2"] = call("Image.constant", value=2)
    if name == "Image.clip":
        arguments["geometry"] = others["Geometry"]
    values = {"f": call(name, **arguments)}
    keeps = Keeping(values, "f", "x")
    first = call("Collection.first", collection=LOADED)
    result = call("Collection.first", collection=mapped(LOADED, "f"))

    def seen(image):
        names = ("cloud", "system:time_start", "system:index")
        shape = call("Image.geometry", feature=image)
        return {".geo": shape, **{key: call("Element.get", object=image, property=key) for key in names}}

    told = [key for key in seen(first) if keeps(key)]
    assert told
    for key in told:
        assert answer(seen(result)[key], catalogue(), **values) == answer(seen(first)[key], catalogue())


@pytest.mark.parametrize(
    ("tile", "around"),
    [("33TVM", [12, 45, 17, 49]), ("21LYG", [-57, -17, -52, -11]), ("31TXX", [3, 45, 4, 46])],
    ids=["a tile", "in the south", "no such tile"],
)
def test_scenes_of_a_tile_are_found_without_bounds(tile, around):
    """By its name alone there are those that a wide box around it and its name find."""
    first = 1_685_577_600_000
    june = call(
        "Filter.dateRangeContains",
        leftValue=call("DateRange", start=first, end=first + 5 * DAY),
        rightField="system:time_start",
    )
    named = call("Filter.equals", leftField="MGRS_TILE", rightValue=tile)
    box = call("GeometryConstructors.Rectangle", coordinates=around)
    there = call("Filter.intersects", leftField=".all", rightValue=box)

    def found(*filters):
        both = call("Filter.and", filters=array(*filters))
        node = call("Collection.filter", collection=call("ImageCollection.load", id=S2), filter=both)
        return answer(call("AggregateFeatureCollection.array", collection=node, property="system:index"), WORLD)

    assert found(june, named) == found(june, there, named)
    assert bool(found(june, named)) == (tile != "31TXX")
