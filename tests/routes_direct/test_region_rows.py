"""From a table of pixels to an array: every value goes where its row says, or the table is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from region_kit import table_of

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.spec import PixelSpec
from orchestrator.routes.region_rows import ImageTime, scatter

UTM = Grid("EPSG:32633", (10.0, 0.0, 499990.0, 0.0, -10.0, 5200000.0), 900, 800)
GRIDS = {
    "metres": UTM,
    "degrees": Grid("EPSG:4326", (0.01, 0.0, 14.05, 0.0, -0.01, 46.9), 900, 800),
    "equal area": Grid("EPSG:3035", (20.0, 0.0, 4500000.0, 0.0, -20.0, 2700000.0), 900, 800),
    "oblong pixels": replace(UTM, transform=(10.0, 0.0, 499990.0, 0.0, -30.0, 5200000.0)),
}
BANDS = ("a", "b")
PIXELS = PixelSpec(BANDS, "int32", -7)
DAY = 86_400_000


@st.composite
def worlds(draw):
    """A grid, a window, some images of it and their values; one in four of the values is masked."""
    grid = GRIDS[draw(st.sampled_from(sorted(GRIDS)))]
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    window = Window(draw(st.integers(0, 800)), draw(st.integers(0, 700)), height, width)
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    images = []
    for number in range(draw(st.integers(1, 4))):
        values = chance.integers(-(2**31), 2**31, (len(BANDS), height, width)).astype(float)
        values[chance.random(values.shape) < 0.25] = np.nan
        time = None if draw(st.booleans()) else draw(st.integers(0, 9)) * DAY
        images.append((f"image {number}", time, values if draw(st.integers(0, 5)) else None))
    return grid, window, images, chance


def in_order(images):
    """Sort images by time, those without one last, then by name."""
    return sorted(images, key=lambda one: (one[1] is None, one[1] or 0, one[0]))


@settings(deadline=None, max_examples=60)
@given(world=worlds())
def test_shuffled_rows_and_columns_rebuild_the_same_array(world):
    """By time and name along the first axis; what is masked, and what an image lacks, is nodata and counted."""
    grid, window, images, chance = world
    reply = table_of(grid, window, images, BANDS)
    rows = [reply.rows[at] for at in chance.permutation(len(reply.rows))]
    order = chance.permutation(len(reply.columns))
    mixed = replace(
        reply, columns=tuple(reply.columns[at] for at in order), rows=[[r[at] for at in order] for r in rows]
    )

    found = scatter(mixed, grid, window, PIXELS, [ImageTime(index, time) for index, time, _ in images])

    blank = np.full((2, window.height, window.width), np.nan)
    truth = np.stack([blank if values is None else values for _, _, values in in_order(images)])
    np.testing.assert_array_equal(found.values, np.where(np.isnan(truth), -7, truth))
    assert found.values.dtype == np.int32
    assert [(one.id, one.time_ms) for one in found.moments] == [one[:2] for one in in_order(images)]
    assert found.masked == sum(int(np.isnan(values).sum()) for _, _, values in images if values is not None)
    assert found.absent == sum(blank.size for _, _, values in images if values is None)


def test_images_are_those_of_the_table_where_none_are_named():
    """One that the table does not know has no place on the axis."""
    window = Window(3, 4, 1, 1)
    images = [("late", 5 * DAY, np.full((2, 1, 1), 5.0)), ("early", DAY, np.full((2, 1, 1), 1.0)), ("none", 0, None)]

    found = scatter(table_of(UTM, window, images, BANDS), UTM, window, PIXELS)

    assert [one.id for one in found.moments] == ["early", "late"]
    assert found.values[:, 0, 0, 0].tolist() == [1, 5]


def test_an_image_that_reaches_a_part_of_a_window_is_nodata_in_the_rest():
    """The service sends rows for the pixels that an image intersects."""
    window = Window(0, 0, 2, 2)
    reply = table_of(UTM, window, [("a", 0, np.arange(8.0).reshape(2, 2, 2))], BANDS)

    found = scatter(replace(reply, rows=reply.rows[1:]), UTM, window, PIXELS)

    assert found.values[0].tolist() == [[[-7, 1], [2, 3]], [[-7, 5], [6, 7]]]
    assert (found.absent, found.masked) == (2, 0)


ONE = Window(20, 30, 2, 3)
GOOD = table_of(UTM, ONE, [("a", DAY, np.arange(12.0).reshape(2, 2, 3))], BANDS)


def spoilt(row=0, **cells):
    """Return the good table with other cells in a row."""
    rows = [list(each) for each in GOOD.rows]
    for name, value in cells.items():
        rows[row][GOOD.columns.index(name)] = value
    return replace(GOOD, rows=rows)


NORTH = 10 / 111_200  # degrees of latitude in a pixel of 10 m


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param(replace(GOOD, rows=[*GOOD.rows, GOOD.rows[2]]), "came twice", id="a pixel twice"),
        pytest.param(spoilt(latitude=GOOD.rows[0][2] + NORTH), "outside the window", id="a row above"),
        pytest.param(spoilt(latitude=GOOD.rows[0][2] + 0.06 * NORTH), "beside the centre", id="beside a centre"),
        pytest.param(spoilt(longitude=None), "longitude is not finite", id="no longitude"),
        pytest.param(spoilt(longitude="east"), "longitude is no number", id="a word for a longitude"),
        pytest.param(spoilt(latitude=math.nan), "latitude is not finite", id="no latitude"),
        pytest.param(spoilt(latitude=95.0), "no place", id="beyond the pole"),
        pytest.param(spoilt(a="cloudy"), "band a came with 'cloudy'", id="a word"),
        pytest.param(spoilt(a=True), "band a came with True", id="yes"),
        pytest.param(spoilt(a=10**400), "beyond every type", id="a number beyond every double"),
        pytest.param(spoilt(b=2.5), "band b came with 2.5, which is no int32", id="a fraction"),
        pytest.param(spoilt(b=2**31), "2147483648, which is no int32", id="one too many"),
        pytest.param(spoilt(b="NaN"), "nan, which is no int32", id="not a number"),
        pytest.param(spoilt(id=7), "no id", id="a number for a name"),
        pytest.param(spoilt(time=[1]), "a list", id="a list for a time"),
        pytest.param(replace(GOOD, columns=(*GOOD.columns[:-1], "c")), "asked for column b", id="another band"),
    ],
)
def test_a_table_that_is_not_what_was_asked_for_is_refused(table, words):
    """In a sentence that names what was found."""
    with pytest.raises(IntegrityError, match=words):
        scatter(table, UTM, ONE, PIXELS)


def test_a_row_of_an_image_that_was_not_asked_for_is_refused():
    """It has no place on the axis that all windows share."""
    with pytest.raises(IntegrityError, match="image a at 86400000, which was not asked for"):
        scatter(GOOD, UTM, ONE, PIXELS, [ImageTime("a", 2 * DAY)])


def test_a_little_beside_the_centre_is_the_pixel():
    """A twentieth of a pixel; what coordinates lose on their way is a millionth of that."""
    found = scatter(spoilt(latitude=GOOD.rows[0][2] + 0.04 * NORTH), UTM, ONE, PIXELS)

    np.testing.assert_array_equal(found.values, scatter(GOOD, UTM, ONE, PIXELS).values)


@pytest.mark.parametrize("dtype", ["uint32", "int32"])
def test_whole_numbers_come_exactly(dtype):
    """Up to the last of 32 bits, of which a float32 has 24."""
    most = float(np.iinfo(dtype).max)
    reply = table_of(UTM, Window(0, 0, 1, 2), [("a", 0, np.array([[[most, most - 1]]]))], ("a",))

    found = scatter(reply, UTM, Window(0, 0, 1, 2), PixelSpec(("a",), dtype, 0))

    assert found.values.ravel().tolist() == [most, most - 1]


def test_what_json_has_no_number_for_is_read_from_its_text():
    """A value that is NaN is data here, and not masked."""
    found = scatter(spoilt(a="NaN", b="-Infinity"), UTM, ONE, PixelSpec(BANDS, "float32", -9999))

    assert (np.isnan(found.values[0, 0, 0, 0]), found.values[0, 1, 0, 0], found.masked) == (True, -math.inf, 0)


def test_an_empty_table_is_an_array_without_images():
    """Where no image reaches the window."""
    found = scatter(replace(GOOD, rows=[]), UTM, ONE, PIXELS)

    assert found.values.shape == (0, 2, 2, 3)
