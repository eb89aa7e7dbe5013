"""Elements of collections: their ids, kinds and properties."""

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
    array,
    call,
    constant,
    define,
    exact,
    feature,
    features,
    indexes,
    make_scene,
    pixels,
    point,
    property_values,
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


# geedim 2.0, its documentation and its tests, which ask the service: the id is read as the property `system:id` of
# what was filtered and limited, is what `getInfo` shows as `id`, and can be set.
DATED = {"filter": call("Filter.gt", leftField="system:time_start", rightValue=-1)}


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(collection(), id="loaded"),
        pytest.param(call("Collection.filter", collection=collection(), **DATED), id="filtered"),
        pytest.param(call("Collection.limit", collection=collection(), limit=1), id="limited"),
        pytest.param(call("Collection.limit", collection=collection(), limit=9, key="system:time_start"), id="sorted"),
        pytest.param(
            call("Element.set", object=call("ImageCollection.fromImages", images=[]), key="system:id", value=S2),
            id="set",
        ),
    ],
)
def test_a_collection_has_the_id_of_its_asset(catalogue, made):
    """As a property that is not listed, and as the id of its JSON, where it is no property."""
    shown = answer(made, catalogue)

    assert answer(call("Element.get", object=made, property="system:id"), catalogue) == S2
    assert "system:id" not in answer(call("Element.propertyNames", element=made), catalogue)
    assert shown["id"] == S2
    assert "system:id" not in shown.get("properties", {})


def test_an_image_takes_the_id_that_is_set(catalogue):
    """geedim names its composites so."""
    made = call("Element.set", object=call("Image.constant", value=1), key="system:id", value="a/b")

    shown = answer(made, catalogue)

    assert shown["id"] == "a/b"
    assert "system:id" not in shown.get("properties", {})
    assert property_values(features(made), "system:id") == ["a/b"]


def test_an_image_tells_its_bands_among_its_properties(catalogue):
    """`propertyNames` lists them, so a copy of all that is listed, as a public program makes it, must be one."""
    image = call("Image.load", id=f"{S2}/s0")
    names = call("Element.propertyNames", element=image)
    copied = call("Element.setMulti", object=call("Image.constant", value=1),
                  properties=call("Element.toDictionary", element=image, properties=names))  # fmt: skip

    assert answer(call("Element.get", object=image, property="system:band_names"), catalogue) == ["B4"]
    assert answer(call("Element.get", object=copied, property="n"), catalogue) == 0
    assert answer(call("Element.get", object=copied, property="system:band_names"), catalogue) == ["constant"]


def test_features_are_numbered():
    """A feature without an id gets its position; one with an id keeps it; the id is no printed property."""
    found = answer(features(feature(a=1), feature(**{"system:index": "mine"}), feature(a=3)))

    assert [item["id"] for item in found["features"]] == ["0", "mine", "2"]
    assert found["features"][0]["properties"] == {"a": 1}


def test_the_index_is_the_id():
    """A feature whose index is set has it as its id, outside of collections too."""
    assert answer(call("Feature.id", element=feature(**{"system:index": "abc123"}))) == "abc123"


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
        pytest.param(call("Collection.filter", collection=features(), filter="a + 1 > 5"), "not imitated", id="text"),
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
