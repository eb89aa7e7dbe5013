"""Bands of 20 and 60 m at 10 m: against a formula written out pixel by pixel, and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from orchestrator.core.errors import PlanError, UserError
from orchestrator.raster.smooth import Margin, margin, smooth

ORIGIN = (399960, 5300040)  # of a tile of Sentinel-2: multiples of 60 m
METHODS = ["bicubic", "bilinear"]


def at(col=0, row=0):
    """Return the transform of a window of 10 m pixels that begins so many columns and rows into the tile."""
    return (10.0, 0.0, ORIGIN[0] + 10.0 * col, 0.0, -10.0, ORIGIN[1] - 10.0 * row)


def repeated(cells, times=2):
    return cells.repeat(times, -2).repeat(times, -1)


def keys(x):
    """Return Keys' kernel as the paper has it, a = -1/2."""
    x = abs(x)
    if x <= 1:
        return 3 / 2 * x**3 - 5 / 2 * x**2 + 1
    return -1 / 2 * x**3 + 5 / 2 * x**2 - 4 * x + 2 if x < 2 else 0.0


def tent(x):
    return max(0.0, 1 - abs(x))


def by_hand(cells, full, row, col, times, kernel):
    """Return one pixel of 10 m from cells of `times` pixels, all weights written out."""
    y, x = (row + 0.5) / times - 0.5, (col + 0.5) / times - 0.5
    around = [
        (i, j) for i in range(math.floor(y) - 1, math.floor(y) + 3) for j in range(math.floor(x) - 1, math.floor(x) + 3)
    ]
    weights = {(i, j): kernel(y - i) * kernel(x - j) for i, j in around}
    taken = {cell: weight for cell, weight in weights.items() if full[cell] and weight}
    found = sum(weight * cells[cell] for cell, weight in taken.items()) / sum(taken.values())
    if all(full[cell] for cell in around):
        return found
    low, high = (one(cells[cell] for cell in taken) for one in (min, max))
    return min(max(found, low), high)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("band", "times"), [("B11", 2), ("B9", 6)])
def test_interior_pixels_are_those_of_the_formula(band, times, method):
    cells = np.random.default_rng(1).normal(3000, 900, (7, 7))
    kernel = {"bicubic": keys, "bilinear": tent}[method]

    found = smooth(repeated(cells, times)[None], at(), [band], method=method, sixty=True)[0]

    inside = range(2 * times, 5 * times)
    expected = [[by_hand(cells, np.full((7, 7), True), row, col, times, kernel) for col in inside] for row in inside]
    np.testing.assert_allclose(found[2 * times : 5 * times, 2 * times : 5 * times], expected, rtol=1e-12)


def test_bilinear_is_scipys_interpolation_of_the_20_m_raster_with_its_edge_mirrored():
    cells = np.random.default_rng(2).uniform(0, 1, (5, 8))

    found = smooth(repeated(cells)[None], at(), ["B5"], method="bilinear")[0]

    places = np.meshgrid(np.arange(10) / 2 - 0.25, np.arange(16) / 2 - 0.25, indexing="ij")
    np.testing.assert_allclose(found, map_coordinates(cells, places, order=1, mode="reflect"), rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("sixty", [False, True])
def test_a_constant_image_is_unchanged(dtype, method, sixty):
    image = np.full((3, 31, 23), 97.3, dtype)
    image[:, 4:7, 9] = 0

    found = smooth(image, at(3, 5), ["B8A", "B01", "B12"], nodata=0, method=method, sixty=sixty)

    np.testing.assert_array_equal(found, image)
    assert found.dtype == dtype


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", [0, 1])
def test_outer_rows_and_columns_keep_their_mean_on_random_data(start, method):
    cells = np.random.default_rng(3).integers(100, 10_000, (600, 600), dtype=np.uint16)
    image = repeated(cells)[None, start:, start:].copy()

    found = smooth(image, at(start, start), ["B05"], method=method)

    for edge in (np.s_[0, 0], np.s_[0, -1], np.s_[0, :, 0], np.s_[0, :, -1]):
        assert found[edge].mean() / image[edge].mean() == pytest.approx(1.0, abs=0.01)


@st.composite
def windows(draw):
    """Return a raster with gaps, the pixels of a cell alike or not, and a window of it."""
    times = draw(st.sampled_from([2, 6]))
    dtype = draw(st.sampled_from(["uint8", "uint16", "int16", "float32", "float64"]))
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    alike = repeated(chance.integers(1, 120, (6, 7)), times)
    image = alike if draw(st.booleans()) else chance.integers(1, 120, alike.shape)
    image = (image / 3 if dtype.startswith("float") else image).astype(dtype)
    image[chance.random(image.shape) < draw(st.sampled_from([0.0, 0.03, 0.4]))] = 0
    rows, cols = (sorted(draw(st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True))) for n in image.shape)
    return image[None], times, (rows[0], cols[0], rows[1], cols[1])


@settings(max_examples=60)
@given(windows(), st.sampled_from(METHODS))
def test_a_window_with_its_margin_comes_out_as_in_the_whole_wherever_it_begins(drawn, method):
    image, times, (top, left, bottom, right) = drawn
    band = ["B6"] if times == 2 else ["B1"]
    around = margin(at(left, top), bottom - top, right - left, band, sixty=True, method=method)
    height, width = image.shape[1:]
    first_row, first_col = max(0, top - around.top), max(0, left - around.left)
    last_row, last_col = min(height, bottom + around.bottom), min(width, right + around.right)
    seen = Margin(top - first_row, left - first_col, last_row - bottom, last_col - right)

    whole = smooth(image, at(), band, nodata=0, sixty=True, method=method)
    fetched = image[:, first_row:last_row, first_col:last_col]
    found = smooth(fetched, at(first_col, first_row), band, nodata=0, margin=seen, sixty=True, method=method)

    np.testing.assert_array_equal(found, whole[:, top:bottom, left:right])


def test_windows_that_start_on_odd_and_even_pixels_agree_exactly_away_from_the_border():
    image = repeated(np.random.default_rng(4).normal(0.2, 0.1, (40, 40)))[None]
    whole = smooth(image, at(), ["B7"])

    for row, col in ((0, 1), (1, 0), (1, 1), (16, 23)):
        found = smooth(image[:, row:, col:], at(col, row), ["B7"])
        np.testing.assert_array_equal(found[:, 5:, 5:], whole[:, row + 5 :, col + 5 :])


@settings(max_examples=40)
@given(windows(), st.sampled_from(METHODS))
def test_gaps_stay_gaps_and_no_other_pixel_becomes_one(drawn, method):
    image, _, _ = drawn

    found = smooth(image, at(), ["B6"], nodata=0, method=method)

    np.testing.assert_array_equal(found == 0, image == 0)


@pytest.mark.parametrize("gap", ["nodata", "NaN", "infinite", "mask"])
def test_cells_without_data_take_no_part(gap):
    cells = np.random.default_rng(5).uniform(50, 150, (6, 6))
    full = np.full((6, 6), True)
    full[2, 2] = full[3, 4] = False
    holds = {"nodata": -9999.0, "NaN": np.nan, "infinite": np.inf, "mask": 1e6}[gap]
    image = repeated(np.where(full, cells, holds))[None]
    told = {"nodata": {"nodata": -9999}, "mask": {"valid": repeated(full)[None]}}.get(gap, {})

    found = smooth(image, at(), ["B11"], **told)[0]

    for row, col in ((4, 6), (5, 7), (6, 5), (7, 7)):
        assert found[row, col] == pytest.approx(by_hand(cells, full, row, col, 2, keys), rel=1e-12)
    np.testing.assert_array_equal(found[4:6, 4:6], image[0, 4:6, 4:6])


def test_beside_a_gap_no_value_runs_over_those_around_it():
    cells = np.array([[900.0, 900, 900, 100, np.nan, np.nan]] * 6)

    found = smooth(repeated(cells)[None], at(), ["B11"])[0]

    assert np.nanmin(found) == 100
    assert np.nanmax(found[:, 6:]) < 900


def test_a_gap_changes_only_the_pixels_that_would_take_of_it():
    cells = np.array([[0.0, 900, 900, 0, 900, 50, 70, 90]] * 6)
    gap = cells.copy()
    gap[:, 5] = np.nan

    found, without = (smooth(repeated(one)[None], at(), ["B11"])[0] for one in (gap, cells))

    np.testing.assert_array_equal((found != without).any(axis=0).nonzero()[0], range(7, 15))


def test_a_cell_with_a_part_of_its_pixels_has_their_mean():
    image = np.full((1, 12, 12), 100.0)
    image[0, 4:6, 4:6] = [[130, np.nan], [150, 140]]

    found = smooth(image, at(), ["B11"])[0]

    own = keys(0.25) ** 2
    assert found[4, 4] == pytest.approx(100 + 40 * own, rel=1e-12)
    assert np.isnan(found[4, 5])


def test_whole_numbers_are_rounded_and_stay_within_their_type():
    cells = np.zeros((8, 8), np.uint8)
    cells[:, 4:] = 255  # an edge, beside which a cubic runs over

    found = smooth(repeated(cells)[None], at(), ["B12"])[0]

    step = [sum(keys((col + 0.5) / 2 - 0.5 - j) * 255 for j in range(4, 8)) for col in range(4, 12)]
    assert found[8, 4:12].tolist() == [min(255, max(0, round(one))) for one in step]
    assert min(step) < 0
    assert max(step) > 255


def test_only_the_bands_of_20_m_change_in_any_order_and_by_either_name():
    image = np.random.default_rng(6).integers(1, 9000, (2, 6, 16, 16), dtype=np.uint16)
    names = ["B12", "B2", "B05", "SCL", "B8", "B09"]

    found = smooth(image, at(), names)
    with_sixty = smooth(image, at(), names, sixty=True)

    changed = [bool((found[:, number] != image[:, number]).any()) for number in range(6)]
    assert changed == [True, False, True, False, False, False]
    assert (with_sixty[:, 5] != image[:, 5]).any()


def test_each_date_and_each_band_is_smoothed_by_itself():
    image = np.random.default_rng(7).uniform(0, 1, (3, 2, 12, 12)).astype("float32")

    found = smooth(image, at(), ["B5", "B6"])

    for time, band in np.ndindex(3, 2):
        np.testing.assert_array_equal(found[time, band], smooth(image[time, band][None], at(), ["B5"])[0])


def test_the_array_that_was_given_is_not_changed():
    image = repeated(np.arange(36.0).reshape(6, 6))[None]
    before = image.copy()

    smooth(image, at(1, 1), ["B5"])

    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"bands": ["B5", "B6"]}, UserError, r"shape \(1, 12, 12\) and 2 bands"),
        ({"pixels": np.ones((1, 12, 12), bool)}, UserError, "type bool"),
        ({"method": "cubic"}, UserError, "'cubic' is not known; it is one of bicubic, bilinear"),
        ({"margin": Margin(6, 0, 6, 0)}, UserError, "leaves nothing of 12 × 12"),
        ({"transform": (9e-05, 0.0, 6.0, 0.0, -9e-05, 49.0)}, PlanError, "pixels of 9e-05 do not fit into cells of 20"),
        ({"transform": (15.0, 0.0, 0.0, 0.0, -15.0, 0.0)}, PlanError, "pixels of 15 do not fit into cells of 20 m"),
        ({"transform": (10.0, 0.0, 0.0, 0.0, 10.0, 0.0)}, PlanError, "not north-up"),
    ],
)
def test_what_cannot_be_smoothed_is_named(change, error, says):
    given_ = {"pixels": np.ones((1, 12, 12), "uint8"), "transform": at(), "bands": ["B5"]} | change

    with pytest.raises(error, match=says):
        smooth(given_.pop("pixels"), given_.pop("transform"), given_.pop("bands"), **given_)


def test_a_margin_below_zero_is_refused():
    with pytest.raises(UserError, match="is no margin"):
        Margin(-1)
