"""Everything at a glance: what needs a person, what runs, what waits, and what holds it back."""

from __future__ import annotations

import itertools
import json
from collections import namedtuple
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.app.heartbeat import DAEMON
from orchestrator.app.records import Records
from orchestrator.app.verbs import figures
from orchestrator.app.verbs.acting import RunAct
from orchestrator.app.verbs.needs import NeedKind as Kind
from orchestrator.app.verbs.overview import MOST_WAITING, overview
from orchestrator.config import load
from orchestrator.engine.standing import TASKS
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.records import Admission, ProcessRow
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import PartState, RunState, TaskState, Who

S, P = RunState, PartState
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
NUMBER = itertools.count()


class Clock:
    """A clock that a test sets; what is stored has its time."""

    def __init__(self):
        self.at = NOW

    def now(self):
        return self.at

    def monotonic(self):
        return 0.0


@pytest.fixture
def records(tmp_path):
    """A state folder of the test's own."""
    yield from opened(tmp_path)


def opened(folder, text=""):
    """A state folder with a config.toml."""
    config = folder / "config.toml"
    config.write_text(text)
    loaded = load(config, environment={}, overrides={"local": {"state_dir": str(folder / "state")}})
    found = Records(loaded.settings, refused_jobs=loaded.refused_jobs, config_dir=folder)
    found.clock = Clock()
    yield found
    if found.has_state():
        found.store.close()


def begin(records, state=S.EXPORTING, *, at=NOW, reason="", who=Who.NOBODY, next_at=0.0, **given):
    """A run of two tasks of two parts each, which came into its state at a time."""
    records.clock.at = at
    number = next(NUMBER)
    job = Job(f"job{number}", "/results", AreaSource(f"{number}.gpkg"), "2024-05-01", "2024-06-01", service="google")
    order = Admission(job.base_name, "", job.fingerprints(), job.to_json(), f"declaration {number}", **given)
    run = records.store.runs.admit(order).id
    if state is not S.ADMITTED:
        plans = [TaskPlan(n, Window(256 * n, 0, 256, 512), 256, 256) for n in range(2)]
        records.store.runs.save_plan(run, "{}", "image", "{}", plans)
        records.store.runs.set_state(run, S.EXPORTING)
    if state not in (S.ADMITTED, S.EXPORTING):
        records.store.runs.set_state(run, state, reason, who=who, next_at=next_at)
        if state is S.HELD:
            records.store.events.record(run, "run.held", {"reason": reason})
    records.clock.at = NOW
    return run


def serve(records, *, age=0.0, slots=2, service="google"):
    """A daemon was heard of so many seconds ago."""
    facts = {"slots": slots, "busy": 0, "service": service}
    row = ProcessRow(DAEMON, "host", 7, "2026-03-01T00:00:00", NOW.timestamp() - age, facts)
    records.store.processes.beat(row)


def needs(records, **given):
    return [(need.kind, *(one.run for one in need.runs)) for need in overview(records, **given).needs]


def test_a_look_at_nothing_makes_nothing(records):
    """And says that there has never been anything."""
    seen = overview(records)

    assert (seen.is_empty, seen.needs, seen.running, seen.waiting) == (True, (), (), ())
    assert not records.settings.state_dir.exists()


def test_a_run_that_is_held_for_a_person_says_why_and_since_when(records):
    """With what may be done about it."""
    run = begin(records, S.HELD, at=NOW - timedelta(hours=3), reason="say which bucket", who=Who.PERSON)
    serve(records)

    (need,) = overview(records).needs

    assert (need.kind, need.runs[0].run, need.acts) == (Kind.HELD, run, (RunAct.RETRY, RunAct.CANCEL))
    assert need.because[0] == "It is held: say which bucket."
    assert need.since == "2026-03-10T09:00:00.000+00:00"


def test_a_run_that_is_held_for_time_needs_nobody(records):
    """It waits, and goes on by itself."""
    run = begin(records, S.HELD, reason="quota", who=Who.TIME, next_at=NOW.timestamp() + 600)
    serve(records)

    seen = overview(records)

    assert seen.needs == ()
    assert [(one.run, one.place, one.until, one.reason) for one in seen.waiting] == [
        (run, 0, "2026-03-10T12:10:00+00:00", "quota")
    ]


@pytest.mark.parametrize(
    ("days", "since", "shown"),
    [
        pytest.param(1, "", True, id="lately"),
        pytest.param(8, "", False, id="long ago"),
        pytest.param(1, "2026-03-09T11:59:59+00:00", True, id="after the last look"),
        pytest.param(1, "2026-03-09T12:00:01+00:00", False, id="before the last look"),
    ],
)
def test_what_failed_since_the_last_look_is_shown(records, days, since, shown):
    """What was seen before is no news."""
    run = begin(records, S.FAILED, at=NOW - timedelta(days=days), reason="no bands")
    serve(records)

    assert needs(records, failed_since=since) == ([(Kind.FAILED, run)] if shown else [])


def test_a_failure_after_which_the_same_was_asked_for_again_needs_nobody(records):
    """The new turn tells how it stands."""
    run = begin(records, S.FAILED, at=NOW - timedelta(hours=1), reason="no bands")
    head = records.store.runs.head(run)
    order = Admission(head.job_name, "", (head.fingerprint,), head.job)
    serve(records)

    records.store.runs.admit(order, again=True)

    assert needs(records) == []


@pytest.mark.parametrize(
    ("state", "who", "age", "shown"),
    [
        pytest.param(S.EXPORTING, Who.NOBODY, None, True, id="there never was one, and a run waits"),
        pytest.param(S.EXPORTING, Who.NOBODY, 3600, True, id="it hangs or is gone"),
        pytest.param(S.EXPORTING, Who.NOBODY, 5, False, id="it lives"),
        pytest.param(S.CANCELLED, Who.NOBODY, None, False, id="there is nothing to do"),
    ],
)
def test_a_missing_daemon_is_said_where_there_is_work_for_one(records, state, who, age, shown):
    """Who only uses `run` has no need of one."""
    begin(records, state, who=who)
    if age is not None:
        serve(records, age=age)

    assert ((Kind.DAEMON,) in needs(records)) is shown


def test_a_run_that_a_process_works_on_needs_no_daemon(records):
    """It is worked on by a command, and runs."""
    run = begin(records)

    with records.lock(run):
        seen = overview(records)

    assert ([one.report.run for one in seen.running], seen.needs, seen.waiting) == ([run], (), ())


def test_a_job_that_cannot_be_used_is_named_with_what_is_wrong(tmp_path):
    """It is left out by the daemon, so that nobody would notice."""
    text = '[jobs.night]\nbase_name = "n"\narea = "area.gpkg"\noutput = "out"\ncron = "61 * * * *"\n'
    text += 'start_date = "2024-05-01"\nend_date = "2024-06-01"\nbands = ["B4"]\n'
    for records in opened(tmp_path, text):
        begin(records, S.CANCELLED)
        serve(records)

        (need,) = overview(records).needs

        assert (need.kind, need.name) == (Kind.JOB, "night")
        assert "61" in need.because[0]


def test_a_disk_below_its_mark_is_said(records, monkeypatch):
    """Nothing is brought any more, and no run says so alone."""
    begin(records, S.CANCELLED)
    usage = namedtuple("usage", "total used free")  # noqa: PYI024  as shutil's
    monkeypatch.setattr(figures.shutil, "disk_usage", lambda _path: usage(100 << 30, 100 << 30, 1 << 20))

    (need,) = overview(records).needs

    assert (need.kind, need.because[0]) == (
        Kind.DISK,
        "1.0 MiB of 100.0 GiB are free, less than 512.0 MiB ([limits] disk_stop): nothing is brought.",
    )


def test_pieces_are_counted_by_state(records):
    """Those that are furthest first; what holds nothing is done, too."""
    run, store = begin(records), records.store
    store.tasks.intend(run, Attempt("0000", 1, "x1", "d1", "p/1", "", 0.0))
    store.tasks.identify(run, "0000", "operations/1", TaskState.RUNNING)
    store.tasks.change(run, {"0000": TaskChange(progress=0.5)})
    store.tasks.intend(run, Attempt("0001", 1, "x2", "d2", "p/2", "", 0.0))
    store.tasks.identify(run, "0001", "operations/2", TaskState.SUCCEEDED)
    store.parts.empty(run, "0001")

    with records.lock(run):
        (seen,) = overview(records).running

    (parts,) = seen.pieces
    assert (parts.called, parts.all, parts.done, parts.empty) == ("parts", 4, 2, 2)
    assert parts.states == ((P.EMPTY, 2), (P.WAITING, 2))
    assert (seen.report.tasks_running, seen.report.tasks_queued, seen.report.running_share) == (1, 0, 0.5)


def test_runs_wait_in_the_order_in_which_they_are_taken_up(records):
    """What is to be cancelled, then the higher priority, then who came first; those held for time after them."""
    later = begin(records, S.HELD, reason="quota", who=Who.TIME, next_at=NOW.timestamp() + 60)
    second = begin(records, S.ADMITTED, at=NOW - timedelta(hours=2))
    third = begin(records, S.ADMITTED, at=NOW - timedelta(hours=1))
    first = begin(records, S.ADMITTED, priority=5)
    ended = begin(records, S.ADMITTED)
    records.store.runs.request(ended, "cancel")
    serve(records, slots=3)

    seen = overview(records)

    assert [(one.run, one.place) for one in seen.waiting] == [
        *((ended, 1), (first, 2), (second, 3), (third, 4)),
        (later, 0),
    ]
    assert seen.slots == 3


def test_a_long_queue_is_counted_and_its_beginning_shown(records):
    """Nobody reads further, and each costs a look."""
    for _ in range(MOST_WAITING + 3):
        begin(records, S.ADMITTED)
    serve(records)

    seen = overview(records)

    assert (len(seen.waiting), seen.waiting_count) == (MOST_WAITING, MOST_WAITING + 3)


def test_runs_that_the_daemon_never_takes_up_need_a_person(records):
    """They are for another service than the one the daemon works on, so that they wait for nobody."""
    runs = {begin(records, S.ADMITTED) for _ in range(2)}
    serve(records, service="sandbox")

    seen = overview(records)

    (need,) = seen.needs
    assert (need.kind, {one.run for one in need.runs}, need.acts) == (Kind.STRANGE, runs, (RunAct.CANCEL,))
    assert "works on sandbox and never continues a run for google" in need.because[0]
    assert datetime.fromisoformat(need.since) == NOW
    assert seen.waiting == ()


def test_failures_of_one_sentence_are_one_need(records):
    """A hundred tiles that fail alike are one thing to look at, since the first of them failed."""
    first = begin(records, S.FAILED, at=NOW - timedelta(hours=2), reason="no bands")
    second = begin(records, S.FAILED, at=NOW - timedelta(hours=1), reason="no bands")
    other = begin(records, S.FAILED, at=NOW - timedelta(hours=3), reason="no scenes")
    serve(records)

    seen = overview(records).needs

    assert [[one.run for one in need.runs] for need in seen] == [[second, first], [other]]
    assert seen[0].because == ("It is FAILED: no bands.",)
    assert seen[0].since == "2026-03-10T10:00:00.000+00:00"


def test_limits_say_what_is_used_of_what_is_allowed(records):
    """And restricted mode, in a sentence."""
    run = begin(records)
    records.store.tasks.intend(run, Attempt("0000", 1, "x", "d", "p", "", 0.0))
    facts = {"restricted": True, "quota_status": "RESTRICTED", "quota_at": NOW.timestamp()}
    records.store.limits.observe(TASKS, 2.0, facts)
    serve(records)

    seen = overview(records)

    (tasks,) = [one for one in seen.limits if one.name == TASKS]
    assert (tasks.used, tasks.allowed, tasks.unit) == (1, 2, "tasks")
    assert seen.restricted
    assert any("restricted mode (RESTRICTED" in sentence for sentence in seen.sentences)


def test_each_job_is_shown_with_its_next_time(tmp_path):
    """One that is due every minute hides no other, nor is a paused one forgotten: it stands last. By the calendar."""
    common = 'area = "6.1,49.6,6.2,49.7"\noutput = "out"\nstart_date = "2024-05-01"\nend_date = "2024-06-01"\n'
    common += 'bands = ["B4"]\n'
    text = f'[jobs.six]\n{common}base_name = "six"\ncron = "0 18 * * *"\ntimezone = "UTC"\n'
    text += f'[jobs.noon]\n{common}base_name = "noon"\ncron = "0 12 * * *"\ntimezone = "UTC"\n'
    text += f'[jobs.often]\n{common}base_name = "often"\ncron = "* * * * *"\ntimezone = "UTC"\n'
    for records in opened(tmp_path, text):
        records.store.job_states.pause("often", "")

        seen = overview(records)

        expected = [("six", 10, 18, 0, False), ("noon", 11, 12, 0, False), ("often", 10, 12, 1, True)]
        told = [(one.job, datetime.fromisoformat(one.at), one.paused) for one in seen.next]
        assert told == [(job, datetime(2026, 3, day, *at, tzinfo=UTC), p) for job, day, *at, p in expected]
        assert (seen.next_count, seen.is_empty) == (3, False)


def test_the_results_that_came_last_are_shown(records):
    """With their size and what of them holds data."""
    run = begin(records, S.ASSEMBLING)
    kept = {"path": "/results/basin.tif", "bytes": 4096, "sha256": "aa", "valid": {"B4": 0.5}}
    records.store.runs.save_result(run, json.dumps(kept))
    for state in (S.PUBLISHED, S.CLEANED):
        records.store.runs.set_state(run, state)

    (done,) = overview(records).done

    assert (done.report.run, done.bytes, done.valid_share) == (run, 4096, 0.5)
