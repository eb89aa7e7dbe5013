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


@pytest.mark.parametrize(
    ("words", "path"),
    [
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
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_api_answers_what_the_command_writes(kept, call, serve, tmp_path, words, path):
    """The same state, looked at by both."""
    (tmp_path / "config.toml").write_text(CONFIG)
    kept.plan(kept.admit("exporting"))
    held = kept.admit("held")
    kept.store.runs.set_state(held.id, RunState.HELD, "the bucket is gone", who=Who.PERSON)
    kept.store.events.record(kept.store.runs.named("exporting")[0].id, "run.planned", {"tasks": 2, "parts": 4})

    written = call("--json", *words).messages
    answered = serve().get(path).json()

    told = answered if isinstance(answered, list) else [answered]
    assert [ageless(one) for one in told] == [ageless(one) for one in written if set(one) != _REFUSED]


_REFUSED = {"message_type", "schema", "name", "error"}  # `status` also says which jobs of config.toml are wrong


@pytest.mark.parametrize(
    ("words", "path", "status"),
    [
        (["why", "nobody"], "/runs/nobody/why", 404),
        (["why", "two"], "/runs/two/why", 400),
        (["why", "exporting", "9999"], "/runs/exporting/why?unit=9999", 400),
        (["schedule", "next", "daily"], "/schedule/next?job=daily", 404),
        (["usage", "--month", "May"], "/usage?month=May", 400),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_error_is_the_sentence_of_the_command(kept, call, serve, tmp_path, words, path, status):
    """With its exit code, and the status that this has."""
    (tmp_path / "config.toml").write_text(CONFIG)
    kept.plan(kept.admit("exporting"))
    kept.admit("two")
    kept.admit("two", start_date="2024-05-02")

    written = call("--json", *words).messages[-1]
    answered = serve().get(path)

    assert (answered.status_code, answered.json()) == (status, written)
