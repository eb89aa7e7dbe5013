"""What follows a failure of a task: nothing, the same again, smaller pieces, a wait, or the end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from model_world import TASKS
from run_process import BACKOFF
from story_kit import exports, fail_first, finish, first_task, go_on, until_begun_again

from orchestrator.engine.execution import retry_run
from orchestrator.model.states import Failure, RunState


def test_a_masked_export_is_a_result(story):
    """Where every pixel is masked there is no file; the run ends, and no task is exported twice."""
    fail_first(story, Failure.EMPTY)

    finish(story)

    assert exports(story) == len(TASKS)


@pytest.mark.parametrize("failure", [Failure.UNKNOWN, Failure.OUT_OF_MEMORY])
def test_what_may_pass_once_is_repeated_unchanged(story, failure):
    """The first time the same order is given again."""
    fail_first(story, failure)
    until_begun_again(story)

    assert (first_task(story).attempt, first_task(story).rung) == (2, 0)


def test_an_unknown_sentence_that_comes_again_ends_the_run(story):
    """It is final then, with the service's own words."""
    for _ in range(2):
        fail_first(story, Failure.UNKNOWN)

    assert story._state() is RunState.FAILED
    assert "the service says UNKNOWN" in story.store.runs.get(story.run_id).reason


def test_memory_that_runs_out_again_is_asked_for_in_smaller_pieces(story):
    """The second time it counts as too much at once."""
    for _ in range(2):
        fail_first(story, Failure.OUT_OF_MEMORY)

    assert first_task(story).rung == 1


def test_a_days_quota_holds_the_run_until_it_returns(story):
    """No attempt is made before; nobody is asked; the time stands in the row."""
    fail_first(story, Failure.QUOTA)

    held = story.store.runs.get(story.run_id)
    # 2024-06-01 00:00 UTC is the evening before in California: the quota returns at 00:05 there, 07:05 UTC.
    assert held.next_at == pytest.approx(datetime(2024, 6, 1, 7, 5, tzinfo=UTC).timestamp())
    assert not held.needs_person


@pytest.mark.parametrize("moment", range(1, 12))
def test_one_failure_climbs_one_rung_wherever_the_process_dies(story, moment):
    """A crash between the rung and the new attempt must not climb twice."""
    while not story.world.live():
        go_on(story)
    story.world.fail(story.world.live()[0], Failure.MEMORY, leaving=0)
    story.countdown = moment
    go_on(story, 8)

    assert first_task(story).rung == 1


def test_a_retry_counts_attempts_from_there(story):
    """A person's `retry` gives every task its attempts again."""
    for _ in range(BACKOFF.max_attempts):
        fail_first(story, Failure.TRANSIENT)
    assert story._state() is RunState.FAILED

    retry_run(story.store.runs.get(story.run_id), story.store)
    fail_first(story, Failure.TRANSIENT)

    assert story._state() is RunState.EXPORTING
