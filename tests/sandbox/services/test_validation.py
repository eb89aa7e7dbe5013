"""What Earth Engine refuses, and the sentence it refuses with."""

from __future__ import annotations

import ee
import pytest
import requests

PROJECT = "/v1/projects/ee-sandbox"


def post(sandbox, path, body):
    return requests.post(sandbox.url + path, json=body, timeout=20)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"fileDimensions": 1000}, "multiple of shardSize", id="file side no multiple of 256"),
        pytest.param({"shardSize": 100, "fileDimensions": 256}, "multiple of shardSize", id="nor of the shard"),
        pytest.param({"fileDimensions": 131328}, "at most 131072", id="file side beyond 131072"),
        pytest.param({"description": "no spaces"}, "a..z, A..Z, 0..9", id="a space in the description"),
        pytest.param({"description": "d" * 101}, "at most 100", id="a long description"),
        pytest.param({"priority": 10000}, "between 0 and 9999", id="a priority out of range"),
        pytest.param({"bucket": "nowhere"}, "'nowhere' does not exist", id="no such bucket"),
        pytest.param({"fileFormat": "TFRecord"}, "does not imitate", id="a format not imitated"),
    ],
)
def test_a_wrong_export_is_refused_at_once(kit, prefix, options, sentence):
    """Nothing is queued for a request that Earth Engine refuses."""
    before = kit.sandbox.state()["exportsStarted"]

    with pytest.raises(ee.EEException, match=sentence):
        kit.to_bucket(prefix, **options).start()

    assert kit.sandbox.state()["exportsStarted"] == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param(
            {"maxPixels": 1000},
            "Export too large: specified 420000 pixels (max: 1000). "
            "Specify higher maxPixels value if you intend to export a large area.",
            id="more pixels than maxPixels",
        ),
        pytest.param(
            {"fileDimensions": 131072},
            "File dimensions are too large for the number of bands and data type: the total file size requested is "
            "34359738368 bytes before compression (2 bytes per pixel), but must be less than 17179869184 bytes. "
            "(Error code: 3)",
            id="files of 32 GiB",
        ),
        pytest.param(
            {"formatOptions": {"noData": -1}},
            "The noData value -1.0 is not in the range of the band type UInt16. (Error code: 3)",
            id="noData outside the type",
        ),
    ],
)
def test_what_only_the_computation_shows_fails_the_task(kit, prefix, options, sentence):
    """Sizes and types are known when the task runs: it ends FAILED with the service's sentence."""
    status = kit.finish(kit.to_bucket(prefix, **options))

    assert (status["state"], status["error_message"]) == ("FAILED", sentence)


def test_bands_of_different_types_fail_the_task(kit, prefix):
    """All bands of a GeoTIFF share one type."""
    status = kit.finish(kit.to_bucket(prefix, kit.image("ramp", "half")))

    assert status["error_message"] == (
        "Exported bands must have compatible data types; found inconsistent types: UInt16 and Float32. (Error code: 3)"
    )


def test_an_unknown_band_fails_the_task_with_the_evaluators_sentence(kit, prefix):
    """The evaluator's sentence reaches the user with the code at its end."""
    status = kit.finish(kit.to_bucket(prefix, kit.image("nope")))

    assert status["state"] == "FAILED"
    assert "nope" in status["error_message"]
    assert status["error_message"].endswith("(Error code: 3)")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"colour": 1}, 'Unknown name "colour": Cannot find field.', id="at the root"),
        pytest.param(
            {"fileExportOptions": {"fileFormat": "GEO_TIFF", "shard": 1}},
            "Unknown name \"shard\" at 'file_export_options': Cannot find field.",
            id="inside a message",
        ),
        pytest.param({"priority": {"value": "high"}}, "Invalid value at 'priority.value' (TYPE_INT32)", id="type"),
        pytest.param({"requestId": "under_score"}, "Invalid request_id", id="characters of the request id"),
        pytest.param({"requestId": "x" * 61}, "Invalid request_id", id="length of the request id"),
        pytest.param({"expression": {"result": "9", "values": {}}}, "'result' must name", id="no such value"),
        pytest.param(
            {"expression": {"result": "0", "values": {"0": {"magicValue": 1}}}}, 'Unknown name "magicValue"', id="node"
        ),
    ],
)
def test_a_field_that_google_does_not_know_is_refused_and_counted(kit, prefix, change, sentence):
    """A request outside the schema is answered 400 and reported, so that a suite can assert there was none."""
    body = {**kit.body(kit.to_bucket(prefix)), "requestId": "fresh", **change}
    before = len(kit.violations())

    answer = post(kit.sandbox, f"{PROJECT}/image:export", body)

    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert len(kit.violations()) == before + 1


def test_a_payload_over_ten_megabytes_is_refused(sandbox):
    """Google's front end takes 10 MiB."""
    value = {"constantValue": "x" * (10 << 20)}
    body = {"expression": {"result": "0", "values": {"0": value}}}

    answer = post(sandbox, f"{PROJECT}/value:compute", body)

    assert answer.json()["error"]["message"] == "Request payload size exceeds the limit: 10485760 bytes."


def test_an_unknown_path_and_an_unknown_parameter_are_violations(sandbox, kit):
    """A wrong path and a wrong query parameter are 400, and both are counted."""
    before = len(kit.violations())

    wrong_path = requests.get(sandbox.url + "/v1/projects/ee-sandbox/nothing", timeout=20)
    wrong_name = requests.get(sandbox.url + PROJECT + "/operations?pagesize=3", timeout=20)

    assert (wrong_path.status_code, wrong_name.status_code) == (400, 400)
    assert len(kit.violations()) == before + 2


@pytest.mark.usefixtures("sandbox")
def test_a_deep_graph_is_checked_without_recursion():
    """A chain of 5,000 nested arrays is a legal request, whatever Python's recursion limit."""
    from orchestrator.sandbox.earthengine import schema  # noqa: PLC0415  only this test looks inside

    node = {"constantValue": 1}
    for _ in range(5000):
        node = {"arrayValue": {"values": [node]}}

    schema.expression({"result": "0", "values": {"0": node}}, "expression")


def test_the_documented_grid_of_an_export_is_honoured(kit, bucket, prefix):
    """The REST reference's `grid` asks for exactly those pixels, though the client never sends it."""
    body = kit.body(kit.to_bucket(prefix))
    body |= {
        "requestId": "with-a-grid",
        "expression": _expression(kit.image()),
        "grid": {
            "crsCode": "EPSG:32633",
            "dimensions": {"width": 300, "height": 200},
            "affineTransform": {"scaleX": 10, "translateX": 503000, "scaleY": -10, "translateY": 5197000},
        },
    }
    body["fileExportOptions"]["cloudStorageDestination"]["filenamePrefix"] = prefix + "-grid"

    answer = post(kit.sandbox, f"{PROJECT}/image:export", body).json()
    task = kit.sandbox.tasks.wait(answer["name"].rpartition("/")[2])

    assert task.state == "SUCCEEDED", task.error
    assert bucket.get_blob(prefix + "-grid.tif").size > 0


def _expression(image):
    return ee.serializer.encode(image, for_cloud_api=True)
