"""A run that waits for nothing but its operations: a round looks whether anything has changed, and at no row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from run_machine import Machine
from sqlalchemy import event

from orchestrator.engine.limits import Limits
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.model.states import TaskState


@pytest.fixture
def story():
    """Every task is with the service, and none of them runs."""
    machine = Machine()
    machine.admit(heavy=False, keep_parts=True, split="square")
    machine.process.change(limits=Limits(9, 1e12, machine.store.limits, machine.clock))
    for _ in range(6):
        machine._step()
        machine.clock.seconds += 2
    assert {task.state for task in machine.store.tasks.of(machine.run_id)} == {TaskState.QUEUED}
    rounds(machine, 2)
    yield machine
    machine.run_id = ""  # no demand on how it ends
    machine.store.close()
    machine.teardown()


def rounds(story: Machine, count: int) -> bool:
    return [story.process._work.round() for _ in range(count)][-1]


@contextmanager
def statements(story: Machine) -> Iterator[list[str]]:
    """Count what the block asks of the database."""
    asked: list[str] = []
    event.listen(story.process.store._db._engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    yield asked


def test_a_round_of_a_run_that_waits_asks_for_no_row(story):
    """However many tasks it has."""
    with statements(story) as asked:
        done = rounds(story, 10)

    assert not done
    assert asked == []


def test_what_another_process_changes_is_looked_at(story):
    """A person may let a task be tried at once, or cut it."""
    story.store.tasks.change(story.run_id, {"0000": TaskChange(error="somebody was here")})

    with statements(story) as asked:
        rounds(story, 1)

    assert any("FROM tasks" in words for words in asked)


def test_what_the_service_lists_anew_is_acted_on(story):
    """The next list comes by its own time, and ends the stillness."""
    story.world.advance(story.world.live()[0])
    story.clock.seconds += 10

    rounds(story, 1)

    assert TaskState.RUNNING in {task.state for task in story.store.tasks.of(story.run_id)}


def test_a_run_whose_parts_are_placed_stays_done(story):
    """Its other work may take hours more: each round tells that nothing is left, also one that looks at no row."""
    work, done = story.process._work, False
    for _ in range(60):
        for name in story.world.live():
            story.world.advance(name)
        story.process.downloads.run(9)
        story.clock.seconds += 2
        done = done or work.round()

    assert done
    assert [work.round() for _ in range(3)] == [True] * 3
