"""`orchestrator worker`: units of a run done by other processes, which are killed, stopped and ended at any moment."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

import journey_kit as kit
import pytest

BY_WORKERS = {"ORCHESTRATOR_ENGINE__EXECUTOR": "workers"}  # the holder does no unit itself
LEASE = {"ORCHESTRATOR_ENGINE__LEASE": "1"}  # seconds after which a worker that is not heard of has lost its units
PIXELS = ("--route", "pixels")
# A quota of the sandbox that takes the small job four to eight requests.
SMALL = 700_000


@pytest.fixture
def home(tmp_path, program, service):
    before = service.state()["pixels"]["quotas"]
    service.post("/sandbox/quotas", {"bytes": SMALL})
    yield kit.Home(tmp_path, program, service, LEASE)
    service.post("/sandbox/quotas", before)


class Worker:
    """A worker beside the run; it is killed at the end of its block where it still lives."""

    def __init__(self, home, *words, **environment):
        told = ["worker", *words, "--sandbox-url", home.service.url, "--state-dir", "state"]
        self.running = home.program.start(told, home.folder, **home.environment, **environment)
        self.ended = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.ended is None:
            self.signal(signal.SIGKILL)
            self.wait()

    def signal(self, number):
        self.running.signal(number)

    def wait(self):
        self.ended = self.ended or self.running.wait()
        return self.ended

    @property
    def name(self):
        """What its name among the processes of a state begins with."""
        return f"worker {self.running.pid}@"


def units(home):
    """Return (state, worker, fence) of each unit that was not cut."""
    with closing(sqlite3.connect(home.folder / "state" / "state.db")) as state:
        return state.execute("SELECT state, worker, fence FROM units WHERE state <> 'SPLIT'").fetchall()


def workers(home):
    """Return the names of the workers that have not ended by their own word."""
    with closing(sqlite3.connect(home.folder / "state" / "state.db")) as state:
        return {name for (name,) in state.execute("SELECT name FROM processes WHERE name LIKE 'worker %'")}


def test_a_worker_that_is_killed_leaves_its_units_to_another(home):
    """The result has the bytes of a run that nobody disturbed; the other worker ends in good order."""
    quiet = home.run(*PIXELS).expect(0).sha256

    with Worker(home, **{kit.CRASH_AT: "piece.kept"}) as doomed, Worker(home) as other:
        outcome = home.start("run", *PIXELS, "--again", **BY_WORKERS).wait().expect(0)
        other.signal(signal.SIGTERM)
        ended = other.wait()

    assert outcome.sha256 == quiet
    assert (doomed.wait().code, ended.code) == (kit.KILLED, 0), ended
    assert all(name.startswith(other.name) for _, name, _ in units(home) if name.startswith("worker "))
    assert [name.startswith(doomed.name) for name in workers(home)] == [True]
    assert home.leftovers() == []
