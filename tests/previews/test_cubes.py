"""A cube, date by date: the right pixel, tile and series."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray
from previews_kit import GRID, nearest, pixels_of, publish, tile_over
from pyproj import CRS, Transformer

from orchestrator.app.verbs import previews
from orchestrator.app.verbs.layers import LayerName, layers_of
from orchestrator.app.verbs.previews import TileAsked
from orchestrator.core.errors import UserError
from orchestrator.previews.style import Style

TO_DEGREES = Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)
NODATA = 65535


@pytest.fixture(scope="module")
def cube(tmp_path_factory):
    """A store by xarray alone, with the conventions of CF, and its values (time, band, row, col)."""
    values = np.random.default_rng(5).integers(1, 255, (3, 2, 120, 140)).astype("uint16")
    values[1, :, :60] = NODATA
    path = tmp_path_factory.mktemp("cube") / "east_cube.zarr"
    mapping = CRS("EPSG:32632").to_cf() | {"GeoTransform": "500000 20 0 5500000 0 -20"}
    dataset = xarray.Dataset(
        {"cube": (("time", "band", "y", "x"), values, {"_FillValue": NODATA, "scale_factor": 0.5, "add_offset": 1.0})},
        coords={
            "time": np.array(["2024-05-04T10:00", "2024-05-09T10:00", "2024-06-03T10:00"], "datetime64[ns]"),
            "band": np.array(["B4", "B8"], object),
            "y": 5500000 - 20 * (np.arange(120) + 0.5),
            "x": 500000 + 20 * (np.arange(140) + 0.5),
            "satellite": ("time", np.array(["S2A", "S2B", "S2A"], object)),
            "spatial_ref": ((), 0, mapping),
        },
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.to_zarr(path, zarr_format=3, consolidated=True)
    return path, values


@pytest.fixture
def run(records, cube):
    return publish(records, [("data", cube[0])], product="cube")


def test_dates_have_their_moment_and_satellite(records, run):
    """For the slider."""
    (layer,) = layers_of(records, run.id)

    assert layer.times[0] == "2024-05-04 10:00 UTC S2A"
    assert (len(layer.times), layer.facts.bands, layer.facts.nodata) == (3, ("B4", "B8"), NODATA)
    assert (layer.facts.scale, layer.facts.offset) == (0.5, 1.0)


def test_a_tile_of_a_date_holds_the_pixels_of_that_date(records, run, cube):
    """And nothing where that date has no data."""
    values = cube[1][1, 1:2]
    x, y = tile_over(9.018, 49.64, 13)
    right, inside = nearest(values, 13, x, y)

    asked = TileAsked(13, x, y, LayerName(time=1), Style((2,), ((0.0, 255.0),)))
    drawn = pixels_of(previews.tile(records, run.id, asked))

    there = inside & (right[0] != NODATA)
    assert (there == (drawn[..., 3] == 255)).mean() > 0.99
    assert (drawn[..., 0][there] == right[0][there]).mean() > 0.99


def test_zoomed_out_a_tile_lies_where_the_cube_lies(records, run):
    """Every so-manieth pixel is taken; the picture is not moved by that."""
    x, y = tile_over(9.018, 49.64, 10)
    _, inside = nearest(np.zeros((1, 120, 140)), 10, x, y)

    drawn = pixels_of(previews.tile(records, run.id, TileAsked(10, x, y, style=Style((1,), ((0.0, 255.0),)))))

    rows, cols = np.nonzero(inside)
    shown_rows, shown_cols = np.nonzero(drawn[..., 3])
    assert abs(rows.mean() - shown_rows.mean()) < 1
    assert abs(cols.mean() - shown_cols.mean()) < 1


def test_a_pixel_and_its_series_are_those_of_the_array(records, run, cube):
    """None on a date without data."""
    place = TO_DEGREES.transform(*(GRID @ (33.4, 20.7)))

    pixel = previews.pixel(records, run.id, LayerName(time=2), *place)
    series = previews.series(records, run.id, LayerName(), *place)

    column = cube[1][:, :, 20, 33].astype(int)
    assert (pixel.row, pixel.col, dict(pixel.values)) == (20, 33, {"B4": column[2, 0], "B8": column[2, 1]})
    assert pixel.physical["B4"] == column[2, 0] * 0.5 + 1
    assert series.times[1] == "2024-05-09T10:00:00Z"
    assert series.values["B8"] == [column[0, 1], None, column[2, 1]]


def test_numbers_are_of_all_dates_so_that_they_stay_comparable(records, run, cube):
    """Of the pixels that hold data."""
    b4, _ = previews.numbers(records, run.id, LayerName())

    there = cube[1][:, 0][cube[1][:, 0] != NODATA]
    assert (b4.valid, b4.mean) == (there.size, pytest.approx(there.mean()))


def test_a_date_that_there_is_not_is_refused(records, run):
    """With those that there are."""
    with pytest.raises(UserError, match="date 3 is none of this cube's; it has 0 to 2"):
        previews.pixel(records, run.id, LayerName(time=3), 9.01, 49.64)


def test_a_cube_that_is_gone_is_a_sentence(records, tmp_path):
    """And one whose store lost its head."""
    folder = tmp_path / "lost_cube.zarr"
    folder.mkdir()
    run = publish(records, [("data", folder)], product="cube")

    with pytest.raises(UserError, match=r"is no cube: it has no zarr\.json"):
        layers_of(records, run.id)
