"""Waits and turns take their time, whatever is done to the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from model_world import FakeClock

from orchestrator.engine.stores.records import Waiting
from orchestrator.engine.turns import LONGEST_WAIT_SECONDS, Turns
from orchestrator.engine.waiting import Waits
from orchestrator.model.states import RunState, Who


class TwoClocks:
    """A time of day that is set, and one that only grows."""

    def __init__(self):
        self.day, self.grown = 1e9, 0.0

    def now(self):
        return datetime.fromtimestamp(self.day, UTC)

    def monotonic(self):
        return self.grown


@pytest.mark.parametrize("jump", [-86400.0, 0.0, 86400.0], ids=["set back", "untouched", "set forth"])
def test_a_wait_takes_its_time_whatever_is_done_to_the_clock(jump):
    """Ten seconds are ten seconds."""
    clock = TwoClocks()
    waits = Waits(clock)
    at = clock.day + 10.0
    assert not waits.due("x", at)
    clock.day += jump

    clock.grown += 9.9
    assert not waits.due("x", at)
    clock.grown += 0.2
    assert waits.due("x", at)


def test_a_time_written_by_a_clock_that_was_ahead_is_not_waited_for():
    """After a restart with the clock set back by a day, the longest wait is the longest there is."""
    clock = TwoClocks()
    waits = Waits(clock)

    assert waits.left("x", clock.day + 86400.0, longest=300.0) == 300.0


def held(run_id: str, next_at: float) -> Waiting:
    return Waiting(run_id, "", RunState.HELD, Who.TIME, next_at, 0.0)


def test_a_rest_outlives_a_question_about_others():
    """A run that leaves its slot to rest is not among those whose next turn is looked for at that moment."""
    clock = FakeClock()
    turns, run, other = Turns(clock), held("a", 0.0), held("b", 0.0)
    turns.ready([run, other])
    turns.rest("a", 60.0)

    turns.soonest([other])

    assert turns.ready([run, other]) == [other]


def test_a_clock_set_back_holds_nobody_longer():
    """A wait that was seen is counted by the clock that nobody sets."""
    clock = TwoClocks()
    turns, run = Turns(clock), held("a", clock.now().timestamp() + 300)
    turns.ready([run])

    clock.day -= 86_400
    clock.grown += 301

    assert turns.ready([run]) == [run]


def test_a_time_no_wait_is_meant_to_reach_is_due_now():
    """It was written by a clock that ran ahead, or this one has been set back since."""
    clock = TwoClocks()
    run = held("a", clock.now().timestamp() + LONGEST_WAIT_SECONDS + 1)

    assert Turns(clock).ready([run]) == [run]


def test_a_run_that_waits_for_a_person_is_never_due():
    """Whatever its row says about time."""
    run = replace(held("a", 0.0), who=Who.PERSON)
    turns = Turns(TwoClocks())

    assert turns.ready([run]) == []
    assert turns.soonest([run]) is None
