"""Pixels in one answer: what computePixels and getPixels give the real client, and what they refuse."""

from __future__ import annotations

import io
import math
from concurrent.futures import ThreadPoolExecutor

import ee
import matplotlib.image
import numpy as np
import pytest
import rasterio
import requests
from rasterio.io import MemoryFile

CRS = "EPSG:32633"
BANDS = ["half", "ramp"]


def grid(height=120, width=130, row=250, col=260):
    """A window of the ramp's own lattice; by default one of which a part is masked."""
    return {
        "dimensions": {"width": width, "height": height},
        "affineTransform": {
            "scaleX": 10, "shearX": 0, "translateX": 500000 + 10 * col,
            "shearY": 0, "scaleY": -10, "translateY": 5200000 - 10 * row,
        },
        "crsCode": CRS,
    }  # fmt: skip


def window(array, height=120, width=130, row=250, col=260):
    return array[row : row + height, col : col + width]


def compute(image, kind="NUMPY_NDARRAY", **more):
    return ee.data.computePixels({"expression": image, "fileFormat": kind, "grid": grid(), **more})


def get(kind="NUMPY_NDARRAY", **more):
    return ee.data.getPixels({"assetId": "TEST/RAMPS/r0", "fileFormat": kind, **more})


def refusal(call):
    with pytest.raises(ee.EEException) as caught:
        call()
    return str(caught.value)


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


# ---- limits


@pytest.mark.usefixtures("sandbox")
def test_the_bytes_of_a_request_are_counted_with_a_byte_for_each_mask():
    """48 bands of 512 × 256 doubles are the 56,623,104 bytes of a published sentence."""
    image = ee.Image.constant([0.5] * 48).double()

    found = refusal(lambda: compute(image, grid=grid(256, 512)))

    assert found == "Total request size (56623104 bytes) must be less than or equal to 50331648 bytes."


def test_a_request_of_exactly_the_limit_is_answered(sandbox, kit):
    """100 × 100 pixels of two bytes and a mask are 30,000."""
    sandbox.meter.change({"bytes": 30_000})
    try:
        found = compute(kit.image(), grid=grid(100, 100))
        one_more = refusal(lambda: compute(kit.image(), grid=grid(100, 101)))
    finally:
        sandbox.meter.change({"bytes": 50_331_648})

    assert found.shape == (100, 100)
    assert one_more == "Total request size (30300 bytes) must be less than or equal to 30000 bytes."


def test_a_side_has_a_limit_of_its_own(kit):
    """The published sentence, width first."""
    found = refusal(lambda: compute(kit.image(), grid=grid(1, 40818)))

    assert found == "Pixel grid dimensions (40818x1) must be less than or equal to 32768."


@pytest.mark.usefixtures("sandbox")
def test_more_than_1024_bands_are_refused():
    """A limit of the REST reference."""
    found = refusal(lambda: compute(ee.Image.constant([1] * 1025), grid=grid(1, 1)))

    assert "1025" in found
    assert "1024" in found


def test_a_large_request_is_refused_before_it_is_read(sandbox):
    """10 MiB are what Google's front end takes."""
    body = b'{"expression": "' + b"x" * 10_485_760 + b'"}'

    answer = requests.post(f"{sandbox.url}/v1/projects/p/image:computePixels", data=body, timeout=20)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Request payload size exceeds the limit: 10485760 bytes."


@pytest.mark.parametrize(
    ("quota", "sentence"),
    [
        pytest.param("at_once", "Too many concurrent aggregations.", id="at once"),
        pytest.param("per_second", "limit 'Number of read requests per minute per user'", id="in a second"),
    ],
)
def test_too_much_at_once_is_429(tiny, monkeypatch, quota, sentence):
    """One place, which is taken: the next request is told so, in the words of the service."""
    monkeypatch.setattr(tiny.meter, "_now", lambda: 100.0)
    tiny.meter.change({quota: 1})

    with tiny.meter.admitted("image.computePixels", _Charged()):
        refused = refusal(lambda: compute(ee.Image.constant(1)))

    assert sentence in refused
    assert tiny.journal.requests()[-1]["status"] == 429


class _Charged:
    """A request of the tests' project."""

    path = "/v1/projects/ee-sandbox/image:computePixels"
    headers = {"x-goog-user-project": "ee-sandbox"}  # noqa: RUF012  never written to


# ---- what is refused


@pytest.mark.parametrize(
    "kind",
    ["JPEG", "TF_RECORD_IMAGE", "ZIPPED_GEO_TIFF", "ZIPPED_GEO_TIFF_PER_BAND", "MULTI_BAND_IMAGE_TILE"],
)
def test_a_format_that_is_not_imitated_is_refused_by_its_name(sandbox, kit, kind):
    """Once, with 400: the client with its retries on does not repeat it."""
    before = sandbox.state()["requests"].get("image.computePixels", 0)
    ee.data.setMaxRetries(5)
    try:
        found = refusal(lambda: compute(kit.image(), kind))
    finally:
        ee.data.setMaxRetries(0)

    assert f"does not imitate pixels in the format {kind}" in found
    assert sandbox.state()["requests"]["image.computePixels"] == before + 1


def test_a_format_that_does_not_exist_is_a_violation(kit):
    """As Google's front end says it."""
    before = kit.violations()

    assert refusal(lambda: compute(kit.image(), "GIF")).startswith("Invalid value at 'file_format' (TYPE_ENUM)")
    assert len(kit.violations()) == len(before) + 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"dimensions": {"width": 0, "height": 5}}, "dimensions (0x5)", id="no width"),
        pytest.param({"dimensions": {"width": 1.5, "height": 5}}, "TYPE_INT32", id="half a pixel"),
        pytest.param({"dimensions": None}, "lacks one of 'dimensions'", id="no dimensions"),
        pytest.param({"affineTransform": None}, "lacks one of 'dimensions'", id="no transform"),
        pytest.param({"crsCode": None}, "lacks one of 'dimensions'", id="no CRS"),
        pytest.param({"crsCode": "EPSG:0"}, "could not be parsed: 'EPSG:0'", id="no such CRS"),
        pytest.param({"affineTransform": {"scaleX": 10}}, "cannot be inverted", id="pixels without height"),
        pytest.param({"affineTransform": {"scaleX": math.inf, "scaleY": 1}}, "cannot be inverted", id="endless pixels"),
        pytest.param({"crsWkt": "LOCAL_CS[]"}, "oneof", id="two CRS"),
        pytest.param({"size": 5}, "Unknown name \"size\" at 'grid'", id="a misspelt name"),
    ],
)
def test_a_grid_that_is_none_is_refused(kit, change, words):
    """400 that says what is wrong."""
    assert words in refusal(lambda: compute(kit.image(), grid={**grid(), **change}))


def test_an_unknown_band_is_refused_with_the_known_ones(kit):
    """In the words of Image.select."""
    found = refusal(lambda: compute(kit.image("ramp", "half"), bandIds=["ramp", "B4"]))

    assert found == "Image.select: Band pattern 'B4' did not match any bands. Available bands: [ramp, half]"


@pytest.mark.usefixtures("sandbox")
def test_an_unbounded_image_without_a_grid_is_refused():
    """Which pixels the service would send is not documented: never a guess."""
    found = refusal(lambda: compute(ee.Image.constant(1), grid=None))

    assert "an unbounded image without a 'grid'" in found


def test_no_well_formed_request_is_a_violation(kit):
    """Everything the real client may send, workload tag and all."""
    before = kit.violations()

    with ee.data.workloadTagContext("audit"):
        compute(kit.image(), visualizationOptions={"ranges": [{"max": 5}], "gamma": 1.5}, bandIds=["ramp"])
        get(grid=grid())

    assert kit.violations() == before


# ---- faults and counts


@pytest.mark.parametrize(
    ("order", "words"),
    [
        pytest.param({"sentence": "user_memory"}, "User memory limit exceeded.", id="memory"),
        pytest.param({"sentence": "timed_out"}, "Computation timed out.", id="time"),
        pytest.param({"sentence": "aggregations"}, "Too many concurrent aggregations.", id="concurrency"),
        pytest.param({"sentence": "too_many_requests"}, "Too Many Requests", id="rate"),
        pytest.param({"sentence": "capacity"}, "Earth Engine capacity exceeded.", id="capacity"),
        pytest.param({"sentence": "internal"}, "An internal error has occurred", id="internal"),
    ],
)
def test_every_sentence_can_be_ordered_for_pixels(kit, order, words):
    """Once, counted; the next request is answered."""
    number = kit.order("http", api="image.computePixels", **order)

    found = refusal(lambda: compute(kit.image()))

    assert words in found
    assert compute(kit.image()).shape == (120, 130)
    assert kit.consumed(number) == 1


@pytest.mark.parametrize(
    ("action", "order"),
    [
        pytest.param("truncate", {}, id="cut short"),
        pytest.param("reset", {}, id="broken"),
        pytest.param("stall", {"bytes": 100, "seconds": 0.1}, id="stalled inside"),
        pytest.param("flip", {"offset": 500}, id="one bit"),
        pytest.param("short", {"bytes": 7}, id="the end missing"),
        pytest.param("http", {"status": 200, "body": "no pixels"}, id="other content"),
    ],
)
def test_an_answer_of_pixels_can_be_spoilt(kit, action, order):
    """Each fault acts on getPixels as on any other answer: the caller gets an error or other bytes."""
    whole = get("NPY", grid=grid())
    number = kit.order(action, api="assets.getPixels", **order)

    try:
        found = get("NPY", grid=grid())
    except Exception as error:  # noqa: BLE001  which one is the client's business
        found = error

    assert (found == whole) == (action == "stall")
    assert kit.consumed(number) == 1


def test_large_answers_can_be_asked_for_together(kit):
    """More than are computed at a time: each comes whole, 20 MB of its own window."""
    image = kit.image("half").unmask(-1)

    def ask(number):
        return compute(image, grid=grid(1000, 5000, 0, 100 * number))["half"]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, range(4)))

    assert [each.shape for each in found] == [(1000, 5000)] * 4
    np.testing.assert_array_equal(found[3][:, :800], found[0][:, 300:1100])


def test_requests_for_pixels_are_counted(sandbox, kit):
    """Answers and refusals, pixels and bytes as the quota counts them, and every window asked for."""
    requests.delete(f"{sandbox.url}/sandbox/pixels", timeout=20)

    compute(kit.image("ramp", "half"))
    get(grid=grid(10, 20, 0, 0), bandIds=["half"])
    refusal(lambda: compute(kit.image(), grid=grid(1, 40818)))

    report = sandbox.state()["pixels"]
    asked = requests.get(f"{sandbox.url}/sandbox/pixels", timeout=20).json()["pixels"]
    assert report["statuses"] == {"200": 2, "400": 1}
    assert (report["pixels"], report["bytes"]) == (120 * 130 + 200, 120 * 130 * 8 + 200 * 5)
    assert report["mostAtOnce"] == 1
    assert [(each["api"], each["height"], each["width"]) for each in asked] == [
        ("image.computePixels", 120, 130),
        ("assets.getPixels", 10, 20),
        ("image.computePixels", 1, 40818),
    ]
    assert [each["refusal"] is None for each in asked] == [True, True, False]


def test_quotas_are_set_through_the_control_api(sandbox):
    """What is not named stays; nonsense is refused."""
    told = requests.post(f"{sandbox.url}/sandbox/quotas", json={"at_once": 7}, timeout=20).json()
    wrong = [
        requests.post(f"{sandbox.url}/sandbox/quotas", json=each, timeout=20).status_code
        for each in ({"at_once": 0}, {"at_once": "many"}, {"colour": 1})
    ]
    usual = requests.post(f"{sandbox.url}/sandbox/quotas", json={"at_once": 40}, timeout=20).json()

    assert (told["at_once"], told["bytes"], wrong) == (7, 50_331_648, [400, 400, 400])
    assert usual == {"at_once": 40, "per_second": 100, "bytes": 50_331_648, "side": 32_768, "bands": 1_024}
