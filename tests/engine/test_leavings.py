"""What a run that ended or is held leaves behind: nothing that runs, and nothing that counts."""

from __future__ import annotations

import pytest
from model_world import TASKS
from story_kit import exports, fail_first, finish, go_on

from orchestrator.engine.execution import retry_run
from orchestrator.model.states import Failure, RunState, TaskState, Who


def test_a_run_that_failed_leaves_nothing_running(story):
    """What still computes for it is cancelled: nobody waits for it, and its files would lie in the bucket."""
    fail_first(story, Failure.PERMANENT)

    assert story._state() is RunState.FAILED
    assert story.world.live() == []


def test_what_had_ended_by_itself_when_a_run_failed_is_not_exported_again(story):
    """A retry finds it: the operation is known."""
    while len(story.world.live()) < 2:
        go_on(story)
    first, second = story.world.live()
    for _ in range(2):
        story.world.advance(second)
    story.world.fail(first, Failure.PERMANENT, leaving=0)
    go_on(story, 5)
    assert story._state() is RunState.FAILED

    retry_run(story.store.runs.get(story.run_id), story.store)
    finish(story)

    assert exports(story) == len(TASKS) + 1


def test_a_refused_submission_counts_no_more(story):
    """Neither it nor the other tasks of the failed run use up what the runs share."""
    story.world.next_submission = "refused"
    go_on(story, 4)

    assert story._state() is RunState.FAILED
    assert story.store.tasks.live() == {}


def test_tasks_that_wait_for_the_end_of_a_long_pause_say_so(story):
    """Each has what the service said, and when it is handed over: in an hour at most, whatever was asked."""
    story.world.next_submission = "for days"
    go_on(story, 4)

    now = story.clock.now().timestamp()
    tasks = story.store.tasks.of(story.run_id)
    waiting = [t for t in tasks if t.state in (TaskState.PLANNED, TaskState.SUBMITTING)]
    assert len(waiting) == len(tasks)
    assert {"come back in eleven days" in t.error for t in waiting} == {True}
    assert all(3000 < t.next_at - now <= 3600 for t in waiting)
    finish(story)


def test_a_run_that_waits_for_a_person_counts_no_more(story):
    """It may wait for months, and nobody asks for news of its tasks meanwhile."""
    while not story.world.live():
        go_on(story)
    assert story.store.tasks.live() != {}

    story.store.runs.set_state(story.run_id, RunState.HELD, "look at this", who=Who.PERSON)

    assert story.store.tasks.live() == {}


@pytest.mark.parametrize("end", [RunState.CLEANED, RunState.FAILED, RunState.CANCELLED])
def test_an_output_is_given_up_before_its_run_ends(story, end):
    """A process that dies in between leaves no owner of a run that nobody will take up."""
    owned = []
    ask, change = story.store.runs.request, story.store.runs.set_state

    def note(run_id, state, *more, **named):
        if state is end:
            owned.append(list(story.folder.glob(".orchestrator/*.owner")))
        return change(run_id, state, *more, **named)

    story.process.execution._store.runs.set_state = note
    if end is RunState.CLEANED:
        finish(story)
    elif end is RunState.FAILED:
        fail_first(story, Failure.PERMANENT)
    else:
        go_on(story, 4)
        ask(story.run_id, "cancel")
        go_on(story, 2)

    assert owned == [[]]
