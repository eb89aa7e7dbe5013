"""A person asks for a task to be cut in two; whoever works on the run does it."""

from __future__ import annotations

import pytest
from model_world import TASKS
from story_kit import fail_first, finish, first_task, go_on

from orchestrator.engine.batch.cutting import ask_to_cut
from orchestrator.engine.execution import retry_run
from orchestrator.model.states import Failure, RunState, TaskState


def windows(story, key):
    """Where a task, or what it was cut into, lies."""
    tasks = story.store.tasks.of(story.run_id)
    return [task.plan.window for task in tasks if task.key.startswith(key) and task.state is not TaskState.SPLIT]


def test_a_task_that_waits_is_cut_before_it_is_handed_over_again(story):
    """It failed once and waits to be tried: instead of it its halves are, which have every pixel of it once."""
    fail_first(story, Failure.TRANSIENT)
    ask_to_cut(story.store, story.run_id, "0000")
    go_on(story)

    assert first_task(story).state is TaskState.SPLIT
    assert len(windows(story, "0000")) == 2
    assert sum(window.pixels for window in windows(story, "0000")) == TASKS[0].window.pixels
    finish(story)


def test_a_failed_run_that_is_retried_begins_with_the_halves(story):
    """Asked for while nobody works on it, it is done when the run goes on."""
    for _ in range(2):
        fail_first(story, Failure.UNKNOWN)
    assert story._state() is RunState.FAILED
    ask_to_cut(story.store, story.run_id, "0000")
    retry_run(story.store.runs.get(story.run_id), story.store)
    finish(story)

    assert first_task(story).state is TaskState.SPLIT


def test_what_is_with_the_service_is_left_alone(story):
    """A task that runs is not cut, though it was asked for."""
    while not story.world.live():
        go_on(story)
    ask_to_cut(story.store, story.run_id, "0000")
    go_on(story)

    assert first_task(story).state is not TaskState.SPLIT


@pytest.mark.parametrize("times", [1, 3])
def test_asked_for_often_it_is_cut_once(story, times):
    fail_first(story, Failure.TRANSIENT)
    for _ in range(times):
        ask_to_cut(story.store, story.run_id, "0000")
    go_on(story, 3)

    assert [task.key for task in story.store.tasks.of(story.run_id) if task.key.startswith("0000")] == [
        "0000",
        "0000.0",
        "0000.1",
    ]
