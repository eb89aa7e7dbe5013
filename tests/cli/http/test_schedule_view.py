"""The view of scheduled jobs: what is told of each, and what a person may do about it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from orchestrator.app.verbs.agenda import agenda
from orchestrator.config import load
from orchestrator.engine.stores.records import Admission, ProcessRow
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RunState, Who
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
DECLARED = Job("nightly", "/results", AreaSource("box"), "2024-05-01", "2024-06-01", service="sandbox")
CANARY = "<script>alert(1)</script>"
WAY = (RunState.EXPORTING, RunState.ASSEMBLING, RunState.PUBLISHED, RunState.CLEANED)


@pytest.fixture
def write(tmp_path):
    def written(**jobs: str):
        text = "".join(JOB.format(name=name, more=more) for name, more in jobs.items())
        (tmp_path / "config.toml").write_text(text)

    return written


@pytest.fixture
def fire(kept):
    """Give a date of a job its run; `done` is what its result says, `state` where it stands instead."""

    def fired(name, date, state=None, reason="", done='{"path": "/x", "bytes": 1, "sha256": "a", "version": 1}'):
        job = replace(DECLARED, base_name=name, end_date=date[:10])
        order = Admission(name, date, job.fingerprints(), job.to_json(), base_name=name)
        run = kept.store.runs.fire(order)
        if state is not None:
            kept.store.runs.set_state(run.id, state, reason, who=Who.PERSON)
            return run
        kept.store.runs.save_plan(run.id, "{}", "image", "{}", [])
        for step in WAY:
            kept.store.runs.set_state(run.id, step)
        kept.store.runs.amend_result(run.id, done)
        return run

    return fired


def squares(text):
    """Return the squares of the strip: state, whether it leads to a run, and what it says."""
    found = re.findall(r'<li data-state="(\w+)" title="([^"]*)">(?:<a href="/runs/(\w+)">)?', text)
    return [(state, run, title.partition(": ")[2]) for state, title, run in found]


def test_each_last_date_is_a_square_that_says_what_became_of_it(kept, write, fire, serve):
    """Oldest first; it leads to its run, and one that was skipped says why."""
    write(nightly='cron = "30 1 * * *"')
    partly = '{"path": "/x", "bytes": 1, "sha256": "a", "version": 1, "missing": 1, "chips": 3, "reasons": ["lost"]}'
    done = fire("nightly", "2026-06-01T01:30+00:00")
    some = fire("nightly", "2026-06-02T01:30+00:00", done=partly)
    kept.store.dates.skip("nightly", {"2026-06-03T01:30+00:00": CANARY})
    failed = fire("nightly", "2026-06-04T01:30+00:00", RunState.FAILED, "memory")
    held = fire("nightly", "2026-06-05T01:30+00:00", RunState.HELD, "12 %")
    waits = fire("nightly", "2026-06-06T01:30+00:00", RunState.ADMITTED)

    text = serve().client.get("/schedule").text

    assert CANARY not in text
    assert squares(text) == [
        ("DONE", done.id, "done"),
        ("WARNING", some.id, "partly done: 1 of 3 chips is missing: lost"),
        ("SKIPPED", "", "skipped: &lt;script&gt;alert(1)&lt;/script&gt;"),
        ("FAILED", failed.id, "failed: memory"),
        ("HELD", held.id, "held: 12 %"),
        ("WAITING", waits.id, "waits"),
    ]
    assert "1 done, 1 partly done, 1 waits, 1 skipped, 1 held, 1 failed" in text


def test_a_date_of_several_areas_is_one_square_of_the_worst(kept, write, fire, serve):
    """Each area has a run; the date leads to the one that needs somebody."""
    write(tiles='cron = "30 1 * * *"')
    text = (
        (kept.folder.parent / "config.toml")
        .read_text()
        .replace('area = "6.10', 'area = { each = "NAME", source = "6.10')
    )
    (kept.folder.parent / "config.toml").write_text(text.replace('49.61"', '49.61" }'))
    name = "2026-06-01T01:30+00:00"
    kept.store.dates.settle("tiles", name)
    fire("tiles_a", name)
    failed = fire("tiles_b", name, RunState.FAILED, "memory")
    fire("tilesandmore", name, RunState.HELD)
    app = serve().client.app._app.state.site.app

    (job,) = agenda(app, load).jobs

    assert [(past.date, past.outcome, past.run, past.runs) for past in job.last] == [(name, "FAILED", failed.id, 2)]


def test_the_next_times_are_in_the_zone_of_the_job_and_of_the_reader(write, serve):
    """Five of them; the reader's are made by the browser, of moments in UTC."""
    write(year='cron = "0 12 1 1 *"\ntimezone = "Europe/Ljubljana"\nfinish_by = "13:00"')
    year = datetime.now(UTC).year + 1

    text = serve().client.get("/schedule").text

    assert "At 12:00 on day 1 of the month in January, Europe/Ljubljana" in text
    moments = re.findall(r'<td>(\w+ 01 Jan, 12:00)</td><td><time datetime="([^"]+)"', text)
    assert [at for _, at in moments] == [f"{year + n}-01-01T11:00+00:00" for n in range(5)]
    assert [wall for wall, _ in moments] == [f"{date(year + n, 1, 1):%a} 01 Jan, 12:00" for n in range(5)]


def test_a_job_is_paused_with_a_reason_and_resumed(write, serve):
    write(nightly='cron = "30 1 * * *"')
    client = serve().client

    client.post("/schedule/pause", data={"job": "nightly", "reason": CANARY})
    paused = client.get("/schedule").text
    client.post("/schedule/resume", data={"job": "nightly"})

    assert "&lt;script&gt;alert(1)&lt;/script&gt;. Its dates go by" in paused
    assert 'action="/schedule/resume"' in paused
    assert "Its dates go by" not in client.get("/schedule").text


def test_a_date_is_run_now_and_its_run_is_shown(kept, write, serve):
    """Who did so is among its events."""
    write(nightly='cron = "30 1 * * *"')
    with Sandbox(WorldCatalogue(0)) as sandbox:
        told = {"addresses": {"ee": sandbox.url, "copernicus": sandbox.url}}
        kept.store.processes.beat(ProcessRow("daemon", "here", 1, "2026-01-01", datetime.now(UTC).timestamp(), told))
        client = serve().client
        answer = client.post("/schedule/trigger", data={"job": "nightly", "date": "2026-06-01"}, follow_redirects=False)

    (run,) = kept.store.runs.latest()
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run.id}")
    assert run.logical_date == "2026-06-01T01:30+00:00"
    assert "web.action" in [event.name for event in kept.store.events.latest(run.id)]


def test_a_date_that_is_none_is_refused_in_a_sentence(write, serve):
    """Beside the page, which stays as it is."""
    write(nightly='cron = "30 1 * * *"')

    answer = serve().client.post(
        "/schedule/trigger",
        data={"job": "nightly", "date": "tomorrow"},
        headers={"HX-Request": "true", "Accept": "text/html"},
    )

    assert (answer.status_code, answer.headers["HX-Retarget"]) == (400, "#notes")
    assert "&#39;tomorrow&#39; is no date; write 2026-06-01" in answer.text


def test_a_broken_file_is_said_and_the_jobs_that_were_read_stay(write, serve, tmp_path):
    """Mended, it counts at the next look; no restart of the page is needed."""
    write(nightly='cron = "30 1 * * *"')
    client = serve().client
    client.get("/schedule")

    (tmp_path / "config.toml").write_text("[jobs.nightly\n")
    broken = client.get("/schedule").text
    write(weekly='every = "7d"')
    mended = client.get("/schedule").text

    assert "The settings cannot be read:" in broken
    assert "config.toml" in broken
    assert "At 01:30 every day" in broken
    assert ("nightly" in mended, "Every week, UTC" in mended, "cannot be read" in mended) == (False, True, False)


def test_a_job_that_is_left_out_is_shown_with_its_sentence(write, serve):
    """It can be neither run nor paused."""
    write(wrong='cron = "0 25 * * *"')

    text = serve().client.get("/schedule").text

    assert "hour &#39;25&#39;: 25 is not 0 to 23" in text
    assert ("left out" in text, "/schedule/trigger" in text) == (True, False)


def test_who_has_no_job_is_told_how_one_is_made(serve, tmp_path):
    """And nothing is made by looking."""
    text = serve().client.get("/schedule").text

    assert "No job has a schedule." in text
    assert 'href="/new"' in text
    assert not (tmp_path / "state").exists()
