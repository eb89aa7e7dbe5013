"""The page of metrics says what the state holds; it is the same on the daemon's port and from the command."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.app.records import Records
from orchestrator.config import load
from orchestrator.engine.stores.records import ProcessRow
from orchestrator.faces.metrics import MOST_EVENTS, EventCounter, Page
from orchestrator.model.objects import StoredObject
from orchestrator.model.states import RunState, Who


def read(text):
    """Return every sample of a page, by name and labels, as Prometheus reads it."""
    return {
        (one.name.removeprefix("orchestrator_"), *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def records(kept, **settings):
    environment = {"ORCHESTRATOR_LOCAL__STATE_DIR": str(kept.folder)}
    return Records(load(None, environment=environment | settings).settings)


def page_of(kept, heard=None):
    return read(Page(records(kept), heard).text())


def change(kept, *statements):
    with closing(sqlite3.connect(kept.folder / "state.db")) as database, database:
        for statement, *values in ((one,) if isinstance(one, str) else one for one in statements):
            database.execute(statement, values)


@pytest.fixture
def busy(kept):
    """Runs in several states, a part whose object is listed, and a task that failed for want of memory."""
    store, first = kept.store, kept.plan(kept.admit("east"))
    kept.plan(kept.admit("north"), tasks=3)
    store.runs.set_state(kept.admit("west").id, RunState.HELD, "no room", who=Who.PERSON)
    store.parts.collect(first.id, "0000", {store.parts.of(first.id)[0].window: StoredObject("1", 4321, "1")}, 1)
    change(kept, ("UPDATE tasks SET failure = 'MEMORY' WHERE run_id = ? AND key = '0001'", first.id))
    return kept


@pytest.mark.parametrize("table", ["runs", "tasks", "parts"])
def test_rows_are_counted_by_state(busy, table):
    """As SQL counts them, one by one; a state that nothing is in is there with nought."""
    with closing(sqlite3.connect(busy.folder / "state.db")) as database:
        counted = dict(database.execute(f"SELECT state, count(*) FROM {table} GROUP BY 1"))  # noqa: S608  our own words

    seen = {key[1]: value for key, value in page_of(busy).items() if key[0] == table}

    assert counted
    assert {state: value for state, value in seen.items() if value} == counted
    assert 0 in seen.values()


def test_bytes_in_the_bucket_are_those_of_objects_that_were_not_cleaned(busy):
    """One object of 4,321 bytes is listed."""
    seen = page_of(busy)

    assert (seen["bucket_bytes",], seen["parts_bytes", "EXPORTED"]) == (4321, 4321)


def test_held_runs_say_who_must_act(busy):
    seen = page_of(busy)

    assert (seen["runs_held", "person"], seen["runs_held", "time"]) == (1, 0)


def test_failures_of_runs_that_go_on_are_counted_by_class(busy):
    seen = page_of(busy)

    assert (seen["failing", "MEMORY"], seen["failing", "TIMEOUT"]) == (1, 0)


def test_a_limit_says_what_is_allowed_and_taken(kept):
    """What a process that died had is not taken any more; restricted mode is read from the row of the tasks."""
    change(
        kept,
        "INSERT INTO limits (name, allowed, updated, throttled) VALUES ('ee.requests', 6, 0, 2)",
        """INSERT INTO limits (name, allowed, updated, facts) VALUES ('ee.tasks', 2, 0, '{"restricted": true}')""",
        "INSERT INTO grants (name, holder, amount, until) VALUES ('ee.requests', 'here', 2, 9e9)",
        "INSERT INTO grants (name, holder, amount, until) VALUES ('ee.requests', 'gone', 3, 1)",
    )

    seen = page_of(kept)

    told = [seen[name, "ee.requests"] for name in ("limit_allowed", "limit_used", "limit_throttled")]
    assert (told, seen["restricted",]) == ([6, 2, 2], 1)


def test_compute_units_of_this_month_are_added(kept):
    """Other months do not count; what is reserved for tasks under way stands apart."""
    run, month = kept.admit("east").id, f"{datetime.now(ZoneInfo('America/Los_Angeles')):%Y-%m}"
    for when, kind, used in ((month, "batch", 12.5), ("2020-01", "batch", 99), ("", "reserved", 7)):
        change(kept, ("INSERT INTO usage VALUES (?, ?, ?, ?)", run, when, kind, used))

    seen = page_of(kept)

    assert (seen["month_eecu_seconds",], seen["month_eecu_reserved_seconds",]) == (12.5, 7)


def test_the_heartbeat_is_a_time(kept):
    """Nought where no daemon works on the state, so that an alert on its age needs no second rule."""
    before = page_of(kept)["heartbeat_timestamp_seconds", "daemon"]
    kept.store.processes.beat(ProcessRow("daemon", "here", 1, "2024-06-01", 1717200000.0, {}))

    assert (before, page_of(kept)["heartbeat_timestamp_seconds", "daemon"]) == (0, 1717200000)


JOB = """
[jobs.east]
area = "east.geojson"
output = "out"
base_name = "east"
start_date = "2024-05-01"
end_date = "2024-06-01"
every = "1h"
"""


def test_a_date_that_is_due_and_has_no_row_makes_its_job_late(kept, call, tmp_path):
    """By the time since it was due: an hour's beat that was settled three hours ago is two hours late."""
    hours = time.time() // 3600 - 3
    name = datetime.fromtimestamp(hours * 3600, UTC).replace(tzinfo=None).isoformat(timespec="minutes")
    kept.store.dates.settle("east", name)
    (tmp_path / "config.toml").write_text(JOB)

    late = read(call("metrics").out)["schedule_lateness_seconds", "east"]

    assert late == pytest.approx(time.time() - (hours + 1) * 3600, abs=60)


def test_a_paused_job_is_not_late(kept, call, tmp_path):
    """A person said that it waits."""
    kept.store.dates.settle("east", "2024-01-01T00:00")
    kept.store.job_states.pause("east", "a holiday")
    (tmp_path / "config.toml").write_text(JOB)

    assert ("schedule_lateness_seconds", "east") not in read(call("metrics").out)


def test_a_job_says_when_it_ended_well(kept, call, tmp_path):
    """The latest end of a run that was cleaned, not of one that failed."""
    (tmp_path / "config.toml").write_text(JOB)
    kept.admit("east", "2024-06-01")
    kept.admit("east", "2024-06-02")
    change(
        kept,
        "UPDATE runs SET state = 'CLEANED', updated = '2024-06-01T01:00:00+00:00' WHERE logical_date = '2024-06-01'",
        "UPDATE runs SET state = 'FAILED', updated = '2024-06-02T01:00:00+00:00' WHERE logical_date = '2024-06-02'",
    )

    seen = read(call("metrics").out)

    assert seen["job_success_timestamp_seconds", "east"] == datetime(2024, 6, 1, 1, tzinfo=UTC).timestamp()


def test_a_job_that_cannot_be_read_is_counted(kept, call, tmp_path):
    kept.admit("east")
    (tmp_path / "config.toml").write_text(JOB + "chron = '@daily'\n")

    assert read(call("metrics").out)["jobs_refused",] == 1


def test_what_the_daemon_told_is_counted(kept):
    """By the event's name and by the class of the failure; a word that is no class is not made one."""
    heard = EventCounter()
    heard.hear("task.failed", "r", {"failure": "MEMORY"})
    heard.hear("task.failed", "r", {"failure": "what the service said"})

    seen = page_of(kept, heard)

    assert seen["events_total", "task.failed"] == 2
    assert {key[1]: value for key, value in seen.items() if key[0] == "failures_total" and value} == {"MEMORY": 1}


def test_labels_are_bounded(kept):
    """Whatever is told: names beyond a few hundred are counted together."""
    heard = EventCounter()
    for n in range(MOST_EVENTS + 50):
        heard.hear(f"event.{n}", "r", {})

    seen = page_of(kept, heard)

    assert len([key for key in seen if key[0] == "events_total"]) == MOST_EVENTS + 1
    assert seen["events_total", "other"] == 50


def test_a_state_that_cannot_be_read_says_so(kept):
    """The page answers all the same, with what does not stand there."""
    kept.store.close()
    (kept.folder / "state.db").write_bytes(b"this is no database" * 400)

    seen = page_of(kept)

    assert seen["state_readable",] == 0
    assert any(key[0] == "disk_free_bytes" for key in seen)


def test_no_state_is_made_by_looking(tmp_path, call):
    """The command prints noughts where nothing was ever run."""
    said = call("metrics")

    assert (said.code, read(said.out)["runs", "FAILED"]) == (0, 0)
    assert not (tmp_path / "state").exists()


@pytest.mark.usefixtures("kept")
def test_a_file_is_written_for_node_exporter(call, tmp_path):
    """The page, whole, and nothing on standard output."""
    said = call("metrics", "--output", str(tmp_path / "o.prom"))

    assert (said.code, said.out) == (0, "")
    assert read((tmp_path / "o.prom").read_text())["state_readable",] == 1


def test_a_job_whose_area_is_missing_is_counted_as_refused(kept, tmp_path):
    """As `status` says that it is left out, also where no daemon has met it."""
    path = tmp_path / "config.toml"
    path.write_text(
        f"[local]\nstate_dir = '{kept.folder}'\n[jobs.bad]\narea = 'gone.gpkg'\noutput = 'out'\nbase_name = 'bad'\n"
        "bands = ['B4']\nstart_date = '2024-06-01'\nend_date = '2024-06-20'\nevery = '12h'\n"
    )
    app = Records(load(path, environment={}).settings, config_dir=tmp_path)

    assert read(Page(app).text())["jobs_refused",] == 1
