"""Tasks of Earth Engine that take longer, or weigh more, than anybody thought."""

from __future__ import annotations

import pytest
from story_kit import exports, finish, go_on

from orchestrator.model.batch import OperationState
from orchestrator.model.states import RunState

DAY_AND_MORE = 30 * 3600


@pytest.mark.parametrize("state", [OperationState.QUEUED, OperationState.RUNNING])
def test_a_task_that_takes_for_ever_is_waited_for_and_not_exported_beside_itself(story, state):
    """Thirty hours later it is the same task, and no other; that a run is late is told elsewhere."""
    while not story.world.live():
        go_on(story)
    for name in story.world.live():
        while story.world.started[name].operation.state is not state:
            story.world.advance(name)
    begun = exports(story)

    for _ in range(30):
        story.clock.seconds += DAY_AND_MORE / 30
        go_on(story)

    assert [story.world.started[name].operation.state for name in story.world.live()] == [state] * begun
    assert (story._state(), exports(story)) == (RunState.EXPORTING, begun)
    finish(story)
    assert exports(story) == 3


def test_parts_that_weigh_more_than_was_foreseen_are_asked_for_in_smaller_ones(story):
    """They are ours, and deleted; what they weighed is known from then on."""
    while not story.store.lessons.get(story.run_id, "refitted"):
        go_on(story, working=True)
    story.world.bytes_per_pixel = 3.0

    finish(story)

    events = [event.name for event in story.store.events.latest(story.run_id, 200)]
    assert "part.over_threshold" in events
    assert exports(story) == 4  # the third task came too heavy, once
