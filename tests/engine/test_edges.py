"""What lies at the edges of the service: other names, objects that fit nothing, lists that lag."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_world import TASKS
from run_machine import Machine
from run_process import BACKOFF
from story_kit import die_at, exports, finish, go_on

from orchestrator.engine.execution import retry_run
from orchestrator.model.states import PartState, TaskState


@pytest.mark.parametrize("dash", [False, True], ids=["no dash", "dash"])
def test_a_run_ends_with_either_form_of_names(story, dash):
    """Both forms occur; every task is exported once."""
    story.world.dash = dash

    finish(story)

    assert exports(story) == len(TASKS)


def rename_all(story):
    for name in [name for name in story.world.blobs if name.endswith(".tif")]:
        blob = story.world.blobs.pop(name)
        story.world.blobs[name.replace(".tif", ".geotiff")] = replace(blob, foreign=True)


def until_held(story):
    for _ in range(60):
        story._step()
        for name in story.world.live():
            story.world.advance(name)
        rename_all(story)
        story.clock.seconds += 5
        if story.store.runs.get(story.run_id).needs_person:
            return story.store.runs.get(story.run_id)
    raise AssertionError(story._why())


def test_objects_that_fit_no_part_hold_the_run_and_are_named(story):
    """Nothing is exported again while objects lie under our prefix that cannot be told."""
    held = until_held(story)

    assert ".geotiff" in held.reason
    assert exports(story) <= len(TASKS)


def test_after_a_persons_retry_what_fits_nothing_is_exported_again(story):
    """First it is looked at once more; then the person's word counts."""
    until_held(story)
    before = exports(story)

    retry_run(story.store.runs.get(story.run_id), story.store)
    finish(story)

    assert exports(story) > before


def test_after_a_persons_retry_objects_that_fit_by_now_are_taken(story):
    """A person who gave the files their names back pays for no second export."""
    until_held(story)
    for name in list(story.world.blobs):
        blob = story.world.blobs.pop(name)
        story.world.blobs[name.replace(".geotiff", ".tif")] = replace(blob, foreign=False)

    retry_run(story.store.runs.get(story.run_id), story.store)
    finish(story)

    assert exports(story) == len(TASKS)


def test_an_operation_missing_from_lists_is_asked_for_by_name(story):
    """However many lists it is missing from: it is not exported beside the live one."""
    go_on(story, 4)
    for started in story.world.started.values():
        started.unlisted = 10**6

    go_on(story, 40)
    assert exports(story) == len(story.world.started) <= len(TASKS)
    finish(story)

    assert exports(story) == len(TASKS)


def test_an_operation_that_even_its_name_does_not_bring_is_waited_for(story):
    """A 404 for the name may be a lag as well: it counts only when it has lasted."""
    go_on(story, 4)
    hidden = list(story.world.started.values())
    for started in hidden:
        started.unlisted, started.unknown = 10**6, True
    begun = story.clock.seconds
    while story.clock.seconds < begun + BACKOFF.lag_seconds * 0.8:
        go_on(story)

    assert exports(story) == len(story.world.started)
    for started in hidden:
        started.unlisted, started.unknown = 0, False
    finish(story)
    assert exports(story) == len(TASKS)


@given(
    waits=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 300), st.booleans()), max_size=6),
    lost=st.lists(st.booleans(), max_size=3),
)
@settings(max_examples=settings().max_examples // 4)
def test_exports_are_as_many_as_tasks_however_blind_the_list(waits, lost):
    """Histories of operations that lists do not show for up to ten minutes, and of answers that are lost."""
    machine = Machine()
    machine.admit(heavy=False, keep_parts=True, split="square")
    try:
        for answer_lost in lost:
            machine.world.next_submission = "answer lost" if answer_lost else ""
            go_on(machine, 2)
        for pick, lists, dies in waits:
            started = list(machine.world.started.values())
            for hidden in started[pick : pick + 1]:
                hidden.unlisted = lists
            go_on(machine, 5)
            if dies:
                machine.crash_now()
        finish(machine)

        assert exports(machine) == len(TASKS)
    finally:
        machine.process.execution.close()
        machine.teardown()


def test_a_known_request_id_is_not_given_up_because_its_order_is_old(story):
    """An order committed before a long pause may have been sent a moment ago, and lists may lag."""
    die_at(story, "task.intended")
    story.clock.seconds += 100 * BACKOFF.burnt_seconds
    story.world.next_submission = "answer lost"
    story.world.refuses_known_ids = True
    begun = story.clock.seconds
    while story.clock.seconds < begun + BACKOFF.burnt_seconds * 0.5:
        for started in story.world.started.values():
            started.unlisted = 10
        go_on(story)

    assert exports(story) == len(story.world.started) == len(story.world.live())


def test_a_poll_that_brings_nothing_new_writes_nothing(story):
    """Thousands of waiting tasks are not written anew with each list."""
    go_on(story, 6)
    before = story._ask("PRAGMA data_version")

    go_on(story, 5)

    assert story.store.parts.tally(story.run_id)[PartState.WAITING].parts
    assert story._ask("PRAGMA data_version") == before
    assert all(t.state in (TaskState.QUEUED, TaskState.PLANNED) for t in story.store.tasks.of(story.run_id))
