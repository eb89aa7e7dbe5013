"""`status`: whole, quick, and without leaving a trace."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from orchestrator.app.heartbeat import DAEMON
from orchestrator.app.verbs.reports import report_runs
from orchestrator.core.clock import SystemClock
from orchestrator.engine.batch.budget import set_eecu_hours
from orchestrator.engine.batch.project import Project
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.records import ProcessRow
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.faces.cli.status import listing
from orchestrator.model.objects import StoredObject
from orchestrator.model.states import PartState, RunState, TaskState


def export(kept, run, key="0000"):
    """Let Earth Engine have finished a task; its two parts are listed, of 1000 bytes each, and one is here."""
    task = next(t for t in kept.store.tasks.of(run.id) if t.key == key)
    kept.store.tasks.intend(run.id, Attempt(key, 1, f"{run.id}{key}", f"{run.id} {key}", "p", "", 0.0))
    kept.store.tasks.identify(run.id, key, "projects/p/operations/X", TaskState.SUCCEEDED)
    found = {w: StoredObject(f"{key}-{n}", 1000, "1", None, None) for n, w in enumerate(task.plan.parts())}
    kept.store.parts.collect(run.id, key, found, 1)
    window = next(iter(found))
    for state in (PartState.DOWNLOADING, PartState.VERIFIED, PartState.MERGED):
        kept.store.parts.move(run.id, window, state)


def test_a_list_takes_the_same_number_of_questions_for_any_number_of_runs(kept):
    """Seven statements for 3 runs and for 300: not one for each run."""
    said = []
    event.listen(kept.store._db._engine, "before_cursor_execute", lambda *given: said.append(given[2]))

    def questions():
        said.clear()
        report_runs(kept.store, 1000, datetime.now(UTC))
        return [statement for statement in said if statement.startswith("SELECT")]

    for number in range(3):
        kept.plan(kept.admit(f"a{number}"))
    few = len(questions())
    for number in range(300):
        kept.plan(kept.admit(f"b{number}"), tasks=1)

    assert few == len(questions()) == 7
    # A plan and an image weigh megabytes; a list needs neither.
    assert not any("runs.plan" in statement or "runs.image" in statement for statement in said)


def test_a_list_counts_the_parts_of_each_run(kept):
    """All parts, and those that are placed, are added up to the right run."""
    one, other = kept.plan(kept.admit("one")), kept.plan(kept.admit("other"), tasks=3)
    export(kept, one)

    facts = {f.run: (f.parts_done, f.parts) for f in report_runs(kept.store, 10, datetime.now(UTC))}

    assert facts == {one.id: (1, 4), other.id: (0, 6)}


def test_the_pace_is_that_of_the_last_minutes(kept):
    """Bytes and parts since ten minutes ago give bytes a second and seconds left."""
    run = kept.plan(kept.admit("east"))
    export(kept, run)
    for _ in range(2):
        kept.store.events.record(run.id, "part.downloaded", {"bytes": 5000})
    first = datetime.fromisoformat(kept.store.events.latest(run.id)[0].at)

    (facts,) = report_runs(kept.store, 10, first.fromtimestamp(first.timestamp() + 20, UTC))

    # 10,000 bytes and 2 parts in 20 s; 3 of 4 parts are left.
    assert (facts.bytes_per_second, facts.eta_seconds) == (500, 30)


def test_a_list_says_service_area_output_and_utc(kept, call):
    """Who looks in the morning sees what it is, where it goes, and in which clock."""
    kept.admit("east")

    shown = call("status").out

    assert all(word in shown for word in ("sandbox", "east.gpkg", "/results/east_clipped.tif", "UTC"))


def test_a_scheduled_job_without_its_area_is_named(kept, call, tmp_path):
    """Also before a daemon has met it: silence would read as all being well."""
    kept.admit("east")
    job = 'output = "o"\nbase_name = "n"\nstart_date = "2024-01-01"\nend_date = "2024-02-01"\ncron = "0 1 * * *"\n'
    (tmp_path / "config.toml").write_text(f'[jobs.west]\narea = "nowhere.gpkg"\n{job}')

    shown = call("status").out

    assert "west" in shown
    assert "nowhere.gpkg" in shown


@pytest.mark.parametrize("width", [40, 60])
def test_a_list_fits_a_narrow_terminal(kept, width):
    """Nothing but a path, which people copy, is wider."""
    kept.store.runs.set_state(kept.plan(kept.admit("east")).id, "HELD", "look " * 40)

    lines = listing(report_runs(kept.store, 10, datetime.now(UTC)), width)

    assert [line for line in lines if len(line) > width and "/" not in line] == []
    assert any("EXPORTING" in line or "HELD" in line for line in lines)


@pytest.mark.parametrize("words", [["status"], ["why", "east"], ["logs", "latest"], ["watch", "east"]], ids=" ".join)
def test_a_look_makes_nothing(call, tmp_path, words):
    """Where nothing was ever run, nothing is made by asking; `status` says so, the others have no run to show."""
    looked = call(*words)

    assert looked.code == (0 if words == ["status"] else 2)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_the_daemon_passes_over_is_named(kept, call):
    """In the list and in its own view: it would wait for ever, and all would look well."""
    run = kept.admit("east")  # for a sandbox
    row = ProcessRow(DAEMON, "here", 7, "2024-05-01T00:00:00", datetime.now(UTC).timestamp(), {"service": "google"})
    kept.store.processes.beat(row)

    for words in (["status"], ["status", run.id]):
        assert "works on google and never continues a run for sandbox" in call(*words).out


def test_a_job_for_another_service_than_the_daemon_s_is_refused_before_it_is_admitted(kept, call):
    """The moment at which a person still looks: nobody would ever work on it."""
    told = {"service": "sandbox", "addresses": {"ee": "http://127.0.0.1:8099"}}
    row = ProcessRow(DAEMON, "here", 7, "2024-05-01T00:00:00", datetime.now(UTC).timestamp(), told)
    kept.store.processes.beat(row)
    words = ("--area", "14.4,46,14.5,46.1", "--output", "o", "--base-name", "a")

    submitted = call("submit", *words, "--start-date", "2024-01-01", "--end-date", "2024-02-01")

    assert (submitted.code, kept.store.runs.count()) == (4, 0)
    said = " ".join(submitted.err.split())
    assert "works on sandbox and never continues a run for google" in said
    assert "`orchestrator submit` the same job with --sandbox-url http://127.0.0.1:8099" in said


def test_the_time_left_is_a_range(kept):
    """Of 100 parts that come by chance, nine of ten times 83.55 to 116.45 are meant (Poisson, normal)."""
    run = kept.plan(kept.admit("east"), tasks=200)
    for _ in range(100):
        kept.store.events.record(run.id, "part.downloaded", {"bytes": 5000})
    first = datetime.fromisoformat(kept.store.events.latest(run.id, 100)[0].at)

    (facts,) = report_runs(kept.store, 10, first.fromtimestamp(first.timestamp() + 200, UTC))

    # 100 parts in 200 s; 400 are left.
    assert (facts.eta_low_seconds, facts.eta_seconds, facts.eta_high_seconds) == (687, 800, 958)


def test_a_list_says_what_earth_engine_has_of_a_run_and_what_it_cost(kept, call):
    """Queued, running and how far, EECU-hours of its budget: a person's word before its job's."""
    run = kept.plan(kept.admit("east"), tasks=3)
    for key, progress in (("0000", 0.2), ("0001", 0.6), ("0002", None)):
        kept.store.tasks.intend(run.id, Attempt(key, 1, f"{run.id}{key}", f"{run.id} {key}", "p", "", 0.0))
        kept.store.tasks.identify(run.id, key, f"projects/p/operations/{key}", TaskState.QUEUED)
        if progress is not None:
            kept.store.tasks.change(run.id, {key: TaskChange(state=TaskState.RUNNING, progress=progress)})
    kept.store.usage.count({f"{run.id} 0000": 5400.0}, "2024-05")
    set_eecu_hours(kept.store, run.id, 40)

    shown = call("status").out

    assert all(words in shown for words in ("2 running (40%), 1 queued", "1.50 of 40.0"))


def test_restricted_mode_of_a_sandbox_is_told_to_who_names_none(kept, call):
    """`status` and `why` have no `--sandbox-url`: what a run heard with it is all that there is."""
    kept.admit()
    Project(kept.store, SystemClock(), "@sandbox").heard("parallelism_restricted=true")

    assert "restricted mode" in call("status").out


def test_options_choose_among_the_runs_that_are_listed(kept, call):
    """As the address of the page's list does, whose words they are."""
    failed, other = kept.plan(kept.admit("alps")), kept.plan(kept.admit("coast"))
    kept.store.runs.set_state(failed.id, RunState.FAILED, "no bands")

    def listed(*words):
        lines = call("--json", "status", *words).out.splitlines()
        return [told["run"] for told in map(json.loads, lines) if told["message_type"] == "run"]

    assert listed("--sort", "name") == [failed.id, other.id]
    assert listed("--state", "failed", "--state", "held", "--text", "BANDS") == [failed.id]
    assert listed("--job", "coast", "--since", "2000-01-01", "--limit", "1") == [other.id]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--state", "FALED"], 2, "state 'FALED' is not known: did you mean 'FAILED'?"),
        (["--since", "yesterday"], 2, "since 'yesterday' is no day and no time"),
        (["--text", "nothing"], 0, "no run is like that; leave an option out"),
    ],
    ids=["a state", "a day", "none"],
)
def test_a_filter_that_means_nothing_says_so(kept, call, words, code, says):
    """In a sentence that says what may stand there, or what to do."""
    kept.admit("alps")

    called = call("status", *words)

    assert called.code == code
    assert says in " ".join((called.out + called.err).split())
