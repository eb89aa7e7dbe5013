"""`schedule`: looking at jobs, pausing them, running a date of one, and who goes first."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.errors import AreaError
from orchestrator.engine.stores.records import ProcessRow
from orchestrator.model.states import RunState
from orchestrator.plan.features import open_path
from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import Sandbox

JOB = """
[jobs.{name}]
area = "6.10,49.60,6.12,49.61"
output = "out"
base_name = "{name}"
start_date = "today-30d"
end_date = "today"
bands = ["B4"]
{more}
"""
ZONE = ZoneInfo("Europe/Ljubljana")


@pytest.fixture
def write(tmp_path):
    """Write config.toml with jobs: name and the lines that say when."""

    def written(**jobs: str):
        text = "".join(JOB.format(name=name, more=more) for name, more in jobs.items())
        (tmp_path / "config.toml").write_text(text)

    return written


def message(called, kind):
    return [one for one in called.messages if one["message_type"] == kind]


def test_jobs_are_listed_with_what_is_wrong(write, call):
    """A job that cannot be used stands among the others, and nothing is made by looking."""
    write(nightly='cron = "30 1 * * *"\nfinish_by = "06:00"\npriority = 7', wrong='cron = "0 25 * * *"', idle="")

    called = call("--json", "schedule", "list")

    nightly, wrong = message(called, "job")
    assert (nightly["name"], nightly["schedule"], nightly["finish_by"]) == ("nightly", "30 1 * * *", "06:00")
    assert (nightly["priority"], nightly["paused"], nightly["last_date"]) == (7, False, "")
    assert nightly["next_date"].endswith("T01:30+00:00")
    assert (wrong["name"], "hour '25'" in wrong["trouble"]) == ("wrong", True)
    assert "idle" not in called.out


def test_the_next_times_are_those_of_all_jobs_in_order(write, call):
    """As a calendar says: the New Years to come, in their time zone and in UTC."""
    write(year=f'cron = "0 12 1 1 *"\ntimezone = "{ZONE.key}"\nfinish_by = "13:00"', half='cron = "0 0 1 1,7 *"')
    now, years = datetime.now(UTC), range(2020, 2060)
    new_years = [at for year in years if (at := datetime(year, 1, 1, 11, tzinfo=UTC)) > now]
    halves = [at for y in years for m in (1, 7) if (at := datetime(y, m, 1, tzinfo=UTC)) > now]

    alone = message(call("--json", "schedule", "next", "year", "-n", "3"), "next")
    together = message(call("--json", "schedule", "next", "-n", "6"), "next")

    assert [one["at"] for one in alone] == [at.isoformat(timespec="minutes") for at in new_years[:3]]
    assert [one["logical_date"] for one in alone] == [f"{at.year}-01-01T12:00+01:00" for at in new_years[:3]]
    assert {(one["finish_by"], one["paused"]) for one in alone[:1]} == {
        (f"{new_years[0].year}-01-01T12:00+00:00", False)
    }
    merged = sorted([*((at, "half") for at in halves[:6]), *((at, "year") for at in new_years[:6])])[:6]
    assert [(one["at"], one["job"]) for one in together] == [
        (at.isoformat(timespec="minutes"), job) for at, job in merged
    ]


def test_a_job_is_paused_with_a_reason_and_resumed(write, call):
    """Both are seen in the list; to resume what was not paused says so."""
    write(nightly='cron = "30 1 * * *"')

    call("schedule", "pause", "nightly", "--reason", "the disk is being\nexchanged")
    (paused,) = message(call("--json", "schedule", "list"), "job")
    status, listed = call("status").out, call("schedule", "list").out
    (coming,) = message(call("--json", "schedule", "next", "-n", "1"), "next")
    first, second = (message(call("--json", "schedule", "resume", "nightly"), "job")[0] for _ in range(2))
    (after,) = message(call("--json", "schedule", "list"), "job")

    assert (paused["paused"], paused["why"], coming["paused"]) == (True, "the disk is being exchanged", True)
    assert "job nightly is paused since" in status
    assert f"next none while it is paused; {paused['next_date']} goes by" in listed
    assert (first["was_paused"], second["was_paused"], after["paused"]) == (True, False, False)


def test_a_job_that_is_gone_can_still_be_resumed(write, call):
    """What was said of it is taken back, before it comes again."""
    write(nightly='cron = "30 1 * * *"')
    call("schedule", "pause", "nightly")
    write(other='cron = "30 1 * * *"')

    assert call("schedule", "resume", "nightly").code == 0


def test_a_job_is_run_for_this_minute_once(write, call, kept):
    """The run is there for the daemon, with the priority of its job, and the dates of today."""
    write(nightly=f'cron = "30 1 * * *"\ntimezone = "{ZONE.key}"\nfinish_by = "06:00"\npriority = 7')

    called = call("schedule", "trigger", "nightly")

    (run,) = kept.store.runs.latest()
    at = datetime.fromisoformat(run.logical_date)
    assert called.code == 0, called.err
    assert timedelta(0) <= datetime.now(ZONE) - at < timedelta(minutes=3)
    assert (run.state, run.priority, run.job_name) == (RunState.ADMITTED, 7, "nightly")
    assert f'"end_date":"{at.date()}"' in run.job.replace(" ", "")


@pytest.mark.parametrize(
    ("date", "name"),
    [
        pytest.param("2026-06-01", "2026-06-01T01:30+02:00", id="a day: its date"),
        pytest.param("2026-06-01T01:30", "2026-06-01T01:30+02:00", id="a minute"),
        pytest.param("2026-06-01T12:17", "2026-06-01T12:17+02:00", id="one that the schedule does not name"),
        pytest.param("2026-06-01T10:00+00:00", "2026-06-01T12:00+02:00", id="with another offset"),
        pytest.param("2026-06-02", "2026-06-02T00:00+02:00", id="a day without a date of the schedule"),
        pytest.param("2026-03-29", "2026-03-29T01:30+01:00", id="the day that lacks an hour"),
    ],
)
def test_an_earlier_date_is_run_once(write, call, kept, date, name):
    """The second time it is refused, with what can be done."""
    write(nightly=f'cron = "30 1 1,29 * *"\ntimezone = "{ZONE.key}"')

    first, second = (call("schedule", "trigger", "nightly", "--date", date) for _ in range(2))

    assert [run.logical_date for run in kept.store.runs.latest()] == [name]
    assert (first.code, second.code) == (0, 2)
    assert f"had its run for {name} already; `orchestrator status nightly`" in second.err
    assert f"`orchestrator retry {kept.store.runs.latest()[0].id}`" in second.err


def test_a_date_that_was_skipped_is_run_after_all(write, call, kept):
    """Its row has the run from then on, and why it had none; the reason is no longer among what was skipped lately."""
    write(nightly='cron = "30 1 * * *"')
    kept.store.dates.skip("nightly", {"2026-06-01T01:30+00:00": "missed"})

    call("schedule", "trigger", "nightly", "--date", "2026-06-01")

    (run,) = kept.store.runs.latest()
    (row,) = kept.store.dates.latest()
    assert (row.run_id, row.skipped, row.triggered) == (run.id, "missed", False)
    assert kept.store.dates.latest(skipped_since="2000") == []


def test_a_date_of_an_earlier_version_has_had_its_run(write, call, kept):
    """Written down without an offset, it is the same date."""
    write(nightly=f'cron = "30 1 * * *"\ntimezone = "{ZONE.key}"')
    call("schedule", "trigger", "nightly", "--date", "2026-06-01")
    with kept.store._db.write() as db:
        db.exec_driver_sql("UPDATE fires SET logical_date = '2026-06-01T01:30'")

    assert call("schedule", "trigger", "nightly", "--date", "2026-06-01").code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["trigger", "nightly", "--date", "tomorrow"], "'tomorrow' is no date", id="no date"),
        pytest.param(["trigger", "nightly", "--date", "2200-01-01"], "2200-01-01 is to come", id="in the future"),
        pytest.param(
            ["trigger", "far", "--date", "0001-01-01"], "0001-01-01 is not a date of this", id="the first day"
        ),
        pytest.param(["trigger", "far", "--date", "9999-12-31"], "9999-12-31 is not a date of this", id="the last day"),
        pytest.param(["trigger", "often", "--date", "2026-06-01"], "has 24 dates on 2026-06-01: name", id="several"),
        pytest.param(["trigger", "nigthly"], "no job 'nigthly'; did you mean 'nightly'?", id="misspelt"),
        pytest.param(["pause", "idle"], "job idle has no schedule", id="without a schedule"),
        pytest.param(["pause", "wrong"], "hour '25'", id="a job that is wrong"),
        pytest.param(["next", "other"], "no job 'other'", id="unknown"),
        pytest.param(["next", "nightly", "-n", "0"], "0 is not in the range", id="none"),
        pytest.param(["priority", "nobody", "3"], "nobody", id="no run"),
        pytest.param(["priority", "nobody", "3000"], "3000 is not in the range", id="too high"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(write, call, kept, words, says):
    """With the value, and what would do; nothing is begun."""
    far = f'cron = "30 1 * * *"\ntimezone = "{ZONE.key}"'
    write(nightly='cron = "30 1 * * *"', often='cron = "@hourly"', idle="", wrong='cron = "0 25 * * *"', far=far)

    called = call("schedule", *words)

    assert called.code == 2
    assert says in called.err
    assert len(called.err.strip().splitlines()) == 1
    assert (kept.store.runs.latest(), kept.store.job_states.all()) == ([], {})


def test_the_priority_of_a_run_is_changed_until_it_has_ended(call, kept):
    """One that has ended has no place in the queue."""
    run = kept.admit("east")

    (told,) = message(call("--json", "schedule", "priority", "east", "--", "-3"), "run")
    kept.store.runs.set_state(run.id, RunState.CANCELLED)
    refused = call("schedule", "priority", "east", "5")

    assert (told["priority"], kept.store.runs.head(run.id).priority) == (-3, -3)
    assert (refused.code, "only one that has not ended" in refused.err) == (2, True)


def test_the_last_date_is_the_newest_whenever_it_was_begun(write, call, kept):
    """A person asked for an older one since."""
    write(nightly='cron = "30 1 * * *"')
    for date in ("2026-06-05T01:30+00:00", "2026-06-01T01:30+00:00"):
        kept.store.dates.skip("nightly", {date: "missed"})

    (told,) = message(call("--json", "schedule", "list"), "job")

    assert told["last_date"] == "2026-06-05T01:30+00:00"


def test_an_area_that_is_not_there_is_said_as_the_daemon_says_it(write, call, tmp_path):
    """One remedy, before the daemon has met it and after."""
    write(nightly='cron = "30 1 * * *"')
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace("6.10,49.60,6.12,49.61", "nowhere.gpkg"))
    with pytest.raises(AreaError) as raised:
        open_path("nowhere.gpkg")

    (told,) = message(call("--json", "schedule", "list"), "job")

    assert told["trouble"] == str(raised.value)


def test_a_triggered_run_is_at_the_services_of_the_daemon(write, call, kept):
    """It was started with --sandbox-url, and config.toml names none: its run is one that it carries."""
    write(nightly='cron = "30 1 * * *"')
    with Sandbox(WorldCatalogue(0)) as sandbox:
        told = {"addresses": {"ee": sandbox.url, "copernicus": sandbox.url}}
        kept.store.processes.beat(ProcessRow("daemon", "here", 1, "2026-01-01", datetime.now(UTC).timestamp(), told))
        called = call("schedule", "trigger", "nightly")

    (run,) = kept.store.runs.latest()
    assert called.code == 0, called.err
    assert json.loads(run.job)["service"] == "sandbox"


def test_a_run_that_no_service_knows_is_cancelled_without_asking_one(call, kept):
    """It was begun for a sandbox, and the settings name Google, without credentials."""
    run = kept.admit("east")

    called = call("cancel", "east")

    head = kept.store.runs.head(run.id)
    assert (called.code, head.state, head.request) == (0, RunState.CANCELLED, ""), called.err
