"""A run that is held says what is true, and is looked at when that may have changed."""

from __future__ import annotations

import errno
import re
from dataclasses import replace

import pytest
from model_world import NoStop
from story_kit import go_on

from orchestrator.core.errors import Stopped
from orchestrator.engine.output_lock import OutputLock
from orchestrator.model.states import RunState, Who


class StopAfter(NoStop):
    """Somebody stops the process after so many waits."""

    def __init__(self, clock, waits):
        super().__init__(clock)
        self.waits = waits

    def wait(self, timeout=None):
        self.waits -= 1
        super().wait(timeout)
        return self.waits < 0


@pytest.fixture
def other(story):
    """Another process of this installation makes the same output."""
    head = story.store.runs.head(story.run_id)
    final = story.process.execution._output.files(head)[-1]
    lock = OutputLock(final, replace(head, id="other"), "me", story.store)
    lock.take()
    yield lock
    lock.leave()


def held(story):
    return story.store.runs.head(story.run_id)


def events(story):
    return [event.name for event in story.store.events.latest(story.run_id)]


def follow(story, waits):
    story.process.change(stop=StopAfter(story.clock, waits))
    with pytest.raises(Stopped):
        story.process.execution.follow()


def test_who_starts_a_held_run_has_it_looked_at_at_once(story, other):  # noqa: ARG001  it holds the output
    """What held it may be mended: here the disk is no longer full, and something else is in the way, which is said."""
    later = story.clock.now().timestamp() + 300
    story.store.runs.set_state(story.run_id, RunState.HELD, "the disk is full", who=Who.TIME, next_at=later)

    follow(story, waits=0)

    assert "is being made by run other" in held(story).reason


def test_a_run_that_waits_for_another_owner_is_looked_at_every_few_seconds(story, other):
    """The usual hold is much longer: the other may have ended long ago."""
    go_on(story)
    assert story._state() is RunState.HELD
    assert 0 < held(story).next_at - story.clock.now().timestamp() + 2 <= 5

    other.end()
    go_on(story, 3)

    assert story._state() is not RunState.HELD


def test_a_wait_for_another_owner_is_told_once(story, other):  # noqa: ARG001
    """However often the lock is looked at."""
    follow(story, waits=20)

    assert story.clock.seconds > 30
    assert events(story).count("run.held") == 1


def test_a_run_that_waits_for_another_owner_can_be_cancelled(story, other):  # noqa: ARG001
    """It asks for the output no more."""
    go_on(story)
    story.store.runs.request(story.run_id, "cancel")

    go_on(story, 4)

    assert story._state() is RunState.CANCELLED


@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EDQUOT], ids=["full", "quota"])
def test_a_full_disk_is_named_with_what_is_free(story, kind):
    """The system names no file where it was writing one that was open."""

    def step(_run):
        raise OSError(kind, "No space left on device")

    story.process.execution._steps = {**story.process.execution._steps, RunState.ADMITTED: step}
    go_on(story)

    reason = held(story).reason
    assert f"no room left in {story.folder}" in reason
    assert re.search(r", \d[\d.]* [KMGT]iB free: No space left", reason)


def test_a_disk_that_names_its_file_is_that_files_disk(story, tmp_path):
    """Parts may lie on another disk than the output."""

    def step(_run):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "parts" / "a.tif"))

    story.process.execution._steps = {**story.process.execution._steps, RunState.ADMITTED: step}
    go_on(story)

    assert f"no room left in {tmp_path / 'parts'}, " in held(story).reason


def test_nothing_is_exported_while_another_state_works_under_the_same_names(house):
    """The run waits, and the service was not asked for anything."""
    from house import real_execution  # noqa: PLC0415  others here need none

    from orchestrator.engine.work import HoldError  # noqa: PLC0415

    def check():
        raise HoldError("another copy of this state works there", alone=True, until=9e9)

    run_id = house.admit("a")
    execution = real_execution(house, house.store.runs.get(run_id), check_prefix=check)

    run = execution.work()

    assert (run.state, run.reason) == ("HELD", "another copy of this state works there")
    assert execution._clients.route.world.started == {}
    assert execution._clients.route.world.blobs == {}
