"""States that earlier versions of the program left: read, brought up to date, and continued."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from model_world import TASKS
from old_worlds import Continued, restore
from sqlalchemy.exc import IntegrityError as SqlIntegrityError

from orchestrator.core.errors import IntegrityError
from orchestrator.engine.admission import admit
from orchestrator.engine.stores.schema import metadata
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan_json import plan_from_json
from orchestrator.model.states import RunState, TaskState, UnitState, Who

# Where the old program's folders were: fingerprints count paths too.
ROOT = "/tmp/old"  # noqa: S108  a name in rows; nothing is read or written there
# Those of the first three have runs in every state.
STATES = FIRST, SECOND, THIRD = [Path(__file__).parent / "states" / f"schema_000{number}.sql" for number in (1, 2, 3)]
FOURTH = Path(__file__).parent / "states" / "schema_0004.sql"
# Whose order the service got, though the program died before it heard so.
POSTED = frozenset({"posted", "cancelled", "wished"})


class StillClock:
    def now(self):
        return datetime(2026, 12, 1, tzinfo=UTC)

    def monotonic(self):
        return 0.0


@pytest.fixture(params=STATES, ids=lambda path: path.stem)
def old(request, tmp_path):
    """A database as a version of the program left it, opened by this one."""
    yield from opened(request.param, tmp_path)


@pytest.fixture
def first(tmp_path):
    """A database of the first schema, opened by this program."""
    yield from opened(FIRST, tmp_path)


def opened(dump, folder):
    restore(dump, ROOT, folder / "state.db")
    store = SqlStore(f"sqlite:///{folder / 'state.db'}", StillClock())
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
        # Without the halves of one that was cut; only a mosaic's plan has tasks.
        planned = [task for task in old.tasks.of(run.id) if "." not in task.key]
        of_a_mosaic = run.plan and run.product == "mosaic"
        assert len(planned) == (len(plan_from_json(run.plan).tasks) if of_a_mosaic else 0)
        old.parts.of(run.id)
        old.tasks.attempts(run.id)


def documents_of(database, run_id):
    """Return what the third version kept apart from its runs, and the earlier ones in them."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'documents'").fetchall():
        return {}
    found = dict(database.execute("SELECT name, content FROM documents WHERE run_id = ?", (run_id,)).fetchall())
    return dict.fromkeys(("plan", "image", "facts", "result"), "") | found


@pytest.mark.parametrize("dump", STATES, ids=lambda path: path.stem)
def test_what_an_old_run_held_is_held_word_for_word(dump, tmp_path):
    """Its plan, image, facts and result have rows of their own now; base name, request and the rest have columns."""
    (tmp_path / "before").mkdir()
    restore(dump, ROOT, tmp_path / "before" / "state.db")
    with closing(sqlite3.connect(tmp_path / "before" / "state.db")) as database:
        database.row_factory = sqlite3.Row
        before = [dict(row) | documents_of(database, row["id"]) for row in database.execute("SELECT * FROM runs")]

    opening = opened(dump, tmp_path)
    store = next(opening)
    after = {row["id"]: store.runs.get(row["id"]) for row in before}

    for row in before:
        if "wish" in row:
            row["request"], row["base_name"] = row.pop("wish"), json.loads(row["job"])["base_name"]
        row["resume"] = row["resume"] or None
        found = {name: getattr(after[row["id"]], name) for name in row}
        if dump == FIRST:  # its sentences began with who must act
            del row["reason"], found["reason"]
        assert found == row
    opening.close()


def test_the_parts_of_an_old_run_are_counted(old):
    """As if they had been counted from the beginning."""
    for head in old.runs.latest(limit=100):
        counted = {state: (tally.parts, tally.listed, tally.bytes) for state, tally in old.parts.tally(head.id).items()}
        parts = old.parts.of(head.id)
        sources = {state: [p.source.size for p in parts if p.state is state and p.source] for state in counted}
        assert counted == {
            state: (count, len(sources[state]), sum(sources[state]))
            for state, count in Counter(part.state for part in parts).items()
        }


def test_rows_still_refer_to_their_runs(old):
    """The table of runs was made anew; what refers to it does so, and is guarded."""
    with old._db.write() as db, pytest.raises(SqlIntegrityError):
        db.exec_driver_sql("INSERT INTO parts VALUES ('none', 0, 0, 1, 1, '0000', 'WAITING', 0, '', 0, 0)")


def test_who_must_act_is_read_out_of_old_sentences(old):
    """`by hand: ` was the beginning of a sentence; it is a column now, and the sentence is plain."""
    person, time = named(old, "held-person"), named(old, "held")

    assert (person.who, person.needs_person) == (Who.PERSON, True)
    assert person.reason.startswith("task 0000 was cancelled in Earth Engine by somebody else")
    assert (time.who, time.needs_person) == (Who.TIME, False)


def test_a_known_request_id_is_read_out_of_an_old_sentence(first):
    """`already_started` was the beginning of a sentence too."""
    (doubtful,) = [t for t in first.tasks.of("aaaaaaaaaaaaaaaa") if t.state is TaskState.SUBMITTING]

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


def test_the_old_fingerprint_was_that_of_the_whole_snapshot(first):
    """Computed here as the first version did: every field, sorted, without a version."""
    for run in first.runs.latest(limit=100):
        text = json.dumps(json.loads(run.job), sort_keys=True, separators=(",", ":"))
        if not run.fingerprint.startswith(run.id[:1] * 16):  # made up, for states that are rare
            assert run.fingerprint == hashlib.sha256(text.encode()).hexdigest()
            assert run.fingerprint in Job.from_json(run.job).fingerprints()


@pytest.fixture
def second(tmp_path):
    """A database of the second schema, opened by this program."""
    yield from opened(SECOND, tmp_path)


def test_a_stored_fingerprint_is_that_of_its_job(second):
    """What a run of the second version is called stays its name: it is computed anew wherever a job is declared."""
    runs = second.runs.latest(limit=100)

    assert {run.id: Job.from_json(run.job).fingerprint() for run in runs} == {r.id: r.fingerprint for r in runs}
    assert {run.id: Job.from_json(run.job).declaration() for run in runs if run.job_name != "nightly"} == {
        run.id: run.declaration for run in runs if run.job_name != "nightly"
    }


def test_dates_a_schedule_named_are_kept(second):
    """Fired, caught up with, and skipped ones: none of them is fired again."""
    dates = ["2026-11-24T01:30", "2026-11-25T01:30"]

    assert second.dates.known("nightly", dates) == set(dates)
    assert second.runs.get(next(row.run_id for row in second.dates.latest() if row.run_id)).job_name == "nightly"


@pytest.fixture
def third(tmp_path):
    """A database of the third schema, opened by this program."""
    yield from opened(THIRD, tmp_path)


def test_a_run_of_the_third_version_is_leased_to_nobody(third):
    """Its process is dead, or is an older program, which a lock keeps apart: whoever comes may take it."""
    runs = third.runs.latest(limit=100)

    assert {(run.worker, run.fence, run.lease_until, run.priority, run.finish_by) for run in runs} == {("", 0, 0, 0, 0)}


def test_the_units_of_the_third_version_stand_as_they_did(third):
    """Counted anew from the rows: every kind, in every state."""
    for head in third.runs.latest(limit=100):
        units = Counter((unit.kind, unit.state) for unit in third.units.of(head.id))
        tally = third.units.tally(head.id)
        assert units == {(kind, state): n for kind, states in tally.items() for state, n in states.items() if n}
        assert head.product == "mosaic" or units


def test_what_a_process_of_the_fourth_version_had_is_taken_back(tmp_path):
    """It said no name; whoever holds the run now knows that it is dead, and its tries do not count."""
    for store in opened(FOURTH, tmp_path):
        run = next(run for run in store.runs.latest(limit=9) if store.units.tally(run.id).get("pixels"))
        claimed = store.units.of(run.id, states=[UnitState.CLAIMED])

        store.units.release(run.id)

        after = [store.units.get(run.id, unit.kind, unit.key) for unit in claimed]
        assert claimed
        assert {(unit.state, unit.attempt, unit.worker) for unit in after} == {(UnitState.WAITING, 0, "")}


def stored():
    """Return of each run in the second database: its name, its state, and how its tasks stand."""
    with sqlite3.connect(":memory:") as database:
        database.executescript(SECOND.read_text(encoding="utf-8"))
        runs = database.execute("SELECT job_name, id, state, who FROM runs").fetchall()
        tasks = [
            [state for (state,) in database.execute("SELECT state FROM tasks WHERE run_id = ?", (run[1],))]
            for run in runs
        ]
    database.close()
    return [(name, state, who, states) for (name, _, state, who), states in zip(runs, tasks, strict=True)]


def unsubmitted(name, states):
    """Count the tasks that the service has not got yet; a run that is not planned gets the model's plan."""
    if not states:
        return len(TASKS)
    return states.count("PLANNED") + (0 if name in POSTED else states.count("SUBMITTING"))


def state_of(name):
    return next(state for other, state, _, _ in STORED if other == name)


STORED = stored()
HALTED = ("FAILED", "CANCELLED")


@pytest.fixture
def continued():
    """A run of the second database in a world that is as it left it."""
    machine = Continued()
    yield machine
    machine.run_id = ""  # no further demand on how it ends
    machine.process.execution.close()
    machine.store.close()
    machine.teardown()


@pytest.mark.parametrize(
    ("name", "states"),
    [
        pytest.param(n, t, id=n)
        for n, state, who, t in STORED
        if state not in HALTED and who != "person" and n != "wished"
    ],
)
def test_a_stored_run_ends_without_a_second_export(continued, name, states):
    """Whatever state it was killed in: what the service has got is not ordered again, what it has not is, once."""
    continued.take_up(SECOND, name, posted=name in POSTED)

    state = continued.go_on()

    assert (state, continued.exported) == (
        RunState.CLEANED,
        unsubmitted(name, states) if state_of(name) != "CLEANED" else 0,
    )
    assert continued.world.blobs == {}


@pytest.mark.parametrize(
    ("name", "states"),
    [pytest.param(n, t, id=n) for n, state, who, t in STORED if state in HALTED or who == "person" or n == "wished"],
)
def test_a_stored_run_that_stands_still_is_retried(continued, name, states):
    """It waits until it is told to; then it exports what was lost and what was not begun, and nothing else."""
    continued.take_up(SECOND, name, posted=name in POSTED)

    still = continued.go_on()
    before = continued.exported
    continued.store.lessons.learn(continued.run_id, "min_valid", 0.0)  # what `retry --min-valid 0` does
    continued.retry()

    assert (still, before) == (RunState(state_of(name)) if name != "wished" else RunState.CANCELLED, 0)
    assert continued.go_on() is RunState.CLEANED
    assert continued.exported == unsubmitted(name, states) + states.count("CANCELLED") + states.count("FAILED")


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
