"""Texts and their regular expressions: the examples of the API reference, and what it does not say."""

from __future__ import annotations

import pytest
from evaluate_kit import answer, call, value

from orchestrator.sandbox.earthengine.evaluate import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.errors import NotImitatedError

LINE = "a,b,cdee f,g"


@pytest.mark.parametrize(
    ("text", "pattern", "flags", "expected"),
    [
        ("aBAbcD", "Ab", None, ["aB", "cD"]),
        ("aBAbcD", "ab", "i", ["", "", "cD"]),
        ("aBAbcD", "[bc]", "i", ["a", "A", "", "D"]),
        ("aBAbcD", "(BA|c)", None, ["a", "b", "D"]),
        ("abc", "", None, ["a", "b", "c"]),
        (LINE, " ", None, ["a,b,cdee", "f,g"]),
        (LINE, "[[:space:]]", None, ["a,b,cdee", "f,g"]),
        (LINE, "ee", None, ["a,b,cd", " f,g"]),
        (LINE, "[a-z]", None, ["", ",", ",", "", "", "", " ", ","]),
        (LINE, "[^a-z]", None, ["a", "b", "cdee", "f", "g"]),
        ("a.b*c?d", r"\.", None, ["a", "b*c?d"]),
        ("a.b*c?d", "[*]", None, ["a.b", "c?d"]),
        ("a.b*c?d", "[?]", None, ["a.b*c", "d"]),
    ],
)
def test_texts_are_split(text, pattern, flags, expected):
    """Groups are no part of the answer, the flag ignores case, and an empty end is left out."""
    assert answer(call("String.split", string=text, regex=pattern, flags=flags)) == expected


@pytest.mark.parametrize(
    ("pattern", "flags", "expected"),
    [
        ("", None, [""]),
        ("ab", "g", ["ab"]),
        ("ab", "i", ["AB"]),
        ("AB", "ig", ["AB", "ab"]),
        ("[a-z]+[0-9]+", None, ["abc123"]),
        (r"\d{2}", None, ["12"]),
        ("abc[^0-9]", "i", ["ABCa"]),
        ("x", None, []),
        ("3$", None, ["3"]),
        ("[[:upper:]]{2}", None, ["AB"]),
        ("(?i)aB", None, ["AB"]),
    ],
)
def test_texts_are_matched(pattern, flags, expected):
    """The first match or, with the flag g, all."""
    assert answer(call("String.match", input="ABCabc123", regex=pattern, flags=flags)) == expected


@pytest.mark.parametrize(
    ("text", "replacement", "flags", "expected"),
    [
        ("abc-abc", "X", None, "X-abc"),
        ("abc-abc", "X", "g", "X-X"),
        ("abc-abc", "", "g", "-"),
        ("aBc-Abc", "Z", "i", "Z-Abc"),
        ("aBc-Abc", "Z", "ig", "Z-Z"),
    ],
)
def test_matches_are_replaced(text, replacement, flags, expected):
    """The first match or, with the flag g, all."""
    node = call("String.replace", input=text, regex="abc", replacement=replacement, flags=flags)

    assert answer(node) == expected


def test_a_line_feed_is_not_before_the_end():
    """The dollar is the end of the text, as in RE2, not what stands before a last line feed."""
    assert answer(call("String.match", input="ab\n", regex="b$")) == []


def test_digits_are_ascii():
    """Classes of letters and digits are those of RE2."""
    assert answer(call("String.match", input="٣", regex=r"\d")) == []


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(call("String.match", input="a", regex="(?=a)"), id="look ahead"),
        pytest.param(call("String.match", input="aa", regex=r"(?:a)\1"), id="back reference"),
        pytest.param(call("String.match", input="a", regex=r"\pL"), id="Unicode class"),
        pytest.param(call("String.match", input="a", regex="(b)?a"), id="a group that takes no part"),
        pytest.param(call("String.replace", input="a", regex="(a)", replacement="$1"), id="reference in a replacement"),
        pytest.param(call("String.split", string="ab", regex="x*"), id="split at nothing"),
        pytest.param(call("String", input=[1, 2]), id="text of a list"),
        pytest.param(call("String", input=1e300), id="text of a huge number"),
    ],
)
def test_what_is_not_documented_is_refused(node):
    """Where engines differ, or the reference is silent, the refusal says so."""
    with pytest.raises(EvaluationError, match="not imitated by this sandbox"):
        answer(node)


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(call("String.match", input="a", regex="a", flags="x"), "flag: 'x'", id="flag"),
        pytest.param(call("String.match", input="a", regex="("), "Invalid regular expression", id="pattern"),
    ],
)
def test_broken_expressions_are_refused(node, sentence):
    """The sentence names what is wrong."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (call("String.rindex", target="aBc-Abc", pattern="A"), 4),
        (call("String.rindex", target="aBc-Abc", pattern=""), 7),
        (call("String.equals", reference="1", target=1), False),
        (call("String.encodeJSON", object={"constantValue": {"b": "x", "a": [1, 2]}}), '{"a":[1,2],"b":"x"}'),
        (call("String.decodeJSON", string='{"a": "abc", "b": 1}'), {"a": "abc", "b": 1}),
    ],
)
def test_texts_are_searched_compared_and_coded(node, expected):
    """The examples of the reference."""
    assert answer(node) == expected


@pytest.mark.parametrize(
    "written",
    [
        pytest.param({"String.split": ["aaa", "a"]}, id="nothing but matches"),
        pytest.param({"String.trim": ["\u00a0a"]}, id="a blank outside of ASCII"),
        pytest.param({"String.length": ["\U0001f9f2"]}, id="length of what is two characters to some"),
        pytest.param({"String.slice": ["\U0001f9f2a", 1]}, id="a part of it"),
        pytest.param({"String.match": ["a", "a{,2}"]}, id="repetition without a minimum"),
        pytest.param({"String.encodeJSON": [{"a": [2.0]}]}, id="JSON of a whole fraction"),
        pytest.param({"String.encodeJSON": [{"Date": [0]}]}, id="JSON of a date"),
        pytest.param({"Number.parse": ["NaN"]}, id="a number that Java alone reads"),
        pytest.param({"Number.parse": [" 5"]}, id="a number after a blank"),
        pytest.param({"Element.toDictionary": [{"Feature": [None, {"a": 1}]}, ["b"]]}, id="an absent property"),
    ],
)
def test_what_no_source_tells_of_texts_is_refused(written):
    """A guess would be worse."""
    with pytest.raises(NotImitatedError):
        value(written)


def test_the_groups_of_the_first_match_follow_it():
    """So the release notes say of `match` without the flag `g`; with it, there are only matches."""
    pattern = "([a-z])([0-9]+)"
    assert value({"String.match": ["a12 b3", pattern]}) == ["a12", "a", "12"]
    assert value({"String.match": ["a12 b3", pattern, "g"]}) == ["a12", "b3"]
