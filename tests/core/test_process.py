"""What a process is called, and what is known of one that has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from orchestrator.core import process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system does not say when a process began")


@pytest.fixture
def other():
    """A process of another program, and its name."""
    begun = subprocess.Popen(["sleep", "60"])
    yield (
        begun,
        process.process_name().replace(
            f"{os.getpid()}@{process.socket.gethostname()}/{process._began(os.getpid())}",
            f"{begun.pid}@{process.socket.gethostname()}/{process._began(begun.pid)}",
        ),
    )
    begun.kill()
    begun.wait()


def test_a_process_that_lives_is_not_gone(other):
    """Nor is this one."""
    assert not process.is_gone(other[1])
    assert not process.is_gone(process.process_name())


def test_a_process_that_was_killed_is_gone_before_its_parent_asks(other):
    """In a container nobody may ever ask."""
    begun, name = other
    begun.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, begun.pid, os.WEXITED | os.WNOWAIT)

    assert process.is_gone(name)
    begun.wait()
    assert process.is_gone(name)


def test_a_later_process_of_the_same_id_is_another(other):
    """It began at another time."""
    pid, _, rest = other[1].partition("@")
    host, began, namespace = rest.split("/")

    assert process.is_gone(f"{pid}@{host}/{int(began) - 1}/{namespace}")


@pytest.mark.parametrize("name", ["", "7@elsewhere/12/3", "7@host//", "nonsense"])
def test_of_another_machine_nothing_is_known(name):
    """Nor of a name that an earlier version wrote."""
    assert not process.is_gone(name)


def test_a_process_that_proc_hides_is_not_gone(monkeypatch, tmp_path):
    """Mounted with `hidepid`, /proc shows another user's processes to nobody."""
    name = process.process_name().replace(str(os.getpid()), "1", 1)
    monkeypatch.setattr(process, "_PROC", tmp_path)
    monkeypatch.setattr(process, "_namespace", lambda: name.rpartition("/")[2])

    def hidden(_pid, _signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", hidden)

    assert not process.is_gone(name)
