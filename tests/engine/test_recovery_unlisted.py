"""What a lost state had begun and no list shows in time: whatever comes of it belongs to the run, and is ended."""

from __future__ import annotations

import json

import pytest
from model_world import NAMING, TASKS
from recovery_kit import MOST_LAG, put_back
from story_kit import FIRST, exports, finish, first_task, go_on, is_first, others_get_on

from orchestrator.engine.batch.transfers import ON_THE_WAY
from orchestrator.model.batch import OperationState
from orchestrator.model.states import Failure, RunState


def test_an_unfinished_output_of_another_attempt_is_given_up(story):
    """Its pieces would be taken for those of the attempt that is found; the proof tells of each what it was made of."""
    placed_of_one_attempt_and_begun_again(story)

    put_back(story)
    finish(story)  # which compares every piece with its proof
    assert {prefix.rpartition("/")[2][:7] for prefix, *_ in result_of(story)} == {"0000-a2", "0001-a1", "0002-a1"}


def placed_of_one_attempt_and_begun_again(story):
    """Place one part of the first task; then an object of it is gone, and it is exported again."""
    go_on(story, 2)
    while not first_task(story).collected:
        others_get_on(story)
        for name in filter(lambda name: is_first(story, name), story.world.live()):
            story.world.advance(name)
        go_on(story)
    go_on(story)  # its parts are offered
    story.transfer(1)
    del story.world.blobs[next(part.source.name for part in on_the_way(story) if part.task == "0000")]
    while first_task(story).attempt < 2 or not first_task(story).operation:
        story.transfer(9)
        go_on(story)


def on_the_way(story):
    return story.store.parts.of(story.run_id, ON_THE_WAY)


def result_of(story):
    return json.loads((story.folder / "out_clipped.tif").read_bytes())


def test_files_of_an_attempt_that_no_list_showed_are_taken_away(story):
    """Those of the first attempt were all there: the second, which the rebuilt state does not know, is not needed."""
    begun_again_beside_its_files(story)

    put_back(story)
    finish(story)  # which demands that nothing of ours is left

    assert exports(story) == len(TASKS) + 1


def test_an_attempt_that_a_list_shows_later_is_ended_where_all_is_there(story):
    """Nobody waits for its files, and it would be paid for."""
    second = begun_again_beside_its_files(story)
    put_back(story)
    while not first_task(story).collected:
        go_on(story)

    story.world.started[second].unlisted = 0
    go_on(story, 4)

    assert story.world.started[second].operation.state is OperationState.CANCELLED


def test_files_of_a_half_that_the_state_does_not_know_are_the_runs(story):
    """A lost state had cut the task, and no list showed it; a file outside of the rectangle is a stranger's."""
    while not story.world.live():
        go_on(story)
    prefix = NAMING.attempt(story.run_id, "0001.0", 1).prefix
    story.world.prefixes[prefix] = "of the lost state"
    story.world.write(f"{prefix}.tif", b"a half")
    story.world.write(f"{prefix}0000009984-0000000000.tif", b"beach", foreign=True)
    story.foreign.add(f"{prefix}0000009984-0000000000.tif")

    finish(story)  # which demands that nothing of ours is left, and that the stranger's is

    assert set(story.world.blobs) == story.foreign


@pytest.mark.parametrize("end", [RunState.CANCELLED, RunState.FAILED])
def test_a_run_that_ends_badly_ends_an_attempt_that_was_not_known(story, end):
    """It is first seen when what the run has with the service is cancelled."""
    second = begun_again_beside_its_files(story)
    put_back(story)
    while not first_task(story).collected:
        go_on(story)
    story.world.started[second].unlisted = 1

    if end is RunState.CANCELLED:
        story.world.started[second].unlisted = 0
        story.store.runs.request(story.run_id, "cancel")
    else:
        story.world.fail(next(n for n in story.world.live() if n != second), Failure.PERMANENT, leaving=0)
    go_on(story, 4)

    assert (story._state(), story.world.live()) == (end, [])


def begun_again_beside_its_files(story):
    """
    Let the first task fail when all its files are written, and be begun again; return its second operation.

    No list shows either of its operations for a while.
    """
    while len(story.world.live()) < 2:
        go_on(story)
    [lost] = [name for name in story.world.live() if is_first(story, name)]
    story.world.fail(lost, Failure.TRANSIENT, leaving=len(TASKS[0].parts()))
    [other] = story.world.live()
    for _ in range(2):  # which makes room
        story.world.advance(other)
    while not any(is_first(story, name) for name in story.world.live()):
        go_on(story)
    first, second = [started for started in story.world.started.values() if started.order.window == FIRST]
    first.unlisted = second.unlisted = MOST_LAG
    return second.operation.name
