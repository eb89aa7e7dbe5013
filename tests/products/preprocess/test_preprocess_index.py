"""The index of samples: read in both spellings, merged by any number of runs, never half written."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.core.errors import UserError
from orchestrator.products.preprocess.index import (
    ERROR,
    INDEX,
    OK,
    IndexedSample,
    merge_index,
    read_index,
    read_samples,
)

KEY = {"tile_id": "T33UWQ", "sensing_start_utc": "2025-12-10T10:03:19Z"}


def sample(day=10, status=OK, run="a", **more):
    paths = {"x": f"processed/{day}/x.tif", "meta": f"processed/{day}/meta.json"} if status == OK else {}
    return IndexedSample(
        "T33UWQ", f"2025-12-{day}T10:03:19Z", run, status, {**paths, **more}, "" if status == OK else "why"
    )


def merge(folder, *samples, run="a"):
    merge_index(folder / INDEX, samples, run_id=run, manifest=f"meta/step2/runs/run={run}.jsonl")


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"paths": {"x": "p/x.tif", "y": "p/y.tif", "meta": "p/meta.json"}}, id="as the program writes"),
        pytest.param({"x_path": "p/x.tif", "y_path": "p/y.tif", "meta_path": "p/meta.json"}, id="as it is described"),
        pytest.param({"paths": {"x_path": "p/x.tif", "y_path": "p/y.tif", "meta_path": "p/meta.json"}}, id="mixed"),
    ],
)
def test_both_spellings_are_read(tmp_path, told):
    """Paths count from the output folder, wherever it lies now."""
    path = tmp_path / INDEX
    path.parent.mkdir(parents=True)
    content = {"schema": "s2pipe.step2.index.v2", "output": {"out_dir": "/elsewhere"}, "samples": [{"key": KEY} | told]}
    path.write_text(json.dumps(content))

    (found,) = read_samples(tmp_path)

    assert found.paths == {name: str(tmp_path / "p" / file) for name, file in
                           (("x", "x.tif"), ("y", "y.tif"), ("meta", "meta.json"))}  # fmt: skip
    assert found.key == ("T33UWQ", "2025-12-10T10:03:19Z")


def test_a_later_run_adds_its_samples_and_replaces_those_of_its_scenes(tmp_path):
    """In the order of tile and time; who came last is told."""
    merge(tmp_path, sample(12), sample(10))
    merge(tmp_path, sample(11, run="b"), sample(12, run="b", y="processed/12/y.tif"), run="b")

    index = read_index(tmp_path / INDEX)
    assert [(one.sensing_start_utc[8:10], one.run_id) for one in index.samples] == [
        ("10", "a"),
        ("11", "b"),
        ("12", "b"),
    ]
    assert index.samples[2].paths["y"] == "processed/12/y.tif"
    assert index.last_run_id == "b"


def test_a_scene_that_failed_does_not_take_a_sample_out(tmp_path):
    """What lies there is still there; a sample takes the place of a failure."""
    merge(tmp_path, sample(10), sample(11, ERROR))
    merge(tmp_path, sample(10, ERROR, run="b"), sample(11, run="b"), run="b")

    assert [(one.status, one.run_id) for one in read_index(tmp_path / INDEX).samples] == [(OK, "a"), (OK, "b")]


def test_a_sample_without_labels_or_angles_says_so(tmp_path):
    """`y` is null in both spellings; `angles` is not mentioned."""
    merge(tmp_path, sample(10))

    (told,) = json.loads((tmp_path / INDEX).read_text())["samples"]
    assert (told["paths"]["y"], told["y_path"]) == (None, None)
    assert "angles" not in told["paths"]


def test_runs_at_once_lose_nothing_of_each_other(tmp_path):
    """Each waits for its turn."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda day: merge(tmp_path, sample(day), run=f"r{day}"), range(10, 26)))

    assert len(read_index(tmp_path / INDEX).samples) == 16


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "schema"),
        ('{"schema": "s2pipe.step1.index.v2"}', "s2pipe.step2.index.v2"),
        ('{"schema": "s2pipe.step2.index.v2", "samples": [{"paths": {}}]}', r"samples\[0\].key is missing"),
        ('{"schema": "s2pipe.step2.index.v2", "samples": []}', "no sample"),
    ],
)
def test_what_is_no_index_is_refused(tmp_path, text, words):
    """In a sentence with its path."""
    (tmp_path / "index.json").write_text(text)

    with pytest.raises(UserError, match=words) as caught:
        read_samples(tmp_path / "index.json")
    assert str(tmp_path) in str(caught.value)


def test_no_index_is_refused(tmp_path):
    """It is named."""
    with pytest.raises(UserError, match="cannot be read"):
        read_samples(tmp_path)
