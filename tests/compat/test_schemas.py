"""The schemas in the documentation are schemas, and real files of s2pipe are what they say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from schemas import SCHEMAS, faults, faults_of

DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
REAL = DATA / "cdse_responses" / "s2pipe_step1_index.json"


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name):
    import jsonschema  # noqa: PLC0415  see schemas.py

    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == name


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_file(), reason="the folder of real data is not here (ORCHESTRATOR_TEST_DATA)")
def test_an_index_of_s2pipe_is_what_the_schema_says():
    assert faults_of("step1-index.json", REAL) == []


SAMPLE = {
    "key": {"tile_id": "T33UWQ", "sensing_start_utc": "2025-12-10T10:03:19Z"},
    "run_id": "a",
    "status": "ok",
    "paths": {"x": "processed/tile=T33UWQ/sensing=2025-12-10T100319Z/x.tif", "y": None, "meta": None},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"status": "fine"}, "'fine' is not one of", id="a word that is none"),
        pytest.param({"status": "error"}, "'error' is a required property", id="no reason"),
        pytest.param({"key": {"tile_id": "33UWQ"}}, "does not match", id="a tile without its letter"),
        pytest.param({"colour": "red"}, "Unevaluated properties", id="a key that is none"),
    ],
)
def test_what_is_wrong_is_found(change, said):
    path = SAMPLE["paths"]["x"]
    paths = {"x": path, "y": None, "meta": path.replace("x.tif", "meta.json")}
    sample = SAMPLE | {"paths": paths} | {f"{name}_path": found for name, found in paths.items()}
    output = {"out_dir": "out", "last_run_id": "a", "last_run_manifest": "meta/step2/runs/run=a.jsonl"}
    index = {"schema": "s2pipe.step2.index.v2", "output": output, "samples": [sample]}
    assert faults("step2-index.json", index) == []

    found = faults("step2-index.json", index | {"samples": [sample | change]})

    assert any(said in sentence for sentence in found), found
