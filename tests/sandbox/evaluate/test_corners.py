"""Corners of plain values: what has no right answer is an error with a sentence."""

from __future__ import annotations

import pytest
from evaluate_kit import answer, call

from orchestrator.sandbox.earthengine.evaluate import EvaluationError


def _date(value, zone=None):
    return call("Date", value=value, timeZone=zone)


@pytest.mark.parametrize("root", [3, 6, 15, -24])
def test_whole_cube_roots(root):
    """The root of a cube is whole to the last bit, as the page shows it."""
    assert answer(call("Number.cbrt", input=root**3)) == root


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(call("Number.parse", input="9" * 20, radix=10), "64 bits", id="parse beyond 64 bits"),
        pytest.param(call("Number.parse", input="f" * 20, radix=16), "64 bits", id="parse hexadecimal beyond 64 bits"),
        pytest.param(call("Number.parse", input="9" * 5000, radix=10), "parse", id="parse thousands of digits"),
        pytest.param(call("Number.parse", input="1e999", radix=10), "beyond a double", id="parse beyond a double"),
        pytest.param(call("Number.parse", input="\u0663", radix=10), "Cannot parse", id="digit outside of ASCII"),
        pytest.param(call("Number.parse", input="\u0663", radix=8), "Cannot parse", id="octal digit outside of ASCII"),
        pytest.param(call("Number.parse", input="0x1f", radix=16), "not imitated", id="prefix of another language"),
        pytest.param(call("Number.parse", input="10", radix=0), "Cannot parse", id="radix 0"),
        pytest.param(call("Number.multiply", left=2**40, right=2**40), "64 bits", id="product beyond 64 bits"),
        pytest.param(call("Number.pow", left=7, right=10**9), "not imitated", id="power of billions of digits"),
        pytest.param(call("String.decodeJSON", string="9" * 30), "64 bits", id="JSON beyond 64 bits"),
        pytest.param(call("String.decodeJSON", string="[1e999]"), "no JSON", id="JSON beyond a double"),
        pytest.param(call("String.decodeJSON", string="NaN"), "no JSON", id="JSON has no NaN"),
        pytest.param(call("String.decodeJSON", string="[" * 100_000), "no JSON", id="JSON too deep"),
        pytest.param(_date(1e300), "64 bits", id="date beyond 64 bits"),
        pytest.param(call("Date.advance", date=_date(0), delta=1e308, unit="day"), "64 bits", id="advance too far"),
        pytest.param(call("Date.advance", date=_date(0), delta=1e18, unit="day"), "64 bits", id="advance past 64 bits"),
        pytest.param(call("Date.fromYMD", year=2**40, month=1, day=1), "no date", id="year beyond a C int"),
        pytest.param(call("Date.update", date=_date(0), year=2**40), "no fields", id="set a year beyond a C int"),
        pytest.param(call("List.get", list=[1], index=1e300), "64 bits", id="index beyond 64 bits"),
        pytest.param(_date("\u0662020-01-01"), "Bad date", id="date in other digits"),
        pytest.param(call("Date.format", date=_date(0), timeZone="+99:99"), "not recognised", id="offset of days"),
        pytest.param(call("Date.format", date=_date(0), timeZone="Etc/GMT+8"), "Etc/GMT.8", id="zone told two ways"),
        pytest.param(_date("2020-03-29T02:30", "Europe/Berlin"), "does not exist", id="hour that is skipped"),
    ],
)
def test_numbers_and_dates(node, sentence):
    """Numbers beyond 64 bits, digits that are none of ASCII's and hours that never were have a sentence."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


def test_hour_before_a_skipped_one():
    """In Berlin at one o'clock of 29 March 2020 an hour ends 3600 seconds later, when the clocks show three."""
    start = 1_585_440_000_000  # 2020-03-29T00:00Z
    found = call("Date.getRange", date=_date(start), unit="hour", timeZone="Europe/Berlin")
    assert answer(found)["dates"] == [start, start + 3_600_000]
