"""Assets of a project's own: folders and collections, and what is exported into them."""

from __future__ import annotations

import itertools

import ee
import numpy as np
import pytest
from pixels_kit import CRS, get, refusal, window

from orchestrator.sandbox.server import Options, Sandbox

HOME = "projects/ee-sandbox/assets"
GRID = {"crs": CRS, "crsTransform": [10, 0, 502600, 0, -10, 5197500], "dimensions": "130x120"}
_numbers = itertools.count()


@pytest.fixture
def name(sandbox):  # noqa: ARG001  the module's sandbox keeps it
    """An asset that no other test uses."""
    return f"{HOME}/thing-{next(_numbers)}"


def exported(kit, name, image=None, **options):
    """Export a window of the ramp as an asset; return the task's status."""
    made = kit.image("ramp", "half") if image is None else image
    return kit.finish(ee.batch.Export.image.toAsset(made, "to-asset", name, **{**GRID, **options}))


def exported_table(kit, name, features, **options):
    return kit.finish(ee.batch.Export.table.toAsset(ee.FeatureCollection(features), "t", name, **options))


def test_an_exported_image_is_loaded_again_by_its_id(kit, name, ramp):
    """The same pixels in the same types on the same grid, masked where they were."""
    values, valid = map(window, ramp)

    status = exported(kit, name)

    info = ee.Image(name).getInfo()
    found = ee.data.getPixels({"assetId": name, "fileFormat": "NUMPY_NDARRAY"})
    assert status["state"] == "COMPLETED"
    assert status["destination_uris"] == [f"https://code.earthengine.google.com/?asset={name}"]
    assert [(each["id"], each["crs"], each["dimensions"]) for each in info["bands"]] == [
        ("ramp", CRS, [130, 120]),
        ("half", CRS, [130, 120]),
    ]
    assert found.dtype.descr == [("ramp", "<u2"), ("half", "<f4")]
    np.testing.assert_array_equal(found["ramp"], np.where(valid, values, 0))
    share = ee.Image(name).select("ramp").mask().reduceRegion(ee.Reducer.mean(), scale=10, crs=CRS).getInfo()
    assert share["ramp"] == pytest.approx(valid.mean(), abs=0.01)


def test_an_image_keeps_its_properties(kit, name):
    """Its own, under a new index; time and numbers as they were."""
    exported(kit, name, kit.image().set("made by", "hand").set("n", 5))

    found = ee.Image(name)

    asked = ee.List([found.get("made by"), found.get("n"), found.get("system:index"), found.date().millis()])
    assert asked.getInfo() == ["hand", 5, name.rpartition("/")[2], 1_700_000_000_000]


def test_coarse_pixels_follow_the_pyramiding_policy(kit, name, ramp):
    """Twice the pixel: the mean of four for one band, the first of them for the other."""
    values = ramp[0][400:408, 400:408].astype(float)
    at = {"crsTransform": [10, 0, 504000, 0, -10, 5196000], "dimensions": "8x8"}
    exported(kit, name, pyramidingPolicy={".default": "mean", "half": "sample"}, **at)
    grid = {
        "dimensions": {"width": 4, "height": 4}, "crsCode": CRS,
        "affineTransform": {"scaleX": 20, "translateX": 504000, "scaleY": -20, "translateY": 5196000},
    }  # fmt: skip

    found = ee.data.getPixels({"assetId": name, "fileFormat": "NUMPY_NDARRAY", "grid": grid})

    np.testing.assert_allclose(found["ramp"], values.reshape(4, 2, 4, 2).mean(axis=(1, 3)), atol=0.5)
    np.testing.assert_array_equal(found["half"], values[::2, ::2] / 2)


def test_a_pyramid_that_is_not_imitated_is_refused_by_name(kit, name):
    """Not averaged in silence."""
    assert "pyramiding policy MODE" in refusal(lambda: exported(kit, name, pyramidingPolicy={".default": "mode"}))


def test_images_make_a_collection(kit, name):
    """A collection that was created, filled by exports, filtered by date and property, and listed."""
    ee.data.createAsset({"type": "IMAGE_COLLECTION"}, name, {"title": "series"})
    for day in (2, 1):
        image = ee.Image(f"TEST/RAMPS/r{day}").select("ramp").set("day", day)
        exported(kit, f"{name}/d{day}", image)

    collection = ee.ImageCollection(name)

    late = collection.filterDate(1_700_000_000_000 + 2 * 86_400_000)
    assert collection.aggregate_array("day").getInfo() == [1, 2]
    assert late.aggregate_array("system:index").getInfo() == ["d2"]
    assert collection.filter(ee.Filter.eq("day", 1)).size().getInfo() == 1
    assert [each["name"] for each in ee.data.listAssets(name)["assets"]] == [f"{name}/d1", f"{name}/d2"]
    assert collection.get("title").getInfo() == "series"


def test_an_exported_table_is_loaded_again_by_its_id(kit, name):
    """Geometries, texts and numbers as they were, a feature without a geometry, too."""
    features = [ee.Feature(ee.Geometry.Point(1.25, 2.5), {"n": 1, "s": "a"}), ee.Feature(None, {"n": 2.5, "s": "b"})]

    status = exported_table(kit, name, features)

    table = ee.FeatureCollection(name)
    assert status["state"] == "COMPLETED"
    assert table.aggregate_array("n").getInfo() == [1, 2.5]
    assert table.filter(ee.Filter.eq("s", "a")).first().geometry().coordinates().getInfo() == [1.25, 2.5]
    assert ee.data.getAsset(name)["featureCount"] == "2"


def test_the_features_of_an_exported_table_are_listed(kit, name):
    """`ee.data.listFeatures`, in a region, too."""
    exported_table(kit, name, [ee.Feature(ee.Geometry.Point(x, 0), {"x": x}) for x in (1, 5)])
    region = '{"type": "Polygon", "coordinates": [[[4, -1], [6, -1], [6, 1], [4, 1], [4, -1]]]}'

    found = ee.data.listFeatures({"assetId": name, "region": region})

    assert [each["properties"] for each in found["features"]] == [{"x": 5}]


def test_the_features_of_a_table_are_those_of_its_last_export(kit, name):
    """Nothing is remembered of a table that was replaced."""
    lists = []
    for number in (1, 2):
        exported_table(kit, name, [ee.Feature(None, {"x": number})], overwrite=True)
        lists.append(ee.data.listFeatures({"assetId": name})["features"][0]["properties"]["x"])

    assert lists == [1, 2]


def test_a_fault_can_be_ordered_for_exports_to_assets(kit, name):
    """The task fails with the ordered sentence, and no asset is made."""
    kit.order("task_fail", destination="asset", message="Ordered.")

    status = exported(kit, name)

    assert (status["state"], status["error_message"]) == ("FAILED", "Ordered.")
    assert "not found" in refusal(lambda: ee.data.getAsset(name))


def test_folders_are_made_listed_and_removed(name):
    """What lies in a folder is listed, and it goes only when it is empty."""
    ee.data.createFolder(name)
    ee.data.createAsset({"type": "Folder"}, f"{name}/inner")

    inside = ee.data.listAssets(name)["assets"]
    refused = refusal(lambda: ee.data.deleteAsset(name))
    ee.data.deleteAsset(f"{name}/inner")
    ee.data.deleteAsset(name)

    assert inside == [{"type": "FOLDER", "name": f"{name}/inner", "id": f"{name}/inner"}]
    assert "not empty" in refused
    assert "not found" in refusal(lambda: ee.data.getAsset(name))


def test_the_roots_of_a_project_are_what_lies_in_it(name):
    """`getAssetRoots` and `listAssets` of the project."""
    ee.data.createFolder(name)

    assert name in [each["id"] for each in ee.data.getAssetRoots()]
    assert name in [each["name"] for each in ee.data.listAssets({"parent": HOME})["assets"]]


def test_an_asset_of_a_user_has_the_short_id():
    """`users/...` stands in the legacy project."""
    made = ee.data.createAsset({"type": "FOLDER"}, f"users/somebody/f{next(_numbers)}")

    assert made["name"] == "projects/earthengine-legacy/assets/" + made["id"]
    assert made["id"].startswith("users/somebody/f")


def test_properties_are_updated_as_the_reference_says(kit, name):
    """One by its name in the mask, null deletes; all of them by "properties"; times are filtered by."""
    exported(kit, name, kit.image().set("a", 1).set("b", 2))
    ee.data.updateAsset(name, {"properties": {"a": 5, "b": None}}, ["properties.a", "properties.b"])
    one = ee.data.getAsset(name)["properties"]

    ee.data.updateAsset(
        name, {"properties": {"c": "x"}, "startTime": "2020-01-01T00:00:00Z"}, ["properties", "start_time"]
    )

    found = ee.data.getAsset(name)
    assert (one["a"], "b" in one) == (5, False)
    assert (found["properties"]["c"], "a" in found["properties"]) == ("x", False)
    assert ee.Image(name).date().format("YYYY-MM-dd").getInfo() == "2020-01-01"


def test_copies_and_moves(kit, name):
    """A copy has a life of its own, a moved one leaves nothing behind."""
    exported(kit, name)
    ee.data.copyAsset(name, f"{name}-copy")
    ee.data.renameAsset(name, f"{name}-moved")

    ee.data.deleteAsset(f"{name}-copy")

    assert "not found" in refusal(lambda: ee.data.getAsset(name))
    assert ee.Image(f"{name}-moved").bandNames().getInfo() == ["ramp", "half"]


def test_an_asset_is_not_overwritten_unless_that_is_asked(kit, name):
    """The task fails and says so; with `overwrite` the new pixels are there."""
    exported(kit, name)
    again = exported(kit, name, ee.Image(3).toByte())

    over = exported(kit, name, ee.Image(3).toByte(), overwrite=True)

    assert (again["state"], again["error_message"].split(" (")[0]) == ("FAILED", f"Cannot overwrite asset '{name}'.")
    assert over["state"] == "COMPLETED"
    assert int(get(assetId=name)["constant"].max()) == 3


def test_an_export_into_nowhere_fails(kit, name):
    """A folder that does not exist is not made."""
    status = exported(kit, f"{name}/inner")

    assert status["error_message"].startswith(f"Asset '{name}' does not exist or doesn't allow this operation.")


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        pytest.param(lambda: ee.data.deleteAsset("COPERNICUS/S2"), "denied", id="the public catalogue's"),
        pytest.param(lambda: ee.data.deleteAsset(f"{HOME}/nothing"), "not found", id="one that does not exist"),
        pytest.param(lambda: ee.data.createAsset({"type": "FOLDER"}, f"{HOME}/a b"), "Invalid asset name", id="a name"),
        pytest.param(lambda: ee.data.createFolder("users/x"), "Invalid asset name", id="a root"),
        pytest.param(lambda: ee.data.createAsset({"type": "IMAGE"}, f"{HOME}/i"), "does not imitate", id="an image"),
        pytest.param(lambda: ee.data.getIamPolicy(f"{HOME}/i"), "assets.getIamPolicy", id="policies"),
    ],
)
def test_what_cannot_be_changed_is_told(call, sentence):
    """One line that names the asset or the method."""
    assert sentence in refusal(call)


def test_assets_survive_a_restart(tmp_path, ramps, connect, kit_of, shared):
    """In a folder of the user's own."""
    options, name = Options(data_dir=tmp_path), f"{HOME}/kept"
    with Sandbox(ramps, options) as first:
        connect(first)
        exported(kit_of(first), name)
    (tmp_path / "assets" / "abandoned.part").mkdir()  # as a killed process leaves it

    with Sandbox(ramps, options) as second:
        connect(second)
        bands = ee.Image(name).bandNames().getInfo()
    connect(shared)

    assert bands == ["ramp", "half"]
    assert not (tmp_path / "assets" / "abandoned.part").exists()


def test_an_image_that_workers_compute_becomes_an_asset(monkeypatch, ramps, connect, kit_of, shared):
    """As one that the sandbox computes itself."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    with Sandbox(ramps, Options(worker=("no-such-worker",))) as employer:
        connect(employer)
        status = exported(kit_of(employer), f"{HOME}/shared")
    connect(shared)

    assert (status["state"], status.get("error_message")) == ("COMPLETED", None)
