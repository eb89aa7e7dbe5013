"""Collections made of others, and statistics of their properties."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import value

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError

NUMBERS = [3.5, -1.25, 8.0, 4.5]


def features(*properties):
    return {"Collection": [[{"Feature": [None, each]} for each in properties]]}


def aggregate(name, *values):
    return value({f"AggregateFeatureCollection.{name}": [features(*({"x": each} for each in values)), "x"]})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("product", np.prod(NUMBERS)),
        ("sample_var", np.var(NUMBERS, ddof=1)),
        ("sample_sd", np.std(NUMBERS, ddof=1)),
        ("total_var", np.var(NUMBERS)),
        ("total_sd", np.std(NUMBERS)),
        ("count_distinct", 4),
    ],
)
def test_properties_are_summarised(name, expected):
    """Samples are divided by one less than their number, totals by their number."""
    assert aggregate(name, *NUMBERS) == pytest.approx(expected)


def test_all_statistics_have_the_names_of_the_documentation():
    """Its example lists these thirteen."""
    assert aggregate("stats", *NUMBERS) == pytest.approx(
        {
            "max": 8, "mean": np.mean(NUMBERS), "min": -1.25, "sample_sd": np.std(NUMBERS, ddof=1),
            "sample_var": np.var(NUMBERS, ddof=1), "sum": 14.75, "sum_sq": np.sum(np.square(NUMBERS)),
            "total_count": 4, "total_sd": np.std(NUMBERS), "total_var": np.var(NUMBERS), "valid_count": 4,
            "weight_sum": 4, "weighted_sum": 14.75,
        }
    )  # fmt: skip


def test_missing_values_are_skipped():
    """So the release notes say of all statistics."""
    assert [aggregate(name, 1, None, 1, 3) for name in ("count_distinct", "count", "sum", "product")] == [2, 3, 5, 3]


def test_values_are_counted_by_their_text():
    """Texts and integers are keys as they are written."""
    assert aggregate("histogram", "a", "b", "a", 3) == {"3": 1, "a": 2, "b": 1}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param("product", [], id="product of nothing"),
        pytest.param("sample_var", [1], id="sample of one"),
        pytest.param("stats", [1, 2, None], id="statistics with a missing value"),
    ],
)
def test_what_no_source_tells_of_statistics_is_refused(name, values):
    """A guess would be worse."""
    with pytest.raises(NotImitatedError):
        aggregate(name, *values)


def listed(collection, name):
    return value({"AggregateFeatureCollection.array": [collection, name]})


def test_values_that_are_not_looked_up_are_dropped():
    """The example of the page: what is neither a tree nor none is dropped."""
    trees = features({"isTree": "Tree"}, {"isTree": "NotTree"}, {"isTree": "nonsense"})
    assert listed({"Collection.remap": [trees, ["NotTree", "Tree"], [0, 1], "isTree"]}, "isTree") == [1, 0]


def test_a_united_collection_is_one_feature():
    """It has only an id and a geometry."""
    points = [{"GeometryConstructors.Point": [[x, 0]]} for x in (1, 2)]
    (only,) = value({"Collection.union": [{"Collection": [points]}]})["features"]
    assert (only["id"], only["properties"], only["geometry"]["type"]) == ("union_result", {}, "MultiPoint")


def test_a_collection_is_bounded_by_its_outermost_points():
    """The box of all geometries."""
    points = [{"GeometryConstructors.Point": [place]} for place in ([1, 5], [3, 2])]
    ring = value({"Collection.bounds": [{"Collection": [points]}]})["coordinates"][0]
    assert ring == [[1, 2], [3, 2], [3, 5], [1, 5], [1, 2]]


@pytest.mark.parametrize(("distribution", "mean", "deviation"), [("uniform", 0.5, 12**-0.5), ("normal", 0, 1)])
def test_random_numbers_have_the_distribution_that_is_asked_for(distribution, mean, deviation):
    """Within four standard errors of 1000 numbers."""
    many = features(*({"n": n} for n in range(1000)))
    drawn = np.array(listed({"Collection.randomColumn": [many, "r", 7, distribution]}, "r"))

    assert abs(drawn.mean() - mean) < 4 * deviation / 1000**0.5
    assert abs(drawn.std() - deviation) < 4 * deviation / 1000**0.5
    assert distribution == "normal" or ((drawn >= 0) & (drawn < 1)).all()


def test_random_numbers_are_determined_by_the_seed_and_the_keys():
    """The same again for the same, another for another seed, one for elements of equal keys."""
    many = features({"n": 1}, {"n": 1}, {"n": 2})

    def drawn(seed, keys):
        return listed({"Collection.randomColumn": [many, "r", seed, "uniform", keys]}, "r")

    assert drawn(1, ["system:index"]) == drawn(1, ["system:index"]) != drawn(2, ["system:index"])
    assert len(set(drawn(1, ["n"]))) == 2


def test_agreement_is_counted_by_class():
    """Rows are actual, columns predicted; classes outside of the order are not counted."""
    table = features(*({"a": there, "p": found} for there, found in [(0, 0), (0, 2), (2, 2), (1, 2)]))
    arguments = [table, "a", "p"]

    assert value({"ConfusionMatrix.array": [{"Collection.errorMatrix": arguments}]}) == [
        [1, 0, 1],
        [0, 0, 1],
        [0, 0, 1],
    ]
    assert value({"ConfusionMatrix.array": [{"Collection.errorMatrix": [*arguments, [2, 0]]}]}) == [[1, 0], [1, 1]]


def images(*names):
    return {"ImageCollection.fromImages": [[{"Image.rename": [{"Image.constant": [1]}, [name]]} for name in names]]}


def test_images_of_one_id_are_combined():
    """An inner join on the id, with the bands of both."""
    combined = {"ImageCollection.combine": [images("a", "b"), images("c")]}
    assert [[band["id"] for band in image["bands"]] for image in value(combined)["features"]] == [["a", "c"]]


def test_images_of_a_collection_are_cast():
    """In the order of the names; a band that an image lacks is added."""
    cast = {"ImageCollection.cast": [images("a", "b"), {"a": "float", "b": "int8"}, ["b", "a"]]}
    bands = [
        [(band["id"], band["data_type"]["precision"]) for band in image["bands"]] for image in value(cast)["features"]
    ]
    assert bands == [[("b", "int"), ("a", "float")]] * 2


def test_every_band_of_a_cast_collection_is_named():
    """The reference says that the types must include all bands."""
    with pytest.raises(EvaluationError, match="include the band 'b'"):
        value({"ImageCollection.cast": [images("a", "b"), {"a": "float"}, ["a"]]})


def test_new_names_of_equal_bands_are_refused():
    """The reference says that they are renamed, not how."""
    with pytest.raises(NotImitatedError, match="'a'"):
        value({"ImageCollection.combine": [images("a"), images("a")]})


FEATURE = {"Feature": [{"GeometryConstructors.Point": [[1, 2]]}, {"ab": 1, "ac": 2, "d": 3}]}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param([["d", "ab"]], {"d": 3, "ab": 1}, id="names"),
        pytest.param([["a."]], {"ab": 1, "ac": 2}, id="an expression"),
        pytest.param([["a.", "d"], ["x", "y", "z"]], {"x": 1, "y": 2, "z": 3}, id="new names"),
    ],
)
def test_properties_are_selected(arguments, expected):
    """By names or expressions, under new names if there are any."""
    assert value({"Feature.select": [FEATURE, *arguments]})["properties"] == expected


def test_a_selected_feature_may_lose_its_geometry():
    """With `retainGeometry` false, there is none."""
    assert value({"Feature.select": [FEATURE, ["d"], None, False]})["geometry"] is None


def test_as_many_new_names_as_properties_are_needed():
    """The sentence counts both."""
    with pytest.raises(EvaluationError, match="1 names were given for 2"):
        value({"Feature.select": [FEATURE, ["a."], ["x"]]})


def test_a_list_of_no_elements_is_an_error():
    """The service says so of `toList(size())` of an empty collection, as its users published."""
    with pytest.raises(EvaluationError, match=r"The value of 'count' must be positive\. Got: 0\."):
        value({"Collection.toList": [features(), 0]})


def test_arrays_are_made_of_numbers_of_a_feature():
    """A feature that lacks a property, or where it is no number, is dropped."""
    table = features({"a": 1, "b": 2.5}, {"a": 1}, {"a": "x", "b": 1})
    assert listed({"FeatureCollection.makeArray": [table, ["b", "a"]]}, "array") == [[2.5, 1]]


@pytest.mark.parametrize("selectors", [["zzz"], ["a.", "ab"]])
def test_selectors_of_no_property_or_of_one_twice_are_refused(selectors):
    """No source tells what becomes of them."""
    with pytest.raises(NotImitatedError):
        value({"Feature.select": [FEATURE, selectors]})
