"""Moves of parts: committed many together, in their order, and each told what came of it."""

from __future__ import annotations

import queue
import threading
from types import SimpleNamespace

import pytest

from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import TransientError
from orchestrator.engine.batch.moves import PartMoves
from orchestrator.engine.context import thread_pool
from orchestrator.engine.stores.work_records import PartMove
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.states import PartState

EXPORTED, DOWNLOADING, VERIFIED, MERGED = (
    PartState.EXPORTED,
    PartState.DOWNLOADING,
    PartState.VERIFIED,
    PartState.MERGED,
)
LONG_SECONDS = 3600.0  # of a pace that no test waits for


class SlowParts:
    """A store whose commits end when they are told to."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, PartState, PartState]]] = []
        self.begun: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.go_on: queue.SimpleQueue[object] = queue.SimpleQueue()

    def advance(self, _run_id, moves):
        self.batches.append([(move.window.row, move.since, move.to) for move in moves])
        self.begun.put(len(moves))
        if isinstance(answer := self.go_on.get(timeout=60), Exception):
            raise answer
        return [None] * len(moves)


def a_move(row: int, since: PartState = DOWNLOADING, to: PartState = VERIFIED) -> PartMove:
    return PartMove(Window(row, 0, 1, 1), StoredObject(str(row), 1, "1"), since, to, ("part.downloaded", {"row": row}))


@pytest.fixture
def parts():
    return SlowParts()


@pytest.fixture
def told():
    return []


@pytest.fixture
def moves(parts, told):
    """Moves of which three are enough; what they were told of is in `told`."""
    process = SimpleNamespace(
        pool=thread_pool,
        clock=SystemClock(),
        together_seconds=LONG_SECONDS,
        notify=lambda name, _run, facts: told.append((name, facts["row"])),
    )
    made = PartMoves(SimpleNamespace(process=process, store=SimpleNamespace(parts=parts), run_id="r"), lambda n: n >= 3)
    yield made
    for _ in range(10):
        parts.go_on.put(None)
    made.end()


def test_what_is_told_during_a_commit_goes_together_in_the_next(moves, parts, told):
    """Nobody who tells waits for the disk, and three parts cost one commit."""
    done = threading.Event()
    moves.tell(a_move(0), lambda _error: None)
    parts.begun.get(timeout=60)
    for row in (1, 2, 3):
        moves.tell(a_move(row), lambda _error, row=row: done.set() if row == 3 else None)

    parts.go_on.put(None)
    parts.go_on.put(None)

    assert done.wait(60)
    assert [[row for row, *_ in batch] for batch in parts.batches] == [[0], [1, 2, 3]]
    assert told == [("part.downloaded", row) for row in range(4)]


def test_steps_of_one_part_are_one_move(moves, parts):
    """What went two steps between commits is written once, from where it was to where it is."""
    moves.tell(a_move(0), lambda _error: None)
    parts.begun.get(timeout=60)
    moves.tell(a_move(1, EXPORTED, DOWNLOADING))
    moves.tell(a_move(1))
    moves.tell(a_move(1, VERIFIED, MERGED), lambda _error: None)
    parts.go_on.put(None)

    parts.go_on.put(None)
    moves.end()

    assert parts.batches[1:] == [[(1, EXPORTED, MERGED)]]


def test_few_wait_for_company_no_longer_than_the_pace(parts):
    """Fewer than are enough are committed when the time has come."""
    process = SimpleNamespace(pool=thread_pool, clock=SystemClock(), together_seconds=0.001, notify=lambda *_: None)
    moves = PartMoves(
        SimpleNamespace(process=process, store=SimpleNamespace(parts=parts), run_id="r"), lambda _n: False
    )
    second = threading.Event()
    for row, then in ((0, lambda _error: None), (1, lambda _error: second.set())):
        parts.go_on.put(None)
        moves.tell(a_move(row), then)

    assert second.wait(60)
    moves.end()


def test_who_waits_is_told_what_a_commit_failed_for(moves, parts, told):
    """A database that is busy is everybody's trouble, and no event is told of what was not written."""
    against = queue.SimpleQueue()
    moves.tell(a_move(0), against.put)

    parts.go_on.put(TransientError("busy"))

    assert str(against.get(timeout=60)) == "busy"
    assert told == []


def test_what_is_told_after_the_end_is_committed_by_whoever_tells_it(moves, parts):
    """The last piece may be placed while the downloads are ended already."""
    moves.end()
    parts.go_on.put(None)

    moves.tell(a_move(7, VERIFIED, MERGED), lambda _error: None)

    assert parts.batches == [[(7, VERIFIED, MERGED)]]
