"""Reducers over time against NumPy's functions, which know no nodata: pixel by pixel, of its valid values."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import UserError
from orchestrator.raster.reduce_time import Reducer, block_side, reduce_block, reduce_blocks

DTYPES = ["uint8", "int16", "uint16", "int32", "float32", "float64"]
BY_NUMPY = {
    "median": np.median,
    "mean": lambda values: np.mean(values, dtype="float64"),
    "min": np.min,
    "max": np.max,
    "count": len,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "p0": lambda values: np.percentile(values.astype("float64"), 0),
    "p10": lambda values: np.percentile(values.astype("float64"), 10),
    "p97.5": lambda values: np.percentile(values.astype("float64"), 97.5),
    "p100": lambda values: np.percentile(values.astype("float64"), 100),
}


@st.composite
def cubes(draw):
    """Return (time, band, row, col) with gaps, and what marks them."""
    dtype = draw(st.sampled_from(DTYPES))
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = tuple(draw(st.integers(1, most)) for most in (9, 2, 5, 6))
    cube = chance.integers(-90 if dtype.startswith(("i", "f")) else 0, 120, shape).astype(dtype)
    cube = cube / cube.dtype.type(7) if dtype.startswith("float") else cube
    nodata = draw(st.sampled_from([0.0, 125.0, *([None] if dtype.startswith("float") else [])]))
    gaps = chance.random(shape) < draw(st.sampled_from([0.0, 0.3, 0.9]))
    cube[gaps] = np.nan if nodata is None else nodata
    return cube, nodata


def valid_values(series, nodata):
    return series[~np.isnan(series) & (series != nodata if nodata is not None else True)]


def by_numpy(cube, nodata, name):
    """Return each pixel's number by a function of NumPy over its valid values; None where it has none."""
    found = np.full(cube.shape[1:], None)
    for at in np.ndindex(found.shape):
        values = valid_values(cube[(slice(None), *at)], nodata)
        found[at] = BY_NUMPY[name](values) if len(values) else None
    return found


@settings(max_examples=60)
@given(cubes(), st.sampled_from(sorted(BY_NUMPY)))
def test_values_are_those_of_numpy_and_nodata_stays_apart(drawn, name):
    cube, nodata = drawn
    reducer = Reducer(name)
    dtype, empty = reducer.made(cube.dtype, nodata, len(cube))

    found = reduce_block(cube, reducer, nodata=nodata)

    wanted = by_numpy(cube, nodata, name)
    nothing = 0 if name == "count" else empty
    expected = np.where(wanted == None, nothing, wanted).astype(dtype)  # noqa: E711  of each element
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-14 if dtype == "float64" else 1e-7, equal_nan=True)


@settings(max_examples=25)
@given(cubes(), st.sampled_from(["median", "count", "p10", "last"]), st.integers(1, 4), st.integers(40, 4000))
def test_blocks_of_any_size_give_what_the_whole_gives_and_each_pixel_once(drawn, name, block, max_bytes):
    cube, nodata = drawn
    reducer = Reducer(name)
    dtype, _ = reducer.made(cube.dtype, nodata, len(cube))
    out, times = np.zeros(cube.shape[1:], dtype), np.zeros(cube.shape[2:], int)

    def write(window, made):
        rows, cols = slice(window.row, window.bottom), slice(window.col, window.right)
        out[:, rows, cols] = made
        times[rows, cols] += 1

    reduce_blocks(
        lambda window: cube[:, :, window.row : window.bottom, window.col : window.right],
        write,
        reducer,
        shape=cube.shape,
        dtype=cube.dtype,
        nodata=nodata,
        block=block,
        max_bytes=max_bytes,
    )

    np.testing.assert_array_equal(out, reduce_block(cube, reducer, nodata=nodata))
    assert (times == 1).all()


@pytest.mark.parametrize(
    ("name", "dtype", "nodata", "made"),
    [
        ("median", "uint16", 0, ("float32", "nan")),
        ("mean", "int32", -1, ("float64", "nan")),
        ("p90", "float32", None, ("float32", "nan")),
        ("p90", "float64", None, ("float64", "nan")),
        ("min", "uint8", 255, ("uint8", "255")),
        ("last", "float32", None, ("float32", "nan")),
        ("count", "float64", None, ("uint16", "None")),
    ],
)
def test_the_type_and_the_nodata_of_what_is_made(name, dtype, nodata, made):
    told = Reducer(name).made(np.dtype(dtype), nodata, 65_535)

    assert (told[0].name, str(told[1])) == made


def test_a_count_of_more_dates_than_16_bits_hold_has_32():
    assert Reducer("count").made(np.dtype("uint8"), 0, 65_536)[0] == np.uint32


def test_a_mask_leaves_values_out():
    cube = np.array([1, 2, 9], "uint8").reshape(3, 1, 1, 1)

    found = reduce_block(cube, Reducer("mean"), valid=np.array([True, True, False]).reshape(3, 1, 1, 1))

    assert found.item() == 1.5


def test_a_median_of_whole_numbers_is_not_rounded():
    cube = np.array([3, 4, 65_535, 1], "uint16").reshape(4, 1, 1, 1)

    assert reduce_block(cube, Reducer("median")).item() == 3.5


def test_a_window_is_as_large_as_memory_allows_and_a_multiple_of_the_cubes_blocks():
    assert block_side(100, 256, 100 * 800**2) == 768
    assert block_side(100, 256, 100 * 100**2) == 64
    assert block_side(10**6, 256, 1) == 1


def test_memory_follows_what_was_allowed_and_not_the_size_of_the_cube():
    def peak(side):
        tracemalloc.start()
        reduce_blocks(
            lambda window: np.ones((30, 2, window.height, window.width), "uint16"),
            lambda _window, _made: None,
            Reducer("p90"),
            shape=(30, 2, side, side),
            dtype=np.dtype("uint16"),
            block=32,
            max_bytes=4_000_000,
        )
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    assert peak(100) < 4_000_000
    assert peak(400) == pytest.approx(peak(100), rel=0.1)


@pytest.mark.parametrize(
    ("name", "number"),
    [("median", -4), ("mean", -4.25), ("min", -7), ("max", -2), ("count", 4), ("first", -2), ("last", -5), ("p50", -4)],
)
def test_each_reducer_of_a_series_that_begins_and_ends_with_gaps(name, number):
    series = np.array([0, -2, 0, -7, -3, 0, -5, 0], "int16")

    found = reduce_block(series[:, None, None, None], Reducer(name), nodata=0)

    assert found.item() == number


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("meadian", "'meadian' is not known; did you mean 'median'. A percentile is p0 to p100, such as p90"),
        ("p101", "'p101' is not known"),
        ("p-1", "'p-1' is not known"),
        ("", "'' is not known"),
    ],
)
def test_an_unknown_reducer_is_named(name, says):
    with pytest.raises(UserError, match=says):
        Reducer(name)


def test_a_pixel_without_any_value_needs_a_nodata():
    cube = np.ones((2, 1, 1, 1), "uint8")

    with pytest.raises(UserError, match="max has pixels without any value, and uint8 has no nodata"):
        reduce_block(cube, Reducer("max"), valid=np.zeros((2, 1, 1, 1), bool))
