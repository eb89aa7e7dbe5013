"""Lists and dictionaries, by the rules of the API reference."""

from __future__ import annotations

import pytest
from evaluate_kit import answer, argument, call, constant, define

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

TYPED = constant({"n": 2, "s": "x"})
BANDS = constant({"B1": 182, "B2": 219, "B3": 443})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"start": 0, "end": 5}, [0, 1, 2, 3, 4, 5]),
        ({"start": 0, "step": -2, "count": 6}, [0, -2, -4, -6, -8, -10]),
        ({"start": 0, "end": 10, "step": 2, "count": 3}, [0, 5, 10]),
        ({"start": 10, "count": 3}, [10, 11, 12]),
        ({"start": 3, "step": 2, "end": 6}, [3, 5]),
    ],
)
def test_sequences(options, expected):
    """The reference's examples: a count beside an end ignores the step."""
    assert answer(call("List.sequence", **options)) == expected


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param(call("List.sort", list=[3, 1, 2]), [1, 2, 3], id="sort"),
        pytest.param(call("List.sort", list=["x", "y", "z"], keys=[2, 3, 1]), ["z", "x", "y"], id="sort by keys"),
        pytest.param(call("List.join", list=["a", 1, 2.5], separator="-"), "a-1-2.5", id="join"),
        pytest.param(call("List.remove", list=[1, 2], element=3), [1, 2], id="remove what is not there"),
        pytest.param(call("List.slice", list=[1, 2, 3, 4, 5], start=-4, end=9, step=2), [2, 4], id="slice"),
    ],
)
def test_lists(node, expected):
    """Each function does what its page says."""
    assert answer(node) == expected


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(call("List.sort", list=constant([3, None, 1])), "not imitated", id="nulls in order"),
        pytest.param(call("List.sort", list=[3, "a"]), "not imitated", id="kinds in order"),
        pytest.param(call("List.sort", list=[3, 1], keys=[1]), "same length", id="too few keys"),
        pytest.param(call("List.join", list=constant([[1]])), "not imitated", id="text of a list"),
        pytest.param(call("List.slice", list=[1, 2], start=0, step=-1), "not imitated", id="backwards"),
        pytest.param(call("Dictionary.remove", dictionary=BANDS, selectors=["B9"]), "key: 'B9'", id="remove"),
        pytest.param(call("Dictionary.select", dictionary=BANDS, selectors=["B9"]), "key: 'B9'", id="select"),
        pytest.param(call("Dictionary.values", dictionary=BANDS, keys=["B9"]), "key: 'B9'", id="values"),
        pytest.param(call("Dictionary", input=["a"]), "even length", id="half a pair"),
        pytest.param(call("Dictionary.getNumber", dictionary=TYPED, key="s"), "not a number: x", id="no number"),
        pytest.param(call("Dictionary.getString", dictionary=TYPED, key="n"), "not a string: 2", id="no string"),
        pytest.param(call("List.getNumber", list=["x", 2], index=0), "not a number: x", id="no number in a list"),
        pytest.param(call("Dictionary.fromLists", keys=[1], values=[2]), "Keys must be strings", id="number as a key"),
    ],
)
def test_what_is_missing_or_unknown_is_refused(node, sentence):
    """Neither a crash nor a guess."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param(
            call("Dictionary.remove", dictionary=BANDS, selectors=["B2", "B3", "Region"], ignoreMissing=True),
            {"B1": 182},
            id="remove",
        ),
        pytest.param(
            call("Dictionary.select", dictionary=BANDS, selectors=["B[1-2]"]), {"B1": 182, "B2": 219}, id="select"
        ),
        pytest.param(call("Dictionary.remove", dictionary=BANDS, selectors=["B[1-2]"]), {"B3": 443}, id="by pattern"),
        pytest.param(
            call("Dictionary.combine", first=constant({"a": 1, "b": None}), second=constant({"a": 2, "c": None})),
            {"a": 2},
            id="combine without nulls",
        ),
        pytest.param(
            call("Dictionary.combine", first=constant({"a": 1}), second=constant({"a": 2}), overwrite=False),
            {"a": 1},
            id="combine without overwriting",
        ),
        pytest.param(call("Dictionary", input=["B1", 182, "B2", 219]), {"B1": 182, "B2": 219}, id="pairs"),
    ],
)
def test_dictionaries(node, expected):
    """Selectors are keys or regular expressions, and a null does not survive a combination."""
    assert answer(node) == expected


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (call("Dictionary.getNumber", dictionary=TYPED, key="n"), 2),
        (call("Dictionary.getString", dictionary=TYPED, key="s"), "x"),
        (call("List.getNumber", list=["x", 2], index=-1), 2),
        (call("List.getString", list=["x", 2], index=0), "x"),
        (call("Element.getNumber", object=call("Feature", metadata=TYPED), property="n"), 2),
        (call("Element.getString", object=call("Feature", metadata=TYPED), property="s"), "x"),
        (call("Element.getNumber", object=call("Feature", metadata=TYPED), property="absent"), None),
    ],
)
def test_values_are_taken_by_their_type(node, expected):
    """A number where a number is asked for, a text where a text is."""
    assert answer(node) == expected


def test_a_null_drops_its_key():
    """A function that gives null for a key removes it."""
    large = call("If", condition=call("Number.gt", left=argument("v"), right=200), trueCase=argument("v"))

    found = answer(call("Dictionary.map", dictionary=BANDS, baseAlgorithm=define("f", "k", "v")), f=large)

    assert found == {"B2": 219, "B3": 443}
