"""`serve --web`: the page as a child, which comes back when it dies and goes when its daemon does."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from orchestrator.faces.web import child
from orchestrator.faces.web.child import page_beside

ROOT = Path(__file__).parents[2]
PARENT = """
import sys, threading
from orchestrator.faces.web.child import page_beside

with page_beside(sys.argv[1:], lambda name, facts: print(name, flush=True)):
    threading.Event().wait()
"""


class Heard:
    """What a keeper told, and a wait for the next of it."""

    def __init__(self):
        self._told, self._new = [], threading.Condition()

    def __call__(self, name, facts):
        with self._new:
            self._told.append((name, facts))
            self._new.notify_all()

    def next(self, wanted):
        with self._new:
            assert self._new.wait_for(lambda: any(name == wanted for name, _ in self._told), 120)
            at = next(n for n, (name, _) in enumerate(self._told) if name == wanted)
            return self._told.pop(at)[1]


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A folder for a state, from which the program of this tree is started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(child, "FIRST_WAIT_SECONDS", 0.05)
    return tmp_path / "state"


def words(state):
    return ["--state-dir", str(state), "web", "--port", "0"]


def pid_of(state):
    return json.loads((state / "web.json").read_bytes())["pid"]


def test_a_page_that_was_killed_is_started_again(state):
    """With the same token, so that nobody is logged out."""
    heard = Heard()

    with page_beside(words(state), heard):
        first = heard.next("web.started")
        os.kill(pid_of(state), signal.SIGKILL)
        assert heard.next("web.ended")["again_in_seconds"] == 0.05
        second = heard.next("web.started")
        status = requests.get(second["link"], timeout=60).status_code

    assert status == 200
    assert [one["link"].partition("token=")[2] for one in (first, second)] == [(state / "web.token").read_text()] * 2


def test_a_page_ends_with_a_daemon_that_was_killed(state):
    """Which said nothing to it: what it reads is at its end."""
    command = [sys.executable, "-c", PARENT, *words(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout.readline() == "web.started\n"
        page = os.pidfd_open(pid_of(state))

        daemon.kill()

    try:
        assert wait_for_end(page)
    finally:
        os.close(page)


def wait_for_end(process):
    """Wait for the end of a process that is not ours, as the kernel tells it (pidfd_open(2))."""
    import select  # noqa: PLC0415

    return bool(select.select([process], [], [], 120)[0])


def test_a_page_that_hangs_is_ended_and_started_again(state, monkeypatch):
    """No end of a process tells that it hangs: it is asked, and one that is stopped by a signal answers nothing."""
    monkeypatch.setattr(child, "ASK_SECONDS", 0.1)
    monkeypatch.setattr(child, "ANSWER_SECONDS", 2.0)
    heard = Heard()

    with page_beside(words(state), heard):
        heard.next("web.started")
        os.kill(pid_of(state), signal.SIGSTOP)
        because = heard.next("web.ended")["because"]
        heard.next("web.started")

    assert because == "it did not answer, asked 3 times, and was ended"


def test_who_hears_of_a_page_may_fail(state):
    """Such as by a terminal that was closed: the page is kept all the same."""
    heard = Heard()

    def tell(name, facts):
        heard(name, facts)
        raise BrokenPipeError(name)

    with page_beside(words(state), tell):
        heard.next("web.started")
        os.kill(pid_of(state), signal.SIGKILL)
        heard.next("web.ended")
        heard.next("web.started")


def test_what_keeps_a_page_from_beginning_is_said_once(state, monkeypatch):
    """However often it is tried; another reason is said again, and so is any after it had begun."""
    begun, really, told, heard = threading.Semaphore(0), child._start, [], Heard()
    wrong = state.parent / "config.toml"

    def start(command):
        begun.release()
        return really(command)

    def tell(name, facts):
        told.append((name, facts.get("because", "")))
        heard(name, facts)

    def tries(count):
        for _ in range(count):
            assert begun.acquire(timeout=120)

    monkeypatch.setattr(child, "_start", start)  # counted, and done
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with page_beside(["--state-dir", str(state), "web", "--port", port], tell):
            tries(3)
            wrong.write_text("[web]\nprot = 1\n")
            while len(told) < 2:
                tries(1)
            tries(2)
            wrong.unlink()
            taken.close()
            heard.next("web.started")
            os.kill(pid_of(state), signal.SIGKILL)
            heard.next("web.started")

    assert [name for name, _ in told] == ["web.ended", "web.ended", "web.started", "web.ended", "web.started"]
    assert port in told[0][1]
    assert "prot" in told[1][1]


def test_a_page_that_cannot_begin_says_why(state):
    """The daemon hears its sentence, and works on."""
    heard = Heard()

    with page_beside([*words(state), "--host", "10.0.0.5"], heard):
        because = heard.next("web.ended")["because"]

    assert "could be read by others than this machine" in because
