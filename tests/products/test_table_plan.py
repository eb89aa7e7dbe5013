"""How the pairs of a table are cut into requests, typed and put into pieces: without any service."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.table import TableLimits, TableReply
from orchestrator.products.mosaic.covering import cover_once
from orchestrator.products.table.batches import room_of, row_units, smaller
from orchestrator.products.table.columns import ImageLattice
from orchestrator.products.table.document import StoredImage, TablePlan, ValueColumn, table_from_json, table_to_json
from orchestrator.products.table.fetch import rectangle_of
from orchestrator.products.table.pieces import piece_of, typed, values_of
from orchestrator.products.table.settle import GridRequest

LATTICE = (10.0, 0.0, 0.0, 0.0, -10.0, 0.0)


def plan(at, places, images, bands=1, width=1, zones=1, starts=()):
    """A plan of so many places; of pixels a grid of that width. Images of a lattice begin at each of `starts`."""
    lattices = max(1, len(starts))
    names = [f"b{number}" for number in range(bands)]
    count = 0 if at == "pixels" else places
    zone = np.sort(np.arange(count) % zones).astype(np.int64)
    grids = (Grid("EPSG:32633", LATTICE, places // width, width),) if at == "pixels" else (
        tuple(Grid("EPSG:32633", LATTICE, 1, 1) for _ in range(zones * lattices)))  # fmt: skip
    return TablePlan(
        at, tuple(names), tuple(ValueColumn(name, "uint16") for name in names),
        tuple(StoredImage(f"C/{number}", number) for number in range(images)), dated=True, grids=grids,
        ids=tuple(range(count)), grid=zone, row=np.zeros(count * lattices, np.int64), col=np.arange(count * lattices),
        order=np.arange(count), lonlat=np.zeros((count, 2)), starts=starts,
    )  # fmt: skip


@given(
    places=st.integers(1, 300),
    images=st.integers(1, 40),
    bands=st.integers(1, 4),
    zones=st.integers(1, 3),
    values=st.integers(4, 500),
    most=st.integers(1, 60),
    starts=st.sets(st.integers(1, 40)),
)
def test_units_hold_every_pair_of_points_and_images_once_within_the_limit(
    places, images, bands, zones, values, most, starts
):
    """Whatever the limits; no unit mixes zones of places, or lattices of images."""
    starts = (0, *sorted(each for each in starts if each < images)) if starts else ()
    made = plan("points", places, images, bands, zones=min(zones, places), starts=starts)
    limits = TableLimits(values=values, places=most, images=most)

    units = row_units(made, limits)

    cover_once([Window(0, 0, places, images)], [unit.cell.window for unit in units])
    for unit in units:
        window = unit.cell.window
        assert window.pixels * bands <= values
        assert window.height <= most
        assert set(made.grid[window.row : window.row + window.height]) == {unit.cell.grid % made.zones}
        assert set(made.lattice_of(np.arange(window.col, window.right))) == {unit.cell.grid // made.zones}


@given(height=st.integers(1, 30), width=st.integers(1, 30), images=st.integers(1, 12), values=st.integers(1, 300))
def test_units_of_pixels_are_rectangles_of_their_grid(height, width, images, values):
    """Whole rows, or a part of one, so that one rectangle asks for them; each pair once."""
    made = plan("pixels", height * width, images, width=width)

    units = row_units(made, TableLimits(values=values))

    cover_once([Window(0, 0, height * width, images)], [unit.cell.window for unit in units])
    for unit in units:
        window = unit.cell.window
        area = rectangle_of(window, width)
        assert area.pixels == window.height
        assert area.row * width + area.col == window.row
        assert made.grids[0].window.contains(area)
        assert window.pixels <= values


@pytest.mark.parametrize(
    ("height", "width", "images", "count"),
    [
        pytest.param(1024, 1024, 1, 1, id="exactly at the limit"),
        pytest.param(1024, 1025, 1, 2, id="one row more"),
        pytest.param(1, 1_048_577, 1, 2, id="one value more, in one row"),
        pytest.param(1000, 1000, 12, 12, id="twelve images"),
    ],
)
def test_requests_are_as_few_as_the_limit_allows(height, width, images, count):
    """1,048,576 values, counted exactly."""
    assert len(row_units(plan("pixels", height * width, images, width=width), TableLimits())) == count


@given(
    height=st.integers(1, 60), width=st.integers(1, 9), images=st.integers(1, 9), pieces=st.integers(2, 7),
    at=st.sampled_from(["points", "pixels"]),
)  # fmt: skip
def test_what_is_refused_is_cut_into_smaller_ones_of_the_same_pairs(height, width, images, pieces, at):
    """Pixels are cut at whole rows first, and remain rectangles."""
    made = plan(at, height * width, images, width=width)
    whole = Window(0, 0, height * width, images)
    if whole.pixels == 1:
        return

    found = smaller(whole, pieces, room_of(made, TableLimits()).width)

    assert len(found) > 1
    cover_once([whole], found)
    if at == "pixels":
        assert all(rectangle_of(window, width).pixels == window.height for window in found)


def test_the_plan_is_read_as_it_was_written():
    """Every field, from its JSON."""
    made = plan("points", 5, 3, 2, zones=2, starts=(0, 1))

    read = table_from_json(table_to_json(made))

    assert table_to_json(read) == table_to_json(made)
    np.testing.assert_array_equal(read.grid, made.grid)
    assert (read.images, read.columns, read.grids, read.ids) == (made.images, made.columns, made.grids, made.ids)
    assert (read.starts, read.pixels_of(1)[1].tolist()) == ((0, 1), [5, 6, 7, 8, 9])
    assert json.loads(table_to_json(plan("points", 5, 3)))["version"] == 1


@given(rows=st.permutations([(place, image) for place in range(4) for image in range(3)]), kept=st.integers(0, 12))
def test_rows_in_any_order_make_the_same_piece(rows, kept):
    """Sorted by place and image; pairs without a row are left out."""
    rows = [row for row in rows if row[0] * 3 + row[1] < kept]
    reply = _reply(rows, [place * 10 + image for place, image in rows])

    values = values_of(reply, (ValueColumn("b0", "uint16"),), pixels=4, images=3)
    content, counts = piece_of(values, Window(100, 20, 4, 3), keep_empty=False)

    found = pq.read_table(io.BytesIO(content)).to_pydict()
    expected = sorted(rows)
    assert list(zip(found["place"], found["image"], strict=True)) == [(100 + p, 20 + i) for p, i in expected]
    assert found["v0"] == [place * 10 + image for place, image in expected]
    assert counts == {"pairs": 12, "rows": kept}


def _reply(rows, values):
    return TableReply([place for place, _ in rows], [image for _, image in rows], {"b0": values}, "", "", 0, "")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param([(0, 0), (0, 0)], "two rows of one place", id="twice"),
        pytest.param([(4, 0)], "a row of another", id="another place"),
        pytest.param([(0, 3)], "a row of another", id="another image"),
    ],
)
def test_a_row_that_was_not_asked_for_is_refused(rows, says):
    with pytest.raises(IntegrityError, match=says):
        values_of(_reply(rows, [1] * len(rows)), (ValueColumn("b0", "uint16"),), pixels=4, images=3)


@pytest.mark.parametrize("value", [-1, 65536, 0.5, math.nan])
def test_a_value_that_is_none_of_its_type_is_refused(value):
    """Whole numbers are exact, or an error that names the column."""
    with pytest.raises(IntegrityError, match=r"column b0 holds .* no uint16"):
        typed([value], ValueColumn("b0", "uint16"))


@pytest.mark.parametrize(
    ("asked", "fixed"),
    [
        pytest.param(GridRequest(), (30.0, 0.0, 15.0, 0.0, -30.0, 15.0), id="nothing said"),
        pytest.param(GridRequest(scale=30), (30.0, 0.0, 15.0, 0.0, -30.0, 15.0), id="their own scale"),
        pytest.param(GridRequest(scale=10), None, id="another scale"),
        pytest.param(GridRequest(crs="EPSG:3035"), None, id="another CRS"),
    ],
)
def test_a_table_lies_on_the_pixels_of_its_images(asked, fixed):
    """Landsat's pixels hang half a pixel beside the multiples of 30 m, in every zone."""
    lattice = ImageLattice("EPSG:32633", (30.0, 0.0, 399_615.0, 0.0, -30.0, 5_373_015.0))

    assert lattice.fixed(asked)[1] == fixed
