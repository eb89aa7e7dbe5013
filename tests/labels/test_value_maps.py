"""Maps from values of pixels to classes, in each of the meanings that they have been given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import UserError
from orchestrator.tiling.value_maps import ValueMap

WORLD_COVER = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(ValueMap.by_pairs({10: 1, 95: 7}), {0: 0, 10: 1, 95: 7, 11: 0}, id="pairs, others 0"),
        pytest.param(ValueMap.by_pairs({10: 1}, others=None), {0: 0, 10: 1, 95: 95}, id="pairs, others stay"),
        pytest.param(ValueMap.by_order([30, 10]), {30: 0, 10: 1, 20: 0}, id="a list as documented"),
        pytest.param(ValueMap.by_position([20, 10]), {0: 0, 1: 10, 2: 20, 10: 0}, id="a list as 0.1.7 computes it"),
        pytest.param(ValueMap.by_position([0, 5]), {0: 0, 1: 5, 2: 0}, id="the same, 0 given"),
        pytest.param(ValueMap.by_sorted_ids([20, 10]), {0: 0, 10: 1, 20: 2, 5: 0}, id="--label_map of 0.1.3"),
        pytest.param(ValueMap.by_sorted_ids(WORLD_COVER), {0: 0, 10: 1, 95: 10, 100: 11}, id="--label_map, as printed"),
        pytest.param(ValueMap.parse("10=2, 20=1"), {10: 2, 20: 1, 30: 0}, id="text of pairs"),
        pytest.param(ValueMap.parse("[10,20]"), {10: 0, 20: 1, 30: 0}, id="text of a list"),
        pytest.param(ValueMap.parse("-9=3"), {-9: 3, 0: 0}, id="text with a sign"),
    ],
)
def test_each_value_becomes_its_class(made, expected):
    """By a table of each meaning, written out."""
    values = np.array(list(expected), np.int16)

    assert dict(zip(values.tolist(), made.apply(values).tolist(), strict=True)) == expected


def test_names_are_classes_too():
    """Several values may become one class; what has no name is `other`."""
    made = ValueMap.parse("10=forest,20=water,12=forest")

    assert [made.word(code) for code in made.apply(np.array([12, 10, 20, 99]))] == [
        "forest",
        "forest",
        "water",
        "other",
    ]
    assert ValueMap.parse(made.text()) == made


integers = st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4", "i8", "f4", "f8"])


@given(st.dictionaries(st.integers(-300, 70_000), st.integers(-5, 1000), min_size=1), st.data(), integers)
@settings(max_examples=150)
def test_it_is_a_dictionary_for_every_type_of_pixel(pairs, data, kind):
    """Whatever the type: looked up in a table or sought, as Python's own dictionary has it; the shape stays."""
    dtype = np.dtype(kind)
    limits = (-128, 127) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    near = [value for value in pairs if limits[0] <= value <= limits[1]]
    drawn = data.draw(st.lists(st.integers(*limits) | st.sampled_from(near or [0]), min_size=6, max_size=6))
    pixels = np.array(drawn, dtype).reshape(2, 3)

    found = ValueMap.by_pairs(pairs).apply(pixels)

    assert found.tolist() == [[pairs.get(int(value), 0) for value in row] for row in pixels.tolist()]


def test_what_is_no_number_is_of_no_class():
    """NaN and 10.5 are not the value 10."""
    assert ValueMap.parse("10=4").apply(np.array([np.nan, 10.5, 10.0])).tolist() == [0, 0, 4]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "''", id="nothing"),
        pytest.param("ten=1", "'ten'", id="a word for a value"),
        pytest.param("10=1,20", "'20'", id="half a pair"),
        pytest.param("10=1,10=2", "10 twice", id="a value twice"),
        pytest.param("[10,10]", "10", id="a value twice in a list"),
        pytest.param("10=1,20=water", "numbers and names", id="numbers and names"),
        pytest.param("__import__('os')", "__import__", id="code"),
        pytest.param("{10:1}", "'{10:1}'", id="a dictionary of Python"),
        pytest.param("10=1=2", "'10=1=2'", id="two equals signs"),
    ],
)
def test_what_says_no_map_is_refused_with_its_words(text, words):
    with pytest.raises(UserError) as caught:
        ValueMap.parse(text)

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("target", ["99999999999999999999", "1.5", "1e3", "nan", "-inf"])
def test_a_number_that_is_no_class_is_not_taken_for_a_name(target):
    """As a name it would go unseen."""
    with pytest.raises(UserError, match="is no whole number of at most 18 digits, nor a name"):
        ValueMap.parse(f"10={target}")
