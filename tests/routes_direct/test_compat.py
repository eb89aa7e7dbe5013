"""`orchestrator.compat`: the names that programs know from georeader, and what they give."""

from __future__ import annotations

from types import SimpleNamespace

import ee
import numpy as np
import pytest
import xarray
from affine import Affine
from typed_world import ASSET, CRS, SIDE, TRANSFORM, true_values

import orchestrator as orc
from orchestrator import compat
from orchestrator.raster.smooth import smooth

pytestmark = [
    pytest.mark.usefixtures("connection"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # in rasterio's own code
    pytest.mark.filterwarnings("ignore:Anonymous credentials:UserWarning"),
]

BOX = (TRANSFORM[2] + 2700, TRANSFORM[5] - 3400, TRANSFORM[2] + 3500, TRANSFORM[5] - 2800)
WHOLE = (TRANSFORM[2], TRANSFORM[5] - 10 * SIDE, TRANSFORM[2] + 10 * SIDE, TRANSFORM[5])
HERE = np.s_[280:340, 270:350]


def test_an_image_by_the_arguments_of_its_documentation():
    array = compat.export_image(ASSET, BOX, ["int16"], scale=10, crs=CRS, crs_polygon=CRS)

    assert array.identical(orc.export_image(ASSET, BOX, ["int16"], masked=False, area_crs=CRS))


def test_an_image_by_the_arguments_of_its_version_2():
    lattice = Affine(10, 0, TRANSFORM[2], 0, -10, TRANSFORM[5])

    array = compat.export_image(
        ASSET,
        BOX,
        transform=lattice,
        crs=CRS,
        bands_gee=["int16"],
        pad_add=(1, 2),
        crs_polygon=CRS,
        dtype_dst="float32",
    )

    values, valid = (one[279:341, 268:352] for one in true_values("int16"))
    np.testing.assert_array_equal(array.values[0], np.where(valid, values, np.nan).astype("float32"))


def test_another_resolution_keeps_the_extent():
    lattice = Affine(10, 0, TRANSFORM[2], 0, -10, TRANSFORM[5])

    array = compat.export_image(
        ASSET, BOX, transform=lattice, crs=CRS, bands_gee=["int16"], crs_polygon=CRS, resolution_dst=20
    )

    assert array.rio.bounds() == BOX
    assert array.shape == (1, 30, 40)


def test_a_transform_by_position_is_told_its_name():
    with pytest.raises(orc.UserError, match="name them: transform=, crs=, bands_gee="):
        compat.export_image(ASSET, BOX, Affine.identity(), CRS, ["int16"])


def test_a_lattice_by_position_is_told_its_name():
    proj = {"crs": CRS, "transform": list(TRANSFORM)}

    with pytest.raises(orc.UserError, match="a lattice by position is not known; name it: proj=, bands_gee="):
        compat.export_image_getpixels(ASSET, BOX, proj, ["int16"])


def test_a_number_of_workers_is_taken_and_changes_nothing():
    one = compat.export_image(ASSET, BOX, ["int16"], crs_polygon=CRS, max_workers=2)

    assert one.identical(compat.export_image(ASSET, BOX, ["int16"], crs_polygon=CRS))
    assert one.dtype == "int16"


def test_a_fast_image_comes_in_one_request_or_not_at_all(sandbox):
    compat.export_image_fast(ee.Image(ASSET), BOX, ["int16"], crs_polygon=CRS)
    assert len(sandbox.meter.asked()) == 1

    with pytest.raises(orc.PlanError, match="need 3 requests"):
        compat.export_image_fast(ee.Image(ASSET), WHOLE, crs_polygon=CRS)
    assert len(sandbox.meter.asked()) == 1


def test_a_stored_image_is_sent_as_it_is_stored(sandbox):
    proj = {"crs": CRS, "transform": list(TRANSFORM)}

    array = compat.export_image_getpixels(ASSET, BOX, ["uint16"], proj=proj, crs_polygon=CRS)

    values, valid = true_values("uint16")
    np.testing.assert_array_equal(array.values[0], np.where(valid, values, 0)[HERE])
    assert [asked["api"] for asked in sandbox.meter.asked()] == ["assets.getPixels"]


def test_what_is_computed_has_no_stored_pixels():
    with pytest.raises(orc.UserError, match="asset_id is Image; give the id of a stored image, or take export_image"):
        compat.export_image_getpixels(ee.Image(ASSET), BOX)


def test_bounds_are_split_into_the_four_quarters_of_the_documentation():
    assert compat.split_bounds((0, 10, 4, 30)) == [(0, 20, 2, 30), (2, 20, 4, 30), (0, 10, 2, 20), (2, 10, 4, 20)]


def image_of_20_m(dtype="uint16"):
    import rioxarray  # noqa: F401, PLC0415  gives arrays their `rio`; a second, which whoever collects tests would pay

    """Return two bands at 10 m that begin within a cell of 20 m, as an array."""
    cells = np.random.default_rng(8).integers(100, 9000, (2, 11, 13)).astype(dtype)
    pixels = cells.repeat(2, 1).repeat(2, 2)[:, 1:, 1:]
    pixels[:, 4, 5] = 0
    x, y = 399975 + 10.0 * np.arange(25), 5300025 - 10.0 * np.arange(21)
    array = xarray.DataArray(pixels, {"band": ["B8", "B11"], "y": y, "x": x}, ("band", "y", "x"))
    return array.rio.write_crs(CRS).rio.write_nodata(0)


def transform_of(array):
    return (10.0, 0.0, float(array.x[0]) - 5, 0.0, -10.0, float(array.y[0]) + 5)


def test_bands_of_20_m_are_interpolated_where_the_array_lies():
    array = image_of_20_m()

    found = compat.interpolate_20mbands_s2ee(array)

    np.testing.assert_array_equal(found.values, smooth(array.values, transform_of(array), ["B8", "B11"], nodata=0))
    assert (found.values[0] == array.values[0]).all()
    assert (found.values[1] != array.values[1]).any()
    assert found.rio.crs == array.rio.crs


def test_a_part_of_an_array_is_interpolated_as_in_the_whole():
    array = image_of_20_m("float32").rio.write_transform()

    found = orc.smooth_20m(array.isel(y=slice(3, None), x=slice(2, None)))

    whole = orc.smooth_20m(array).isel(y=slice(3, None), x=slice(2, None))
    np.testing.assert_array_equal(found.values[:, 5:, 5:], whole.values[:, 5:, 5:])


def test_what_looks_like_a_geotensor_is_interpolated_in_its_place():
    array = image_of_20_m()
    tensor = SimpleNamespace(
        values=array.values.copy(), transform=Affine(*transform_of(array)), crs=CRS, fill_value_default=0
    )

    found = compat.interpolate_20mbands_s2ee(tensor, ["B08", "B11"], inplace=True)

    np.testing.assert_array_equal(tensor.values, orc.smooth_20m(array).values)
    np.testing.assert_array_equal(found.values, tensor.values)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.ones((2, 4, 4)), "ndarray has no `values` and `transform`"),
        (image_of_20_m()[0], "has the axes y, x; give a DataArray of"),
        (image_of_20_m().drop_vars("band"), "does not name its bands; give bands="),
    ],
)
def test_what_cannot_be_interpolated_is_said(array, says):
    with pytest.raises(orc.UserError, match=says):
        compat.interpolate_20mbands_s2ee(array)
