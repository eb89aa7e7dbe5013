"""Numbers and choices, by the rules and examples of the API reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from evaluate_kit import answer, argument, call, constant, define, exact, pixels
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.earthengine.evaluate import EvaluationError, UnknownFunctionError

RANGES = {
    "Byte": (0, 255),
    "Uint8": (0, 255),
    "Int8": (-128, 127),
    "Uint16": (0, 65535),
    "Int16": (-32768, 32767),
    "Short": (-32768, 32767),
    "Uint32": (0, 4294967295),
    "Int32": (-2147483648, 2147483647),
    "Int": (-2147483648, 2147483647),
}


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1), (3, 4)])
def test_the_angle_is_of_the_vector_x_y(x, y):
    """The left operand is x, the right one y: (0, 1) points up."""
    assert answer(call("Number.atan2", left=x, right=y)) == pytest.approx(math.atan2(y, x))


def test_the_angle_of_images_is_refused():
    """The reference and the guides contradict each other on the order, so it is not guessed."""
    with pytest.raises(UnknownFunctionError, match=r"Image\.atan2"):
        answer(call("Image.bandNames", image=call("Image.atan2", image1=1, image2=2)))


@pytest.mark.parametrize("name", RANGES)
@given(value=st.floats(-1e10, 1e10))
def test_casts_of_numbers_clamp(name, value):
    """A fraction is lost, and what is out of range becomes the nearest bound, by both names of a cast."""
    low, high = RANGES[name]

    expected = min(max(math.trunc(value), low), high)

    assert answer(call(f"Number.to{name}", input=value)) == expected
    assert answer(call(f"Number.{name.lower()}", input=value)) == expected


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("value", [-5, 300, 70000, 1.7, -1.7, 3e9, -3e9, 5e9])
def test_casts_of_images_clamp(name, value):
    """Pixels are cast as numbers are."""
    low, high = RANGES[name]

    _, (found,), _ = pixels(exact(call(f"Image.to{name}", value=value), 1, 1))

    assert found[0, 0] == min(max(math.trunc(value), low), high)


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0, 5, 5), (300, 500, 300), (-1000, 6.5, 6.5)], ids=["below", "above", "fraction"]
)
def test_clamped_pixels_lie_in_the_range_asked_for(low, high, expected):
    """Bounds beyond the type of the band are bounds all the same."""
    image = call("Image.clamp", input=call("Image.toByte", value=7), low=low, high=high)

    _, (found,), _ = pixels(exact(image, 1, 1))

    assert found[0, 0] == expected


def test_a_cast_to_float_has_32_bits():
    """A third loses digits."""
    assert answer(call("Number.toFloat", input=1 / 3)) == float(np.float32(1 / 3))


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("%03d", 1, "001"),
        ("%.1f", 1.23476, "1.2"),
        ("%.3f", 1.23476, "1.235"),
        ("%.3e", 123476, "1.235e+05"),
        ("%.2f", 123476, "123476.00"),
        ("%.2f", 0.125, "0.13"),
        ("%.1e", 1250, "1.3e+03"),
        ("%s", 12, "12"),
        ("no. %d!", 7, "no. 7!"),
    ],
)
def test_numbers_are_formatted_as_java_does(pattern, value, expected):
    """The examples of the reference, and Java's rounding half up."""
    assert answer(call("Number.format", number=value, pattern=pattern)) == expected


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(call("Number.sqrt", input=-1), r"Number\.sqrt.*not imitated", id="root of a negative number"),
        pytest.param(call("Number.log", input=0), r"Number\.log.*not imitated", id="logarithm of zero"),
        pytest.param(call("Number.mod", left=1, right=0), r"Number\.mod.*not imitated", id="remainder by zero"),
        pytest.param(call("Number.pow", left=-8, right=0.5), r"Number\.pow.*not imitated", id="complex power"),
        pytest.param(call("Number.format", number=1, pattern="%a"), "not imitated", id="hexadecimal fraction"),
        pytest.param(call("Number.format", number=1, pattern="%d %d"), "Invalid format string", id="two fields"),
        pytest.param(call("Number.parse", input="ten"), "Cannot parse 'ten'", id="no number"),
    ],
)
def test_undefined_results_are_refused_by_name(node, sentence):
    """What the reference does not define is neither a crash nor a guess."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


@pytest.mark.parametrize(("text", "radix", "expected"), [("0001", 10, 1), ("3E8", 16, 1000), ("-2.5", None, -2.5)])
def test_numbers_are_parsed(text, radix, expected):
    """Leading zeros vanish; another radix reads integers."""
    assert answer(call("Number.parse", input=text, radix=radix)) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(0, "no", id="zero"),
        pytest.param(-3, "yes", id="number"),
        pytest.param("", "no", id="empty text"),
        pytest.param("0", "yes", id="text"),
        pytest.param(constant([]), "no", id="empty list"),
        pytest.param(constant([0]), "yes", id="list"),
        pytest.param(constant({}), "no", id="empty dictionary"),
        pytest.param(constant(None), "no", id="null"),
        pytest.param(call("Number.divide", left=float("inf"), right=float("inf")), "no", id="NaN"),
        pytest.param(call("Collection", features=constant([])), "yes", id="empty collection"),
    ],
)
def test_conditions_are_read_by_the_references_rules(condition, expected):
    """Zero, NaN, null and what is empty are false, everything else is true."""
    assert answer(call("If", condition=condition, trueCase="yes", falseCase="no")) == expected


@pytest.mark.parametrize(("condition", "expected"), [(1, "fine"), (0, "poor")])
def test_only_the_chosen_case_is_evaluated(condition, expected):
    """A case that cannot be evaluated does no harm where it is not chosen."""
    broken = call("Number.parse", input="broken")
    cases = {"trueCase": "fine", "falseCase": broken} if condition else {"trueCase": broken, "falseCase": "poor"}

    assert answer(call("If", condition=condition, **cases)) == expected


def test_a_choice_may_end_a_recursion_of_arguments():
    """Within a mapped function, the case is chosen for each element."""
    chosen = call("If", condition=argument("x"), trueCase=call("Number.mod", left=7, right=argument("x")), falseCase=-1)

    assert answer(call("List.map", list=[0, 2, 4], baseAlgorithm=define("f", "x")), f=chosen) == [-1, 1, 3]


def test_a_choice_without_a_case_is_null():
    """All arguments of a choice are optional."""
    assert answer(call("If", condition=0, trueCase=1)) is None


def test_a_misspelt_argument_of_a_choice_is_refused():
    """Arguments that are not evaluated are checked by name."""
    with pytest.raises(EvaluationError, match="Unrecognized arguments: elseCase"):
        answer(call("If", condition=0, elseCase=1))
