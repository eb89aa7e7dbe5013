"""`orchestrator sandbox`, and the private sandbox of a command, as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from orchestrator.sandbox import folder_lock

ORCHESTRATOR = [sys.executable, "-c", "from orchestrator.faces.cli.main import main; main()"]


@pytest.fixture
def start(tmp_path):
    """`start(*arguments)` starts the command in a folder of its own."""
    started = []

    def run(*arguments):
        process = subprocess.Popen(
            [*ORCHESTRATOR, *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def ended(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "a service manager"])
def test_the_command_tells_its_address_and_ends_when_asked(start, number):
    """One line of JSON on standard output once it answers; Ctrl-C and SIGTERM are its ordinary end."""
    process = start("sandbox", "--port", "0")
    ready = json.loads(process.stdout.readline())
    answer = requests.get(ready["url"] + "/sandbox/about", timeout=20).json()

    process.send_signal(number)
    code, _, err = ended(process)

    assert answer == ready
    assert code == 0
    assert ready["url"] in err


def test_killing_the_command_leaves_no_server(start, tmp_path):
    """The server's process ends with the command, even after kill -9."""
    process = start("sandbox", "--port", "0", "--data-dir", "data")
    process.stdout.readline()

    process.send_signal(signal.SIGKILL)

    ended(process)
    folder_lock.take(tmp_path / "data", wait_seconds=30).close()


def test_a_second_one_on_the_same_port_says_one_thing(start):
    """One line that names who has the port; exit code 2; no promise of an address before it."""
    first = start("sandbox", "--port", "0")
    ready = json.loads(first.stdout.readline())

    code, out, err = ended(start("sandbox", "--port", ready["url"].rpartition(":")[2]))

    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert f"in use by another sandbox (process {ready['pid']}" in err


def test_a_server_that_is_killed_is_missed(start):
    """The command says that its server has ended, and exits with 1."""
    process = start("sandbox", "--port", "0")
    ready = json.loads(process.stdout.readline())

    os.kill(ready["pid"], signal.SIGKILL)

    code, _, err = ended(process)
    assert code == 1
    assert "the sandbox ended by itself" in err


def test_a_command_that_is_killed_takes_its_private_sandbox_along(start, tmp_path):
    """The demo's sandbox ends with the demo, even after kill -9."""
    process = start("--state-dir", "state", "demo")
    for line in process.stderr:
        if "planned" in line:
            break

    process.send_signal(signal.SIGKILL)

    ended(process)
    folder_lock.take(tmp_path / "state" / "sandbox", wait_seconds=30).close()


def test_a_folder_of_scenes_that_is_none_is_a_wrong_question(start, tmp_path):
    """Exit code 2, not the one of settings and credentials: an option was wrong."""
    (tmp_path / "empty").mkdir()

    code, _, err = ended(start("sandbox", "--port", "0", "--scenes", "empty"))

    assert code == 2
    assert "Traceback" not in err
