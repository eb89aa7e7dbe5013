"""A claim that one process made is done by another, which takes it up: once, however often it is told of it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.append(str(Path(__file__).parents[1] / "engine"))

from unit_kit import OVER, claim, opened, plans

from orchestrator.app.executors import LONGEST_ABSENCE_SECONDS, CarriedUnits
from orchestrator.core.errors import FencedError, StateError, Stopped, TransientError
from orchestrator.engine.executors import UnitLostError
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.work import HoldError
from orchestrator.model.carriers import Unanswered
from orchestrator.model.states import UnitState


@pytest.fixture
def store(store_url):
    store = opened(store_url)
    yield store
    store.close()


@pytest.fixture
def run(store):
    run = store.runs.admit(Admission("night", "", ("f" * 64,), "{}")).id
    store.units.add(run, plans("a"))
    return run


class Carrier:
    """Brings units nowhere; a test says what came of them."""

    def __init__(self):
        self.places, self.why, self.refuses, self.told = 1, "", None, {}

    def room(self):
        return self.places

    def trouble(self):
        return self.why

    def beginning(self):
        return ""

    def begin(self, what, on_end):
        if self.refuses is not None:
            raise self.refuses
        self.told[what] = on_end

    def close(self):
        pass


@pytest.fixture
def clock():
    """One that a test moves."""
    clock = SimpleNamespace(at=0.0)
    clock.monotonic = lambda: clock.at
    clock.now = lambda: SimpleNamespace(timestamp=lambda: clock.at)
    return clock


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
def executor(carrier, store, clock):
    return CarriedUnits(carrier, lambda: store.units, clock)


def test_a_claim_is_taken_up_once_and_the_one_who_made_it_has_it_no_more(store, run):
    """No further try is counted; a second process that is told of it, and the first one's commit, change nothing."""
    (made,) = claim(store, run)

    taken = store.units.take_up(made.claim, 3600.0, "another")
    again = store.units.take_up(made.claim, 100.0, "a third")

    assert again is None
    assert (taken.fence, taken.attempt, taken.worker) == (made.fence + 1, made.attempt, "another")
    with pytest.raises(FencedError):
        store.units.finish(made, UnitState.DONE)
    store.units.finish(taken, UnitState.DONE)
    assert store.units.take_up(taken.claim, 100.0, "late") is None


def test_what_was_taken_up_is_claimed_by_others_when_nothing_is_heard_of_it(store, run):
    """Whoever wakes up then commits nothing."""
    (made,) = claim(store, run)
    taken = store.units.take_up(made.claim, OVER, "stopped")

    (next_one,) = claim(store, run)

    assert next_one.fence == taken.fence + 1
    with pytest.raises(FencedError):
        store.units.finish(taken, UnitState.DONE)


def ended(executor, carrier, unit, unanswered):
    """Return what the run's holder is told when a unit ends so."""
    told = []
    executor.submit(unit, told.append)
    carrier.told[unit.claim](unanswered)
    (error,) = told
    return error


def test_who_died_with_a_unit_that_was_taken_up_has_lost_it_at_once(store, run, executor, carrier):
    """It is claimed again without waiting for the lease, and the death is counted: five of them end it."""
    for _ in range(4):
        (made,) = claim(store, run)
        store.units.take_up(made.claim, 1e9, "doomed")
        assert ended(executor, carrier, made, Unanswered("it died")) is None

    (last,) = claim(store, run)
    store.units.take_up(last.claim, 1e9, "doomed")
    ended(executor, carrier, last, Unanswered("it died"))

    assert claim(store, run) == []
    assert store.units.get(run, "fetch", "a").state is UnitState.FAILED


@pytest.mark.parametrize(
    ("unanswered", "kind"),
    [
        pytest.param(None, type(None), id="done"),
        pytest.param(Unanswered("died"), UnitLostError, id="died before it was taken up"),
        pytest.param(Unanswered("the scheduler died", counted=False), Stopped, id="perhaps under way all the same"),
        pytest.param(Unanswered("no such folder", counted=False, refused=True), HoldError, id="refused by all"),
    ],
)
def test_the_holder_is_told_what_it_must_do(store, run, executor, carrier, unanswered, kind):
    """As `UnitExecutor` promises it."""
    (made,) = claim(store, run)

    error = ended(executor, carrier, made, unanswered)

    assert type(error) is kind
    assert error is None or str(error) == unanswered.why


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        pytest.param(TransientError("nobody is there"), Stopped, id="for now"),
        pytest.param(StateError("they end at their start"), StateError, id="before a person has done something"),
    ],
)
def test_a_unit_that_cannot_be_sent_is_told_as_one_that_was_not_done(store, run, executor, carrier, refusal, kind):
    """Nothing is raised where units are handed out."""
    carrier.refuses, told = refusal, []

    executor.submit(claim(store, run)[0], told.append)

    assert [(type(error), str(error)) for error in told] == [(kind, str(refusal))]


def test_a_run_for_whose_units_nobody_is_there_is_held_after_a_while(executor, carrier, clock):
    """For no person: somebody may come. A moment's absence is waited for, and each counts from its own beginning."""
    carrier.places, carrier.why = 0, "no worker yet"
    assert executor.room() == 0
    clock.at = LONGEST_ABSENCE_SECONDS
    carrier.places = 3
    assert executor.room() == 3
    carrier.places = 0
    assert executor.room() == 0

    clock.at += LONGEST_ABSENCE_SECONDS + 1
    with pytest.raises(HoldError, match="no worker yet") as held:
        executor.room()

    assert held.value.alone
