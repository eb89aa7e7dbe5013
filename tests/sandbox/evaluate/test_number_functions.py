"""Functions of numbers beyond arithmetic, by formulas of their own and by Java's documentation of `Formatter`."""

from __future__ import annotations

import math

import pytest
import scipy.special
from evaluate_kit import value

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError


@pytest.mark.parametrize(
    ("pattern", "number", "expected"),
    [
        pytest.param("$ %(,.2f", -6217.58, "$ (6,217.58)", id="brackets and groups"),
        pytest.param("%,d", 1234567, "1,234,567", id="groups"),
        pytest.param("%+d", 7, "+7", id="sign"),
        pytest.param("% d", 7, " 7", id="blank for a sign"),
        pytest.param("%-6d|", 7, "7     |", id="to the left"),
        pytest.param("%06.1f", -2.25, "-002.3", id="zeros after the sign, half up"),
        pytest.param("%#x", 255, "0xff", id="hexadecimal with its prefix"),
        pytest.param("%X", 255, "FF", id="capitals"),
        pytest.param("%o", 8, "10", id="octal"),
        pytest.param("%g", 12345.6, "12345.6", id="general"),
        pytest.param("%.3g", 0.00012345, "0.000123", id="general from a ten thousandth on without an exponent"),
        pytest.param("%.3g", 0.000012345, "1.23e-05", id="general below a ten thousandth"),
        pytest.param("%.3g", 1234.5, "1.23e+03", id="general with more digits than its precision"),
        pytest.param("%.3G", 999.6, "1.00E+03", id="general, rounded before it is judged"),
        pytest.param("%g", 0, "0.00000", id="general zero"),
        pytest.param("%5s|", 12, "   12|", id="text"),
        pytest.param("%.0f", 2.5, "3", id="half up"),
        pytest.param("%d", 1.75, "1", id="a fraction, cast to an integer"),
        pytest.param("%.1f", 2, "2.0", id="an integer as a fraction"),
    ],
)
def test_numbers_are_written_as_java_writes_them(pattern, number, expected):
    """Java's documentation tells of each flag, of rounding half up, and when `g` writes an exponent."""
    assert value({"Number.format": [number, pattern]}) == expected


@pytest.mark.parametrize(
    ("pattern", "number"), [("%.2d", 1), ("%#d", 1), ("%+ d", 1), ("%-d", 1), ("%0d", 1), ("%,e", 1), ("%+x", 1)]
)
def test_flags_that_a_conversion_does_not_take_are_errors(pattern, number):
    """Java's documentation names an exception for each."""
    with pytest.raises(EvaluationError, match="Invalid format string"):
        value({"Number.format": [number, pattern]})


@pytest.mark.parametrize(
    "written",
    [
        pytest.param({"Number.format": [-1, "%x"]}, id="bits of a negative number"),
        pytest.param({"Number.format": [{"Number.divide": [4, 2]}]}, id="the text of a whole quotient"),
        pytest.param({"String": [{"Number.divide": [4, 2]}]}, id="a string of a whole quotient"),
        pytest.param({"String": [1e10]}, id="a string of a large fraction"),
        pytest.param({"Number.bitwiseAnd": [1.5, 1]}, id="bits of a fraction"),
        pytest.param({"Number.leftShift": [1, 31]}, id="a shift out of 32 bits"),
        pytest.param({"Number.rightShift": [1, 64]}, id="a shift by more bits than there are"),
        pytest.param({"String": [{"Number.floor": [2.5]}]}, id="a string of a rounded fraction"),
        pytest.param({"Number.leftShift": [1, -1]}, id="a shift backwards"),
        pytest.param({"Number.round": [-0.5]}, id="rounding of a negative half"),
        pytest.param({"Number.acos": [2]}, id="no arccosine"),
        pytest.param({"Number.gamma": [0]}, id="no gamma function"),
        pytest.param({"Number.erfInv": [1.5]}, id="no inverse of the error function"),
    ],
)
def test_what_no_source_tells_of_numbers_is_refused(written):
    """A guess would be worse."""
    with pytest.raises(NotImitatedError):
        value(written)


@pytest.mark.parametrize("number", [-7.25, -0.5, 0.003, 0.7, 3, 48, 52.5])
def test_digamma_is_the_derivative_of_the_logarithm_of_gamma(number):
    """The documentation's digits are those of a series that is good to eight of them."""
    assert value({"Number.digamma": [number]}) == pytest.approx(float(scipy.special.digamma(number)), abs=1e-8)


@pytest.mark.parametrize("number", [-7.25, -0.5, 0.003, 0.7, 3, 48, 52.5])
def test_trigamma_is_the_second_derivative(number):
    """By scipy's polygamma function."""
    assert value({"Number.trigamma": [number]}) == pytest.approx(float(scipy.special.polygamma(1, number)), rel=1e-8)


@pytest.mark.parametrize("number", [0.5, 2.25, 30])
def test_lanczos_gives_the_gamma_function_by_its_formula(number):
    """Gamma(x) = sqrt(2 pi) / x * (x + g + 1/2) ^ (x + 1/2) * exp(-x - g - 1/2) * lanczos(x), with g = 607 / 128."""
    base = number + 607 / 128 + 0.5
    factor = math.sqrt(2 * math.pi) / number * base ** (number + 0.5) * math.exp(-base)
    assert factor * value({"Number.lanczos": [number]}) == pytest.approx(math.gamma(number), rel=1e-13)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("x + y * 2", 25),
        ("x ** y", 5**10),
        ("y % x", 0),
        ("!(x)", 0),
        ("x < y && y != 10 || x == 5", 1),
        ("(x < y) ? 100 : 1000", 100),
        ("x > y ? 100 : x < 5 ? 1 : 2", 2),
        ("Math.PI * 2", 2 * math.pi),
        ("deep.z * x", 15),
        ("subtract(add(x, y), 5)", 10),
        ("-x + abs(-2)", -3),
    ],
)
def test_formulas_of_numbers_are_computed(formula, expected):
    """Operators, a choice, constants, entries of dictionaries and functions of numbers, as the reference lists them."""
    variables = {"x": 5, "y": 10, "deep": {"z": 3}}
    assert value({"Number.expression": [formula, variables]}) == pytest.approx(expected)


@pytest.mark.parametrize("formula", ["z", "x +", "nothing(x)", "x.y", "add(x)", "format(x)"])
def test_what_is_no_formula_of_numbers_is_an_error(formula):
    """The sentence begins with the function's name."""
    with pytest.raises(EvaluationError, match=r"^Number\.expression"):
        value({"Number.expression": [formula, {"x": 1}]})


def test_remainders_of_integers_are_integers():
    """They have the sign of the dividend, and a text; as doubles, large ones would be off by one."""
    assert value({"Number.mod": [-(2**60) - 1, 2**60]}) == -1
    assert value({"String": [{"Number.mod": [2023, 4]}]}) == "3"


def test_bits_are_those_of_the_twos_complement():
    """64 of them, whatever the number was cast to."""
    assert [value({"Number.bitCount": [number]}) for number in (-1, -2, 255)] == [64, 63, 8]
