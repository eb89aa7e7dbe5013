"""When two values count as equal, and what is said of those that do not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from orchestrator.model.audit import AuditReport, Difference
from orchestrator.model.spec import DTYPE_BYTES, PixelSpec
from orchestrator.products.mosaic.comparing import compare

NODATA = 7


def spec(dtype, nodata=NODATA):
    return PixelSpec(("a", "b", "c"), dtype, nodata)


def random_values(dtype, chance, shape=(3, 60, 50)):
    """Random values over the whole type, of either sign and every magnitude; one in ten is nodata."""
    if dtype.startswith("float"):
        values = (chance.normal(size=shape) * 10.0 ** chance.integers(-9, 9, shape)).astype(dtype)
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        values = chance.integers(low, high, shape, dtype=dtype, endpoint=True)
    values[chance.random(shape) < 0.1] = NODATA
    return values


@pytest.mark.parametrize("dtype", DTYPE_BYTES)
def test_two_hundred_of_two_hundred_single_changed_values_are_found(dtype):
    """One value of 9,000, anywhere, by the least that counts: one in integers, 3e-6 of it in floating-point numbers."""
    chance = np.random.default_rng(len(dtype))
    expected = random_values(dtype, chance)
    found = []
    for _ in range(200):
        changed = expected.copy()
        place = tuple(int(chance.integers(0, size)) for size in expected.shape)
        old = expected[place]
        changed[place] = old * (1 + 3e-6) if dtype.startswith("float") else old ^ expected.dtype.type(1)
        assert changed[place] != old
        found.append(compare(changed, expected, spec(dtype)) == _one(place, changed[place], old))

    assert found == [True] * 200


def _one(place, new, old):
    from orchestrator.products.mosaic.comparing import Compared  # noqa: PLC0415

    size = 0.0 if NODATA in (new, old) else abs(float(new) - float(old))
    return Compared(1, size, place)


@pytest.mark.parametrize("dtype", DTYPE_BYTES)
def test_equal_arrays_have_no_difference(dtype):
    """The honest file passes."""
    values = random_values(dtype, np.random.default_rng(1))

    assert compare(values, values.copy(), spec(dtype)).count == 0


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        pytest.param(1.0, np.nextafter(np.float32(1), np.float32(2)), 0, id="one step of the type"),
        pytest.param(1e-45, 0.0, 0, id="one step at zero"),
        pytest.param(-0.0, 0.0, 0, id="zeros of either sign"),
        pytest.param(1e6, 1e6 + 0.5, 0, id="half a millionth"),
        pytest.param(1e6, 1e6 + 2, 1, id="two millionths"),
        pytest.param(1e-9, 2e-9, 1, id="small and twice that"),
        pytest.param(1.0, -1.0, 1, id="another sign"),
        pytest.param(np.nan, np.nan, 0, id="both no number"),
        pytest.param(np.nan, 1.0, 1, id="one no number"),
        pytest.param(np.inf, np.inf, 0, id="both infinite"),
        pytest.param(np.inf, -np.inf, 1, id="infinite to either side"),
        pytest.param(np.inf, 3e38, 1, id="infinite and large"),
        pytest.param(NODATA, NODATA * (1 + 1e-7), 1, id="nodata and data close to it"),
        pytest.param(NODATA, NODATA, 0, id="both nodata"),
    ],
)
def test_floating_values_are_equal_within_a_millionth_and_a_step(one, other, differ):
    """By the definition that a report states, whichever of the two is in the file."""
    a, b = (np.full((3, 1, 1), 0, np.float32) for _ in range(2))
    a[1], b[1] = one, other

    assert (compare(a, b, spec("float32")).count, compare(b, a, spec("float32")).count) == (differ, differ)


def test_where_nodata_is_no_number_data_in_its_place_differ():
    """NaN as nodata is the usual choice of float images."""
    found, expected = np.full((3, 2, 2), np.nan, np.float32), np.full((3, 2, 2), np.nan, np.float32)
    found[2, 1, 0] = 0

    assert compare(found, expected, spec("float32", math.nan)).first == (2, 1, 0)


@pytest.mark.parametrize(("dtype", "nodata"), [("uint16", 65535), ("float32", NODATA), ("float32", math.nan)])
def test_the_largest_difference_is_one_of_two_data_values(dtype, nodata):
    """That one has a pixel and the other has none is a difference, but of no size."""
    found, expected = (np.full((3, 2, 2), 5, dtype) for _ in range(2))
    found[0, 0, 0] = nodata

    alone = compare(found, expected, spec(dtype, nodata))
    found[1, 1, 1] = 8
    beside = compare(found, expected, spec(dtype, nodata))

    assert (alone.count, alone.largest) == (1, 0.0)
    assert (beside.count, beside.largest) == (2, 3.0)


def test_the_first_is_that_of_the_first_pixel():
    """By row, then column, then band: the place that a person looks at."""
    found = np.zeros((3, 4, 4), np.uint16)
    found[0, 3, 3], found[2, 1, 2], found[1, 1, 3] = 5, 9, 1

    compared = compare(found, np.zeros_like(found), spec("uint16"))

    assert (compared.count, compared.first, compared.largest) == (3, (2, 1, 2), 9.0)


def test_a_report_is_json_that_every_program_reads():
    """Also where values are no numbers: strict readers know no NaN."""
    first = Difference(1, 2, 14.5, 46.0, "a", math.nan, 3.0)
    report = AuditReport("2026-01-01T00:00:00Z", 1, 1, True, 4, 12, {"export": 1}, "equal", 1, math.nan, first)

    told = json.loads(json.dumps(report.to_json(), allow_nan=False))

    assert (told["first"]["expected"], told["first"]["found"], told["largest"], told["equal"]) == (
        "nan",
        3,
        "nan",
        False,
    )
