"""Everything of Earth Engine but exports, through the real client."""

from __future__ import annotations

import ee
import pytest
import requests

PUBLIC = "projects/earthengine-public/assets/"


def test_the_unmodified_client_initializes(tiny):
    """Discovery and algorithms are all it asks for, and nothing of it is refused."""
    state = tiny.state()

    assert set(state["requests"]) == {"discovery.get", "algorithms.list"}
    assert state["violations"] == []


def test_the_discovery_document_has_every_method_of_the_reference(sandbox):
    """45 methods, each with an id that is its place."""
    document = requests.get(sandbox.url + "/$discovery/rest?version=v1", timeout=20).json()

    def methods(resource, path):
        for name, method in resource.get("methods", {}).items():
            yield ".".join([*path, name]), method["id"]
        for name, inner in resource.get("resources", {}).items():
            yield from methods(inner, [*path, name])

    found = list(methods(document, ["earthengine"]))
    assert len(found) == 45
    assert all(place == number for place, number in found)


def test_a_value_is_computed(kit):
    """getInfo of an image's band names comes from the evaluator."""
    assert kit.image("ramp", "half").bandNames().getInfo() == ["ramp", "half"]


@pytest.mark.usefixtures("sandbox")
def test_an_evaluation_error_is_the_evaluators_sentence():
    """A function that the sandbox does not know is named."""
    with pytest.raises(ee.EEException, match="CannyEdgeDetector"):
        ee.Algorithms.CannyEdgeDetector(ee.Image(1), 1).bandNames().getInfo()


def test_assets_show_scenes_with_bands_and_times(kit):
    """getAsset of a scene carries its properties, times, footprint and each band's grid."""
    asset = ee.data.getAsset(f"{kit.collection}/r1")

    assert (asset["type"], asset["id"], asset["name"]) == ("IMAGE", "TEST/RAMPS/r1", PUBLIC + "TEST/RAMPS/r1")
    assert asset["startTime"] == "2023-11-15T22:13:20Z"
    assert [band["id"] for band in asset["bands"]] == ["ramp", "half"]
    assert asset["bands"][0]["grid"]["affineTransform"]["translateX"] == 500000
    assert asset["geometry"]["type"] == "Polygon"


@pytest.mark.usefixtures("sandbox")
def test_a_missing_asset_is_not_found():
    """404 with Earth Engine's sentence."""
    with pytest.raises(ee.EEException, match="not found \\(does not exist or caller does not have access\\)"):
        ee.data.getAsset("TEST/RAMPS/none")


def test_images_are_listed_by_time_region_property_and_page(kit):
    """The client's keywords become a filter, and every page is followed."""
    listed = ee.data.listAssets({"parent": PUBLIC + kit.collection, "pageSize": 2})
    chosen = ee.data.listImages(
        {
            "parent": PUBLIC + kit.collection,
            "startTime": "2023-11-15T00:00:00Z",
            "region": {"type": "Point", "coordinates": [15.0, 47.0]},
            "properties": ["CLOUDY_PIXEL_PERCENTAGE<30"],
        }
    )

    assert [each["id"][-2:] for each in listed["assets"]] == ["r0", "r1"]
    assert listed["nextPageToken"]
    assert [each["id"][-2:] for each in chosen["images"]] == ["r1", "r2"]


@pytest.mark.usefixtures("sandbox")
def test_the_projects_configuration_can_be_read_and_changed():
    """maxConcurrentExports is what was written last."""
    before = ee.data.getProjectConfig()

    ee.data.updateProjectConfig({"maxConcurrentExports": 7}, ["max_concurrent_exports"])

    assert before["name"] == "projects/ee-sandbox/config"
    assert ee.data.getProjectConfig()["maxConcurrentExports"] == 7


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda image: ee.data.getThumbId({"image": image}, "filmstrip"), id="filmstrip"),
        pytest.param(lambda image: ee.data.getThumbId({"image": image}, "video"), id="video"),
        pytest.param(lambda _: ee.data.getIamPolicy("projects/ee-sandbox/assets/x"), id="policies"),
        pytest.param(lambda _: ee.data.startIngestion("x", {"name": "projects/p/assets/x"}), id="import"),
    ],
)
def test_what_is_not_imitated_says_so(kit, call):
    """400 that names the method, counted as no violation."""
    before = kit.violations()

    with pytest.raises(ee.EEException, match="This sandbox does not imitate Earth Engine's method"):
        call(kit.image())

    assert kit.violations() == before


def test_an_operation_is_waited_for(kit, prefix, web):
    """`wait` answers when the task is done; after the time that was asked, as it is."""
    kit.order("task_hold", text="^awaited$")
    task = kit.to_bucket(prefix, description="awaited")
    task.start()

    early = web("POST", f"/v1/{task.name}:wait", json={"timeout": "0.01s"}).json()
    kit.sandbox.faults.release()
    late = web("POST", f"/v1/{task.name}:wait", json={}).json()

    assert (early["done"], late["done"], late["metadata"]["state"]) == (False, True, "SUCCEEDED")


def test_a_span_of_time_that_is_none_is_refused(kit, prefix, web):
    """One line that names it."""
    task = kit.to_bucket(prefix)
    task.start()

    answer = web("POST", f"/v1/{task.name}:wait", json={"timeout": "soon"})

    assert (answer.status_code, "soon" in answer.text) == (400, True)
