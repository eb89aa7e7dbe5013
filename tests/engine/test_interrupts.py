"""A run that is asked to leave its slot is held and goes on where it was; one that waits for a person may be ended."""

from __future__ import annotations

import pytest
from house import real_execution

from orchestrator.engine.interrupts import Interrupts
from orchestrator.engine.work import HoldError
from orchestrator.model.states import RunState, TaskState, Who


@pytest.mark.parametrize("state", [RunState.ADMITTED, RunState.PLANNED, RunState.EXPORTING])
def test_a_run_that_is_asked_to_leave_is_held_and_goes_on_where_it_was(house, state):
    """Nothing of what it has begun is lost or done again."""
    run_id, interrupts = house.admit("good"), Interrupts()
    execution = real_execution(house, house.store.runs.get(run_id), interrupts=interrupts)
    while house.store.runs.head(run_id).state is not state:
        execution.step(house.store.runs.get(run_id))
    until = house.clock.now().timestamp() + 1e9
    interrupts.ask(run_id, "deadline", "its window is over", until)

    held = execution.work()
    house.store.runs.set_state(run_id, RunState.HELD, held.reason, who=Who.TIME, next_at=0.0)
    done = execution.work()

    assert (held.state, held.reason, held.next_at, held.resume) == (RunState.HELD, "its window is over", until, state)
    assert done.state is RunState.CLEANED
    assert [task.attempt for task in house.store.tasks.of(run_id)] == [1]


def test_one_that_is_being_finished_is_let_end(house):
    """All its pixels are there."""
    run_id, interrupts = house.admit("good"), Interrupts()
    execution = real_execution(house, house.store.runs.get(run_id), interrupts=interrupts)
    while house.store.runs.head(run_id).state is not RunState.ASSEMBLING:
        execution.step(house.store.runs.get(run_id))
    interrupts.ask(run_id, "deadline", "its window is over", 1e12)

    assert execution.work().state is RunState.CLEANED


def test_the_later_of_two_times_counts_and_each_is_asked_once():
    """A deadline and a more urgent run ask at once; what was taken back is not asked."""
    interrupts = Interrupts()
    news = [interrupts.ask("run", "deadline", "late", 200.0) for _ in range(2)]
    interrupts.ask("run", "gives way", "urgent", 100.0)
    interrupts.ask("other", "deadline", "late", 100.0)
    interrupts.withdraw("other", "deadline")

    with pytest.raises(HoldError, match="late") as caught:
        interrupts.obey("run")
    interrupts.obey("run")
    interrupts.obey("other")

    assert (news, caught.value.until, caught.value.alone) == ([True, False], 200.0, True)


@pytest.mark.parametrize("who", [Who.PERSON, Who.TIME])
def test_a_held_run_that_is_asked_to_end_is_cancelled_with_its_tasks(house, who):
    """Whoever it waits for: the daemon ends it as `cancel` does."""
    run_id = house.admit("good")
    execution = real_execution(house, house.store.runs.get(run_id))
    while house.store.runs.head(run_id).state is not RunState.EXPORTING:
        execution.step(house.store.runs.get(run_id))
    house.hold(run_id, 1e9, who=who)
    house.store.runs.request(run_id, "cancel")

    ended = execution.work()

    assert (ended.state, ended.request) == (RunState.CANCELLED, "")
    assert {task.state for task in house.store.tasks.of(run_id)} <= {TaskState.PLANNED, TaskState.CANCELLED}


def test_one_that_waits_for_a_person_and_is_not_asked_to_end_goes_on_waiting(house):
    """Only a person takes it up."""
    run_id = house.admit("good")
    house.hold(run_id, 0.0, who=Who.PERSON)
    execution = real_execution(house, house.store.runs.get(run_id))

    assert execution.work().needs_person
    assert house.store.events.latest(run_id) == []
