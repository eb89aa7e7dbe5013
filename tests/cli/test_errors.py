"""Errors: one line for people, one JSON line for programs, the same exit code for both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.core.errors import AreaError, CredentialError, Stopped, TransientError
from orchestrator.faces.cli import exits
from orchestrator.faces.cli.main import EXIT_CODES, run_cli
from orchestrator.model.objects import StoredObject
from orchestrator.model.result import Result, ResultFile
from orchestrator.model.states import RunState

WRONG = {
    "unknown command": (["frobnicate"], 2, "frobnicate"),
    "unknown option": (["run", "--bandz", "B2"], 2, "--bandz"),
    "unknown global option": (["--colour", "status"], 2, "--colour"),
    "no number": (["status", "--limit", "many"], 2, "many"),
    "a choice that is none": (["run", "--route", "ftp"], 2, "ftp"),
    "missing argument": (["why"], 2, "RUN"),
    "no command": ([], 2, "command"),
    "missing options": (["run"], 2, "--shapefile"),
    "no such run": (["why", "east"], 2, "no run"),
    "no such config": (["--config", "nowhere.toml", "status"], 4, "nowhere.toml"),
    "no project": (
        [
            "run",
            "--area",
            "1,2,3,4",
            "--output",
            "o",
            "--base-name",
            "a",
            "--start-date",
            "2024-01-01",
            "--end-date",
            "2024-02-01",
        ],
        4,
        "project",
    ),
}


@pytest.mark.parametrize(("words", "code", "named"), WRONG.values(), ids=WRONG.keys())
def test_an_error_is_one_json_line_where_json_was_asked_for(call, words, code, named):
    """The last line on standard output says the exit code and the sentence that a person would read."""
    called = call("--json", *words)

    message = called.messages[-1]
    assert called.code == code
    assert (message["message_type"], message["exit_code"]) == ("error", code)
    assert named in message["sentence"]
    assert called.err.strip() == f"orchestrator: {message['sentence']}"


@pytest.mark.parametrize(
    ("words", "code", "named"), [w for w in WRONG.values() if w[0]], ids=[k for k in WRONG if WRONG[k][0]]
)
def test_an_error_is_one_line_for_people(call, words, code, named):
    """No usage text, no box, no traceback; standard output stays empty."""
    called = call(*words)

    assert called.code == code
    assert len(called.err.strip().splitlines()) == 1
    assert named in called.err
    assert called.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(AreaError("no\narea"), 2, id="asked wrongly"),
        pytest.param(CredentialError("who"), 4, id="credentials"),
        pytest.param(TransientError("later"), 5, id="passes"),
        pytest.param(Stopped("stop"), 130, id="stopped"),
        pytest.param(OSError("no disk"), 1, id="disk"),
        pytest.param(KeyboardInterrupt(), 130, id="Ctrl-C before signals are obeyed"),
    ],
)
def test_every_kind_of_error_ends_in_json(call, monkeypatch, error, code):
    """Whatever ends a command, a program reads why."""
    monkeypatch.setattr("orchestrator.faces.cli.status.looking", lambda *_: (_ for _ in ()).throw(error))

    called = call("status", "--json")

    assert called.code == code
    assert called.messages[-1]["exit_code"] == code
    assert "\n" not in called.messages[-1]["sentence"]


def test_a_fault_of_ours_is_told_to_programs_too(capfd, monkeypatch):
    """The traceback stays for people; the JSON line names the error."""
    monkeypatch.setattr("orchestrator.faces.cli.status.looking", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        run_cli(["status", "--json"])

    assert '"message_type": "error"' in capfd.readouterr().out


def test_quiet_and_json_are_taken_after_the_command(call):
    """There people write them."""
    assert call("status", "-q").out == call("-q", "status").out
    assert call("why", "x", "--json").messages == call("--json", "why", "x").messages


@pytest.mark.parametrize(
    ("codes", "all_together"),
    [
        ([0, 0, 0], 0),
        ([0, 1, 0], 1),
        ([1, 1], 1),
        ([0, 3], 3),
        ([3, 3], 3),
        ([3, 1, 0], 1),
        ([2, 0], 1),
        ([2, 2], 2),
        ([5, 0], 5),
        ([5, 3], 3),
        ([5, 2], 1),
    ],
)
def test_several_jobs_have_one_exit_code(codes, all_together):
    """0 only when all are done; 1 as soon as one failed; 3 when all that is left waits for a person."""
    assert exits.together(codes) == all_together


def test_help_tells_the_table_of_exit_codes():
    """There is one table."""
    assert re.findall(r"(\d+) ([^,]+)", EXIT_CODES.strip().rstrip(".")) == [
        (str(code), meaning) for code, meaning in exits.MEANINGS.items()
    ]


@pytest.mark.usefixtures("kept")
def test_an_error_holds_no_secret_and_no_control_character(call):
    """What an answer or a name brought along does not reach a terminal or a log file."""
    called = call("why", "ya29.secret\x1b[2J", "--json")

    assert "ya29" not in called.out + called.err
    assert "\x1b" not in called.err
    assert "[masked]" in called.messages[-1]["sentence"]


def test_a_result_of_a_sandbox_is_fetched_from_that_sandbox_or_not_looked_for(kept, call):
    """Without its address nobody asks Google for it: what to add is said, in one line, as `submit` and `worker` do."""
    run = kept.plan(kept.admit("east"))
    main = ResultFile(Path("/made/east.tif"), 3, "a" * 64)
    sent = StoredObject("east.tif", 3, "1", "AAAAAA==")
    kept.store.runs.save_result(
        run.id, Result((main,), place="gs://maps/east", made_in="/made", objects=(sent,)).to_json()
    )
    for state in (RunState.ASSEMBLING, RunState.PUBLISHED, RunState.CLEANED):
        kept.store.runs.set_state(run.id, state)

    fetched = call("fetch", "east", "--to", "here")

    assert fetched.code == 4
    assert "was begun on sandbox" in fetched.err
    assert "add --sandbox-url URL" in fetched.err
    assert "library.said" not in fetched.err
