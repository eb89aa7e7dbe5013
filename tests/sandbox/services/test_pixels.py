"""Pixels in one answer: what computePixels and getPixels give the real client."""

from __future__ import annotations

import io
import math

import ee
import matplotlib.image
import numpy as np
import pytest
import rasterio
from pixels_kit import BANDS, CRS, compute, get, grid, refusal, window
from rasterio.io import MemoryFile


@pytest.mark.usefixtures("sandbox")
def test_an_array_has_a_field_for_each_band_in_its_own_type(kit):
    """As the client's NUMPY_NDARRAY gives it: (height, width), fields in the order of the image."""
    found = compute(kit.image("ramp", "half"))

    assert found.shape == (120, 130)
    assert found.dtype.descr == [("ramp", "<u2"), ("half", "<f4")]


def test_masked_pixels_are_zero(kit, ramp):
    """The ramp's own formula where it is valid, zero elsewhere."""
    values, valid = map(window, ramp)

    found = compute(kit.image("ramp", "half"))

    assert 0 < valid.sum() < valid.size
    np.testing.assert_array_equal(found["ramp"], np.where(valid, values, 0))
    np.testing.assert_array_equal(found["half"], np.where(valid, values / 2, 0))


def test_npy_is_what_numpy_saves(kit):
    """Bytes that `numpy.load` reads without pickles, equal to the client's own array."""
    found = np.load(io.BytesIO(compute(kit.image(), "NPY")), allow_pickle=False)

    np.testing.assert_array_equal(found, compute(kit.image()))


def test_a_tiff_has_the_asked_bands_in_the_asked_order_on_the_asked_grid(kit, ramp):
    """One type for all, wide enough; names as descriptions; no value stands for missing data."""
    values, valid = map(window, ramp)

    with MemoryFile(compute(kit.image("ramp", "half"), "GEO_TIFF", bandIds=BANDS)) as memory, memory.open() as raster:
        assert raster.descriptions == tuple(BANDS)
        assert (raster.crs.to_epsg(), tuple(raster.transform)[:6]) == (32633, (10, 0, 502600, 0, -10, 5197500))
        assert (set(raster.dtypes), raster.nodata) == ({"float32"}, None)
        np.testing.assert_array_equal(raster.read(1), np.where(valid, values / 2, 0))
        np.testing.assert_array_equal(raster.read(2), np.where(valid, values, 0))


@pytest.mark.parametrize("tag", [0, -9999.5])
def test_a_tiff_names_a_value_without_data_where_that_is_ordered(kit, tag):
    """Real ones may or may not; the pixels are the same."""
    plain = compute(kit.image(), "GEO_TIFF")
    kit.order("nodata_tag", value=tag)

    tagged = compute(kit.image("half"), "GEO_TIFF")

    with MemoryFile(tagged) as memory, memory.open() as raster:
        assert raster.nodata == tag
        assert raster.read(1)[0, 0] == 0
    with MemoryFile(plain) as memory, memory.open() as raster:
        assert raster.nodata is None


@pytest.mark.usefixtures("sandbox")
def test_pixels_are_taken_at_their_centres():
    """The longitude and latitude of a pixel are those of its centre, by arithmetic."""
    at = {
        "dimensions": {"width": 7, "height": 5},
        "affineTransform": {"scaleX": 0.25, "translateX": 10, "scaleY": -0.5, "translateY": 50},
        "crsCode": "EPSG:4326",
    }

    found = compute(ee.Image.pixelLonLat(), grid=at)

    np.testing.assert_allclose(found["longitude"], np.tile(10 + (np.arange(7) + 0.5) / 4, (5, 1)), atol=1e-9)
    np.testing.assert_allclose(found["latitude"].T, np.tile(50 - (np.arange(5) + 0.5) / 2, (7, 1)), atol=1e-9)


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(lambda image: image, id="as stored"),
        pytest.param(lambda image: image.focalMax(2).add(ee.Image.pixelLonLat().select(0)), id="neighbours and places"),
        pytest.param(lambda image: image.reproject("EPSG:3857", None, 33), id="of another lattice"),
        pytest.param(lambda image: image.clip(ee.Geometry.Point(15.05, 46.93).buffer(700)), id="clipped"),
    ],
)
def test_pixels_are_those_of_a_batch_export(kit, bucket, prefix, tmp_path, graph):
    """The same expression on the same lattice, once by each way: a window is a part of the export."""
    image = graph(kit.image("half")).toFloat()
    kit.finish(kit.to_bucket(prefix, image, **kit.grid(211, 223, 233, 241)))
    bucket.blob(f"{prefix}.tif").download_to_filename(tmp_path / "export.tif")

    with MemoryFile(compute(image, "GEO_TIFF")) as memory, memory.open() as raster:
        found = raster.read()

    with rasterio.open(tmp_path / "export.tif") as export:
        np.testing.assert_array_equal(found, export.read(window=((17, 137), (19, 149))))
    assert np.unique(found).size > 1


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(lambda image: image.focalMax(2), id="neighbours"),
        pytest.param(lambda image: image.reproject("EPSG:3857", None, 33), id="of another lattice"),
        pytest.param(lambda image: image.reproject("EPSG:3857", None, 33).resample("bilinear"), id="interpolated"),
        pytest.param(lambda _: ee.Image.pixelLonLat().select([0], ["half"]), id="places"),
    ],
)
def test_windows_fit_together(kit, graph):
    """An area fetched in pieces is the area fetched at once, to the last bit."""
    image = graph(kit.image("half"))
    whole = compute(image)

    parts = [
        [compute(image, grid=grid(height, width, row, col)) for col, width in ((260, 57), (317, 73))]
        for row, height in ((250, 71), (321, 49))
    ]

    np.testing.assert_array_equal(np.block([[part["half"] for part in row] for row in parts]), whole["half"])


def test_without_a_grid_an_image_keeps_its_own(kit, ramp):
    """All of the stored image, on its lattice."""
    values, valid = ramp

    with MemoryFile(compute(kit.image(), "GEO_TIFF", grid=None)) as memory, memory.open() as raster:
        np.testing.assert_array_equal(raster.read(1), np.where(valid, values, 0))
        assert tuple(raster.transform)[:6] == (10, 0, 500000, 0, -10, 5200000)


@pytest.mark.usefixtures("sandbox")
def test_a_picture_is_stretched_and_transparent_where_masked(kit, ramp):
    """Value by value as the options say: black to white between min and max."""
    values, valid = map(window, ramp)
    shown = {"ranges": [{"min": 0, "max": 25_500}]}

    found = matplotlib.image.imread(io.BytesIO(compute(kit.image(), "PNG", visualizationOptions=shown)))

    grey = np.floor(values / 100 + 0.5)
    np.testing.assert_array_equal(found[valid][:, :3] * 255, np.stack([grey[valid]] * 3, axis=-1))
    np.testing.assert_array_equal(found[..., 3], valid)


def test_a_pixel_that_lacks_one_colour_is_transparent(kit, ramp):
    """Two colours everywhere, the third where the ramp is valid."""
    _, valid = map(window, ramp)
    colours = ee.Image.constant([1, 2]).addBands(kit.image()).toUint8()

    found = matplotlib.image.imread(io.BytesIO(compute(colours, "PNG")))

    np.testing.assert_array_equal(found[..., 3], valid)


def test_a_palette_paints_a_band(kit):
    """One colour for all values, where the palette has one."""
    shown = {"ranges": [{"min": 0, "max": 1}], "paletteColors": ["0080FF"]}

    found = matplotlib.image.imread(io.BytesIO(compute(kit.image(), None, visualizationOptions=shown)))

    np.testing.assert_array_equal(found[-1, -1] * 255, [0, 128, 255, 255])


def test_a_stored_image_gives_the_pixels_of_its_graph(kit):
    """GetPixels of an asset is computePixels of the image it holds."""
    found = get(grid=grid(), bandIds=BANDS)

    np.testing.assert_array_equal(found, compute(kit.image(*BANDS)))


@pytest.mark.usefixtures("sandbox")
def test_a_region_is_its_bounding_box_on_the_images_own_lattice(ramp):
    """Whole pixels of the ramp around the corners of a triangle, given in degrees."""
    values, valid = ramp
    corners = [[15.06, 46.90], [15.09, 46.91], [15.07, 46.93], [15.06, 46.90]]
    x, y = np.array(rasterio.warp.transform("EPSG:4326", CRS, *zip(*corners, strict=True)))
    cols, rows = (x - 500000) / 10, (5200000 - y) / 10
    box = slice(math.floor(rows.min()), math.ceil(rows.max())), slice(math.floor(cols.min()), math.ceil(cols.max()))

    found = get(region={"type": "Polygon", "coordinates": [corners]}, bandIds=["ramp"])

    np.testing.assert_array_equal(found["ramp"], np.where(valid, values, 0)[box])


@pytest.mark.usefixtures("sandbox")
def test_dimensions_stretch_a_region():
    """The REST reference: the grid is rescaled to the requested size."""
    corners = [[15.06, 46.90], [15.09, 46.90], [15.09, 46.93], [15.06, 46.93], [15.06, 46.90]]
    size = {"dimensions": {"width": 31, "height": 17}}

    found = get(region={"type": "Polygon", "coordinates": [corners]}, grid=size)

    assert found.shape == (17, 31)


@pytest.mark.usefixtures("sandbox")
def test_what_is_no_image_has_no_pixels():
    """A collection, and an asset that is not there."""
    assert "is not an Image" in refusal(lambda: ee.data.getPixels({"assetId": "TEST/RAMPS"}))
    assert "not found (does not exist" in refusal(lambda: ee.data.getPixels({"assetId": "TEST/RAMPS/r9"}))
