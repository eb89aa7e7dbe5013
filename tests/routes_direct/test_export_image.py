"""`orc.export_image`: an image as an array, whatever its number type, in one request or in many."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import ee
import numpy as np
import pytest
import rasterio.crs
import shapely
from typed_world import ASSET, CRS, RANGES, SIDE, TRANSFORM, true_values

import orchestrator as orc

pytestmark = [
    pytest.mark.usefixtures("connection"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # in rasterio's own code
    pytest.mark.filterwarnings("ignore:Anonymous credentials:UserWarning"),
]

# Rows 280 to 340 and columns 270 to 350 of the stored image: a hole, zeros and numbers.
BOX = (TRANSFORM[2] + 2700, TRANSFORM[5] - 3400, TRANSFORM[2] + 3500, TRANSFORM[5] - 2800)
ROWS, COLS = slice(280, 340), slice(270, 350)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def fresh(sandbox, tmp_path):
    """Return an array as of a process that never asked for it."""

    def export(state, *args, **options):
        project, folder = sandbox.options.project, tmp_path / state
        with orc.connect(sandbox_url=sandbox.url, project=project, state_dir=folder):
            return orc.export_image(*args, area_crs=CRS, **options)

    return export


def small_quota(sandbox, requests=6):
    """Let one request bring a part of the box only."""
    sandbox.meter.quotas = replace(sandbox.meter.quotas, bytes=60 * 80 * 9 // requests)


def answers(sandbox):
    """Return the pixels of each request that was answered."""
    return [one["height"] * one["width"] for one in sandbox.meter.asked() if one["refusal"] is None]


def true(dtype, rows=ROWS, cols=COLS):
    values, valid = true_values(dtype)
    return values[rows, cols], valid[rows, cols]


@pytest.mark.parametrize("dtype", RANGES)
def test_the_values_are_the_stored_ones_and_what_is_masked_is_nodata(dtype):
    array = orc.export_image(ASSET, BOX, [dtype], masked=False, area_crs=CRS)

    values, valid = true(dtype)
    nodata = array.rio.nodata
    masked = np.isnan(array.values[0]) if dtype.startswith("float") else array.values[0] == nodata
    np.testing.assert_array_equal(array.values[0][valid], values[valid])
    assert masked[~valid].all()
    assert not (masked & valid & (values != nodata)).any()
    assert (array.dims, array.shape, list(array.band.values)) == (("band", "y", "x"), (1, 60, 80), [dtype])
    assert array.rio.crs == rasterio.crs.CRS.from_string(CRS)
    assert array.rio.transform()[:6] == (10, 0, BOX[0], 0, -10, BOX[3])


@pytest.mark.parametrize("dtype", RANGES)
def test_what_is_masked_is_nan_and_all_other_numbers_are_exact(dtype):
    """The type uses all its numbers: of 16 and 32 bits one of them stands for nothing, and is NaN too."""
    array = orc.export_image(ASSET, BOX, [dtype], area_crs=CRS)

    values, valid = true(dtype)
    nothing = {"uint16": 65535, "int16": -32768, "uint32": 2**32 - 1, "int32": -(2**31)}.get(dtype)
    known = valid if nothing is None else valid & (values != nothing)
    np.testing.assert_array_equal(array.values[0], np.where(known, values.astype("float64"), np.nan))
    assert array.dtype == ("float32" if dtype in {"uint8", "int8", "uint16", "int16", "float32"} else "float64")
    assert np.isnan(array.rio.nodata)
    assert array.attrs["masked"] == "masked pixels are NaN"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_one_request_and_many_bring_the_same_bytes(fresh, sandbox, dtype):
    one = fresh("one", ASSET, BOX, [dtype])
    sandbox.meter.forget()
    small_quota(sandbox)

    many = fresh("many", ASSET, BOX, [dtype])

    answered = answers(sandbox)
    assert len(answered) > 1
    assert many.values.tobytes() == one.values.tobytes()
    assert many.identical(one)
    assert sum(answered) == 60 * 80


@pytest.mark.parametrize("requests", [1, 6])
def test_padding_is_applied_once_whether_the_image_is_cut_or_not(fresh, sandbox, requests):
    if requests > 1:
        small_quota(sandbox, requests)

    array = fresh("padded", ASSET, BOX, ["float64"], pad=3)

    values, valid = true("float64", slice(277, 343), slice(267, 353))
    np.testing.assert_array_equal(array.values[0], np.where(valid, values, np.nan))
    assert array.rio.transform()[:6] == (10, 0, BOX[0] - 30, 0, -10, BOX[3] + 30)


def test_more_requests_than_were_allowed_are_refused_with_their_number(sandbox):
    whole = (TRANSFORM[2], TRANSFORM[5] - 10 * SIDE, TRANSFORM[2] + 10 * SIDE, TRANSFORM[5])

    with pytest.raises(orc.PlanError, match=r"1,200 × 1,200 pixels of 8 bands need 3 requests, and 1 may bring them"):
        orc.export_image(ASSET, whole, area_crs=CRS, max_requests=1)

    assert sandbox.meter.asked() == []


@pytest.mark.parametrize("scale", [5, 20, 35, 200])
def test_a_resolution_keeps_the_extent(scale):
    array = orc.export_image(ASSET, BOX, ["uint16"], scale=scale, area_crs=CRS)

    left, bottom, right, top = array.rio.bounds()
    first_col, first_row = np.floor(BOX[0] / scale), np.ceil(BOX[3] / scale)
    assert (left, top) == (first_col * scale, first_row * scale)
    assert array.shape[1:] == (first_row - np.floor(BOX[1] / scale), np.ceil(BOX[2] / scale) - first_col)
    assert (right, bottom) == (left + array.shape[2] * scale, top - array.shape[1] * scale)


def test_a_box_off_the_lattice_grows_to_whole_pixels_of_it():
    left, bottom, right, top = BOX

    array = orc.export_image(ASSET, (left + 4, bottom + 9, right - 1, top - 6), ["int16"], masked=False, area_crs=CRS)

    values, valid = true("int16")
    np.testing.assert_array_equal(array.values[0], np.where(valid, values, -32768))


def test_pixels_outside_the_geometry_are_masked_where_that_is_asked():
    triangle = shapely.Polygon([(BOX[0], BOX[1]), (BOX[2], BOX[1]), (BOX[2], BOX[3])])

    whole, cut = (orc.export_image(ASSET, triangle, ["float32"], area_crs=CRS, clip=one) for one in (False, True))

    y, x = np.mgrid[BOX[3] - 5 : BOX[1] : -10, BOX[0] + 5 : BOX[2] : 10]
    outside = (x - BOX[0]) / (BOX[2] - BOX[0]) < (y - BOX[1]) / (BOX[3] - BOX[1])
    on_edge = np.isclose((x - BOX[0]) / (BOX[2] - BOX[0]), (y - BOX[1]) / (BOX[3] - BOX[1]))
    expected = np.where(outside, np.nan, whole.values[0])
    np.testing.assert_array_equal(cut.values[0][~on_edge], expected[~on_edge])
    assert np.isfinite(whole.values[0][outside]).any()


def test_a_computed_image_without_a_lattice_has_pixels_of_10_m_in_the_utm_zone():
    image = ee.ImageCollection([ee.Image(ASSET)]).median().select("int16")

    array = orc.export_image(image, BOX, area_crs=CRS)

    values, valid = true("int16")
    assert array.rio.crs == rasterio.crs.CRS.from_string(CRS)
    np.testing.assert_array_equal(array.values[0], np.where(valid, values, np.nan))


@pytest.mark.parametrize("down", [-30.0, 30.0], ids=["rows going down", "rows going up"])
def test_an_image_on_a_lattice_of_its_own_is_asked_for_on_that(down):
    lattice = (30.0, 0.0, TRANSFORM[2] + 7, 0.0, down, TRANSFORM[5] - 4)
    image = ee.Image(ASSET).select("uint8").reproject(CRS, list(lattice))

    array = orc.export_image(image, BOX, area_crs=CRS)

    a, _, left, _, e, top = array.rio.transform()[:6]
    assert (a, e, (left - lattice[2]) % 30, (top - lattice[5]) % 30) == (30, -30, 0, 0)


def test_bands_share_the_smallest_type_that_holds_them():
    array = orc.export_image(ASSET, BOX, ["int8", "uint8"], masked=False, area_crs=CRS)

    values, valid = true("int8")
    assert array.dtype == "int16"
    np.testing.assert_array_equal(array.values[0], np.where(valid, values, array.rio.nodata))


def test_with_nodata_0_stored_pixels_are_sent_as_they_are(sandbox):
    array = orc.export_image(ASSET, BOX, ["uint16"], nodata=0, masked=False, area_crs=CRS)

    values, valid = true("uint16")
    np.testing.assert_array_equal(array.values[0], np.where(valid, values, 0))
    assert {asked["api"] for asked in sandbox.meter.asked()} == {"assets.getPixels"}


def test_nothing_of_it_is_left_on_the_disk_and_the_same_call_works_again(connection):
    first = orc.export_image(ASSET, BOX, ["uint8"], area_crs=CRS)

    assert list((connection.state_dir / "grabbed").iterdir()) == []
    assert orc.export_image(ASSET, BOX, ["uint8"], area_crs=CRS).identical(first)


def test_after_a_kill_the_same_call_asks_only_for_what_is_missing(fresh, sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("ORCHESTRATOR_PIXELS__AT_ONCE", "1")
    small_quota(sandbox)
    program = (
        "import sys, orchestrator as orc\n"
        "orc.connect(sandbox_url=sys.argv[1], project=sys.argv[2], state_dir=sys.argv[3])\n"
        f"orc.export_image({ASSET!r}, {BOX!r}, ['float64'], area_crs={CRS!r})\n"
    )
    told = [sandbox.url, sandbox.options.project, str(tmp_path / "killed")]
    env = os.environ | {"PYTHONPATH": str(ROOT), "ORCHESTRATOR_CRASH_AT": "unit.done"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", program, *told], env=env, check=False, capture_output=True)
    before = answers(sandbox)

    array = fresh("killed", ASSET, BOX, ["float64"])

    values, valid = true("float64")
    assert len(before) == 1
    assert sum(answers(sandbox)) == 60 * 80
    np.testing.assert_array_equal(array.values[0], np.where(valid, values, np.nan))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"image_or_asset_id": "NO/SUCH"}, "image 'NO/SUCH' cannot be read: .*not found", id="image"),
        pytest.param({"image_or_asset_id": 7}, "int is no image; give an ee.Image", id="no image"),
        pytest.param({"bands": ["uint61"]}, "no band 'uint61'; did you mean 'uint16'", id="band"),
        pytest.param({"bands": ["int8", "int8"]}, "name at least one, and each once", id="band twice"),
        pytest.param({"scale": -10}, "scale is -10", id="scale"),
        pytest.param({"crs": "EPSG:1"}, "EPSG:1", id="CRS"),
        pytest.param({"crs_transform": [10, 0, 0]}, "give 6 numbers", id="lattice"),
        pytest.param({"pad": -1}, "pad is -1; give a whole number of 0 or more", id="pad"),
        pytest.param({"pad": 1, "clip": True}, "leave one of them out", id="pad and clip"),
        pytest.param({"dtype": "int12"}, "dtype is 'int12'; give one of", id="number type"),
        pytest.param({"dtype": "uint8", "nodata": 300}, "nodata 300 is no uint8", id="nodata"),
        pytest.param({"geometry": (0, 0, 0)}, "is no box", id="geometry"),
        pytest.param(
            {"geometry": (200000, 0, 700000, 500000), "scale": 1}, "as an array, and this machine has", id="too large"
        ),
    ],
)
def test_what_cannot_be_is_said_in_a_line_before_any_pixel_is_asked_for(sandbox, change, says):
    asked = {"image_or_asset_id": ASSET, "geometry": BOX, "bands": ["uint16"], "area_crs": CRS} | change

    with pytest.raises(orc.UserError, match=says) as caught:
        orc.export_image(**asked)

    assert "\n" not in str(caught.value)
    assert sandbox.meter.asked() == []


@pytest.mark.parametrize("masked", [True, False])
def test_a_geometry_without_data_is_said(caplog, masked):
    """It lies elsewhere: the array is empty, and a warning says so; with data there is none."""
    left, bottom, right, top = BOX

    array = orc.export_image(ASSET, (left - 1e5, bottom, right - 1e5, top), ["int16"], masked=masked, area_crs=CRS)

    assert (np.isnan(array.values) if masked else array.values == -32768).all()
    assert "no pixel of the geometry holds data" in caplog.text
    caplog.clear()
    orc.export_image(ASSET, BOX, ["int16"], masked=masked, area_crs=CRS)
    assert caplog.text == ""


def test_a_crs_alone_keeps_the_side_of_the_images_pixels():
    image = ee.Image(ASSET).select("uint8").reproject(CRS, [120, 0, TRANSFORM[2], 0, -120, TRANSFORM[5]])

    there, degrees = (orc.export_image(image, BOX, area_crs=CRS, crs=crs) for crs in ("EPSG:32634", "EPSG:4326"))

    assert there.rio.resolution() == (120, -120)
    assert there.rio.crs == rasterio.crs.CRS.from_epsg(32634)
    # A degree of the equator, 6378137 m * pi / 180.
    np.testing.assert_allclose(degrees.rio.resolution(), np.array([120, -120]) / (6378137 * np.pi / 180), rtol=1e-5)


def test_the_whole_stored_image_lies_on_its_own_lattice():
    a, _, c, _, e, f = TRANSFORM
    everything = (c, f + SIDE * e, c + SIDE * a, f)

    array = orc.export_image(ASSET, everything, ["uint8"], nodata=0, masked=False, area_crs=CRS)

    values, valid = true_values("uint8")
    np.testing.assert_array_equal(array.values[0], np.where(valid, values, 0))
