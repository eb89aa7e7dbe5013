"""Files that a job's table names are counted from the job file's folder, and looked for nowhere else."""

from __future__ import annotations

import pytest

from orchestrator.config import JobTable

PREPROCESS = {"target_grid_ref": "scl_20m", "l1c_bands": ["B02"], "out_dir": "out"}
KEYS = [
    pytest.param("patches", "index", {}, {}, id="patches"),
    pytest.param("preprocess", "index_json", PREPROCESS, {}, id="preprocess"),
    pytest.param(
        "chips", "tiles", {}, {"start_date": "2024-05-01", "end_date": "2024-06-01", "base_name": "c"}, id="chips"
    ),
]


@pytest.mark.parametrize(("product", "key", "keys", "more"), KEYS)
def test_a_relative_path_is_never_the_working_folders(tmp_path, monkeypatch, product, key, keys, more):
    """A file of that name lies in the working folder, and none beside the job: it is not there."""
    (there := tmp_path / "there").mkdir()
    (there / "index.json").write_text("{}")
    (here := tmp_path / "jobs").mkdir()
    monkeypatch.chdir(there)

    table = JobTable.model_validate({"product": product, product: {key: "index.json", **keys}, **more})
    job = table.job(here, "here")

    assert job.keys[key] == str(here / "index.json")


def test_points_may_be_text(tmp_path):
    """WKT is no path."""
    table = JobTable.model_validate(
        {
            "product": "table",
            "table": {"points": "POINT (10 48)", "collection": "s2-l2a"},
            "output": "out",
            "base_name": "t",
            "start_date": "2024-05-01",
            "end_date": "2024-06-01",
        }
    )

    assert table.job(tmp_path, "google").keys["points"] == "POINT (10 48)"
