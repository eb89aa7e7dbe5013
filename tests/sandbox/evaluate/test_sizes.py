"""What is too large, too deep or has no right answer is refused before it is computed."""

from __future__ import annotations

import pytest
from evaluate_kit import answer, call, constant, feature, features, indexes, point

from orchestrator.sandbox.earthengine.evaluate import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.backtracking import slow

JULY = call("DateRange", start="2021-07-01", end="2021-08-01")
TOO_MANY = "too many, at most 10000000|too large|too long"


def _reduced(reducer):
    return call("List.reduce", list=constant([]), reducer=call(reducer))


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(call("List.sequence", start=0, count=2 * 10**9), TOO_MANY, id="sequence by count"),
        pytest.param(call("List.sequence", start=0, end=1e300), TOO_MANY, id="sequence to an end"),
        pytest.param(call("List.repeat", value=1, count=2 * 10**9), TOO_MANY, id="repeat"),
        pytest.param(call("Number.format", number=1, pattern="%1000000000d"), TOO_MANY, id="width"),
        pytest.param(call("Number.format", number=1, pattern="%.1000000000f"), TOO_MANY, id="places"),
        pytest.param(call("Reducer.fixedHistogram", min=0, max=1, steps=10**9), TOO_MANY, id="buckets"),
        pytest.param(call("Reducer.toList", tupleSize=10**9), TOO_MANY, id="size of a tuple"),
        pytest.param(
            call("String.replace", input="a" * 5000, regex="a", replacement="b" * 5000, flags="g"),
            TOO_MANY,
            id="replacement",
        ),
        pytest.param(
            call("List.join", list=call("List.repeat", value=1, count=5000), separator="b" * 5000), TOO_MANY, id="join"
        ),
        pytest.param(call("List.repeat", value=1, count=-1), "count of -1", id="repeat less than never"),
        pytest.param(call("List.sequence", start=1, end=2, count=-1), "count of -1", id="sequence of less than none"),
        pytest.param(_reduced("Reducer.product"), "product of nothing", id="product of nothing"),
        pytest.param(_reduced("Reducer.mean"), "mean of nothing", id="mean of nothing"),
        pytest.param(call("Projection", crs=""), "could not be parsed", id="CRS without a name"),
        pytest.param(call("Projection", crs="EPSG:3857", transform=[1, 2, 3]), "6 numbers", id="half a transform"),
        pytest.param(call("Projection", crs="EPSG:3857", transform=[0] * 6), "cannot be undone", id="no extent"),
        pytest.param(
            call("Projection", crs="EPSG:3857", transform=["a", 0, 0, 0, 1, 0]), "6 numbers", id="text in a transform"
        ),
        pytest.param(
            call("Projection.atScale", projection=call("Projection", crs="EPSG:3857"), meters=0),
            "positive",
            id="scale 0",
        ),
        pytest.param(call("Reducer.linearRegression", numX=10**9), TOO_MANY, id="inputs of a regression"),
        pytest.param(call("Reducer.repeat", reducer=call("Reducer.sum"), count=10**9), TOO_MANY, id="copies"),
        pytest.param(call("Number.expression", expression="9" * 5000), "64 bits", id="digits of a formula"),
        pytest.param(call("Number.toInt8", input=10**400), "64 bits", id="a constant beyond 64 bits"),
        pytest.param({"integerValue": "abc"}, "no integer", id="an integer that is none"),
        pytest.param(call("String.match", input="a" * 40 + "!", regex="(a+)+$"), "RE2", id="nested repetitions"),
        pytest.param(
            call("String.replace", input="a" * 60, regex="(a|aa)+$b", replacement="x"), "RE2", id="nested choice"
        ),
        pytest.param(call("String.encodeJSON", object=point(1, 2)), "value of type Geometry", id="no Python form"),
        pytest.param(call("Date", value=JULY), "found: a value of type DateRange", id="no Python form of a range"),
        pytest.param({"functionInvocationValue": {"functionName": None}}, "must name its function", id="no function"),
    ],
)
def test_what_cannot_be_answered_has_a_sentence(node, sentence):
    """Within no time, whatever was asked for."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(a+)+$", True),
        ("(a|aa)+$", True),
        ("(ab?)*", True),
        ("(a?){30}", True),
        ("a?" * 30 + "a" * 30, True),
        ("(a|b)+", False),
        ("(ab)*", False),
        ("(a+)?b", False),
        (r"(\d+)_(\w+)_(foo|bar).*", False),
    ],
)
def test_patterns_that_may_never_end_are_told(pattern, expected):
    """Repetitions within repetitions take exponential time, and alternatives within them; others do not."""
    assert slow(pattern) is expected


def test_deep_formulas_have_a_sentence():
    """Thousands of parentheses are no fault of the sandbox."""
    with pytest.raises(EvaluationError, match="nested too deeply"):
        answer(call("Number.expression", expression="(" * 30_000 + "1" + ")" * 30_000))


def test_functions_of_formulas_take_their_number_of_values():
    """Of three values 'max' is not told."""
    parse = call("Image.parseExpression", expression="max(1, 2, 3)", argName="IMG", vars=["IMG"])
    node = {
        "functionInvocationValue": {
            "functionReference": "f",
            "arguments": {"IMG": call("Image.constant", value=1)},
        }
    }
    with pytest.raises(EvaluationError, match="'max' of 3 values"):
        answer(node, f=parse)


def test_the_angle_of_a_pixel_of_zeros_is_refused():
    """A vector without a length has no direction."""
    zero, other = (call("Image.constant", value=numbers) for numbers in ([0, 0], [3, 4]))
    distance = call("Image.spectralDistance", image1=zero, image2=other, metric="sam")
    with pytest.raises(EvaluationError, match="nothing but zeros"):
        answer(
            call(
                "Image.reduceRegion",
                image=distance,
                reducer=call("Reducer.first"),
                geometry=point(0, 0),
                scale=1000,
            )
        )


def test_a_range_of_dates_filters_as_it_is():
    """`filterDate` of a range is written by the client as the range of a range."""
    days = [1_625_097_600_000, 1_627_776_000_000]  # the first of July and of August 2021
    given = features(*(feature(point(0, 0), **{"system:time_start": day, "system:index": str(day)}) for day in days))
    span = call("Filter.dateRangeContains", leftValue=call("DateRange", start=JULY), rightField="system:time_start")

    assert indexes(call("Collection.filter", collection=given, filter=span)) == [str(days[0])]


def test_a_constant_array_of_small_numbers_is_of_bytes():
    """The page of `ee.Image` prints unsigned int8 from 0 to 255 with one dimension."""
    image = answer(call("Image.constant", value=call("Array", values=constant([0, 0, 255]))))

    kind = {"type": "PixelType", "precision": "int", "min": 0, "max": 255, "dimensions": 1}
    assert image["bands"][0]["data_type"] == kind
