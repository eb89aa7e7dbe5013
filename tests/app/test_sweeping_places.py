"""What late workers left beside results in a bucket: found by `clean --leaks` and each day. Real clients, a sandbox."""

from __future__ import annotations

import json

import pytest
import sweeping_kit
from sweeping_kit import DAYS, TASK, begun, numbers

from orchestrator.app.verbs import sweeping
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.sweeper import Act
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RunState
from orchestrator.sandbox.storage.values import Preconditions

sandbox, app, bucket = sweeping_kit.sandbox, sweeping_kit.app, sweeping_kit.bucket


@pytest.fixture
def maps(sandbox):
    """A bucket for results; `put(name)` writes what a worker of a run would."""
    return Maps(sandbox)


class Maps:
    def __init__(self, sandbox):
        self.sandbox, self.name = sandbox, f"kept-{next(numbers)}"
        sandbox.buckets.create(self.name, settings={})

    @property
    def output(self):
        return f"gs://{self.name}/maps"

    def put(self, name):
        self.sandbox.buckets.put(self.name, f"maps/{name}", self.sandbox.buckets.blobs.store(b"blocks"))
        return f"{self.output}/{name}"

    def names(self):
        return {f"gs://{self.name}/{source.name}" for source in self.sandbox.buckets.objects(self.name)}


def delivering(app, tmp_path, maps, word, state=RunState.CLEANED):
    """Return a run in strips that keeps what is not finished below a word at its place."""
    area = AreaSource("6.1,49.6,6.2,49.7")
    job = Job(word, str(tmp_path / "out"), area, "2024-05-01", "2024-06-01", service="sandbox", deliver=maps.output)
    run = app.store.runs.admit(Admission(word, "", job.fingerprints(), job.to_json(), base_name=word))
    app.store.runs.save_plan(run.id, "{}", "image", json.dumps({"kept_at": f".orchestrator/{word}"}), [TASK])
    for each in (RunState.EXPORTING, RunState.ASSEMBLING, RunState.PUBLISHED, RunState.CLEANED):
        app.store.runs.set_state(run.id, each)
        if each is state:
            break
    return run.id


def test_what_a_late_worker_wrote_at_the_place_of_a_result_is_found_and_deleted(app, maps, tmp_path):
    """Of the run that is over, by its word; not of one that goes on, of nobody we know, nor the result."""
    done = delivering(app, tmp_path, maps, "done")
    delivering(app, tmp_path, maps, "going", RunState.EXPORTING)
    late = {maps.put(".orchestrator/done/strips/0000.f1/0.0.parts"), maps.put(".orchestrator/done/pieces/1.piece")}
    kept = {maps.put(".orchestrator/going/strips/0000.f1/0.0.parts"), maps.put("map.tif")}
    kept.add(maps.put(".orchestrator/stranger/strips/0000.f1/0.0.parts"))
    app.clock.seconds = DAYS

    told = sweeping.sweep(app)
    untouched = maps.names()
    swept = sweeping.sweep(app, act=True)

    assert {one.name for one in told.survey.of(Act.DELETE)} == late
    assert f"{maps.output}/.orchestrator/stranger" in told.survey.foreign
    assert untouched == late | kept
    assert (swept.deleted, maps.names()) == (2, kept)
    assert {entry.outcome for entry in app.store.ledger.of(done)} == {"deleted"}


def test_a_place_that_is_gone_is_told_and_the_rest_is_swept(app, bucket, maps, tmp_path):
    """Somebody took the bucket away: what lies elsewhere is deleted all the same."""
    delivering(app, tmp_path, maps, "done")
    name = bucket.put(begun(app, tmp_path, "other", RunState.CLEANED))
    maps.sandbox.buckets.remove(maps.name, Preconditions())
    app.clock.seconds = DAYS

    swept = sweeping.sweep(app, act=True)

    assert [one.name for one in swept.survey.of(Act.KEEP, "place")] == [maps.output]
    assert name not in bucket.names()
