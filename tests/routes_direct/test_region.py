"""The route `region`: the pixels of a window as a table, the same as by any other route."""

from __future__ import annotations

import json
import math

import ee
import numpy as np
import pyproj
import pytest
from typed_world import ASSET, GRID, RANGES, STOP, expected, opened

from orchestrator.clients.region import RegionClient, points, rectangle
from orchestrator.core.errors import IntegrityError, ThrottleError, TransientError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.ports import RefusedError
from orchestrator.model.spec import PixelSpec
from orchestrator.model.states import Failure
from orchestrator.routes.pixels import PixelRoute
from orchestrator.routes.region import RegionRoute, inset
from orchestrator.routes.region_rows import scatter
from orchestrator.sandbox.faults import Rule


@pytest.fixture
def client(engine):
    return RegionClient(engine)


@pytest.fixture
def region(client):
    return RegionRoute(client)


@pytest.fixture
def spoil(sandbox):
    """Order what the next table is answered with."""

    def ask(action="http", **rule):
        sandbox.faults.order(Rule.of({"action": action, "api": "value.compute", **rule}))

    return ask


@pytest.mark.parametrize("dtype", sorted(RANGES))
def test_the_pixels_are_those_of_the_formula(region, ask, dtype):
    """Every number type; zeros are zeros, and only what is masked is nodata."""
    request = ask(Window(295, 290, 12, 31), dtype)

    found, profile = opened(region.fetch(request, STOP))

    np.testing.assert_array_equal(found[0], expected(dtype, request.window, 7))
    assert (profile["dtype"], profile["nodata"]) == (dtype, 7)


@pytest.mark.parametrize("nodata", [7, math.nan], ids=["a number", "NaN"])
def test_a_piece_is_byte_for_byte_that_of_the_route_pixels(region, connect, ask, nodata):
    """Two bands in the planned order, which is not that of the table, on both sides of the hole's border."""
    image = ee.Image(ASSET).select(["float32", "uint8"]).toFloat()
    request = ask(Window(290, 280, 20, 25), "float32", image=image, bands=("uint8", "float32"), nodata=nodata)

    table, file = region.fetch(request, STOP), PixelRoute(connect()).fetch(request, STOP)

    assert table.content == file.content


def test_one_request_and_many_bring_the_same_bytes(region, ask):
    """Joined, the pieces of a window are the window: windows of one pixel and of one row among them."""
    whole = Window(290, 280, 20, 25)
    cuts = [Window(290, 280, 1, 25), Window(291, 280, 1, 1), Window(291, 281, 1, 24), Window(292, 280, 18, 25)]

    one, _ = opened(region.fetch(ask(whole), STOP))
    joined = np.zeros_like(one)
    for cut in cuts:
        found, about = opened(region.fetch(ask(cut), STOP))
        row, col = cut.row - whole.row, cut.col - whole.col
        joined[:, row : row + cut.height, col : col + cut.width] = found
        assert about["transform"][:6] == GRID.window_transform(cut)

    assert joined.tobytes() == one.tobytes()


@pytest.mark.parametrize(
    "grid",
    [
        pytest.param(Grid("EPSG:4326", (1e-4, 0, 15.0, 0, -1e-4, 46.95), 40, 40), id="degrees"),
        pytest.param(Grid("EPSG:3035", (10.0, 0, 4_700_000.0, 0, -10.0, 2_660_000.0), 40, 40), id="equal area"),
        pytest.param(Grid("EPSG:32634", (10.0, 0, 43_000.0, 0, -10.0, 5_220_000.0), 40, 40), id="the zone beside"),
    ],
)
def test_any_grid_is_that_of_the_route_pixels(region, connect, ask, grid):
    """Longitude and latitude of a pixel's centre find its row and column in every coordinate system."""
    request = ask(Window(3, 5, 30, 20), "int32", grid=grid)

    table, file = region.fetch(request, STOP), PixelRoute(connect()).fetch(request, STOP)

    assert table.content == file.content


@pytest.mark.parametrize("window", [Window(0, 0, 1, 1), Window(700, 800, 1, 90), Window(1199, 1100, 1, 100)])
def test_as_many_pixels_are_asked_for_as_the_window_has(client, window):
    """The rectangle lies a quarter of a pixel inside: no neighbour's centre is in it, and every one of its own."""
    image = ee.ImageCollection([ee.Image(ASSET).select(["uint8"])])
    where = rectangle(inset(GRID, window), GRID.crs)

    reply = client.rows(image, where, STOP, crs=GRID.crs, transform=GRID.transform)

    assert len(reply.rows) == window.pixels


def test_shuffled_rows_bring_the_same_piece(region, ask, spoil):
    """Nothing is promised of their order."""
    request = ask(Window(290, 280, 20, 25))
    first = region.fetch(request, STOP)
    spoil("shuffle_rows")

    again = region.fetch(request, STOP)

    assert (again.content, again.reply_sha256 == first.reply_sha256) == (first.content, False)


def test_images_of_a_collection_are_one_axis_of_time(client):
    """(time, band, row, col), sorted by time, whatever the order of the collection; masked values are counted."""
    window = Window(290, 290, 20, 20)
    image = ee.Image(ASSET).select(["int16", "uint8"])
    late, early = (image.add(n).toInt32().set("system:time_start", n * 86_400_000) for n in (9, 2))
    lacking = image.toInt32().updateMask(0).set("system:time_start", 5 * 86_400_000)
    reply = client.rows(
        ee.ImageCollection([late, lacking, early]),
        rectangle(inset(GRID, window), GRID.crs),
        STOP,
        crs=GRID.crs,
        transform=GRID.window_transform(window),
    )

    pixels = PixelSpec(("uint8", "int16"), "int32", -7)
    found = scatter(reply, GRID, window, pixels)

    assert [one.time_ms // 86_400_000 for one in found.moments] == [2, 5, 9]
    for at, band in enumerate(pixels.bands):
        plain = expected(band, window, 0).astype(np.int32)
        for time, shift in ((0, 2), (2, 9)):
            shown = plain + shift
            shown[:10, :10] = -7  # the image's hole ends at row and column 300
            np.testing.assert_array_equal(found.values[time, at], shown)
    assert (found.values[1] == -7).all()
    assert found.masked == 2 * window.pixels + 2 * 2 * 100


def test_too_many_values_are_told_in_numbers(region, ask):
    """As the service counts them: points × bands × images."""
    with pytest.raises(RefusedError, match="Too many values: 1050000 points") as refused:
        region.fetch(ask(Window(0, 0, 1000, 1050)), STOP)

    assert (refused.value.diagnosis.failure, refused.value.diagnosis.sizes) == (Failure.SIZE, (1_050_000, 1_048_576))


def test_a_lost_row_is_seen(region, ask, spoil):
    """One row less than there are pixels: the table is refused, not filled with nodata."""
    (a, _, c, _, e, f), at = GRID.transform, [(0, 0), (0, 1), (1, 0)]
    to_degrees = pyproj.Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform
    rows = [["0", *to_degrees(c + a * (col + 0.5), f + e * (row + 0.5)), None, 1] for row, col in at]
    spoil(status=200, body=json.dumps({"result": [["id", "longitude", "latitude", "time", "uint16"], *rows]}))

    with pytest.raises(IntegrityError, match="asked for 4 pixels of one image, Earth Engine sent 3 rows"):
        region.fetch(ask(Window(0, 0, 2, 2)), STOP)


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        pytest.param("<html>", TransientError, "no table", id="a page"),
        pytest.param([], TransientError, "no table", id="nothing"),
        pytest.param([["id", 1], 2], TransientError, "no table", id="a number for a row"),
        pytest.param([["id", "longitude", "time", "uint16"]], IntegrityError, "column latitude", id="no latitude"),
        pytest.param(
            [["id", "longitude", "latitude", "time", "time"]], IntegrityError, "column time", id="two columns of time"
        ),
        pytest.param(
            [["id", "longitude", "latitude", "time", "a", "a"]], IntegrityError, "column twice", id="a band twice"
        ),
        pytest.param(
            [["id", "longitude", "latitude", "time", "uint16"], ["0", 15.0]],
            IntegrityError,
            "row of 2",
            id="a short row",
        ),
    ],
)
def test_what_is_no_table_of_pixels_is_refused(region, ask, spoil, table, error, words):
    """A page of somebody in between passes; a table with other columns is not what was asked for."""
    spoil(status=200, body=json.dumps({"result": table}))

    with pytest.raises(error, match=words):
        region.fetch(ask(Window(0, 0, 1, 1)), STOP)


@pytest.mark.parametrize(("status", "error"), [(429, ThrottleError), (503, TransientError), (500, TransientError)])
def test_a_busy_service_is_no_refusal(region, ask, spoil, status, error):
    """It is waited for, above; nothing is cut."""
    spoil(status=status)

    with pytest.raises(error):
        region.fetch(ask(Window(0, 0, 1, 1)), STOP)


def test_points_mean_the_pixels_they_lie_in(client):
    """The row has the coordinates of the pixel's centre, and not the point's."""
    corner, centre = (503_001.0, 5_196_999.0), (503_005.0, 5_196_995.0)  # of pixel (300, 300)

    reply = client.rows(
        ee.ImageCollection([ee.Image(ASSET).select(["uint16"])]),
        points([corner], GRID.crs),
        STOP,
        crs=GRID.crs,
        scale=10,
    )

    carry = pyproj.Transformer.from_crs("EPSG:4326", GRID.crs, always_xy=True)
    x, y = carry.transform(reply.column("longitude")[0], reply.column("latitude")[0])
    assert (round(x, 3), round(y, 3)) == centre
    assert reply.column("uint16") == expected("uint16", Window(300, 300, 1, 1), 7).ravel().tolist()


def test_a_lattice_is_given_once(client):
    """By its transform or by its scale."""
    with pytest.raises(ValueError, match="one of the two"):
        client.rows(None, None, STOP, crs=GRID.crs)
