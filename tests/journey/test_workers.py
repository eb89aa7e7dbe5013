"""`orchestrator worker`: units of a run done by other processes, which are killed, stopped and ended at any moment."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import ExitStack, closing

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


def begin(home, *words, **environment):
    """Begin the run, whose holder leaves its units to workers."""
    return home.start("run", *PIXELS, *words, **BY_WORKERS, **environment)


@pytest.fixture
def quiet(home):
    """The checksum of a run that nobody disturbs, and by threads of its own process."""
    return home.run(*PIXELS).expect(0).sha256


def test_killed_anywhere_workers_and_holder_change_no_byte(home, quiet):
    """A worker dies at each step on the way of a piece, then the holder; another worker ends in good order."""
    points = ("unit.fetched", "piece.kept", "SqlUnits.bring.uncommitted", "SqlUnits.bring.committed")
    with ExitStack() as there:
        doomed = [there.enter_context(Worker(home, "--at-once", "1", **{kit.CRASH_AT: point})) for point in points]
        assert begin(home, "--again", **{kit.CRASH_AT: "piece.placed"}).wait().code == kit.KILLED
        other = there.enter_context(Worker(home))
        assert begin(home, **{kit.CRASH_AT: "SqlUnits.placed.committed"}).wait().code == kit.KILLED
        outcome = begin(home).wait().expect(0)
        other.signal(signal.SIGTERM)

        assert outcome.sha256 == quiet
        assert other.wait().code == 0, other.ended
        assert {worker.wait().code for worker in doomed} == {kit.KILLED}
    assert {state for state, _, _ in units(home)} == {"DONE"}
    assert not any(name.startswith(other.name) for name in workers(home))
    assert home.leftovers() == []


def test_a_worker_that_was_stopped_past_its_lease_changes_nothing(home, quiet):
    """It wakes with an answer for a unit that another has done: its commit is refused, and its piece goes."""
    home.service.order({"api": "image.computePixels", "action": "stall", "seconds": 60, "count": 1, "skip": 1})
    with Worker(home, "--at-once", "1") as stopped:
        holder = begin(home, "--again")
        home.wait_until(lambda: home.service.state()["faults"][0]["pending"] == 0)
        stopped.signal(signal.SIGSTOP)
        with Worker(home) as other:
            outcome = holder.wait().expect(0)
            home.service.post("/sandbox/release", {})
            stopped.signal(signal.SIGCONT)
            stopped.signal(signal.SIGTERM)

            assert stopped.wait().code == 0, stopped.ended
            assert outcome.sha256 == quiet
            assert any(name.startswith(other.name) and fence > 1 for _, name, fence in units(home))
    assert home.leftovers() == []
