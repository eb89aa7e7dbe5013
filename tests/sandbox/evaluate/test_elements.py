"""Elements of collections: their ids, kinds and properties, filters with nulls, joins that measure."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    CLOUDS,
    DAY,
    S2,
    MemoryCatalogue,
    answer,
    argument,
    call,
    constant,
    define,
    exact,
    make_scene,
    pixels,
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

PLAIN = np.full((4, 4), 5, np.uint16)


@pytest.fixture
def catalogue():
    scenes = [make_scene(S2, f"s{at}", {"B4": PLAIN + at}, when=at * DAY, n=at) for at in range(4)]
    masks = [make_scene(CLOUDS, f"s{at}", {"probability": PLAIN}, when=at * DAY + 100 * at) for at in (1, 3)]
    return MemoryCatalogue(scenes + masks)


def collection(name=S2):
    return call("ImageCollection.load", id=name)


def feature(geometry=None, **properties):
    return call("Feature", geometry=geometry, metadata=constant(properties))


def point(x, y):
    return call("GeometryConstructors.Point", coordinates=[x, y])


def array(*nodes):
    return {"arrayValue": {"values": list(nodes)}}


def features(*nodes):
    return call("Collection", features=array(*nodes))


def values(node, name, catalogue=None, **others):
    return answer(call("AggregateFeatureCollection.array", collection=node, property=name), catalogue, **others)


def indexes(node, catalogue=None, **others):
    return values(node, "system:index", catalogue, **others)


@pytest.mark.parametrize("source", [collection(), call("Collection", features=constant([]))], ids=["images", "empty"])
def test_properties_of_collections_are_set(catalogue, source):
    """A collection is an element: it has properties, one or many, and keeps its own elements."""
    one = call("Element.set", object=source, key="a", value=1)
    many = call("Element.setMulti", object=one, properties=constant({"b": 2, "a": 3}))

    assert answer(call("Element.get", object=one, property="a"), catalogue) == 1
    assert answer(call("Element.toDictionary", element=many, properties=["a", "b"]), catalogue) == {"a": 3, "b": 2}
    assert answer(call("Collection.size", collection=many), catalogue) == answer(
        call("Collection.size", collection=source), catalogue
    )


def test_a_collection_with_properties_is_still_asked_of_the_catalogue(catalogue):
    """Setting a property does not enumerate; a filter behind it still narrows the query."""
    named = call("Element.set", object=collection("ENDLESS"), key="a", value=1)
    span = call("DateRange", start="1970-01-01", end="1970-02-01")
    dated = call(
        "Collection.filter",
        collection=named,
        filter=call("Filter.dateRangeContains", leftValue=span, rightField="system:time_start"),
    )

    assert answer(call("Collection.size", collection=dated), catalogue) == 0


def test_features_are_numbered():
    """A feature without an id gets its position; one with an id keeps it; the id is no printed property."""
    found = answer(features(feature(a=1), feature(**{"system:index": "mine"}), feature(a=3)))

    assert [item["id"] for item in found["features"]] == ["0", "mine", "2"]
    assert found["features"][0]["properties"] == {"a": 1}


def test_the_index_is_the_id():
    """A feature whose index is set has it as its id, outside of collections too."""
    assert answer(call("Image.id", element=feature(**{"system:index": "abc123"}))) == "abc123"


def test_geometries_become_features():
    """A collection of bare geometries has features."""
    assert answer(features(point(1, 2)))["features"][0]["geometry"]["coordinates"] == [1, 2]


def test_images_are_numbered():
    """Images made by a formula have their position as index, and as the prefix of bands."""
    made = call(
        "ImageCollection.fromImages", images=array(call("Image.constant", value=1), call("Image.constant", value=2))
    )

    assert indexes(made) == ["0", "1"]
    assert answer(call("Image.bandNames", image=call("ImageCollection.toBands", collection=made))) == [
        "0_constant",
        "1_constant",
    ]


def test_merged_ids_name_their_collection(catalogue):
    """The first collection's ids get 1_ in front, the second's 2_, again and again."""
    merged = call("ImageCollection.merge", collection1=collection(), collection2=collection(CLOUDS))
    again = call("Collection.merge", collection1=merged, collection2=features(feature(a=1)))

    assert indexes(merged, catalogue) == ["1_s0", "1_s1", "1_s2", "1_s3", "2_s1", "2_s3"]
    assert indexes(again, catalogue)[:2] == ["1_1_s0", "1_1_s1"]
    assert indexes(again, catalogue)[-1] == "2_0"


def test_flattened_ids_name_the_outer_element(catalogue):
    """Features of a collection made for each image carry the image's id in front."""
    nested = call("Collection.map", collection=collection(), baseAlgorithm=define("f", "x"))

    found = indexes(call("Collection.flatten", collection=nested), catalogue, f=features(feature(a=1), feature(a=2)))

    assert found[:3] == ["s0_0", "s0_1", "s1_0"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(call("Feature"), "FeatureCollection", id="images to features"),
        pytest.param(call("Image.multiply", image1=argument("x"), image2=2), "ImageCollection", id="images to images"),
        pytest.param(point(1, 2), "FeatureCollection", id="images to geometries"),
    ],
)
def test_a_mapped_collection_is_of_the_kind_of_its_elements(catalogue, body, kind):
    """What the algorithm returns decides; ids are kept."""
    found = answer(call("Collection.map", collection=collection(), baseAlgorithm=define("f", "x")), catalogue, f=body)

    assert found["type"] == kind
    assert {item["type"] for item in found["features"]} == {kind.removesuffix("Collection")}
    indexes_of = [item.get("id") or item["properties"]["system:index"] for item in found["features"]]
    assert [index.split("/")[-1] for index in indexes_of] == ["s0", "s1", "s2", "s3"]


def test_the_kind_of_a_part_is_that_of_its_own_elements():
    """Only what is shown is looked at: the second element of this collection cannot be made."""
    safe = call(
        "If",
        condition=call("Number.eq", left=call("Element.get", object=argument("x"), property="n"), right=1),
        trueCase=argument("x"),
        falseCase=call("Number.parse", input="broken"),
    )
    mapped = call("Collection.map", collection=features(feature(n=1), feature(n=2)), baseAlgorithm=define("f", "x"))

    assert answer(call("Collection.limit", collection=mapped, limit=1), f=safe)["type"] == "FeatureCollection"


def test_features_mapped_to_images_are_a_collection_of_images():
    """The other way round, too."""
    mapped = call("Collection.map", collection=features(feature(n=1)), baseAlgorithm=define("f", "x"))

    assert answer(mapped, f=call("Image.constant", value=1))["type"] == "ImageCollection"


@pytest.mark.parametrize("body", [constant(5), constant(None)], ids=["number", "null"])
def test_a_map_returns_elements(catalogue, body):
    """A number or a null is refused in the service's words."""
    mapped = call("Collection.map", collection=collection(), baseAlgorithm=define("f", "x"))

    with pytest.raises(EvaluationError, match="A mapped algorithm must return a Feature or Image"):
        answer(mapped, catalogue, f=body)


@pytest.mark.parametrize(
    ("name", "expected"), [("sum", 0), ("mean", None), ("min", None), ("count", 0), ("array", []), ("first", None)]
)
def test_aggregates_of_nothing(name, expected):
    """An empty collection has no smallest value, and a sum of zero."""
    node = call(f"AggregateFeatureCollection.{name}", collection=features(), property="a")

    assert answer(node) == expected


def test_the_geometry_of_nothing_is_empty():
    """An empty collection covers nothing."""
    found = answer(call("Collection.geometry", collection=features()))

    assert (found["type"], found["geometries"]) == ("GeometryCollection", [])


def test_parts_of_a_long_collection_are_found():
    """A list, a limit and a first element look for no more elements than they give."""
    many = [make_scene(S2, f"t{at}", {"B4": PLAIN}, when=at) for at in range(5001)]
    large = MemoryCatalogue(many)

    assert len(answer(call("Collection.toList", collection=collection(), count=3, offset=4), large)) == 3
    assert indexes(call("Collection.limit", collection=collection(), limit=2), large) == ["t0", "t1"]


def test_distinct_takes_one_name_or_several():
    """A name is a name, not a list of letters; geometries are compared by `.geo`."""
    source = features(feature(point(1, 1), ab=1, a=1), feature(point(1, 1), ab=1, a=2), feature(point(2, 2), ab=2, a=3))

    def size(properties):
        return answer(
            call("Collection.size", collection=call("Collection.distinct", collection=source, properties=properties))
        )

    assert [size("ab"), size(["ab", "a"]), size(".geo")] == [2, 3, 2]


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(
            call("Collection.limit", collection=features(feature(a=1), feature()), key="a"), "not imitated", id="order"
        ),
        pytest.param(
            call("AggregateFeatureCollection.sum", collection=features(feature(a="x")), property="a"),
            "not a number: x",
            id="sum of texts",
        ),
        pytest.param(call("Collection", features=[5]), "Expected type: List<Element>", id="number as a feature"),
        pytest.param(call("Collection.filter", collection=features(), filter="a > 5"), "not imitated", id="text"),
        pytest.param(
            call("Element.copyProperties", destination=feature(), source=feature(), properties=["a"], exclude=["b"]),
            "'exclude' must not be specified",
            id="copy and exclude",
        ),
    ],
)
def test_what_is_not_documented_is_refused(node, sentence):
    """Neither a crash nor a guess."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


ROWS = features(feature(n=1), feature(n=2), feature(n=None), feature(other=1))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(call("Filter.equals", leftField="n", rightValue=1), ["0"], id="equal"),
        pytest.param(call("Filter.neq", leftField="n", rightValue=1), ["1", "2", "3"], id="unless equal"),
        pytest.param(call("Filter.gt", leftField="n", rightValue=1), ["1"], id="greater"),
        pytest.param(call("Filter.lte", leftField="n", rightValue=1), ["0", "2", "3"], id="unless greater"),
        pytest.param(call("Filter.lt", leftField="n", rightValue=2), ["0"], id="less"),
        pytest.param(call("Filter.gte", leftField="n", rightValue=2), ["1", "2", "3"], id="unless less"),
        pytest.param(call("Filter.neq", leftField="n"), ["0", "1"], id="not null"),
        pytest.param(call("Filter.equals", leftField="n"), ["2", "3"], id="null"),
        pytest.param(call("Filter.notNull", properties=["n"]), ["0", "1"], id="all there"),
        pytest.param(call("Filter.rangeContains", field="n", minValue=0, maxValue=9), ["0", "1"], id="range"),
        pytest.param(call("Filter.listContains", leftValue=[1, 7], rightField="n"), ["0"], id="in a list"),
        pytest.param(call("Filter.maxDifference", difference=1, leftField="n", rightValue=3), ["1"], id="near"),
    ],
)
def test_a_missing_value_passes_what_passes_unless(condition, expected):
    """A comparison does not hold for a null, so that a filter which passes unless it holds does pass."""
    assert indexes(call("Collection.filter", collection=ROWS, filter=condition)) == expected


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param(call("Filter.gt", leftField="n", rightValue="a"), id="number against text"),
        pytest.param(call("Filter.stringContains", leftField="n", rightValue="1"), id="text in a number"),
        pytest.param(call("Filter.inList", leftField="n", rightValue="1"), id="text as a list"),
        pytest.param(call("Filter.equals", leftField="x", rightField="y"), id="null against null"),
    ],
)
def test_comparisons_of_different_kinds_are_refused(condition):
    """The reference does not say how they end."""
    with pytest.raises(EvaluationError, match="not imitated"):
        answer(call("Collection.filter", collection=ROWS, filter=condition))


def test_lists_of_features_are_filtered_by_their_properties():
    """Only what is no element is tested as `item`."""
    listed = call("Collection.toList", collection=ROWS, count=4)

    found = call("List.filter", list=listed, filter=call("Filter.gt", leftField="n", rightValue=1))

    assert [item["id"] for item in answer(found)] == ["1"]


def joined(join, primary, secondary, difference=5, **fields):
    near = call("Filter.maxDifference", difference=difference, leftField="n", rightField="n")
    return call("Join.apply", join=join, primary=primary, secondary=secondary, condition=fields.get("condition", near))


PRIMARY = features(feature(n=10), feature(n=20), feature(n=100))
SECONDARY = features(feature(n=13), feature(n=9), feature(n=22), feature(n=15))


def of_first(node, name):
    return answer(call("Element.get", object=call("Collection.first", collection=node), property=name))


def test_the_best_match_is_the_nearest():
    """saveBest keeps the match whose difference is smallest, with the difference; others are dropped."""
    node = joined(call("Join.saveBest", matchKey="m", measureKey="d"), PRIMARY, SECONDARY)

    matches = values(node, "m")

    assert [(item["properties"]["n"], item["properties"]["d"]) for item in matches] == [(9, 1), (22, 2)]
    assert values(node, "n") == [10, 20]


def test_unmatched_elements_stay_in_an_outer_join():
    """They have no match."""
    node = joined(call("Join.saveBest", matchKey="m", measureKey="d", outer=True), PRIMARY, SECONDARY)

    assert values(node, "n") == [10, 20, 100]
    assert len(values(node, "m")) == 2


def test_every_match_has_its_measure():
    """saveAll orders the matches, and tells how far each of them is."""
    join = call("Join.saveAll", matchesKey="m", ordering="n", ascending=False, measureKey="d")

    matches = of_first(joined(join, PRIMARY, SECONDARY), "m")

    assert [(item["properties"]["n"], item["properties"]["d"]) for item in matches] == [(15, 5), (13, 3), (9, 1)]


def test_the_first_match_has_its_measure():
    """saveFirst takes the first by the ordering."""
    join = call("Join.saveFirst", matchKey="m", ordering="n", ascending=True, measureKey="d")

    assert of_first(joined(join, PRIMARY, SECONDARY), "m")["properties"] == {"n": 9, "d": 1}


def test_a_pair_has_its_measure():
    """An inner join saves it on the pair."""
    join = call("Join.inner", measureKey="d")

    assert values(joined(join, PRIMARY, SECONDARY, difference=2), "d") == [1, 2]


def test_times_are_measured(catalogue):
    """Two collections of images are joined by the nearest time, in milliseconds."""
    near = call("Filter.maxDifference", difference=1000, leftField="system:time_start", rightField="system:time_start")
    node = joined(call("Join.saveBest", matchKey="m", measureKey="d"), collection(), collection(CLOUDS), condition=near)
    first = call("Element.get", object=call("Collection.first", collection=node), property="m")

    assert indexes(node, catalogue) == ["s1", "s3"]
    assert answer(call("Element.get", object=first, property="d"), catalogue) == 100


@pytest.mark.parametrize(
    "join",
    [
        call("Join.saveBest", matchKey="m", measureKey="d"),
        call("Join.saveAll", matchesKey="m", measureKey="d"),
        call("Join.saveFirst", matchKey="m", measureKey="d"),
        call("Join.inner", measureKey="d"),
    ],
    ids=["best", "all", "first", "inner"],
)
def test_a_condition_without_a_measure_is_refused(join):
    """Only a lone maxDifference has one here."""
    equal = call("Filter.equals", leftField="n", rightField="n")

    with pytest.raises(EvaluationError, match=r"Join\.\w+: the measure .* not imitated"):
        answer(joined(join, PRIMARY, SECONDARY, condition=equal))


def test_equal_numbers_are_joined():
    """1 and 1.0 are one number."""
    whole = features(feature(n=1))
    same = call("Filter.equals", leftField="n", rightField="n")
    broken = call("Collection.map", collection=whole, baseAlgorithm=define("f", "x"))
    half = call(
        "Element.set",
        object=argument("x"),
        key="n",
        value=call("Number.toDouble", input=call("Element.get", object=argument("x"), property="n")),
    )
    node = call("Join.apply", join=call("Join.simple"), primary=whole, secondary=broken, condition=same)

    assert answer(call("Collection.size", collection=node), f=half) == 1


def linked(at, source=None, **options):
    return call(
        "Image.linkCollection",
        input=call("Image.load", id=f"{S2}/s{at}"),
        imageCollection=source or collection(CLOUDS),
        **options,
    )


def test_linked_bands_come_from_the_same_index(catalogue):
    """linkCollection finds the partner by system:index; what is there already is replaced."""
    once = linked(1, linkedBands=["probability"])
    twice = call("Image.linkCollection", input=once, imageCollection=collection(CLOUDS), linkedBands="probability")

    assert answer(call("Image.bandNames", image=once), catalogue) == ["B4", "probability"]
    assert answer(call("Image.bandNames", image=twice), catalogue) == ["B4", "probability"]


def test_linked_bands_without_a_partner_are_masked(catalogue):
    """The bands are there and nowhere valid; linked properties are null."""
    node = linked(2, linkedBands=["probability"], linkedProperties=["n"])

    image, _, valid = pixels(exact(node, 4, 4), catalogue)

    assert [band.name for band in image.bands] == ["B4", "probability"]
    assert valid[0].all()
    assert not valid[1].any()
    assert answer(call("Element.get", object=node, property="n"), catalogue) is None


def test_a_partner_that_is_filtered_out_is_none(catalogue):
    """Only images of the collection as it was given are linked."""
    span = call("DateRange", start="1970-01-03", end="1970-01-10")
    late = call(
        "Collection.filter",
        collection=collection(CLOUDS),
        filter=call("Filter.dateRangeContains", leftValue=span, rightField="system:time_start"),
    )

    _, _, valid = pixels(exact(linked(1, late, linkedBands=["probability"]), 4, 4), catalogue)

    assert not valid[1].any()
