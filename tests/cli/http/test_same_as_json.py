"""The API tells what `--json` tells, object for object."""

from __future__ import annotations

import re

import pytest

from orchestrator.model.states import RunState, Who

CONFIG = """
[jobs.nightly]
area = "6.10,49.60,6.12,49.61"
output = "out"
base_name = "nightly"
start_date = "today-30d"
end_date = "today"
bands = ["B4"]
cron = "30 1 * * *"
timezone = "Europe/Ljubljana"
finish_by = "06:00"

[jobs.wrong]
area = "6.10,49.60,6.12,49.61"
output = "out"
base_name = "wrong"
start_date = "today-30d"
end_date = "today"
cron = "0 25 * * *"
"""
# How long ago something was is another number at the second look.
AGES = {"elapsed_seconds", "heartbeat_age_seconds"}


def ageless(told):
    because = [re.sub(r", [^,]* ago", "", sentence) for sentence in told.get("because", ())]
    return {key: value for key, value in told.items() if key not in AGES} | {"because": because}


ASKED = (
    (["status"], "/runs"),
    (["status", "--limit", "1"], "/runs?limit=1"),
    (["status", "exporting"], "/runs/exporting"),
    (["why", "held"], "/runs/held/why"),
    (["why", "exporting", "0001"], "/runs/exporting/why?unit=0001"),
    (["logs", "exporting"], "/runs/exporting/events"),
    (["schedule", "list"], "/schedule"),
    (["schedule", "next"], "/schedule/next"),
    (["schedule", "next", "nightly", "-n", "2"], "/schedule/next?job=nightly&count=2"),
    (["usage"], "/usage"),
    (["usage", "--month", "2026-11"], "/usage?month=2026-11"),
    (["health"], "/health"),
)
REFUSED = (
    (["why", "nobody"], "/runs/nobody/why", 404),
    (["why", "two"], "/runs/two/why", 400),
    (["why", "exporting", "9999"], "/runs/exporting/why?unit=9999", 400),
    (["schedule", "next", "daily"], "/schedule/next?job=daily", 404),
    (["usage", "--month", "May"], "/usage?month=May", 400),
)


def test_the_api_answers_what_the_command_writes(kept, call, serve, tmp_path):
    """The same state, looked at by both, in every way that both have."""
    (tmp_path / "config.toml").write_text(CONFIG)
    run = kept.plan(kept.admit("exporting"))
    held = kept.admit("held")
    kept.store.runs.set_state(held.id, RunState.HELD, "the bucket is gone", who=Who.PERSON)
    kept.store.events.record(run.id, "run.planned", {"tasks": 2, "parts": 4})
    api = serve()

    for words, path in ASKED:
        written = call("--json", *words).messages
        answered = api.get(path).json()
        told = answered if isinstance(answered, list) else [answered]
        assert [ageless(one) for one in told] == [ageless(one) for one in written if set(one) != _WRONG_JOB], path


_WRONG_JOB = {"message_type", "schema", "name", "error"}  # `status` also says which jobs of config.toml are wrong


def test_an_error_is_the_sentence_of_the_command(kept, call, serve, tmp_path):
    """With its exit code, and the status that this has."""
    (tmp_path / "config.toml").write_text(CONFIG)
    kept.plan(kept.admit("exporting"))
    kept.admit("two")
    kept.admit("two", start_date="2024-05-02")
    api = serve()

    for words, path, status in REFUSED:
        written = call("--json", *words).messages[-1]
        answered = api.get(path)
        assert (answered.status_code, answered.json()) == (status, written), path


@pytest.mark.parametrize(
    ("after", "status"),
    [(0, 200), (2**63 - 1, 200), (2**63, 400), (-1, 400), ("x", 400)],
    ids=["the first", "the last number of the database", "one more", "below", "no number"],
)
def test_events_are_asked_for_after_a_number_that_the_database_can_hold(kept, serve, after, status):
    """Another is refused in a sentence, and is no fault of the page."""
    kept.admit("east")

    answer = serve().get("/runs/east/events", after=after)

    assert answer.status_code == status
    assert status == 200 or "'after' is" in answer.json()["sentence"]


def test_events_are_followed_by_their_sequence(kept, serve):
    """Those after the last one that is known come next, oldest first, however many there are."""
    run = kept.admit("east")
    for number in range(5):
        kept.store.events.record(run.id, f"word.{number}", {})
    api = serve()
    heard, after = [], 0

    while found := api.get("/runs/east/events", after=after, limit=2).json():
        heard += [one["event"] for one in found]
        after = found[-1]["sequence"]

    assert heard[-5:] == [f"word.{number}" for number in range(5)]
    assert len(set(heard)) == len(heard)
    assert [one["event"] for one in api.get("/runs/east/events", limit=2).json()] == ["word.3", "word.4"]


def test_a_result_is_the_summary_of_the_run_and_its_lack_is_an_answer(kept, serve):
    """As `watch` ends: with path, proof and picture, or with the reason."""
    done = kept.plan(kept.admit("done"))
    for state in (RunState.ASSEMBLING, RunState.PUBLISHED, RunState.CLEANED):
        kept.store.runs.set_state(done.id, state)
    kept.store.runs.amend_result(
        done.id, '{"path": "/r/a.tif", "bytes": 7, "sha256": "ab", "version": 1, "valid": {"B4": 0.5}}'
    )
    failed = kept.admit("failed")
    kept.store.runs.set_state(failed.id, RunState.FAILED, "memory")
    api = serve()

    told, lacking = api.get("/runs/done/result"), api.get("/runs/failed/result")

    assert {key: told.json()[key] for key in ("path", "bytes", "valid", "proof", "picture")} == {
        "path": "/r/a.tif",
        "bytes": 7,
        "valid": {"B4": 0.5},
        "proof": "/r/a.json",
        "picture": "/r/a.png",
    }
    assert (lacking.status_code, lacking.json()["state"], lacking.json()["reason"]) == (200, "FAILED", "memory")


def test_limits_and_numbers_are_those_of_the_state(kept, serve):
    """What `metrics` prints, and what holds runs back."""
    kept.plan(kept.admit("east"))
    api = serve()

    limits, text = api.get("/limits").json(), api.get("/metrics").json()["text"]

    assert (limits["restricted"], limits["sentences"], limits["slots"]) == (False, [], 0)
    assert 'orchestrator_runs{state="EXPORTING"} 1.0' in text


def test_runs_are_chosen_by_what_they_are(kept, serve):
    """State, job, service, text and page; a word that is none is refused with those there are."""
    for name in ("east", "west", "north"):
        kept.admit(name)
    failed = kept.admit("south")
    kept.store.runs.set_state(failed.id, RunState.FAILED, "memory limit")
    api = serve()

    def names(**words):
        return [run["name"] for run in api.get("/runs", **words).json()]

    assert names(state=["FAILED", "CANCELLED"]) == names(text="memory") == names(job="south") == ["south"]
    assert names(state="ADMITTED", sort="name", limit=2) + names(state="ADMITTED", sort="name", limit=2, page=2) == [
        "east",
        "north",
        "west",
    ]
    assert (names(service="google"), len(names(service="sandbox"))) == ([], 4)
    refused = api.get("/runs", state="BROKEN")
    assert (refused.status_code, "EXPORTING" in refused.json()["sentence"]) == (400, True)
