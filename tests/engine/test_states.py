"""The tables of states: complete, and consistent with what is called final."""

from __future__ import annotations

import pytest

from orchestrator.core.errors import IntegrityError
from orchestrator.model.states import (
    PART_TRANSITIONS,
    RUN_TRANSITIONS,
    TASK_TRANSITIONS,
    PartState,
    RunState,
    TaskState,
    check_transition,
)

TABLES = [(RUN_TRANSITIONS, RunState), (TASK_TRANSITIONS, TaskState), (PART_TRANSITIONS, PartState)]


@pytest.mark.parametrize(("table", "kind"), TABLES, ids=["run", "task", "part"])
def test_every_state_has_a_row(table, kind):
    """No state is forgotten, so asking the table never fails."""
    assert set(table) == set(kind)


@pytest.mark.parametrize(
    ("table", "first", "last"),
    [
        pytest.param(RUN_TRANSITIONS, RunState.ADMITTED, RunState.CLEANED, id="run"),
        pytest.param(TASK_TRANSITIONS, TaskState.PLANNED, TaskState.SUCCEEDED, id="task"),
        pytest.param(PART_TRANSITIONS, PartState.WAITING, PartState.CLEANED, id="part"),
    ],
)
def test_every_state_is_reached_and_leads_on(table, first, last):
    """From the first state each state can be reached, and from each unfinished one the end."""
    assert reachable(table, first) == set(table)
    for state in set(table) - {last, TaskState.SPLIT}:
        assert last in reachable(table, state)


@pytest.mark.parametrize("ended", [RunState.FAILED, RunState.CANCELLED])
def test_an_ended_run_can_go_on_from_wherever_it_was_held(ended):
    """A hold may fall in any step and may be ended; what was held then can be taken up there again."""
    held = {state for state, following in RUN_TRANSITIONS.items() if RunState.HELD in following}

    assert ended in RUN_TRANSITIONS[RunState.HELD]
    assert held <= RUN_TRANSITIONS[ended]


def reachable(table, state):
    seen, front = {state}, [state]
    while front:
        for following in table[front.pop()] - seen:
            seen.add(following)
            front.append(following)
    return seen


def test_staying_is_allowed_and_jumping_is_not():
    """A repeated step is harmless; a step over others is refused by name."""
    check_transition(PART_TRANSITIONS, PartState.MERGED, PartState.MERGED)

    with pytest.raises(IntegrityError, match="WAITING to MERGED"):
        check_transition(PART_TRANSITIONS, PartState.WAITING, PartState.MERGED)
