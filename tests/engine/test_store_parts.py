"""How far parts have come, told many at a time: those that are as thought, and those that are not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import store_kit
from sqlalchemy import event
from store_kit import TASKS, an_object, collect_all, submit

from orchestrator.core.errors import IntegrityError
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.work_records import PartMove
from orchestrator.model.states import PartState

store, planned = store_kit.store, store_kit.planned


def told_of(store: Store, run: str, to: PartState, since: PartState = PartState.EXPORTED) -> list[PartMove]:
    """Return a move of each part of the first task, with an event."""
    mine = store.parts.of(run, task="0000")
    return [PartMove(p.window, p.source, since, to, ("part.downloaded", {"bytes": 100})) for p in mine if p.source]


def states_of(store: Store, run: str) -> list[PartState]:
    return [part.state for part in store.parts.of(run, task="0000")]


def test_parts_that_are_as_thought_advance_by_one_statement(store, planned):
    """Several steps of many parts, and what is told of them, are one transaction of four statements."""
    submit(store, planned)
    collect_all(store, planned, TASKS[0])
    moves, asked = told_of(store, planned, PartState.VERIFIED), []
    event.listen(store._db._engine, "before_cursor_execute", lambda *call: asked.append(call[2].split()[0]))

    against = store.parts.advance(planned, moves)

    written = [word for word in asked if word in ("INSERT", "UPDATE")]
    assert against == [None] * 4
    assert states_of(store, planned) == [PartState.VERIFIED] * 4
    assert written == ["UPDATE", "INSERT", "INSERT"]  # parts, their counts, their events
    assert [row.name for row in store.events.latest(planned)] == ["part.downloaded"] * 4


def test_a_part_that_is_another_by_now_keeps_none_of_its_group_back(store, planned):
    """The one with a new object stays as it is, and nothing is told of it; the others go on."""
    submit(store, planned)
    collect_all(store, planned, TASKS[0])
    moves = told_of(store, planned, PartState.MERGED)
    moves[1] = replace(moves[1], source=an_object("an earlier one"))

    against = store.parts.advance(planned, moves)

    assert [str(error).split(" has ")[-1] for error in against if error] == [
        "another object by now than an earlier one"
    ]
    assert against[1] is not None
    assert states_of(store, planned) == [PartState.MERGED, PartState.EXPORTED, PartState.MERGED, PartState.MERGED]
    assert len(store.events.latest(planned)) == 3


@pytest.mark.parametrize("there", [PartState.DOWNLOADING, PartState.VERIFIED, PartState.MERGED])
def test_a_part_goes_the_steps_that_are_left_for_it(store, planned, there):
    """Whoever tells where it has come to may not know where it was: after a crash, or a commit that failed."""
    submit(store, planned)
    collect_all(store, planned, TASKS[0])
    store.parts.advance(planned, told_of(store, planned, there))

    against = store.parts.advance(planned, told_of(store, planned, PartState.MERGED))

    assert against == [None] * 4
    assert states_of(store, planned) == [PartState.MERGED] * 4


def test_a_part_does_not_go_back_on_its_way(store, planned):
    """What is in the output is not brought again by a word that came late."""
    submit(store, planned)
    collect_all(store, planned, TASKS[0])
    store.parts.advance(planned, told_of(store, planned, PartState.MERGED))

    against = store.parts.advance(planned, told_of(store, planned, PartState.VERIFIED, PartState.DOWNLOADING))

    assert all(isinstance(error, IntegrityError) for error in against)
    assert states_of(store, planned) == [PartState.MERGED] * 4


def test_what_is_in_the_result_is_cleaned_whatever_came_of_it(store, planned):
    """Parts that are placed and those without data; one that is on its way is not touched."""
    submit(store, planned)
    collect_all(store, planned, TASKS[0])
    store.parts.empty(planned, "0001")
    store.parts.advance(planned, told_of(store, planned, PartState.MERGED)[1:])

    store.parts.clean(planned)

    states = Counter(part.state for part in store.parts.of(planned))
    assert states == {PartState.CLEANED: 4, PartState.EXPORTED: 1}
