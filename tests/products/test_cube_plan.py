"""How a cube is planned: its dates, its bands, its lattice of requests."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from cube_kit import small_plan
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import IntegrityError, PlanError, UserError
from orchestrator.model.grid import Grid
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.scene import Scene, StoredBand
from orchestrator.plan.requests import RequestSize
from orchestrator.products.cube import settle
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.files import date_names
from orchestrator.products.cube.lattice import CHUNK, shard_shape, shard_windows
from orchestrator.products.cube.moments import grouped
from orchestrator.products.cube.scenes import scenes_of_rows
from orchestrator.products.cube.sensors import band_names, finest_scale, pixels_of
from orchestrator.raster.spans import SpanTable

JOB = Job("a", "/nowhere", AreaSource("0,0,1,1"), "", "", recipe="", product="cube")


def grid(height, width):
    return Grid("EPSG:32633", (10.0, 0.0, 500000.0, 0.0, -10.0, 5000000.0), height, width)


# ----------------------------------------------------------------- lattice


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 6000),
    width=st.integers(1, 6000),
    weight=st.sampled_from([3, 12, 36]),
    side=st.sampled_from([700, 32704]),
    corners=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=3),
)
def test_requests_hold_the_area_once_and_none_is_too_big(height, width, weight, side, corners):
    """Whatever the shape: every pixel of the area in one window, each within the limits and within one shard."""
    here, size = grid(height, width), RequestSize(weight, 4_000_000, side)
    left, bottom, right, top = here.bounds()
    area = shapely.Polygon([(left + x * (right - left), bottom + y * (top - bottom)) for x, y in corners])
    spans = SpanTable.from_geometry(area, here)

    shard = shard_shape(here, size)
    windows = shard_windows(here, shard, spans)

    assert shard[0] % CHUNK == shard[1] % CHUNK == 0
    assert all(size.fits(window) for window in windows)
    assert all(w.row % shard[0] == 0 and w.col % shard[1] == 0 for w in windows)
    assert sum(int(spans.mask(window).sum()) for window in windows) == spans.pixels()
    assert all(spans.mask(window).any() for window in windows)


@pytest.mark.parametrize(
    ("height", "width", "least"),
    [
        pytest.param(10_980, 10_980, 36, id="a tile of Sentinel-2"),
        pytest.param(300, 300, 1, id="one request"),
        pytest.param(256, 30_000, 3, id="a strip"),
    ],
)
def test_there_are_few_requests(height, width, least):
    """Of four bands of 16 bits: as few as a lattice of whole chunks allows."""
    here, size = grid(height, width), RequestSize(12, int(0.9 * 50_331_648), 32_704)

    assert len(shard_windows(here, shard_shape(here, size), SpanTable.full(here))) == least


def test_bands_of_which_a_request_holds_no_chunk_are_refused():
    """With the numbers."""
    with pytest.raises(PlanError, match="1000 bytes does not hold 256 × 256 pixels of 12;"):
        shard_shape(grid(300, 300), RequestSize(12, 1000, 32_768))


# ----------------------------------------------------------------- dates

DAY, LATER = 1_700_000_000_000, 1_700_100_000_000
A = Scene(DAY + 20, "a", "S2A", "2023-11-14", overlap=30, cloud=5)
B = Scene(DAY + 10, "b", "S2A", "2023-11-14", overlap=90, cloud=50)
C = Scene(DAY + 30, "c", "S2A", "2023-11-14", cloud=1)
OTHER = Scene(DAY + 5, "d", "S2B", "2023-11-14", overlap=1, cloud=1)
NEXT = Scene(LATER, "e", "S2A", "2023-11-15", overlap=1, cloud=1)


@pytest.mark.parametrize(
    ("order", "first"),
    [
        pytest.param("most-overlap", "bac", id="that of most overlap first, unknown last"),
        pytest.param("clearest", "cab", id="the clearest first"),
        pytest.param("first", "bac", id="by time"),
    ],
)
def test_scenes_of_one_satellite_and_day_are_one_date(order, first):
    """In the order that was asked for; dates by time."""
    found = grouped([NEXT, A, OTHER, C, B], order)

    assert ["".join(scene.asset for scene in group) for group in found] == ["d", first, "e"]


def test_scenes_may_be_dates_of_their_own():
    """Then nothing is joined."""
    assert ["".join(s.asset for s in group) for group in grouped([A, B], "first", apart=True)] == ["b", "a"]


def test_an_image_that_stands_twice_is_refused():
    """By its name."""
    with pytest.raises(UserError, match="image a stands twice"):
        grouped([A, replace(A, time_ms=1)], "first")


def test_files_of_two_dates_never_have_one_name():
    """The second one of a day and satellite is numbered."""
    plan = small_plan(dates=3)
    moments = tuple(replace(moment, solar_day="2024-05-04", satellite="S2A") for moment in plan.moments)

    assert date_names(JOB, replace(plan, moments=moments)) == (
        "a_20240504_S2A.tif",
        "a_20240504_S2A-2.tif",
        "a_20240504_S2A-3.tif",
    )


# ----------------------------------------------------------------- bands


def band(name, precision="int", low=0.0, high=65535.0, scale=10.0):
    return StoredBand(name, precision, low, high, scale)


@pytest.mark.parametrize(
    ("kinds", "dtype", "nodata"),
    [
        pytest.param([band("a", high=11)], "uint8", 255, id="a byte"),
        pytest.param([band("a", high=255)], "uint16", 65535, id="a byte of which every number may be data"),
        pytest.param([band("a"), band("b", high=11)], "uint16", 65535, id="two bytes hold one"),
        pytest.param(
            [band("a", low=-32000, high=32767)], "int16", -32768, id="the greatest may be data, the least not"
        ),
        pytest.param([band("a"), band("b", low=-5, high=5)], "int32", 2**31 - 1, id="a sign and two bytes"),
        pytest.param([band("a", "float"), band("b", high=11)], "float32", -9999, id="a float and a byte"),
        pytest.param([band("a", "float"), band("b", high=2**31)], "float64", -9999, id="a float and four bytes"),
        pytest.param([band("a", "double")], "float64", -9999, id="a double"),
    ],
)
def test_one_number_type_holds_all_bands(kinds, dtype, nodata):
    """The smallest, with whole numbers as long as all are."""
    found = pixels_of({"S2A": kinds}, [kind.name for kind in kinds], None)

    assert (found.dtype, found.nodata) == (dtype, nodata)


def test_bands_may_have_their_names_of_esa():
    """B04 is Earth Engine's B4, B8A is B8A."""
    assert band_names(("B04", "B8A", "B11"), ["B4", "B8A", "B11"], "x") == ("B4", "B8A", "B11")


def test_a_band_that_is_not_there_is_named_with_those_that_are():
    """In one line."""
    with pytest.raises(UserError, match=r"^S2A has no band 'SCL'; there are B4, B8$"):
        band_names(("SCL",), ["B4", "B8"], "S2A")
    with pytest.raises(UserError, match=r"^S2A has no band 'B88'; did you mean 'B8'\? there are B4, B8$"):
        band_names(("B88",), ["B4", "B8"], "S2A")


def test_several_sensors_need_a_scale():
    """Each is told with its own."""
    sensors = {"S2A": [band("B4")], "LC08": [band("B4", scale=30.0)]}

    with pytest.raises(UserError, match="S2A 10 m, LC08 30 m; give --scale"):
        finest_scale(sensors, ["B4"])


def test_the_scale_is_that_of_the_finest_band():
    """Of two satellites of one sensor."""
    bands = [band("B4"), band("B11", scale=20.0), band("B2", scale=5.0)]

    assert finest_scale({"S2A": bands, "S2B": bands}, ["B4", "B11"]) == 10


# ----------------------------------------------------------------- scenes


def test_rows_of_a_query_are_scenes():
    """Time from either column; the id with its collection; cloud under either name."""
    rows = [
        {"gee_id": "x", "collection_name": "C/D", "system:time_start": 5, "satellite": "S2A", "solarday": "2024-05-04"},
        {"gee_id": "C/y", "utcdatetime": "1970-01-01T00:00:00.007+00:00", "cloud_cover": 3, "overlappercentage": 9},
    ]

    first, second = scenes_of_rows(rows, "table")

    assert (first.asset, first.time_ms, first.satellite, first.solar_day) == ("C/D/x", 5, "S2A", "2024-05-04")
    assert math.isnan(first.cloud)
    assert (second.asset, second.time_ms, second.solar_day) == ("C/y", 7, "1970-01-01")
    assert (second.cloud, second.overlap) == (3, 9)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        pytest.param({"system:time_start": 5}, "row 1: there is no `gee_id`", id="no id"),
        pytest.param({"gee_id": "C/x"}, "row 1: neither `system:time_start` nor `utcdatetime`", id="no time"),
        pytest.param({"gee_id": "C/x", "system:time_start": math.nan}, "neither `system:time_start`", id="no number"),
    ],
)
def test_a_row_that_lacks_something_is_named(row, told):
    """With its number and the column."""
    with pytest.raises(UserError, match=told):
        scenes_of_rows([row], "table")


# ----------------------------------------------------------------- the plan


def test_a_plan_is_read_as_it_was_written():
    """To the last bit of its area."""
    plan = small_plan()

    assert CubePlan.from_json(plan.to_json()) == plan


def test_a_plan_of_a_newer_program_is_refused():
    """It is not guessed at."""
    with pytest.raises(IntegrityError, match="of version 2, newer"):
        CubePlan.from_json(small_plan().to_json().replace('"version":1', '"version":2'))


def test_a_cube_that_would_not_fit_is_refused_with_the_number():
    """What it is raw, and what it is at least; a disk that holds a quarter is enough."""
    plan = small_plan()
    large = replace(plan, moments=plan.moments * 50, area_pixels=10**8)
    raw = 100 * 2 * 2 * 10**8

    settle.check_room(JOB, large, free=raw // 4)
    with pytest.raises(UserError, match=r"100 dates × 2 bands × 100,000,000 pixels is 37.3 GiB, at least 9.3 GiB"):
        settle.check_room(JOB, large, free=raw // 4 - 1)


def test_cells_are_every_window_of_every_date():
    """In the order of time."""
    plan = small_plan()

    assert [(cell.time, cell.window) for cell in plan.cells()] == [
        (time, window) for time in range(2) for window in plan.windows
    ]
    assert plan.raw_bytes == 2 * plan.area_pixels * 2 * np.dtype("uint16").itemsize
