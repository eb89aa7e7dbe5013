"""Reducers on regions, columns and lists: weights, several inputs, names of outputs, nulls."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    S2,
    UTM,
    MemoryCatalogue,
    X,
    Y,
    answer,
    band,
    box,
    call,
    constant,
    exact,
    make_scene,
    pixels,
    reducer,
)
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

SIDE = 12
VALUES = np.random.default_rng(4).integers(1, 100, (SIDE, SIDE)).astype(np.uint16)
OTHERS = np.random.default_rng(5).integers(1, 9, (SIDE, SIDE)).astype(np.uint16)
HOLES = VALUES % 5 != 0
CATALOGUE = MemoryCatalogue([make_scene(S2, "a", {"B4": (VALUES, HOLES), "B8": OTHERS})])


def region(node, geometry, image=None, *, plain=False):
    """The statistics of a region; `plain` gives the call itself."""
    asked = call("Image.reduceRegion", image=image or band("B4"), geometry=geometry, scale=10, reducer=node)
    return asked if plain else answer(asked, CATALOGUE)


def overlap(start, end):
    """The part of each of a row of pixels that lies between two places."""
    pixels_ = np.arange(SIDE)
    return np.clip(np.minimum(end, pixels_ + 1) - np.maximum(start, pixels_), 0, 1)


PLACES = st.tuples(st.floats(0, SIDE), st.floats(0, SIDE)).map(sorted).filter(lambda pair: pair[1] - pair[0] > 0.2)


@given(across=PLACES, down=PLACES)
def test_pixels_weigh_as_much_as_the_region_covers(across, down):
    """Means, sums and spreads weigh each valid pixel by its covered fraction, if that is half a percent."""
    weights = np.outer(overlap(*down), overlap(*across)) * HOLES
    weights[weights < 0.005] = 0
    total = weights.sum()
    place = box(across[0], down[0], across[1], down[1])
    mean = (weights * VALUES).sum() / total if total else None

    assert region(reducer("sum"), place) == {"B4": pytest.approx((weights * VALUES).sum(), abs=1e-3)}
    assert region(reducer("mean"), place) == {"B4": mean if mean is None else pytest.approx(mean, rel=1e-4)}
    if total:
        variance = (weights * (VALUES - mean) ** 2).sum() / total
        assert region(reducer("variance"), place) == {"B4": pytest.approx(variance, rel=1e-3, abs=1e-3)}


@given(across=PLACES, down=PLACES)
def test_pixels_without_weights_have_their_centre_inside(across, down):
    """Counts and extremes take whole pixels, and so does whatever is called unweighted."""
    # Whether an edge through a centre has it inside is nobody's promise.
    assume(all(abs(place % 1 - 0.5) > 1e-6 for place in (*across, *down)))
    centres = np.arange(SIDE) + 0.5
    inside = (
        np.outer((down[0] <= centres) & (centres < down[1]), (across[0] <= centres) & (centres < across[1])) & HOLES
    )
    seen = VALUES[inside]
    place = box(across[0], down[0], across[1], down[1])
    plain = reducer("unweighted", reducer=reducer("mean"))

    assert region(reducer("count"), place) == {"B4": seen.size}
    assert region(reducer("max"), place) == {"B4": seen.max() if seen.size else None}
    assert region(plain, place) == {"B4": pytest.approx(seen.mean()) if seen.size else None}


@pytest.mark.parametrize(("sliver", "weight"), [(0.004, 0), (0.006, 0.006)], ids=["under half a percent", "over it"])
def test_slivers_of_pixels_are_left_out(sliver, weight):
    """A pixel counts with weights from half a percent on."""
    found = region(reducer("sum"), box(0, 0, 1 + sliver, 1), band("B8"))

    assert found == {"B8": pytest.approx(OTHERS[0, 0] + weight * OTHERS[0, 1], abs=1e-6)}


def test_shared_inputs_keep_their_own_weights():
    """A mean is weighted beside a count, which is not."""
    both = reducer("combine", reducer1=reducer("mean"), reducer2=reducer("count"), sharedInputs=True)
    place = box(0, 0, 2.4, 1)

    found = region(both, place, band("B8"))

    first, second, third = OTHERS[0, :3]
    assert found == {"B8_mean": pytest.approx((first + second + 0.4 * third) / 2.4), "B8_count": 2}


def test_frequencies_are_weighted():
    """A quarter of a pixel counts a quarter."""
    found = region(reducer("frequencyHistogram"), box(0, 0, 0.5, 0.5), band("B8"))

    assert found == {"B8": {str(OTHERS[0, 0]): pytest.approx(0.25)}}


def test_the_heaviest_value_is_the_mode():
    """Weights add up for each value."""
    image = call("Image.mod", image1=band("B8"), image2=2)

    found = region(reducer("mode"), box(0, 0, 5.5, 3.5), image)

    weights = np.outer(overlap(0, 3.5), overlap(0, 5.5))
    totals = np.bincount((OTHERS % 2).ravel(), weights=weights.ravel())
    assert found == {"B8": int(totals.argmax())}


def test_a_point_is_its_pixel():
    """With weights and without."""
    place = call("GeometryConstructors.Point", coordinates=[X + 13, Y - 27], crs=UTM)

    assert region(reducer("mean"), place, band("B8")) == {"B8": OTHERS[2, 1]}
    assert region(reducer("count"), place, band("B8")) == {"B8": 1}


@pytest.mark.parametrize(
    ("node", "place", "sentence"),
    [
        pytest.param(
            reducer("sampleVariance"),
            box(0, 0, 2.5, 2),
            r"Variance.*unweighted\(\).*not imitated",
            id="sample of weights",
        ),
        pytest.param(
            reducer("mean"),
            call("GeometryConstructors.LineString", coordinates=[[X, Y], [X + 50, Y - 50]], crs=UTM),
            "region of lines is not imitated",
            id="line",
        ),
        pytest.param(
            reducer("repeat", reducer=reducer("mean"), count=3), box(0, 0, 2, 2), "3 inputs", id="three inputs"
        ),
    ],
)
def test_what_is_not_documented_is_refused(node, place, sentence):
    """A sample of unequal weights, a line's pixels, inputs that fit no band."""
    with pytest.raises(EvaluationError, match=sentence):
        region(node, place, band("B8"))


def test_ranks_of_whole_pixels_are_exact():
    """Where the region follows the pixels, or weights are left out, the median is the middle."""
    aligned = region(reducer("median"), box(1, 1, 4, 4), band("B8"))
    plain = region(reducer("unweighted", reducer=reducer("median")), box(1, 1, 4.4, 4.4), band("B8"))

    assert aligned == plain == {"B8": np.median(OTHERS[1:4, 1:4])}


def test_a_second_band_may_be_the_weight():
    """splitWeights makes one input two; the pixels themselves then weigh alike."""
    both = call("Image.addBands", dstImg=call("Image.unmask", input=band("B4")), srcImg=band("B8"))
    node = reducer("splitWeights", reducer=reducer("mean"))

    found = region(node, box(0, 0, 3, 3), both)

    weights = OTHERS[:3, :3].astype(float)
    filled = np.where(HOLES, VALUES, 0)[:3, :3]
    assert found == {"mean": pytest.approx((filled * weights).sum() / weights.sum())}


def test_repeated_reducers_give_lists():
    """One copy for each band, one list for each output, and the output's own name."""
    both = call("Image.addBands", dstImg=band("B8"), srcImg=call("Image.multiply", image1=band("B8"), image2=2))

    found = region(reducer("repeat", reducer=reducer("sum"), count=2), box(0, 0, 3, 3), both)

    total = OTHERS[:3, :3].sum()
    assert found == {"sum": [total, 2 * total]}


def rows(*properties):
    features = [call("Feature", metadata=constant(item)) for item in properties]
    return call("Collection", features={"arrayValue": {"values": features}})


TABLE = rows({"foo": 1, "weight": 1, "x": 5}, {"foo": 2, "weight": 2, "x": 6}, {"foo": 3, "weight": 3, "x": 7})


def columns(node, *selectors, source=TABLE, weights=None):
    return answer(
        call(
            "Collection.reduceColumns",
            collection=source,
            reducer=node,
            selectors=list(selectors),
            weightSelectors=weights,
        )
    )


def test_columns_are_weighted():
    """The guide's example: the mean of 1, 2, 3 with weights 1, 2, 3 is two and a third."""
    assert columns(reducer("mean"), "foo", weights=["weight"]) == {"mean": pytest.approx(7 / 3)}


TWICE = reducer("repeat", reducer=reducer("mean"), count=2)
SIDE_BY_SIDE = reducer(
    "combine", reducer1=reducer("mean"), reducer2=reducer("max"), outputPrefix="b_", sharedInputs=False
)


@pytest.mark.parametrize(
    ("node", "selectors", "weights", "expected"),
    [
        pytest.param(TWICE, ["foo", "x"], None, {"mean": [2, 6]}, id="repeated"),
        pytest.param(TWICE, ["foo", "x"], ["weight", "weight"], {"mean": [14 / 6, 38 / 6]}, id="repeated with weights"),
        pytest.param(SIDE_BY_SIDE, ["foo", "x"], None, {"mean": 2, "b_max": 7}, id="side by side"),
        pytest.param(SIDE_BY_SIDE, ["foo", "x"], ["weight"], {"mean": 14 / 6, "b_max": 7}, id="only one weighted"),
        pytest.param(
            reducer("toList", tupleSize=2), ["foo", "x"], None, {"list": [[1, 5], [2, 6], [3, 7]]}, id="tuples"
        ),
        pytest.param(
            reducer("setOutputs", reducer=reducer("minMax"), outputs=["low", ""]),
            ["foo"],
            None,
            {"low": 1},
            id="renamed",
        ),
    ],
)
def test_columns_of_several_inputs(node, selectors, weights, expected):
    """A selector for each input, a weight for each input that heeds one."""
    found = columns(node, *selectors, weights=weights)

    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert np.asarray(found[name]) == pytest.approx(np.asarray(value))


GAPS = rows({"a": 1, "b": 2}, {"a": None, "b": 3}, {"a": 4, "b": None})


def test_tuples_with_nulls_are_dropped_unless_they_are_optional():
    """The last inputs may be null if they are declared so."""
    assert columns(reducer("toList", tupleSize=2), "a", "b", source=GAPS) == {"list": [[1, 2]]}
    assert columns(reducer("toList", tupleSize=2, numOptional=1), "a", "b", source=GAPS) == {
        "list": [[1, 2], [4, None]]
    }


def test_nulls_are_not_counted():
    """A count is of the inputs that are not null."""
    assert columns(reducer("count"), "a", source=GAPS) == {"count": 2}


@pytest.mark.parametrize("name", ["mean", "min", "median", "stdDev", "mode", "first", "product"])
def test_nothing_reduces_to_null(name):
    """An empty collection has none of these."""
    (found,) = columns(reducer(name), "a", source=rows()).values()

    assert found is None


@pytest.mark.parametrize(("name", "expected"), [("sum", 0), ("count", 0)])
def test_nothing_adds_up_to_zero(name, expected):
    """A sum and a count of nothing."""
    assert columns(reducer(name), "a", source=rows()) == {name: expected}


@pytest.mark.parametrize(
    ("node", "selectors", "weights", "sentence"),
    [
        pytest.param(reducer("mean"), ["foo", "x"], None, "Need 1 inputs for <Reducer>, got 2", id="selectors"),
        pytest.param(reducer("count"), ["foo"], ["weight"], "0 weighted inputs, found 1", id="weights of a count"),
        pytest.param(
            reducer("unweighted", reducer=reducer("mean")), ["foo"], ["weight"], "0 weighted inputs", id="unweighted"
        ),
        pytest.param(reducer("mean"), ["foo"], ["none"], "'none' is not a number", id="no weight"),
    ],
)
def test_wrong_inputs_are_refused(node, selectors, weights, sentence):
    """The sentence counts or names them."""
    with pytest.raises(EvaluationError, match=sentence):
        columns(node, *selectors, weights=weights)


def test_texts_have_no_mean():
    """The message names the reducer, whatever the library below says."""
    with pytest.raises(EvaluationError, match="reducer of mean does not take values"):
        columns(reducer("mean"), "t", source=rows({"t": "a"}))


def test_records_with_gaps_are_refused_where_their_fate_is_unknown():
    """Only toList is documented to drop them."""
    with pytest.raises(EvaluationError, match="some are null is not imitated"):
        columns(TWICE, "a", "b", source=GAPS)


def test_lists_of_tuples_are_reduced():
    """A reducer of several inputs takes a list of lists; its only output stands for itself."""
    node = call("List.reduce", list=constant([[1, 10], [2, 20]]), reducer=TWICE)

    assert answer(node) == [1.5, 15]


@pytest.mark.parametrize(
    "name", ["first", "last", "min", "max", "mode", "median", "sum", "mean", "product", "bitwiseOr"]
)
def test_results_are_numbers_to_count_on(name):
    """What a reducer of whole numbers gives is a number, that others take: of pixels as of lists."""
    listed = call("List.reduce", list=constant([7, 7]), reducer=reducer(name))
    pixel = call("Dictionary.get", dictionary=region(reducer(name), box(3, 4, 4, 5), plain=True), key="B4")

    assert answer(call("Number.subtract", left=listed, right=listed)) == 0
    assert answer(call("Number.subtract", left=pixel, right=pixel), CATALOGUE) == 0


def test_results_in_groups_are_numbers_too():
    """Also those that lie in dictionaries of a list."""
    grouped = call("Reducer.group", reducer=reducer("max"), groupField=1, groupName="at")
    rows = call("List.reduce", list=constant([[7, 1], [9, 1]]), reducer=grouped)
    first = call("List.get", list=rows, index=0)

    assert answer(call("Number.add", left=call("Dictionary.get", dictionary=first, key="max"), right=1)) == 10


@pytest.mark.parametrize(("name", "expected"), [("firstNonNull", 4), ("lastNonNull", 7), ("count", 2), ("sum", 11)])
def test_lists_with_nulls(name, expected):
    """Nulls take no part."""
    assert answer(call("List.reduce", list=constant([None, 4, 7, None]), reducer=reducer(name))) == expected


@pytest.mark.parametrize(("name", "items"), [("first", [None, 4]), ("last", [4, None])])
def test_the_first_of_a_list_may_be_a_null(name, items):
    """Only firstNonNull and lastNonNull are of the inputs that are not null."""
    assert answer(call("List.reduce", list=constant(items), reducer=reducer(name))) is None


def test_a_count_over_bands_is_masked_where_nothing_is():
    """As a count over images is."""
    nothing = call("Image.updateMask", image=band("B4"), mask=0)
    either = call("Image.addBands", dstImg=band("B4"), srcImg=nothing)

    image, (count,), valid = pixels(
        exact(call("Image.reduce", image=either, reducer=reducer("count")), SIDE, SIDE), CATALOGUE
    )

    assert [item.name for item in image.bands] == ["count"]
    np.testing.assert_array_equal(valid[0], HOLES)
    assert (count[HOLES] == 1).all()
