"""What a program does to jobs, runs and schedules over HTTP: the same as the commands do, refused in the same words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from orchestrator.app.sandbox_process import service_at
from orchestrator.engine.stores.records import ProcessRow
from orchestrator.model.states import RunState, Who
from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import Sandbox

JOB = {
    "area": "6.10,49.60,6.12,49.61",
    "output": "out",
    "base_name": "box",
    "start_date": "2024-06-01",
    "end_date": "2024-07-01",
    "bands": ["B4"],
}
SCHEDULED = """
[jobs.nightly]
area = "6.10,49.60,6.12,49.61"
output = "out"
base_name = "nightly"
start_date = "today-30d"
end_date = "today"
bands = ["B4"]
cron = "30 1 * * *"
"""
NOWHERE = "http://127.0.0.1:1"  # nobody answers there
SANDBOX = service_at(NOWHERE)


@pytest.fixture(scope="module")
def sandbox():
    """One for all tests: it is asked little."""
    with Sandbox(WorldCatalogue(0)) as sandbox:
        yield sandbox


def test_a_plan_is_that_of_the_command_without_its_files(call, serve, tmp_path):
    """Nothing is stored, no file is written, nobody is asked."""
    words = [f"--{key.replace('_', '-')}={','.join(v) if isinstance(v, list) else v}" for key, v in JOB.items()]
    (written,) = call("--json", "plan", *words, "--sandbox").messages
    before = sorted(tmp_path.rglob("*"))

    (told,) = serve(**SANDBOX).post("/plan", job=JOB).json()

    assert told | {"picture": "", "geojson": ""} == written | {"picture": "", "geojson": ""}
    assert (told["picture"], sorted(tmp_path.rglob("*"))) == ("", before)


def test_a_submitted_job_is_the_run_that_the_command_would_give(kept, call, serve, sandbox, tmp_path):
    """The same declaration has one run, by whichever way it came, at the services of the daemon that is to carry it."""
    told = {"addresses": {"ee": sandbox.url, "copernicus": sandbox.url}}
    kept.store.processes.beat(ProcessRow("daemon", "here", 1, "2026-01-01", datetime.now(UTC).timestamp(), told))
    api = serve()
    (told,) = api.post("/runs", job=JOB, priority=7).json()
    (tmp_path / "job.toml").write_text("\n".join(f"{key} = {json.dumps(value)}" for key, value in JOB.items()))

    (written,) = [
        one
        for one in call("--json", "submit", "job.toml", "--sandbox-url", sandbox.url).messages
        if one["message_type"] == "submitted"
    ]

    assert told == written
    assert [(run["run"], run["base_name"]) for run in api.get("/runs").json()] == [(told["run"], "box")]


def test_a_job_that_cannot_be_done_leaves_nothing(serve, tmp_path):
    """It names the key, the value and what is known, as a job file's refusal does."""
    answer = serve(**SANDBOX).post("/runs", job=JOB | {"recpie": "ndvi"})

    assert answer.status_code == 400
    assert answer.json()["sentence"].startswith("job: 'recpie' is no key of a job; did you mean 'recipe'?")
    assert not (tmp_path / "state").exists()


def test_a_file_of_code_is_not_run_for_a_program_unless_the_settings_allow_it(serve, tmp_path):
    """As of a scheduled job: nobody looks when it begins."""
    (tmp_path / "mine.py").write_text("raise SystemExit('it ran')")
    job = JOB | {"recipe": "image-code", "params": {"file": str(tmp_path / "mine.py")}}

    answer = serve(**SANDBOX).post("/plan", job=job)

    assert (answer.status_code, "allow_code = true" in answer.json()["sentence"]) == (400, True)


@pytest.mark.parametrize(
    "file", ["none.py", f"{'a' * 300}.py", "a\0b.py", "."], ids=["none", "long", "odd", "a folder"]
)
def test_a_file_of_code_that_cannot_be_read_is_asked_for_wrongly(serve, tmp_path, file):
    """A plan with it is refused in a sentence that names it; it is no fault of the page."""
    job = JOB | {"recipe": "image-code", "params": {"file": str(tmp_path / file)}}

    answer = serve(**SANDBOX, serve={"allow_code": True}).post("/plan", job=job)

    assert (answer.status_code, str(tmp_path) in answer.json()["sentence"]) == (400, True)


def test_a_held_run_goes_on_with_what_a_person_allows(kept, serve):
    """`retry` with a share of valid pixels."""
    run = kept.plan(kept.admit("east"))
    kept.store.runs.set_state(run.id, RunState.HELD, "12 % valid", who=Who.PERSON)

    answer = serve().post("/runs/east/retry", min_valid=0.1)

    assert (answer.status_code, answer.json()["state"]) == (200, "EXPORTING")
    assert kept.store.lessons.get(run.id, "min_valid") == 0.1


def test_a_run_that_no_service_knows_is_cancelled(kept, serve):
    run = kept.admit("east")

    answer = serve().post("/runs/east/cancel")

    assert (answer.status_code, answer.json()["state"]) == (200, "CANCELLED")
    assert kept.store.runs.head(run.id).state is RunState.CANCELLED


def test_an_ended_run_cannot_be_cancelled_once_more(kept, serve):
    """The sentence says so; nothing is changed."""
    kept.admit("east")
    serve().post("/runs/east/cancel")

    answer = serve().post("/runs/east/cancel")

    assert (answer.status_code, "already; there is nothing to cancel" in answer.json()["sentence"]) == (400, True)


def test_what_a_cancelled_run_left_is_cleaned(kept, serve, sandbox):
    """A real sandbox is asked for what lies under its prefix."""
    api = serve(**service_at(sandbox.url, bucket=sandbox.options.buckets[0]))
    run = kept.admit("east")
    api.post("/runs/east/cancel")

    answer = api.post(f"/runs/{run.id}/clean")

    assert answer.json().get("deleted") == 0, answer.json()


def test_a_priority_is_given(kept, serve):
    run = kept.admit("east")

    answer = serve().post("/runs/east/priority", priority=-3)

    assert (answer.json()["priority"], kept.store.runs.head(run.id).priority) == (-3, -3)


def test_a_job_is_paused_with_a_reason_and_goes_on(serve, tmp_path):
    """What the list says of it follows."""
    (tmp_path / "config.toml").write_text(SCHEDULED)
    api = serve()

    api.post("/schedule/nightly/pause", reason="the bucket  moves")
    (paused,) = api.get("/schedule").json()
    again = [api.post("/schedule/nightly/resume").json()["was_paused"] for _ in range(2)]

    assert (paused["paused"], paused["why"]) == (True, "the bucket moves")
    assert (again, api.get("/schedule").json()[0]["paused"]) == ([True, False], False)


def test_a_triggered_date_has_one_run_at_the_services_of_the_daemon(kept, serve, sandbox, tmp_path):
    """A second request for it is refused with what takes it up again."""
    (tmp_path / "config.toml").write_text(SCHEDULED)
    told = {"addresses": {"ee": sandbox.url, "copernicus": sandbox.url}}
    kept.store.processes.beat(ProcessRow("daemon", "here", 1, "2026-01-01", datetime.now(UTC).timestamp(), told))
    api = serve()

    (first,) = api.post("/schedule/nightly/trigger", date="2026-06-01").json()
    second = api.post("/schedule/nightly/trigger", date="2026-06-01")

    assert first["logical_date"] == "2026-06-01T01:30+00:00"
    assert json.loads(kept.store.runs.get(first["run"]).job)["service"] == "sandbox"
    assert (second.status_code, f"orchestrator retry {first['run']}" in second.json()["sentence"]) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "said"),
    [
        ("get", "/runs", {"params": {"limit": "0"}}, 400, "'limit' is '0': Input should be greater than or equal to 1"),
        ("get", "/runs", {"params": {"limti": "1"}}, 400, "'limti' is not known; did you mean 'limit'?"),
        ("get", "/runs", {"params": [("limit", "1"), ("limit", "2")]}, 400, "'limit' is said 2 times"),
        ("post", "/runs", {"content": b"{", "headers": {"content-type": "application/json"}}, 400, "Invalid JSON"),
        ("post", "/runs", {"data": {"job": "x"}}, 400, "send JSON"),
        ("post", "/runs", {"json": {}}, 400, "'job' is missing"),
        ("post", "/runs", {"json": {"job": JOB, "again": "yes"}}, 400, "'again' is 'yes': Input should be a valid"),
        ("post", "/runs/east/clean", {"json": {"force": True}}, 400, "'force' is not known; nothing can be said here"),
        ("get", "/runs/east", {}, 404, "there is no run yet"),
    ],
    ids=["too few", "misspelt", "twice", "no JSON", "a form", "no job", "no flag", "unknown key", "no state"],
)
def test_a_wrong_question_is_told_what_is_wrong(serve, tmp_path, method, path, given, status, said):
    """With the key, the value and what is known; nothing is made."""
    answer = serve().ask(method, path, **given)

    assert (answer.status_code, answer.json()["exit_code"]) == (status, 2)
    assert said in answer.json()["sentence"]
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", "/nothing", 404), ("delete", "/runs", 405), ("get", "/runs/east/cancel", 405), ("get", "/../x", 404)],
)
def test_what_is_not_there_is_told_as_any_error(serve, method, path, status):
    """No page of HTML for a program."""
    answer = serve().client.request(method, f"/api/v1{path}")

    assert (answer.status_code, answer.json()["message_type"]) == (status, "error")


def test_what_was_done_stands_among_the_events_of_the_run(kept, serve):
    """With the verb, that a program did it, and from where; a question leaves nothing."""
    run = kept.admit("east")
    api = serve()

    api.post("/runs/east/priority", priority=5)
    api.get("/runs/east/why")

    (told,) = [one for one in api.get("/runs/east/events").json() if one["event"] == "web.action"]
    assert (told["run"], told["verb"], told["by"], told["client"]) == (run.id, "prioritise", "api", "testclient")


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"Authorization": ""}, 401, "a token is needed"),
        ({"Authorization": "Bearer of-somebody-else"}, 401, "a token is needed"),
        ({"Authorization": "", "Accept": "text/html"}, 401, "a token is needed"),
        ({"Host": "evil.example"}, 421, "the page is not called so"),
    ],
    ids=["none", "another", "none, of a browser", "another name"],
)
def test_who_has_no_token_is_told_so_as_programs_are(kept, serve, headers, status, said):
    """Nothing is done."""
    run = kept.admit("east")

    answer = serve().ask("post", "/runs/east/cancel", headers=headers)

    assert (answer.status_code, answer.json()["exit_code"]) == (status, 2)
    assert answer.json()["sentence"].startswith(said)
    assert kept.store.runs.head(run.id).state is RunState.ADMITTED
