"""An ended run is no dead end: whatever state it was in, it can be taken up, or cleaned, or begun anew."""

from __future__ import annotations

import pytest
from story_kit import finish

from orchestrator.core import crash
from orchestrator.core.errors import UserError
from orchestrator.engine import execution as engine
from orchestrator.engine.execution import retry_run
from orchestrator.model.states import RUN_TRANSITIONS, RunState, Who

HELD_IN = [state for state, following in RUN_TRANSITIONS.items() if RunState.HELD in following and state != "HELD"]


def bring(story, state):
    """Take the run on until it is in a state."""
    for _ in range(200):
        if story._state() is state:
            return
        story._step()
        story.transfer(99)
        for name in story.world.live():
            story.world.advance(name)
        story.clock.seconds += 2
    raise AssertionError(story._why())


def run_of(story):
    return story.store.runs.get(story.run_id)


@pytest.mark.parametrize("then", ["retry", "clean"])
@pytest.mark.parametrize("ending", ["cancel", "fail"])
@pytest.mark.parametrize("held", [False, True], ids=["at once", "held before"])
@pytest.mark.parametrize("state", HELD_IN)
def test_a_run_that_was_ended_comes_to_its_end_after_all(story, state, held, ending, then):
    """In every state, held or not; cleaned or not: `retry` leads to the result. Who may not end, says so by a table."""
    bring(story, state)
    if held or state is RunState.PUBLISHED:
        story.store.runs.set_state(story.run_id, RunState.HELD, "why", who=Who.PERSON)
    if ending == "cancel":
        story.process.execution.cancel()
    else:
        story.store.runs.set_state(story.run_id, RunState.FAILED, "why")
    if then == "clean":
        story.process.execution.sweep(run_of(story))

    retry_run(run_of(story), story.store)

    assert story._state() is state
    finish(story)


def test_a_cancellation_that_comes_too_late_is_not_kept(story):
    """Kept, it would wake the run from every hold of its clean-up."""
    bring(story, RunState.PUBLISHED)
    story.store.runs.request(story.run_id, "cancel")

    story._step()

    assert (run_of(story).state, run_of(story).request) == (RunState.CLEANED, "")


def test_a_clean_up_that_is_refused_holds_the_run(story, monkeypatch):
    """Its result is there: whatever is wrong with the settings, the run has not failed."""
    bring(story, RunState.PUBLISHED)

    def refuse(*_, **__):
        raise UserError("the bucket is named wrongly")

    monkeypatch.setattr(engine, "clean_cloud", refuse)
    story._step()

    assert (run_of(story).state, run_of(story).who) == (RunState.HELD, Who.PERSON)


def half_named(story):
    """Die when the proof has its name and the list of pieces has not."""
    bring(story, RunState.ASSEMBLING)
    through = crash.point

    def die(name):
        if name == "output.named":
            story.countdown = 1
        through(name)

    crash.point = die
    story._step()
    crash.point = through
    assert run_of(story).state is RunState.ASSEMBLING


@pytest.mark.parametrize("held", [False, True], ids=["at once", "held before"])
@pytest.mark.parametrize("folder", [False, True], ids=["a file", "a folder"])
def test_a_cancellation_that_can_only_complete_and_cannot_holds(story, held, folder):
    """Half of the files have names, and somebody has the place of another: a person moves it, and `retry` goes on."""
    half_named(story)
    final = story.folder / "out_clipped.tif"
    final.mkdir() if folder else final.write_bytes(b"precious")
    if held:
        story.store.runs.set_state(story.run_id, RunState.HELD, "why", who=Who.PERSON)

    story.process.execution.cancel()

    run = run_of(story)
    assert (run.state, run.who, run.request) == (RunState.HELD, Who.PERSON, "")
    assert str(final) in run.reason
    assert f"orchestrator retry {run.id}" in run.reason
    assert "another job" not in run.reason
    final.rmdir() if folder else final.unlink()
    retry_run(run, story.store)
    finish(story)
