"""One number type for several bands, and what stands for "nothing here" in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.number_type import nothing_of, number_type
from orchestrator.model.scene import StoredBand

WHOLE = ["uint8", "int8", "uint16", "int16", "uint32", "int32"]
EDGES = [0, -1, *(edge + by for bits in (7, 8, 15, 16, 31, 32) for edge in (2**bits, -(2**bits)) for by in (-1, 0, 1))]
NUMBERS = st.sampled_from(EDGES) | st.integers(-(2**33), 2**33)


def band(low, high, precision="int"):
    return StoredBand("b", precision, float(low), float(high), 10.0)


def holds(dtype, low, high):
    """By numpy's own account of the type."""
    return np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max


@given(ends=st.lists(st.tuples(NUMBERS, NUMBERS).map(sorted), min_size=1, max_size=3))
def test_the_type_is_the_smallest_that_holds_all_whole_numbers(ends):
    """The unsigned one of two of one size; beyond 32 bits a double."""
    low, high = min(one[0] for one in ends), max(one[1] for one in ends)

    found = number_type([band(*each) for each in ends])

    assert found == next((dtype for dtype in WHOLE if holds(dtype, low, high)), "float64")


@settings(max_examples=300)
@given(ends=st.tuples(NUMBERS, NUMBERS).map(sorted))
def test_nothing_is_a_number_that_no_band_holds_unless_all_of_16_or_32_bits_are_used(ends):
    """A byte that is full gets a second one; nodata is a number of the type in any case."""
    dtype = number_type([band(*ends)], spare=True)
    if dtype == "float64":
        return

    nothing = nothing_of(dtype, [band(*ends)])

    assert holds(dtype, nothing, nothing)
    inside = ends[0] <= nothing <= ends[1]
    full = (np.iinfo(dtype).min, np.iinfo(dtype).max) == tuple(ends)
    assert inside == full
    assert not full or np.iinfo(dtype).bits > 8


@pytest.mark.parametrize(
    ("bands", "dtype"),
    [
        pytest.param([band(0, 0, "float"), band(0, 2**24)], "float32", id="whole numbers that a float holds exactly"),
        pytest.param([band(0, 0, "float"), band(-(2**24) - 1, 0)], "float64", id="whole numbers that it does not"),
        pytest.param([band(0, 0, "double"), band(0, 1)], "float64", id="a double"),
    ],
)
def test_floats_are_as_wide_as_they_must_be(bands, dtype):
    """24 bits of a float32 are exact."""
    assert number_type(bands, spare=True) == dtype
