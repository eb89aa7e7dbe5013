"""States that earlier versions of the program left: read, brought up to date, and continued."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from orchestrator.core.errors import IntegrityError
from orchestrator.engine.service import admit
from orchestrator.engine.stores.schema import metadata
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan_json import plan_from_json
from orchestrator.model.states import RunState, TaskState, Who

# Where the old program's folders were: fingerprints count paths too.
ROOT = "/tmp/old"  # noqa: S108  a name in rows; nothing is read or written there
STATES = sorted((Path(__file__).parent / "states").glob("*.sql"))


class StillClock:
    def now(self):
        return datetime(2026, 12, 1, tzinfo=UTC)

    def monotonic(self):
        return 0.0


@pytest.fixture(params=STATES, ids=lambda path: path.stem)
def old(request, tmp_path):
    """A database as a version of the program left it, opened by this one."""
    with sqlite3.connect(tmp_path / "state.db") as database:
        database.executescript(request.param.read_text(encoding="utf-8").replace("@ROOT@", ROOT))
    database.close()
    store = SqlStore(f"sqlite:///{tmp_path / 'state.db'}", StillClock())
    yield store
    store.close()


def named(store, name):
    return store.runs.get(next(head.id for head in store.runs.latest(limit=100) if head.job_name == name))


def test_an_old_database_has_the_present_schema(old):
    """The migrations lead to the same tables as beginning anew."""
    with old._db.read() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []


def test_every_old_run_is_read(old):
    """Its job, plan, tasks and parts, in each state it may have stopped in."""
    runs = old.runs.latest(limit=100)

    assert {run.state for run in runs} == set(RunState)
    for run in (old.runs.get(head.id) for head in runs):
        Job.from_json(run.job)
        assert len(old.tasks.of(run.id)) == (len(plan_from_json(run.plan).tasks) if run.plan else 0)
        old.parts.of(run.id)
        old.tasks.attempts(run.id)


def test_who_must_act_is_read_out_of_old_sentences(old):
    """`by hand: ` was the beginning of a sentence; it is a column now, and the sentence is plain."""
    person, time = named(old, "held-person"), named(old, "held")

    assert (person.who, person.needs_person) == (Who.PERSON, True)
    assert person.reason == "task 0000 was cancelled in Earth Engine by somebody else"
    assert (time.who, time.needs_person) == (Who.TIME, False)


def test_a_known_request_id_is_read_out_of_an_old_sentence(old):
    """`already_started` was the beginning of a sentence too."""
    (doubtful,) = [t for t in old.tasks.of("aaaaaaaaaaaaaaaa") if t.state is TaskState.SUBMITTING]

    assert doubtful.known


def test_an_old_result_has_an_owner(old):
    """What was published before owners were written down belongs to the run that published it."""
    done = named(old, "cleaned")

    row = old.outputs.at(f"{ROOT}/out/cleaned_clipped.tif")

    assert (row.run_id, row.sha256) == (done.id, json.loads(done.result)["sha256"])


def test_an_unchanged_declaration_is_the_old_run(old):
    """After the upgrade the same command continues yesterday's run, under its name."""
    before = named(old, "exporting")
    job = Job.from_json(before.job)

    run = admit(old, job.base_name, job, datetime(2026, 12, 1, tzinfo=UTC).date(), installation="any")

    assert run.id == before.id


def test_the_old_fingerprint_was_that_of_the_whole_snapshot(old):
    """Computed here as the first version did: every field, sorted, without a version."""
    for run in old.runs.latest(limit=100):
        text = json.dumps(json.loads(run.job), sort_keys=True, separators=(",", ":"))
        if not run.fingerprint.startswith(run.id[:1] * 16):  # made up, for states that are rare
            assert run.fingerprint == hashlib.sha256(text.encode()).hexdigest()
            assert run.fingerprint in Job.from_json(run.job).fingerprints()


JOB = Job("a", "/o", AreaSource("area.gpkg"), "2024-01-01", "2024-02-01")


def test_a_fingerprint_counts_what_differs_from_the_defaults():
    """The value, computed from the rule: what was declared, sorted, as compact JSON."""
    declared = {
        "area": {"source": "area.gpkg"},
        "base_name": "a",
        "end_date": "2024-02-01",
        "output": "/o",
        "start_date": "2024-01-01",
    }

    text = json.dumps(declared, sort_keys=True, separators=(",", ":"))
    assert JOB.fingerprint() == hashlib.sha256(text.encode()).hexdigest()


def test_a_snapshot_says_its_version_and_a_newer_one_is_refused():
    """A program that is too old says so, instead of making something else of the job."""
    content = json.loads(JOB.to_json())
    content["version"] += 1

    assert Job.from_json(JOB.to_json()) == JOB
    with pytest.raises(IntegrityError, match="upgrade"):
        Job.from_json(json.dumps(content))


def test_a_plan_of_a_newer_version_is_refused():
    """As for jobs."""
    with pytest.raises(IntegrityError, match="upgrade"):
        plan_from_json('{"version": 99}')
