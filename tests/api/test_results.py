"""A result as an array."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

import orchestrator as orc

# In rasterio's and rioxarray's own code.
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")


@pytest.fixture
def result(tmp_path):
    """A result of two bands of uint16, stored × 0.0001 + 1, with one pixel without data."""
    pixels = np.array([[[10_000, 20_000], [65_535, 0]], [[1, 2], [65_535, 4]]], np.uint16)
    path = tmp_path / "a_clipped.tif"
    shape = {"height": 2, "width": 2, "count": 2, "dtype": "uint16", "nodata": 65_535}
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32633", transform=from_origin(0, 20, 10, 10), **shape
    ) as to:
        to.write(pixels)
        to.descriptions = ("B4", "B8")
        to.scales, to.offsets = (0.0001, 0.0001), (1.0, 1.0)
    return orc.Result(path, "run", 0, "", {}, 0.0, {}, path.with_suffix(".json"), path.with_suffix(".png"))


def test_numbers_are_physical_and_masked_ones_are_nan(result):
    """Stored × scale + offset; the nodata value is no number."""
    array = result.to_xarray()

    np.testing.assert_allclose(array.sel(band="B4").values, [[2.0, 3.0], [np.nan, 1.0]])
    assert "65535 became NaN" in array.attrs["decoded"]
    assert array.rio.crs.to_epsg() == 32633


def test_the_numbers_of_the_file_are_there_too(result):
    """As they are stored, for who decodes for oneself."""
    array = result.to_xarray(decoded=False)

    assert array.dtype == "uint16"
    assert array.sel(band="B8").values.tolist() == [[1, 2], [65_535, 4]]
    assert array.attrs["decoded"].startswith("no")


def test_a_missing_picture_says_where_to_look(result):
    """It is drawn beside the result, and a failure there does not cost the result."""
    with pytest.raises(orc.UserError, match="orchestrator logs run"):
        result.preview()


@pytest.mark.parametrize("look", [lambda one: one.open(), lambda one: one.to_xarray(), lambda one: one.proof])
def test_a_file_that_was_taken_away_is_said(result, look):
    """With what makes it again."""
    result.path.unlink()

    with pytest.raises(orc.UserError, match="is there no more; orc"):
        look(result)
