"""Several kinds of work carried beside each other, and the one thread that places what they bring."""

from __future__ import annotations

import threading

import pytest

from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.engine.placing import Placing
from orchestrator.engine.work import carry_all
from orchestrator.model.grid import Window
from orchestrator.model.unit import Cell

CELLS = tuple(Cell(Window(0, 256 * n, 256, 256)) for n in range(4))


class Steps:
    """A work that is done after so many rounds, and notes what happens to it."""

    def __init__(self, rounds, *, pause=0.0, error=None):
        self.left, self.pause, self.error = rounds, pause, error
        self.noted = []

    def __enter__(self):
        self.noted.append("open")
        return self

    def __exit__(self, *_):
        self.noted.append("closed")

    def round(self):
        if self.error is not None:
            raise self.error
        self.noted.append("round")
        self.left -= 1
        return self.left <= 0

    def pause_seconds(self):
        return self.pause


def nothing():
    """Nobody asks for an end."""


def test_works_are_carried_until_all_are_done():
    """One that is done is asked again: another may have brought it something."""
    short, long = Steps(1), Steps(3)

    carry_all([short, long], threading.Event(), nothing)

    assert short.noted == long.noted == ["open", "round", "round", "round", "closed"]


def test_every_work_is_closed_when_one_fails():
    """Their threads do not outlive the run's turn."""
    good, bad = Steps(9), Steps(9, error=IntegrityError("no"))

    with pytest.raises(IntegrityError, match="no"):
        carry_all([good, bad], threading.Event(), nothing)

    assert (good.noted[-1], bad.noted[-1]) == ("closed", "closed")


def test_a_wake_up_ends_the_pause():
    """What threads report is not left lying until the time is over."""
    wake = threading.Event()
    wake.set()

    carry_all([Steps(2, pause=3600.0)], wake, nothing)

    assert not wake.is_set()


def test_whoever_asks_for_an_end_is_obeyed_before_a_round():
    """Nothing more is begun."""
    work = Steps(9)

    def stopped():
        raise Stopped("now")

    with pytest.raises(Stopped):
        carry_all([work], threading.Event(), stopped)

    assert work.noted == ["open", "closed"]


# --------------------------------------------------------------------- placing


class MemorySink:
    """A sink in memory; refuses some cells, as a product does: after telling of those before."""

    def __init__(self, refused=(), before=()):
        self.refused, self.before, self.held = set(refused), frozenset(before), []

    def place(self, pieces, on_placed):
        for cell, _content in list(pieces):  # it reads ahead
            if cell in self.refused:
                raise IntegrityError(f"not what was planned for {cell.window.col}")
            self.held.append(cell)
            on_placed(cell)

    def placed(self):
        return self.before


@pytest.fixture
def stop():
    return threading.Event()


def test_a_placed_piece_is_durable_on_return(stop):
    """A step that goes on then may write it down."""
    sink = MemorySink()

    with Placing(sink, stop) as placing:
        placing.place(CELLS[0], b"")

        assert sink.held == [CELLS[0]]


def test_a_refused_piece_keeps_no_other_out(stop):
    """Only whoever handed it over is told."""
    sink, told, durable = MemorySink(refused=[CELLS[1]]), [], []

    with Placing(sink, stop) as placing:
        done = [placing.hand_over(c, b"", lambda c=c: durable.append(c), lambda e: told.append(str(e))) for c in CELLS]
        assert all(each.wait(10) for each in done)

    assert set(durable) == set(CELLS) - {CELLS[1]}
    assert told == ["not what was planned for 256"]


def test_what_a_step_finds_wrong_afterwards_is_its_trouble(stop):
    """The piece is there, but it could not be written down."""

    def fails():
        raise ValueError("no room in the state")

    told = []
    with Placing(MemorySink(), stop) as placing:
        assert placing.hand_over(CELLS[0], b"", fails, told.append).wait(10)

    assert [str(error) for error in told] == ["no room in the state"]


def test_the_sinks_own_word_is_raised_where_it_is_waited_for(stop):
    """Whoever waits for the piece decides."""
    with Placing(MemorySink(refused=CELLS), stop) as placing, pytest.raises(IntegrityError, match="planned for 0"):
        placing.place(CELLS[0], b"")


def test_nothing_is_placed_after_a_stop(stop):
    """Whoever waits is let go."""
    sink = MemorySink()
    stop.set()

    with Placing(sink, stop) as placing, pytest.raises(Stopped):
        placing.place(CELLS[0], b"")

    assert sink.held == []


def test_what_was_placed_before_a_crash_is_known(stop):
    """It is not brought again."""
    with Placing(MemorySink(before=CELLS[:2]), stop) as placing:
        assert placing.placed == frozenset(CELLS[:2])


class NoWakeUp:
    """What a run is woken by, and never is; every wait is over at once, and noted."""

    def __init__(self):
        self.waited = []

    def wait(self, seconds):
        self.waited.append(seconds)
        return False

    def clear(self):
        """Nothing was set."""


def test_whoever_asks_for_an_end_is_obeyed_in_the_middle_of_a_long_pause():
    """A large run looks seldom, since a look takes long; an end is heeded all the same."""
    wake = NoWakeUp()

    def stopped():
        if len(wake.waited) == 3:
            raise Stopped("asked to stop")

    with pytest.raises(Stopped):
        carry_all([Steps(9, pause=600.0)], wake, stopped)

    assert sum(wake.waited) <= 3.0
