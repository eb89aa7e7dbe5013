"""What a pixel may be: the nodata value is one that the number type has, or is refused before anything is made."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import RecipeError
from orchestrator.model.grid import Grid
from orchestrator.model.plan import Plan
from orchestrator.model.plan_json import pixels_json, plan_from_json, plan_to_json
from orchestrator.model.spec import DTYPE_BYTES, PixelSpec

LARGEST_FLOAT32 = float(np.finfo("float32").max)
GRID = Grid("EPSG:32633", (10.0, 0.0, 0.0, 0.0, -10.0, 0.0), 1, 1)


@given(st.floats(-LARGEST_FLOAT32, LARGEST_FLOAT32))
def test_a_nodata_value_is_rounded_to_what_float32_holds(asked):
    """The value that pixels are compared with is the one that pixels can have."""
    assert PixelSpec(("a",), "float32", asked).nodata == float(np.float32(asked))


@given(st.floats(allow_nan=False))
def test_float64_holds_every_nodata_value(asked):
    """Nothing is rounded where nothing need be."""
    assert PixelSpec(("a",), "float64", asked).nodata == asked


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("asked", [math.nan, math.inf, -math.inf])
def test_nan_and_the_infinities_are_values_of_floats(dtype, asked):
    """They are held as they are."""
    assert np.array_equal(PixelSpec(("a",), dtype, asked).nodata, asked, equal_nan=True)


@given(st.sampled_from([name for name in DTYPE_BYTES if "int" in name]), st.integers(-(2**33), 2**33))
def test_whole_numbers_are_held_within_the_limits_of_their_type(dtype, asked):
    """numpy says where a type ends; the refusal names the asked and both limits."""
    limits = np.iinfo(dtype)
    if limits.min <= asked <= limits.max:
        assert PixelSpec(("a",), dtype, asked).nodata == asked
    else:
        with pytest.raises(RecipeError, match=f"{asked} is no {dtype}.* {limits.min} to {limits.max}"):
            PixelSpec(("a",), dtype, asked)


@pytest.mark.parametrize(
    ("dtype", "asked"),
    [
        pytest.param("uint16", 0.5, id="half in whole numbers"),
        pytest.param("uint8", math.nan, id="NaN in whole numbers"),
        pytest.param("int32", math.inf, id="infinity in whole numbers"),
        pytest.param("float32", 1e39, id="beyond the largest float32"),
    ],
)
def test_what_a_type_cannot_hold_is_refused(dtype, asked):
    """A value no pixel can have would leave the outside looking like data."""
    with pytest.raises(RecipeError, match=f"nodata .* {dtype}"):
        PixelSpec(("a",), dtype, asked)


@pytest.mark.parametrize("nodata", [math.nan, math.inf, -math.inf, 0.1, -9999.0])
def test_a_plan_is_json_that_others_read_whatever_its_nodata(nodata):
    """A reader that knows no NaN, as the standard has none, reads a plan; we read back what we wrote."""
    pixels = PixelSpec(("a",), "float32", nodata)
    plan = Plan(GRID, pixels, (), b"", 1, 1, 1, 1, 1)

    text = plan_to_json(plan)

    def refuse(word):
        raise AssertionError(word)

    json.loads(text, parse_constant=refuse)
    back = plan_from_json(text).pixels
    assert replace(back, nodata=0) == replace(pixels, nodata=0)
    assert np.array_equal(back.nodata, pixels.nodata, equal_nan=True)
    assert pixels_json(back) == pixels_json(pixels)


def test_that_numbers_name_classes_is_told_only_where_they_do():
    """Plans and proofs of other pixels stay what they were."""
    classes, plain = (PixelSpec(("a",), "uint8", 255, classes=flag) for flag in (True, False))
    plan = Plan(GRID, classes, (), b"", 1, 1, 1, 1, 1)

    assert plan_from_json(plan_to_json(plan)).pixels == classes
    assert set(pixels_json(classes)) - set(pixels_json(plain)) == {"classes"}
