"""`orchestrator worker`: units of a run done by other processes, which are killed, stopped and ended at any moment."""

from __future__ import annotations

import signal
from contextlib import ExitStack

import journey_kit as kit
import pytest
from worker_kit import BY_WORKERS, LEASE, Worker, units, workers

PIXELS = ("--route", "pixels")
# A quota of the sandbox that takes the small job four to eight requests.
SMALL = 700_000


@pytest.fixture
def home(tmp_path, program, service):
    before = service.state()["pixels"]["quotas"]
    service.post("/sandbox/quotas", {"bytes": SMALL})
    yield kit.Home(tmp_path, program, service, LEASE)
    service.post("/sandbox/quotas", before)


def worker(home, *words, **environment):
    """Begin a worker of the home's state."""
    return Worker(home.program, home.folder, "--sandbox-url", home.service.url, *words, **environment)


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
        doomed = [there.enter_context(worker(home, "--at-once", "1", **{kit.CRASH_AT: point})) for point in points]
        assert begin(home, "--again", **{kit.CRASH_AT: "piece.placed"}).wait().code == kit.KILLED
        assert {each.wait().code for each in doomed} == {kit.KILLED}  # they go on while nobody holds the run
        other = there.enter_context(worker(home))
        assert begin(home, **{kit.CRASH_AT: "SqlUnits.placed.committed"}).wait().code == kit.KILLED
        outcome = begin(home).wait().expect(0)
        other.signal(signal.SIGTERM)

        assert outcome.sha256 == quiet
        assert other.wait().code == 0, other.ended
    assert {state for _, state, _, _ in units(home.folder)} == {"DONE"}
    assert not any(name.startswith(other.name) for name in workers(home.folder))
    assert home.leftovers() == []


def test_a_worker_that_was_stopped_past_its_lease_changes_nothing(home, quiet):
    """It wakes with an answer for a unit that another has done: its commit is refused, and its piece goes."""
    home.service.order({"api": "image.computePixels", "action": "stall", "seconds": 60, "count": 1, "skip": 1})
    with worker(home, "--at-once", "1") as stopped:
        holder = begin(home, "--again")
        home.wait_until(lambda: home.service.state()["faults"][0]["pending"] == 0)
        stopped.signal(signal.SIGSTOP)
        with worker(home) as other:
            outcome = holder.wait().expect(0)
            home.service.post("/sandbox/release", {})
            stopped.signal(signal.SIGCONT)
            stopped.signal(signal.SIGTERM)

            assert stopped.wait().code == 0, stopped.ended
            assert outcome.sha256 == quiet
            assert any(name.startswith(other.name) and fence > 1 for _, _, name, fence in units(home.folder))
    assert home.leftovers() == []
