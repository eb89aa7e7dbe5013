"""Requests for pixels that are refused: too large, too many at once, not imitated, or malformed."""

from __future__ import annotations

import math

import ee
import pytest
import requests
from pixels_kit import compute, get, grid, refusal


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


@pytest.mark.parametrize(
    "kind",
    ["TF_RECORD_IMAGE", "ZIPPED_GEO_TIFF", "ZIPPED_GEO_TIFF_PER_BAND", "MULTI_BAND_IMAGE_TILE"],
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
