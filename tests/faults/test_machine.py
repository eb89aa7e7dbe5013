"""A machine that gives no room, no descriptor, or asks for an end, at every step: the run goes on when it may."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager

import pytest
from model_world import NoStop
from moments import MOMENTS, fill, meet
from story_kit import exports, finish

from orchestrator.core.errors import Stopped
from orchestrator.model.states import RunState

BEFORE_PUBLISHING = ("part.placed", 12)  # the last part: what is made of all of them is not written yet
WRITING = ("download", "verify", "merge_clip", "publish", "del_cloud", "del_local")


def held(story):
    return story.store.runs.head(story.run_id).state is RunState.HELD


@contextmanager
def full(story):
    ballast = story.folder / "ballast"
    fill(ballast)
    try:
        yield
    finally:
        ballast.unlink()


@pytest.mark.parametrize("step", WRITING)
def test_a_work_dir_without_room_holds_or_does_not_matter(story, step):
    """What needs room waits for it and says so; taking away needs none. Nothing is exported again for it."""
    over = lambda _met: held(story) or story._state() is RunState.CLEANED  # noqa: E731
    met = meet(story, step, lambda: full(story), over, at=BEFORE_PUBLISHING if step == "publish" else None)

    assert met.errors == []
    assert "no room" in story.store.runs.head(story.run_id).reason or step.startswith("del_")
    finish(story)
    assert exports(story) == 3


@contextmanager
def no_descriptors():
    """Not one more file may be opened."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("step", MOMENTS)
def test_a_process_without_descriptors_loses_nothing(story, step):
    """What needs a file waits; what needs none goes on; nothing is given up."""
    rounds = []
    story._state()  # the eye of the test is open before

    def some_rounds_later(_met):
        rounds.append(1)
        with pytest.raises(OSError, match="Too many open files"):
            os.open("/", os.O_RDONLY)
        return held(story) or len(rounds) > 5

    meet(story, step, no_descriptors, over=some_rounds_later)

    assert story._state() is not RunState.FAILED
    finish(story)
    assert exports(story) == 3


class Ending(NoStop):
    """Set when the process was asked to end."""

    asked = False

    def is_set(self):
        return self.asked

    def wait(self, timeout=None):
        super().wait(timeout)
        return self.asked


@pytest.mark.parametrize("step", MOMENTS)
def test_a_process_that_is_asked_to_end_leaves_the_run_to_the_next(story, step):
    """It stops, or is done a moment later; the next one goes on, and exports nothing again."""
    ending = Ending(story.clock)
    story.process.change(stop=ending)

    @contextmanager
    def asked():
        ending.asked = True
        yield

    met = meet(story, step, asked, over=lambda met: bool(met.errors) or story._state() is RunState.CLEANED)
    ended = story._state()
    story._crash()

    assert [type(error) for error in met.errors] in ([], [Stopped])
    assert ended not in (RunState.FAILED, RunState.CANCELLED)
    finish(story)
    assert exports(story) == 3
