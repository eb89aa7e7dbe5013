"""`orc.reduce_time`: one image of a cube that is read block by block."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

import orchestrator as orc

pytestmark = [
    pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*Zarr V3 spec"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # in rasterio's own code
]


def cube(dates=5, side=40, dtype="uint16"):
    """Return numbers with gaps of 0."""
    import rioxarray  # noqa: F401, PLC0415  gives arrays their `rio`; a second, which whoever collects tests would pay

    values = np.random.default_rng(1).integers(0, 9, (dates, 2, side, side + 3)).astype(dtype)
    coords = {
        "time": np.arange(dates).astype("datetime64[D]").astype("datetime64[ns]"),
        "satellite": ("time", ["S2A"] * dates),
        "band": ["B4", "B8"],
        "y": 5e6 - 10.0 * np.arange(side),
        "x": 4e5 + 10.0 * np.arange(side + 3),
    }
    made = xarray.DataArray(values, coords, ("time", "band", "y", "x"), name="scenes")
    return made.rio.write_crs("EPSG:32633").rio.write_nodata(0)


def test_it_is_numpys_median_of_the_valid_values_with_crs_and_coordinates():
    array = cube()

    found = orc.reduce_time(array, "median")

    values = np.where(array.values == 0, np.nan, array.values.astype(float))
    expected = np.nanmedian(values, axis=0)
    np.testing.assert_array_equal(found.values, expected)
    assert (found.dims, found.rio.crs.to_epsg(), list(found.band.values)) == (("band", "y", "x"), 32633, ["B4", "B8"])
    assert found.rio.transform() == array.rio.transform()
    assert (found.dtype, found.name) == ("float32", "scenes_median")
    assert not {"time", "satellite"} & set(found.coords)


@pytest.mark.parametrize(("reducer", "nodata"), [("count", None), ("max", 0)])
def test_what_stands_for_nothing_is_said(reducer, nodata):
    assert orc.reduce_time(cube(), reducer).rio.nodata == nodata


def test_axes_may_stand_in_another_order():
    array = cube()

    found = orc.reduce_time(array.transpose("y", "band", "x", "time"), "max")

    assert found.identical(orc.reduce_time(array, "max"))


def test_a_store_is_reduced_without_being_loaded(tmp_path):
    array = cube(dates=3)
    array.encoding = {"chunks": (1, 1, 16, 16)}
    array.drop_vars("satellite").to_zarr(tmp_path / "a.zarr", zarr_format=3)
    lazy = xarray.open_zarr(tmp_path / "a.zarr", chunks=None, mask_and_scale=False, decode_coords="all")["scenes"]

    found = orc.reduce_time(lazy, "p90")

    assert not lazy.variable._in_memory
    np.testing.assert_array_equal(found.values, orc.reduce_time(array, "p90").values)


@pytest.mark.parametrize(
    ("change", "reducer", "says"),
    [
        (lambda array: array, "medain", "'medain' is not known; did you mean 'median'"),
        (lambda array: array, "p101", r"there are .*, last\. A percentile is p0 to p100"),
        (lambda array: array[0], "median", "the array has the axes band, y, x; a cube has time, band, y, x"),
        (lambda array: array[:0], "median", "the cube has no dates"),
        (lambda _array: np.ones((1, 1, 1, 1)), "median", "ndarray is no cube; give an array of"),
    ],
)
def test_what_is_no_cube_is_said(change, reducer, says):
    with pytest.raises(orc.UserError, match=says):
        orc.reduce_time(change(cube()), reducer)
