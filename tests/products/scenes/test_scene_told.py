"""Indexes that others wrote: what names a folder or a file is looked at before anything is done with it."""

import json

import pytest
from scenes_kit import product_name

import orchestrator as orc
from orchestrator.products.preprocess.index import INDEX, read_index
from orchestrator.products.scenes.checking import check_folder
from orchestrator.products.scenes.index import SCHEMA, read_scenes

OUTSIDE = "../../../../victim"
PATH = "raw/L1C/tile=T33UWQ/sensing=20251210T100319Z/files/B02.jp2"


def content():
    """An index of one scene with one file."""
    key = {"tile_id": "T33UWQ", "sensing_start_utc": "2025-12-10T10:03:19Z"}
    item = {"role": "l1c.band.B02", "path": PATH, "present": True, "size": 3, "sha256": "ab", "checksum": "MD5:00"}
    product = {"product_id": "1", "product_name": product_name("L1C")}
    scene = {"key": key, "l1c": product, "l2a": None, "files_l1c": {"root_dir": "", "items": [item]}}
    return {"schema": SCHEMA, "query": {}, "output": {"out_dir": "x"}, "scenes": [scene]}


def put(told, place, value):
    """Change what lies at a place, words with dots between them."""
    *way, last = [int(word) if word.isdigit() else word for word in place.split(".")]
    for word in way:
        told = told[word]
    told[last] = value


def written(folder, told, name="meta/step1/index.json"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))
    return path


WRONG = [
    ("query", [1]),
    ("created_utc", 5),
    ("output", []),
    ("scenes", {}),
    ("scenes.0", 7),
    ("scenes.0.key.tile_id", OUTSIDE),
    ("scenes.0.key.tile_id", "T33UWQ/../../x"),
    ("scenes.0.key.tile_id", 33),
    ("scenes.0.key.sensing_start_utc", "nonsense"),
    ("scenes.0.key.sensing_start_utc", "2025-99-10T10:03:19Z"),
    ("scenes.0.key.sensing_start_utc", OUTSIDE),
    ("scenes.0.key.sensing_start_utc", None),
    ("scenes.0.l1c", [1]),
    ("scenes.0.l1c.product_name", None),
    ("scenes.0.l1c.cloud_cover", "5"),
    ("scenes.0.l1c.geofootprint", {"coordinates": [float("nan")]}),
    ("scenes.0.l1c.scl_percentages", {"WATER": float("nan")}),
    ("scenes.0.files_l1c.items", {"a": 1}),
    ("scenes.0.files_l1c.items.0.role", 1),
    ("scenes.0.files_l1c.items.0.path", 5),
    ("scenes.0.files_l1c.items.0.path", f"{OUTSIDE}/x.jp2"),
    ("scenes.0.files_l1c.items.0.path", "raw\\..\\..\\x.jp2"),
    ("scenes.0.files_l1c.items.0.path", "/etc/passwd"),
    ("scenes.0.files_l1c.items.0.present", "yes"),
    ("scenes.0.files_l1c.items.0.size", "x"),
    ("scenes.0.files_l1c.items.0.size", -1),
    ("scenes.0.files_l1c.items.0.sha256", 7),
    ("scenes.0.files_l1c.items.0.checksum", 7),
    ("scenes.0.files_l1c.items.0.checksum", "nonsense"),
]


@pytest.mark.parametrize(("place", "value"), WRONG, ids=[f"{place}={value}"[-50:] for place, value in WRONG])
def test_a_key_that_is_something_else_is_refused_with_file_and_key(tmp_path, place, value):
    """In a line."""
    told = content()
    put(told, place, value)
    path = written(tmp_path, told)

    with pytest.raises(orc.UserError) as caught:
        read_scenes(path)
    said, last = str(caught.value), place.rpartition(".")[2]
    assert str(path) in said
    assert "\n" not in said
    assert last.isdigit() or last in said


def test_a_scene_that_is_there_twice_is_refused(tmp_path):
    """It would be counted twice."""
    told = content()
    told["scenes"] *= 2

    with pytest.raises(orc.UserError, match=r"scenes\[1\]\.key: T33UWQ 2025-12-10T10:03:19Z is there twice"):
        read_scenes(written(tmp_path, told))


def test_a_path_that_is_told_from_the_root_of_the_disk_is_read_where_it_lies_in_the_folder(tmp_path):
    """As a path from the folder."""
    told = content()
    put(told, "scenes.0.files_l1c.items.0.path", str(tmp_path / PATH))

    (scene,) = read_scenes(written(tmp_path, told)).scenes

    assert scene.items[0].path == PATH


def test_a_manifest_of_a_run_that_is_something_else_is_refused_with_file_and_key(tmp_path):
    """By the verification, which reads them all."""
    written(tmp_path, content())
    told = content()
    put(told, "scenes.0.files_l1c.items.0.size", "x")
    path = written(tmp_path, told, "meta/step1/runs/a/manifest.json")

    with pytest.raises(orc.UserError, match=r"scenes\[0\]\.files_l1c\.items\[0\]\.size is 'x'") as caught:
        check_folder(tmp_path, None)
    assert str(path) in str(caught.value)


SAMPLE = {
    "key": {"tile_id": "T33UWQ", "sensing_start_utc": "2025-12-10T10:03:19Z"},
    "run_id": "a",
    "status": "ok",
    "paths": {"x": "p/x.tif", "meta": "p/meta.json"},
}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("key.tile_id", OUTSIDE),
        ("key.sensing_start_utc", "nonsense"),
        ("key", None),
        ("run_id", 1),
        ("status", "perhaps"),
        ("paths", [1]),
        ("paths.x", 5),
        ("paths.x", "../x.tif"),
        ("paths.meta", "/etc/passwd"),
    ],
)
def test_an_index_of_samples_is_looked_at_likewise(tmp_path, place, value):
    """Before patches are cut from what it names."""
    sample = json.loads(json.dumps(SAMPLE))
    put(sample, place, value)
    path = written(tmp_path, {"schema": "s2pipe.step2.index.v2", "samples": [sample]}, INDEX)

    with pytest.raises(orc.UserError) as caught:
        read_index(path)
    assert str(path) in str(caught.value)
    assert place.rpartition(".")[2] in str(caught.value)


def test_a_sample_that_is_there_twice_is_refused(tmp_path):
    """It would be cut twice."""
    path = written(tmp_path, {"schema": "s2pipe.step2.index.v2", "samples": [SAMPLE, SAMPLE]}, INDEX)

    with pytest.raises(orc.UserError, match="is there twice"):
        read_index(path)
