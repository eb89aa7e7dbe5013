"""How a finished run is told."""

from __future__ import annotations

import json

import pytest

from orchestrator.faces.cli.ends import conclude
from orchestrator.faces.cli.output import Output
from orchestrator.model.states import RunState


@pytest.fixture
def told(kept, capfd):
    """Return what is written of a finished run with these shares of valid pixels."""

    def told(valid, route="gcs"):
        run = kept.plan(kept.admit("east", route=route), tasks=0)
        for state in (RunState.ASSEMBLING, RunState.PUBLISHED):
            kept.store.runs.set_state(run.id, state)
        result = {"path": "/results/east_clipped.tif", "bytes": 9, "sha256": "0", "valid": valid}
        kept.store.runs.save_result(run.id, json.dumps(result))
        capfd.readouterr()
        assert conclude(kept.store.runs.set_state(run.id, RunState.CLEANED), Output(as_json=False)) == 0
        written = capfd.readouterr()
        return " ".join(written.out.split()), " ".join(written.err.split())

    return told


@pytest.mark.parametrize(
    ("valid", "named"),
    [
        ({"a": 0.0, "b": 0.0}, "in any band"),
        ({"a": 0.0, "b": 0.5}, "in band a"),
        ({"a": 0.0, "b": 0.5, "c": 0.0}, "in the bands a, c"),
    ],
    ids=["all", "one", "some"],
)
def test_a_band_without_a_valid_pixel_is_warned_of(told, valid, named):
    """With the dates and the area, which it most likely is for."""
    _, err = told(valid)

    assert f"not one pixel of the area is valid {named}." in err
    assert "2024-05-01 to 2024-06-01" in err


def test_little_data_is_no_warning(told):
    """A share above 0 is what `--min-valid` is for."""
    assert told({"a": 1e-9, "b": 1.0})[1] == ""


@pytest.mark.parametrize(
    ("route", "says", "never"),
    [
        ("gcs", "generation", "request"),
        ("pixels", "every request", "generation"),
        ("region", "every request", "generation"),
        ("auto", "request", "generation"),
    ],
)
def test_a_proof_is_told_by_what_it_holds(told, route, says, never):
    """A piece that came in an answer has no object and no generation."""
    out, _ = told({"a": 1.0}, route)
    line = out.partition("proof:")[2]

    assert says in line
    assert never not in line


def test_statistics_are_told_with_their_own_checksum(kept, capfd):
    """That of the result is the manifest's, which makes it."""
    run = kept.plan(kept.admit("east", route="local"), tasks=0)
    for state in (RunState.ASSEMBLING, RunState.PUBLISHED):
        kept.store.runs.set_state(run.id, state)
    main = {"path": "/out/run=a.jsonl", "bytes": 9, "sha256": "0a"}
    files = [{"path": "/out/stats.json", "bytes": 7, "sha256": "5b", "role": "stats"}, {**main, "role": "data"}]
    kept.store.runs.save_result(run.id, json.dumps({**main, "version": 2, "files": files}))
    capfd.readouterr()

    assert conclude(kept.store.runs.set_state(run.id, RunState.CLEANED), Output(as_json=False)) == 0

    assert "/out/stats.json  statistics, sha256 5b" in capfd.readouterr().out.splitlines()
