"""A raster in strips: the same bytes as whole, whatever happens while strips are made and joined."""

from __future__ import annotations

import signal

import journey_kit as kit
import pytest

STRIPS = {"ORCHESTRATOR_ASSEMBLE__STRIPS": "2"}
BY_WORKERS = {"ORCHESTRATOR_ENGINE__EXECUTOR": "workers"}  # the holder does no unit itself
LEASE = {"ORCHESTRATOR_ENGINE__LEASE": "1"}  # seconds after which a worker that is not heard of has lost its units
# In the order a run passes them.
POINTS = (
    "strip.ordered",
    "strip.object_written",
    "strip.written",
    "unit.placed",
    "unit.done",
    "strip.merging",
    "join.completed",
    "join.object_written",
    "join.joined",
)


@pytest.fixture
def in_strips(home):
    home.environment |= STRIPS
    return home


def test_a_raster_in_strips_is_that_of_one_piece(in_strips, undisturbed):
    """Two strips, each made by a unit, give the bytes that one process gives; every part was brought once."""
    outcome = in_strips.run().expect(0)

    assert outcome.sha256 == undisturbed.sha256
    assert [event["strip"] for event in outcome.named("strip.merged")] == [0, 1]
    assert in_strips.service.objects() == []
    assert in_strips.leftovers() == []


def test_a_run_in_strips_survives_a_kill_at_every_step(in_strips, undisturbed):
    """Killed at each step in turn, in one life, it ends as if nothing had happened, and nothing is exported twice."""
    before = in_strips.service.exports

    ends = {point: in_strips.run(**{kit.CRASH_AT: point}).code for point in POINTS}
    outcome = in_strips.run().expect(0)

    assert ends == dict.fromkeys(POINTS, kit.KILLED)
    assert outcome.sha256 == undisturbed.sha256
    assert in_strips.service.exports - before == len(in_strips.tasks(outcome.summary["run"]))
    assert in_strips.leftovers() == []


def test_an_object_that_is_gone_is_exported_anew_and_its_strip_made_of_it(in_strips, undisturbed):
    """Taken away when its strip was ordered: the unit ends, the part comes anew, and the strip is ordered once more."""
    assert in_strips.run(**{kit.CRASH_AT: "strip.ordered"}).code == kit.KILLED
    parts = sorted(name for name in in_strips.service.objects() if name.endswith(".tif"))
    in_strips.service.remove(parts[0])

    outcome = in_strips.run().expect(0)

    assert outcome.sha256 == undisturbed.sha256
    assert [event["turn"] for event in outcome.named("strip.ordered") if event["strip"] == 0][-1] == 1
    assert len(outcome.named("part.trouble")) == 1
    assert in_strips.leftovers() == []


def test_an_unfinished_output_that_was_taken_away_is_made_again(in_strips, undisturbed):
    """The indexes of strips that were made are gone: their units are done once more, and nothing is exported again."""
    before = in_strips.service.exports
    assert in_strips.run(**{kit.CRASH_AT: "run.assembling"}).code == kit.KILLED
    for index in in_strips.out.rglob("*.strip.json"):
        index.unlink()

    outcome = in_strips.run().expect(0)

    assert outcome.sha256 == undisturbed.sha256
    assert in_strips.service.exports - before == len(in_strips.tasks(outcome.summary["run"]))


class Worker:
    """A worker beside the run; its end is told once."""

    def __init__(self, home, **environment):
        words = ["worker", "--sandbox-url", home.service.url, "--state-dir", "state"]
        self._running = home.program.start(words, home.folder, **home.environment, **environment)
        self._code = None

    def wait(self):
        """Return its exit code, once it has ended by itself."""
        self._code = self._running.wait().code if self._code is None else self._code
        return self._code

    def kill(self):
        if self._code is None:
            self._running.signal(signal.SIGKILL)
            self.wait()


@pytest.fixture
def worker(in_strips):
    """Start a worker beside the run; those that still live in the end are killed."""
    in_strips.environment |= LEASE
    begun = []

    def start(**environment):
        begun.append(Worker(in_strips, **environment))
        return begun[-1]

    yield start
    for each in begun:
        each.kill()


def test_two_workers_make_the_strips_of_one_raster_and_one_dies_in_a_splice(in_strips, undisturbed, worker):
    """What it had begun another makes anew; the holder only joins, and the bytes are those of one process."""
    doomed = worker(**{kit.CRASH_AT: "strip.object_written"})
    running = in_strips.start("run", **BY_WORKERS)
    ended = doomed.wait()
    worker()

    outcome = running.wait().expect(0)

    assert ended == kit.KILLED
    assert outcome.sha256 == undisturbed.sha256
    assert len(outcome.named("strip.merged")) == 2
    assert in_strips.leftovers() == []
