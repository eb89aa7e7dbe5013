"""Where the pieces of a cube go: the same bytes whatever the order, the cuts and the crashes."""

from __future__ import annotations

import os
import threading
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from contract import digest
from cube_kit import AREA, GRID, NODATA, numbers, pieces_of, small_plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.features import geometry_mask

from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.model.grid import Window
from orchestrator.model.product import OutputLostError
from orchestrator.model.unit import Cell
from orchestrator.products.cube.cogs import CogSink
from orchestrator.products.cube.piece import read_piece
from orchestrator.products.cube.reduced import reduced_raster
from orchestrator.products.cube.sink import ZarrSink
from orchestrator.products.cube.smoothing import request_for, smoothed
from orchestrator.raster.smooth import smooth

xarray = pytest.importorskip("xarray", reason="the extra `cube` is not installed")
pytest.importorskip("zarr", reason="the extra `cube` is not installed")
NEVER = threading.Event()
PLAN = small_plan()
VALUES = numbers(PLAN)
CELLS = list(PLAN.cells())
NAMES = ("a.tif", "b.tif")


def wanted():
    """What must stand in the cube: by rasterio's own mask, nodata outside the area."""
    outside = geometry_mask([AREA], VALUES.shape[2:], rasterio.Affine(*GRID.transform))
    return np.where(outside, NODATA, VALUES)


def zarr_sink(folder, plan=PLAN):
    return ZarrSink(plan, folder, {"title": "small"})


def cog_sink(folder, plan=PLAN):
    return CogSink(plan, folder, NAMES, 1, ())


def fill(sink, cells=None, plan=PLAN, values=VALUES):
    placed = []
    sink.place(pieces_of(plan, values, cells), placed.append)
    return placed


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished store, placed in the order of the plan."""
    sink = zarr_sink(tmp_path_factory.mktemp("whole"))
    fill(sink)
    return sink.seal(NEVER)


def test_the_store_opens_with_its_place_and_its_times(whole):
    """By xarray and rioxarray as they are: dates, names of bands, pixel centres, CRS, nodata."""
    import rioxarray  # noqa: F401, PLC0415  it gives arrays their `rio`

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cube = xarray.open_zarr(whole, chunks=None, mask_and_scale=False)["cube"]

    assert cube.dims == ("time", "band", "y", "x")
    assert [str(time)[:23] for time in cube.time.values] == ["2024-05-04T10:07:52.639", "2024-05-09T10:07:52.639"]
    assert list(cube.band.values) == ["B04", "B11"]
    assert list(cube.satellite.values) == ["S2A", "S2B"]
    assert list(cube.solar_day.values) == ["2024-05-04", "2024-05-09"]
    assert (cube.x.values[0], cube.x.values[-1]) == (500_005, 506_995)
    assert (cube.y.values[0], cube.y.values[-1]) == (4_999_995, 4_994_005)
    assert (cube.rio.crs.to_epsg(), cube.rio.nodata) == (32633, NODATA)
    assert cube.rio.bounds() == (500_000, 4_994_000, 507_000, 5_000_000)
    assert cube.attrs["grid_mapping"] == "spatial_ref"


def test_the_store_says_of_itself_what_the_conventions_ask(whole):
    """CF-1.11: units and calendar of time, standard names of x and y, the grid mapping."""
    raw = xarray.open_zarr(whole, chunks=None, decode_cf=False)

    assert raw.attrs["Conventions"] == "CF-1.11"
    assert (raw.time.attrs["units"], raw.time.attrs["calendar"]) == ("milliseconds since 1970-01-01", "standard")
    assert raw.x.attrs["standard_name"] == "projection_x_coordinate"
    assert (raw.y.attrs["standard_name"], raw.y.attrs["units"]) == ("projection_y_coordinate", "m")
    assert raw.spatial_ref.attrs["grid_mapping_name"] == "transverse_mercator"
    assert [float(n) for n in raw.spatial_ref.attrs["GeoTransform"].split()] == [500_000, 10, 0, 5_000_000, 0, -10]


def test_every_pixel_is_the_one_that_came_or_nodata_outside(whole):
    """Compared with the pieces and rasterio's mask."""
    np.testing.assert_array_equal(xarray.open_zarr(whole, chunks=None, mask_and_scale=False)["cube"].values, wanted())


def test_masked_it_is_nan_where_there_is_no_data(whole):
    """As xarray's readers have it by default."""
    found = xarray.open_zarr(whole, chunks=None)["cube"].values

    np.testing.assert_array_equal(np.isnan(found), wanted() == NODATA)


def cuts(cell):
    """The four quarters of a cell, as a refusal by size would leave it."""
    w = cell.window
    return [replace(cell, window=part) for part in w.tiles(-(-w.height // 2), -(-w.width // 2))]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_neither_order_nor_cuts_nor_crashes_change_a_byte(tmp_path_factory, whole, data):
    """Pieces in any order, some in quarters, the process gone at any of them: the same store."""
    quartered = data.draw(st.sets(st.sampled_from(CELLS), max_size=3))
    cells = [part for cell in CELLS for part in (cuts(cell) if cell in quartered else [cell])]
    order = data.draw(st.permutations(cells))
    crash = data.draw(st.integers(0, len(order)))
    folder = tmp_path_factory.mktemp("any")

    fill(zarr_sink(folder), order[:crash])
    again = zarr_sink(folder)
    kept = again.placed()
    fill(again, order)

    assert kept == frozenset(order[:crash])
    assert digest(again.seal(NEVER)) == digest(whole)


def test_a_shard_that_was_written_and_not_noted_is_written_again(tmp_path, whole):
    """A crash between the file and the journal: nothing is doubled."""
    fill(zarr_sink(tmp_path))
    journal = tmp_path / "journal"
    journal.write_bytes(b"\n".join(journal.read_bytes().split(b"\n")[:-2]) + b"\n")

    again = zarr_sink(tmp_path)
    lacking = set(CELLS) - again.placed()
    fill(again)

    assert len(lacking) == 1
    assert digest(again.seal(NEVER)) == digest(whole)


def test_a_shard_that_was_written_once_more_and_not_noted_keeps_the_others(tmp_path, whole):
    """Of a window that was cut: the crash comes behind the second quarter's file; only that quarter waits again."""
    cell = CELLS[0]
    quarters = cuts(cell)
    fill(zarr_sink(tmp_path), [*CELLS[1:], quarters[0]])
    journal = tmp_path / "journal"
    sink = zarr_sink(tmp_path)
    fill(sink, quarters[1:2])
    journal.write_bytes(b"\n".join(journal.read_bytes().split(b"\n")[:-2]) + b"\n")

    again = zarr_sink(tmp_path)

    assert again.placed() == frozenset([*CELLS[1:], quarters[0]])
    fill(again, quarters)
    assert digest(again.seal(NEVER)) == digest(whole)


def test_what_was_placed_and_is_gone_is_noticed(tmp_path):
    """The cube is then begun anew, rather than published with a hole."""
    fill(zarr_sink(tmp_path))
    shard = next(path for path in (tmp_path / "cube.zarr" / "cube" / "c").rglob("*") if path.is_file())
    shard.unlink()

    with pytest.raises(IntegrityError, match="is not what was written"):
        zarr_sink(tmp_path)


@pytest.mark.parametrize("make", [zarr_sink, cog_sink], ids=["zarr", "cog"])
def test_the_work_of_another_cube_is_not_continued(tmp_path, make):
    """Other scenes are another cube."""
    make(tmp_path)
    other = replace(PLAN, moments=tuple(replace(m, images=("other",)) for m in PLAN.moments))

    with pytest.raises(IntegrityError, match="holds another cube"):
        make(tmp_path, other)


def test_the_wording_of_a_request_is_no_part_of_the_cube(tmp_path):
    """Another client's version may write the same expression otherwise."""
    fill(zarr_sink(tmp_path), CELLS[:1])
    other = replace(PLAN, moments=tuple(replace(m, expression="{}") for m in PLAN.moments))

    assert zarr_sink(tmp_path, other).placed() == {CELLS[0]}


@pytest.mark.parametrize("make", [zarr_sink, cog_sink], ids=["zarr", "cog"])
@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(Cell(Window(0, 0, 10, 10), time=2), id="another date"),
        pytest.param(Cell(Window(595, 0, 10, 10)), id="beyond the grid"),
        pytest.param(Cell(Window(0, 0, 10, 10), group=1), id="another group of bands"),
    ],
)
def test_a_cell_of_another_cube_is_refused(tmp_path, make, cell):
    """It is not written anywhere."""
    sink = make(tmp_path)

    with pytest.raises(IntegrityError, match="is not of this cube"):
        sink.place([(cell, b"")], lambda _cell: None)
    assert sink.placed() == frozenset()


def test_a_piece_of_another_place_is_refused(tmp_path):
    """Its own georeference is looked at."""
    sink, other = zarr_sink(tmp_path), replace(CELLS[0], window=Window(0, 0, 88, 512))
    piece = next(iter(pieces_of(PLAN, VALUES, [replace(other, window=Window(512, 0, 88, 512))])))[1]

    with pytest.raises(IntegrityError, match="a piece lies at"):
        sink.place([(other, piece)], lambda _cell: None)


def test_valid_pixels_are_counted_by_date_and_band(tmp_path):
    """Inside the area, exactly, also after a crash."""
    fill(zarr_sink(tmp_path), CELLS[:3])
    sink = zarr_sink(tmp_path)
    fill(sink)

    np.testing.assert_array_equal(sink.valid(), np.count_nonzero(wanted() != NODATA, axis=(2, 3)))


def test_a_finished_cube_that_is_gone_is_said(tmp_path):
    """It is built again from what can be asked for."""
    sink = zarr_sink(tmp_path)
    fill(sink)
    sink.seal(NEVER).rename(tmp_path / "elsewhere")

    with pytest.raises(OutputLostError, match="was complete, but is gone"):
        zarr_sink(tmp_path).seal(NEVER)


# ----------------------------------------------------------------- a file a date


def test_a_file_of_each_date_has_the_same_pixels(tmp_path):
    """Begun again in the middle; the file says its date."""
    fill(cog_sink(tmp_path), CELLS[1:4])
    sink = cog_sink(tmp_path)
    kept = sink.placed()
    fill(sink)

    folder = sink.seal(NEVER)

    assert kept == frozenset(CELLS[1:4])
    assert sorted(path.name for path in folder.iterdir()) == ["a.tif", "b.tif"]
    for time, name in enumerate(NAMES):
        with rasterio.open(folder / name) as raster:
            np.testing.assert_array_equal(raster.read(), wanted()[time])
            assert raster.tags()["ORCHESTRATOR_SOLAR_DAY"] == PLAN.moments[time].solar_day
    np.testing.assert_array_equal(sink.valid(), np.count_nonzero(wanted() != NODATA, axis=(2, 3)))
    assert digest(cog_sink(tmp_path).seal(NEVER)) == digest(folder)


def test_dates_that_have_their_names_are_not_made_again(tmp_path):
    """Stopped behind the first of two, the next process names the second: the same files."""
    sink, first = cog_sink(tmp_path / "stopped"), tmp_path / "stopped" / "cube.cogs" / "a.tif"
    fill(sink)
    undisturbed = cog_sink(tmp_path / "undisturbed")
    fill(undisturbed)

    with pytest.raises(Stopped):
        sink.seal(SimpleNamespace(is_set=first.exists, wait=lambda _seconds=None: first.exists()))
    inode = first.stat().st_ino

    assert digest(cog_sink(tmp_path / "stopped").seal(NEVER)) == digest(undisturbed.seal(NEVER))
    assert first.stat().st_ino == inode


@pytest.mark.parametrize("make", [zarr_sink, cog_sink], ids=["zarr", "cog"])
def test_a_cube_is_reduced_over_time_as_numpy_does(tmp_path, make):
    """Of both forms, by blocks; where no date has a value there is none."""
    sink = make(tmp_path / "sink")
    fill(sink)
    sink.seal(NEVER)
    known = np.where(wanted() == NODATA, np.nan, wanted().astype(float))

    made = reduced_raster(PLAN, sink, "median", tmp_path / "median", NEVER, 1)
    count = reduced_raster(PLAN, sink, "count", tmp_path / "count", NEVER, 1)

    with rasterio.open(made) as raster, rasterio.open(count) as counted, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of pixels without any value
        np.testing.assert_array_equal(raster.read(), np.nanmedian(known, axis=0).astype("float32"))
        np.testing.assert_array_equal(counted.read(), np.count_nonzero(~np.isnan(known), axis=0))
        told = {"ORCHESTRATOR_REDUCER": "median", "ORCHESTRATOR_SOLAR_DAYS": "2024-05-04 2024-05-09"}
        assert told.items() <= raster.tags().items()


@pytest.mark.parametrize("make", [zarr_sink, cog_sink], ids=["zarr", "cog"])
def test_a_date_that_no_scene_touches_holds_no_data(tmp_path, make):
    """Nothing is placed for it, and it is there."""
    every = tuple(range(len(PLAN.windows)))
    plan = replace(PLAN, moments=(PLAN.moments[0], replace(PLAN.moments[1], untouched=every)))
    sink = make(tmp_path, plan)
    fill(sink, list(plan.cells()), plan)
    sink.seal(NEVER)

    np.testing.assert_array_equal(sink.read(GRID.window)[0], wanted()[0])
    assert (sink.read(GRID.window)[1] == NODATA).all()
    assert sink.valid()[1].tolist() == [0, 0]


# ----------------------------------------------------------------- smoothing


def test_windows_are_smoothed_as_the_whole_is():
    """What is fetched around each makes the seams vanish; only the coarse band changes."""
    plan = small_plan(clip=False, smooth=(20,))
    margin = 40
    chance = np.random.default_rng(7)
    cells = chance.integers(1, 9000, (2, (GRID.height + 2 * margin) // 2, (GRID.width + 2 * margin) // 2))
    large = cells.repeat(2, axis=1).repeat(2, axis=2).astype("uint16")
    left, top = GRID.transform[2] - 10 * margin, GRID.transform[5] + 10 * margin
    whole = smooth(large, (10.0, 0.0, left, 0.0, -10.0, top), ("B4", "B11"))[:, margin:-margin, margin:-margin]

    for cell in plan.cells():
        asked = request_for(plan, cell)
        row, col = round((top - asked.grid.transform[5]) / 10), round((asked.grid.transform[2] - left) / 10)
        here = large[:, row : row + asked.grid.height, col : col + asked.grid.width]
        shown = replace(plan, grid=asked.grid)
        content = next(iter(pieces_of(shown, here[np.newaxis], [Cell(asked.grid.window)])))[1]
        w = cell.window
        made = read_piece(smoothed(plan, cell, content), GRID.crop(w), plan)
        np.testing.assert_array_equal(made, whole[:, w.row : w.bottom, w.col : w.right])
    assert (whole[1] != large[1, margin:-margin, margin:-margin]).any()
    np.testing.assert_array_equal(whole[0], large[0, margin:-margin, margin:-margin])


def test_what_a_store_says_of_itself_is_durable_before_a_pixel_comes(tmp_path, monkeypatch):
    """Every file of it was synced: after a power cut, empty ones would say that each coordinate is nothing."""
    synced, sync = set(), os.fsync

    def fsync(fd):
        sync(fd)
        synced.add(os.fstat(fd).st_ino)

    monkeypatch.setattr(os, "fsync", fsync)

    store = zarr_sink(tmp_path).path

    files = [path for path in store.rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if path.stat().st_ino not in synced] == []
