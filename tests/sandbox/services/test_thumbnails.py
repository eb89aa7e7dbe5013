"""Pictures and files by link: what getThumbURL and getDownloadURL give whoever follows the link."""

from __future__ import annotations

import io
import zipfile

import ee
import matplotlib.image
import numpy as np
import pytest
import requests
from pixels_kit import CRS, refusal, window
from rasterio.io import MemoryFile

HEIGHT, WIDTH = 120, 130
AT = {"crs": CRS, "crs_transform": [10, 0, 502600, 0, -10, 5197500], "dimensions": f"{WIDTH}x{HEIGHT}"}
INSIDE = {**AT, "crs_transform": [10, 0, 505000, 0, -10, 5195000]}  # where nothing is masked


def fetched(url):
    """Follow a link as a stranger does: without credentials."""
    return requests.get(url, timeout=20)


def picture(data, kind):
    return np.asarray(matplotlib.image.imread(io.BytesIO(data), format=kind))


@pytest.fixture
def expected(ramp):
    """Values and validity of the window that `AT` asks for."""
    return [window(each, HEIGHT, WIDTH) for each in ramp]


def grey(values):
    """The linear stretch of 10,000 to 20,000."""
    return np.clip((values - 10_000) * 255.0 / 10_000, 0, 255)


def test_a_png_is_the_stretch_and_transparent_where_masked(kit, expected):
    """min and max are black and white; the opacity is the mask."""
    values, valid = expected

    found = fetched(kit.image().getThumbURL({**AT, "min": 10_000, "max": 20_000, "format": "png"}))

    pixels = picture(found.content, "png") * 255
    assert found.headers["Content-Type"] == "image/png"
    np.testing.assert_array_equal(pixels[..., 3] > 0, valid)
    assert np.abs(pixels[..., 0] - grey(values))[valid].max() <= 0.51


@pytest.mark.parametrize(
    ("place", "kind", "expected_type"),
    [
        pytest.param(AT, "jpg", "image/jpeg", id="JPEG, whatever is masked"),
        pytest.param(AT, None, "image/png", id="of itself a PNG where something is masked"),
        pytest.param(INSIDE, None, "image/jpeg", id="of itself a JPEG where nothing is"),
        pytest.param(INSIDE, "png", "image/png", id="PNG where it is asked for"),
    ],
)
def test_the_kind_of_a_picture(kit, place, kind, expected_type):
    """AUTO_JPEG_PNG chooses by transparency, as its reference says."""
    options = {**place, "min": 0, "max": 60_000} | ({} if kind is None else {"format": kind})

    assert fetched(kit.image().getThumbURL(options)).headers["Content-Type"] == expected_type


def test_a_jpeg_shows_the_stretch(kit, ramp):
    """Lossy, but within a few levels of the formula."""
    values = window(ramp[0], HEIGHT, WIDTH, 500, 500)

    found = fetched(kit.image().getThumbURL({**INSIDE, "min": 10_000, "max": 30_000, "format": "jpg"}))

    pixels = picture(found.content, "jpg").astype(float)
    assert np.abs(pixels - (values - 10_000) * 255.0 / 20_000).max() <= 8


def test_without_parameters_values_are_clipped_to_bytes(kit, expected):
    """The reference of thumbnails: values outside of 0 to 255 are clipped, not stretched."""
    values, valid = expected

    found = fetched(kit.image().subtract(10_500).toInt32().getThumbURL({**AT, "format": "png"}))

    pixels = np.rint(picture(found.content, "png")[..., 0] * 255)
    np.testing.assert_array_equal(pixels[valid], np.clip(values - 10_500, 0, 255)[valid])


@pytest.mark.parametrize(
    ("bands", "sentence"),
    [
        pytest.param(["ramp", "half"], "one or three bands, found 2", id="two bands"),
        pytest.param(["half"], "does not imitate a picture of bands of fractions", id="fractions"),
    ],
)
def test_what_is_no_picture_is_refused_when_the_link_is_made(kit, bands, sentence):
    """One or three bands of bytes, says the reference; how fractions are rounded it does not."""
    assert sentence in refusal(lambda: kit.image(*bands).getThumbURL(AT))


def test_a_tiff_has_the_bands_on_the_grid(kit, expected):
    """Values where valid and zero elsewhere, named bands, the transform that was asked for."""
    values, valid = expected

    found = fetched(kit.image("ramp", "half").getDownloadURL({**AT, "format": "GEO_TIFF"}))

    with MemoryFile(found.content) as memory, memory.open() as raster:
        assert (raster.descriptions, tuple(raster.transform)[:6]) == (
            ("ramp", "half"),
            (10, 0, 502600, 0, -10, 5197500),
        )
        np.testing.assert_array_equal(raster.read(2), np.where(valid, values / 2, 0))


def test_npy_by_link_is_a_structured_array(kit, expected):
    """A field per band, as the client's documentation says."""
    values, valid = expected

    found = np.load(io.BytesIO(fetched(kit.image().getDownloadURL({**AT, "format": "NPY"})).content))

    np.testing.assert_array_equal(found["ramp"], np.where(valid, values, 0))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        pytest.param({}, ["download.half.tif", "download.ramp.tif"], id="a file for each band, unless told otherwise"),
        pytest.param({"name": "x"}, ["x.half.tif", "x.ramp.tif"], id="a name"),
        pytest.param({"filePerBand": False, "name": "x"}, ["x.tif"], id="one file"),
    ],
)
def test_zipped_files_have_the_names_that_the_documentation_tells(kit, options, names):
    """`name`, or "download" for a computed image, with the band's name appended."""
    found = fetched(kit.image("ramp", "half").getDownloadURL({**AT, **options}))

    assert found.headers["Content-Type"] == "application/zip"
    assert sorted(zipfile.ZipFile(io.BytesIO(found.content)).namelist()) == names


def test_each_zipped_band_has_its_own_type_and_grid(kit, expected):
    """`half` as floats at twice the pixel, `ramp` as integers."""
    values, valid = expected
    bands = [{"id": "ramp"}, {"id": "half", "crs_transform": [20, 0, 502600, 0, -20, 5197500], "dimensions": [65, 60]}]

    found = fetched(kit.image("ramp", "half").getDownloadURL({**AT, "bands": bands}))

    archive = zipfile.ZipFile(io.BytesIO(found.content))
    with MemoryFile(archive.read("download.ramp.tif")) as memory, memory.open() as raster:
        assert raster.dtypes == ("uint16",)
        np.testing.assert_array_equal(raster.read(1), np.where(valid, values, 0))
    with MemoryFile(archive.read("download.half.tif")) as memory, memory.open() as raster:
        assert (raster.dtypes, raster.shape, raster.transform.a) == (("float32",), (60, 65), 20)


@pytest.mark.parametrize(
    ("side", "sentence"),
    [
        pytest.param("10001x1", "Pixel grid dimensions (10001x1) must be less than or equal to 10000.", id="side"),
        pytest.param(
            "4000x3000", "Total request size (36000000 bytes) must be less than or equal to 33554432 bytes.", id="bytes"
        ),
    ],
)
def test_a_download_that_is_too_large_is_refused_when_the_link_is_made(kit, side, sentence):
    """32 MB and 10,000 pixels, says the client; two bytes and one of the mask for each pixel."""
    options = {**AT, "dimensions": side, "format": "GEO_TIFF"}

    assert sentence in refusal(lambda: kit.image().getDownloadURL(options))


def test_a_link_expires_on_the_virtual_clock(kit):
    """It works for hours, and then it is gone."""
    url = kit.image().getDownloadURL({**AT, "format": "NPY"})
    kit.sandbox.clock.advance(3 * 3600)
    early = fetched(url)

    kit.sandbox.clock.advance(2 * 3600)

    assert (early.status_code, fetched(url).status_code) == (200, 404)


def test_a_link_that_nobody_made_is_not_found(web):
    """404 in Earth Engine's form."""
    answer = web("GET", "/v1/projects/p/thumbnails/abc:getPixels")

    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("method", ["thumbnails", "maps", "tables"])
def test_what_is_created_is_echoed_unless_only_its_name_is_asked(web, method):
    """The client asks for `fields=name`, lest the whole request come back."""
    body = {"expression": {"result": "0", "values": {"0": {"constantValue": 1}}}, "fileFormat": "PNG"}
    if method == "tables":
        table = {"functionName": "Collection", "arguments": {"features": {"constantValue": []}}}
        body = {"expression": {"result": "0", "values": {"0": {"functionInvocationValue": table}}}, "fileFormat": "CSV"}
    if method == "thumbnails":
        at = {"scaleX": 1, "scaleY": -1, "translateX": 10, "translateY": 50}
        size = {"width": 2, "height": 2}
        body |= {"fileFormat": "GEO_TIFF", "grid": {"crsCode": "EPSG:4326", "affineTransform": at, "dimensions": size}}

    whole = web("POST", f"/v1/projects/p/{method}", json=body).json()
    name = web("POST", f"/v1/projects/p/{method}?fields=name", json=body).json()

    assert name == {"name": whole["name"]}
    assert whole == {**body, "name": whole["name"]}


@pytest.mark.parametrize("kind", ["video", "filmstrip"])
def test_moving_pictures_are_refused_by_name(kit, kind):
    """One 400 that names the method."""
    with pytest.raises(ee.EEException, match=f"{kind}Thumbnails.create"):
        ee.data.getThumbId({"image": kit.image()}, kind)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda image: image.getThumbURL({**AT, "min": 0, "max": 1}), id="thumbnail"),
        pytest.param(lambda image: image.getMapId({"min": 0, "max": 1}), id="map"),
        pytest.param(lambda _: ee.FeatureCollection([]).getDownloadURL(), id="table"),
    ],
)
def test_a_workload_tag_is_accepted(kit, call):
    """The client sends it as a parameter of whatever is created; nobody is blamed for it."""
    with ee.data.workloadTagContext("tagged"):
        call(kit.image())

    assert kit.violations() == []
