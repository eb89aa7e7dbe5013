"""Cubes through the Python API, on real scenes and on the invented Earth."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio

import orchestrator as orc

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journey"))
import journey_kit as kit

pytest.importorskip("zarr", reason="the extra `cube` is not installed")
FOLDER = "l2a_120m_T33TWL_T33TWM"
# A box of eastern Slovenia in which the two tiles meet, neither of which holds it, in degrees.
AREA = (15.30, 45.90, 15.60, 46.10)
LATTICE = (120, 0, 499980, 0, -120, 5200020)
FILES = {"B04": "B04", "B03": "B03", "B02": "B02"}


@pytest.fixture(scope="module")
def real(tmp_path_factory, forked_sandboxes):  # noqa: ARG001
    """A sandbox that serves the real scenes, and their folder."""
    data = kit.real_data()
    if data is None:
        pytest.skip("no real scenes: set ORCHESTRATOR_TEST_DATA to their folder")
    with orc.sandbox(scenes=data / FOLDER, state_dir=tmp_path_factory.mktemp("real")):
        yield data / FOLDER


def on_grid(scene, band, cube):
    """The numbers of a JPEG 2000 file on the grid of a cube, 0 where it does not reach."""
    with rasterio.open(next(scene.rglob(f"*{FILES[band]}*.tif"))) as raster:
        values, transform = raster.read(1), raster.transform
    # The two tiles lie half a pixel apart: a centre on an edge belongs to the pixel below it.
    cols = np.floor((cube.x.values - transform.c) / 120 + 1e-6).astype(int)
    rows = np.floor((transform.f - cube.y.values) / 120 + 1e-6).astype(int)
    inside = ((rows >= 0) & (rows < values.shape[0]))[:, None] & ((cols >= 0) & (cols < values.shape[1]))[None]
    found = values[np.clip(rows, 0, values.shape[0] - 1)][:, np.clip(cols, 0, values.shape[1] - 1)]
    return np.where(inside, found, 0)


def expected(folder, names, band, cube, nodata):
    """The first scene with a value there gives the pixel; 0 is no value of a scene."""
    found = np.zeros((cube.sizes["y"], cube.sizes["x"]), np.uint16)
    for name in names:
        found = np.where(found == 0, on_grid(folder / name, band, cube), found)
    return np.where(found == 0, nodata, found)


@pytest.mark.real
def test_the_published_pipeline_gives_the_numbers_of_the_files(real, tmp_path):
    """Query, filter by cloud, cube of three bands: equal to the JPEG 2000 files, dates by time."""
    scenes = orc.query_s2_l2a(polygon=AREA, start_date="2023-08-01", end_date="2023-09-01")
    scenes = scenes[scenes["cloud_cover"] < 50]
    cube = orc.cube(
        scenes, geometry=AREA, bands=["B04", "B03", "B02"], crs="EPSG:32633", crs_transform=LATTICE, order="first",
        output=tmp_path, name="east", masked=False,
    )  # fmt: skip

    assert cube.dims == ("time", "band", "y", "x")
    assert [str(day) for day in cube.solar_day.values] == ["2023-08-15", "2023-08-18"]
    assert [len(str(names).split()) for names in cube.images.values] == [1, 2]
    # Of the 18th the northern tile was taken seconds before the southern one.
    dates = (["S2A_33TWL_20230815_0_L2A"], ["S2A_33TWM_20230818_0_L2A", "S2A_33TWL_20230818_0_L2A"])
    values, nodata = cube.values, cube.rio.nodata
    for time, names in enumerate(dates):
        for number, band in enumerate(FILES):
            np.testing.assert_array_equal(values[time, number], expected(real, names, band, cube, nodata))
    assert (values[0] == nodata).any()  # the northern rows have no scene on the 15th
    assert (cube.rio.crs.to_epsg(), float(cube.x[1] - cube.x[0])) == (32633, 120)


@pytest.mark.real
@pytest.mark.usefixtures("real")
def test_a_cloudy_date_can_be_left_out(tmp_path):
    """The seed's filter: under 20 per cent, only the clear day is there."""
    scenes = orc.query_s2_l2a(polygon=AREA, start_date="2023-08-01", end_date="2023-09-01")
    scenes = scenes[scenes["cloud_cover"] < 20]

    cube = orc.cube(scenes, geometry=AREA, bands=["B04"], scale=120, output=tmp_path)

    assert [str(day) for day in cube.solar_day.values] == ["2023-08-15"]


@pytest.mark.real
def test_a_mean_over_time_is_one_of_data_only(real, tmp_path):
    """The page's last line: where the 15th has no scene, the mean is the number of the 18th."""
    scenes = orc.query_s2_l2a(polygon=AREA, start_date="2023-08-01", end_date="2023-09-01")
    scenes = scenes[scenes["cloud_cover"] < 50]
    how = {"crs": "EPSG:32633", "crs_transform": LATTICE, "order": "first", "output": tmp_path}

    cube = orc.cube(scenes, geometry=AREA, bands=["B04"], **how)

    dates = (["S2A_33TWL_20230815_0_L2A"], ["S2A_33TWM_20230818_0_L2A", "S2A_33TWL_20230818_0_L2A"])
    stored = np.ma.masked_equal([expected(real, names, "B04", cube, 0) for names in dates], 0)
    assert (cube.dtype, bool(stored[0].mask.any())) == ("float32", True)
    true = stored.mean(axis=0).filled(np.nan)
    np.testing.assert_allclose(cube.mean("time").values[0], true, rtol=1e-6)
    np.testing.assert_array_equal(
        orc.reduce_time(cube, "max").values[0], stored.max(axis=0).astype(float).filled(np.nan)
    )


BOX = (15.0, 46.04, 15.02, 46.05)
DATES = ("2024-05-01", "2024-05-12")


def test_the_same_call_opens_what_is_there(sandbox):
    """Without a place it lies in the state folder; nothing is asked for a second time."""
    first = orc.cube("s2-l2a", BOX, ["B4"], 20, dates=DATES, connection=sandbox)
    runs = len(orc.runs(connection=sandbox))

    again = orc.cube("s2-l2a", BOX, ["B4"], 20, dates=DATES, connection=sandbox)

    assert len(orc.runs(connection=sandbox)) == runs
    np.testing.assert_array_equal(first.values, again.values)


def test_pixels_are_read_when_they_are_looked_at(sandbox, tmp_path):
    """What is opened holds no pixel in memory."""
    cube = orc.cube("s2-l2a", BOX, ["B4"], 20, dates=DATES, output=tmp_path, name="lazy", connection=sandbox)

    assert not cube.variable._in_memory
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert orc.open_cube(tmp_path / "lazy_cube.zarr").shape == cube.shape


def test_what_is_opened_again_is_masked_as_the_first_time(sandbox, tmp_path):
    """NaN is where the stored numbers are nodata, and all other numbers are the stored ones."""
    triangle = "POLYGON ((15.0 46.04, 15.02 46.04, 15.02 46.05, 15.0 46.04))"
    how = {"dates": DATES, "clip": True, "output": tmp_path, "name": "cut", "connection": sandbox}

    cube = orc.cube("s2-l2a", triangle, ["B4"], 20, **how)

    stored = orc.open_cube(tmp_path / "cut_cube.zarr", masked=False)
    assert (stored.dtype, stored.rio.nodata) == ("uint16", 65535)
    assert (stored.values == 65535).any()
    true = np.where(stored.values == 65535, np.nan, stored.values)
    np.testing.assert_array_equal(cube.values, true)
    np.testing.assert_array_equal(orc.open_cube(tmp_path / "cut_cube.zarr").values, true)
    assert np.isnan(cube.rio.nodata)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param({"bands": ["B99"]}, "has no band 'B99'", id="band"),
        pytest.param({"dates": ("2024-06-01", "2024-05-01")}, "is not before the end date", id="dates reversed"),
        pytest.param({"dates": ("2014-01-01", "2014-01-02")}, "no scene is left of s2-l2a", id="no scene"),
        pytest.param({"scenes": 5}, "scenes is int; give a table", id="no scenes"),
        pytest.param({"scenes": "s3-olci"}, "s3-olci", id="collection"),
        pytest.param({"order": "best"}, "order", id="order"),
        pytest.param({"scenes": "nowhere.parquet"}, "nowhere.parquet cannot be read", id="file"),
        pytest.param(
            {"smooth_20m": True, "bands": ["B11"], "crs": "EPSG:3857", "scale": 10},
            r"not smoothed: pixels of B11 in .* are on a grid in EPSG:32633, and the cube's are in EPSG:3857",
            id="smoothing in another CRS",
        ),
        pytest.param({"smooth_20m": True}, "none of the bands B4 is smoothed", id="nothing to smooth"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(sandbox, tmp_path, given, told):
    """By its name, before a pixel is asked for."""
    said = {"scenes": "s2-l2a", "geometry": BOX, "bands": ["B4"], "dates": DATES, "output": tmp_path, **given}

    with pytest.raises(orc.UserError, match=told) as refused:
        orc.cube(**said, connection=sandbox)

    assert "\n" not in str(refused.value)
    assert not list(tmp_path.glob("*.zarr"))


def test_a_job_file_of_a_cube_is_a_job(sandbox, tmp_path):
    """Its result opens as the cube; a plan of it is refused with what to do instead."""
    lines = [
        'product = "cube"',
        'output = "out"',
        'base_name = "file"',
        'bands = ["B4"]',
        f'area = "{",".join(map(str, BOX))}"',
    ]
    lines += [f'start_date = "{DATES[0]}"', f'end_date = "{DATES[1]}"', "[grid]", "scale = 20", "[cube]"]
    (tmp_path / "job.toml").write_text("\n".join([*lines, 'collection = "s2-l2a"']))
    job = orc.Job.from_file(tmp_path / "job.toml")

    found = orc.run(job, connection=sandbox).to_xarray(decoded=False)

    assert (found.dims, found.dtype) == (("time", "band", "y", "x"), "uint16")
    with pytest.raises(orc.UserError, match="cube --dry-run"):
        orc.plan(job, connection=sandbox)


def test_what_is_no_cube_is_not_opened(tmp_path):
    """With what is expected."""
    with pytest.raises(orc.UserError, match="is no cube; give the path"):
        orc.open_cube(tmp_path)
