"""The units of a store: leases with fences, needs, and exactly one end of each, whoever works on them."""

from __future__ import annotations

import pytest
from unit_kit import MET, OVER, claim, keys, lapse, opened, plans, states

from orchestrator.core.errors import FencedError, IntegrityError
from orchestrator.engine.stores.records import Admission
from orchestrator.model.grid import Window
from orchestrator.model.states import Failure, RunState, UnitState
from orchestrator.model.unit import Cell, UnitPlan

DONE, EMPTY, FAILED, WAITING = UnitState.DONE, UnitState.EMPTY, UnitState.FAILED, UnitState.WAITING


@pytest.fixture
def store(store_url):
    store = opened(store_url)
    yield store
    store.close()


@pytest.fixture
def run(store) -> str:
    return store.runs.admit(Admission("night", "", ("f" * 64,), "{}")).id


# --------------------------------------------------------------------- entering


def test_a_unit_is_read_as_it_was_planned(store, run):
    """Its cell with grid, time, window and group of bands, what it needs, and what its step must know."""
    cell = Cell(Window(256, 512, 128, 64), grid=1, time=2, group=3)
    plan = UnitPlan("fetch", "a", cell, (("list", "x"), ("list", "y")), {"url": "u", "sizes": [1, 2]})

    store.units.add(run, [plan])

    unit = store.units.get(run, "fetch", "a")
    assert (unit.plan, unit.state, unit.attempt, unit.fence) == (plan, WAITING, 0, 0)


def test_a_unit_may_have_no_cell(store, run):
    """A list of scenes has no pixels."""
    store.units.add(run, plans("a"))

    assert store.units.get(run, "fetch", "a").plan.cell is None


def test_adding_twice_is_adding_once(store, run):
    """A step that runs again after a crash makes the same units; those that are there stay as they are."""
    store.units.add(run, plans("a"))
    (unit,) = claim(store, run)
    store.units.finish(unit, DONE)

    store.units.add(run, plans("a", "b", "b"))

    assert states(store, run) == {"a": DONE, "b": WAITING}


def test_a_plan_is_stored_with_its_first_units(store, run):
    """In one transaction: a run that is PLANNED has its units."""
    store.runs.save_plan(run, "plan", "", "{}", (), plans("a", "b"))

    assert store.runs.get(run).state is RunState.PLANNED
    assert store.units.tally(run) == {"fetch": {WAITING: 2}}


def test_an_unknown_unit_is_refused(store, run):
    """It is a fault of ours to ask for it."""
    with pytest.raises(IntegrityError, match="fetch zzz"):
        store.units.get(run, "fetch", "zzz")


# --------------------------------------------------------------------- claiming


def test_units_are_claimed_in_the_order_of_their_keys(store, run):
    """Of the kind asked for, as many as asked for, each once."""
    store.units.add(run, [*plans("c", "a", "b"), *plans("0", kind="other")])

    first, second = claim(store, run, 2), claim(store, run, 2)

    assert (keys(first), keys(second)) == (["a", "b"], ["c"])


def test_a_claim_counts_an_attempt_and_raises_the_fence(store, run):
    """With the end of its lease, by the database's clock."""
    store.units.add(run, plans("a"))

    with store._db.read() as db:
        before = store._db.server_seconds(db)
    (unit,) = claim(store, run, now=1000.0, lease=60.0)
    with store._db.read() as db:
        after = store._db.server_seconds(db)

    assert (unit.state, unit.attempt, unit.fence) == (UnitState.CLAIMED, 1, 1)
    assert before <= unit.claimed_until - 60.0 <= after


def test_a_unit_is_not_claimed_before_its_time(store, run):
    """What was put off waits for its time, and only that long."""
    store.units.add(run, plans("a"))
    (unit,) = claim(store, run)
    store.units.again(unit, 500.0, Failure.THROTTLE, "too many requests")

    assert claim(store, run, now=499.0) == []
    assert keys(claim(store, run, now=500.0)) == ["a"]


def test_a_lease_that_is_over_is_taken_by_another(store, run):
    """A worker that died does not keep its units."""
    store.units.add(run, plans("a"))
    claim(store, run, lease=6000.0)

    lapse(store, 3000.0)
    assert claim(store, run) == []
    lapse(store, 3000.0)
    assert [(u.attempt, u.fence) for u in claim(store, run)] == [(2, 2)]


def test_a_lease_that_is_over_is_not_taken_before_what_it_needs_is_there_again(store, run):
    """What was done when it was claimed has been lost since: first that, then this."""
    store.units.add(run, [*plans("a"), *plans("b", needs=(("fetch", "a"),))])
    store.units.finish(claim(store, run)[0], DONE)
    claim(store, run, lease=OVER)
    store.units.lose(run, [("fetch", "a")])

    assert keys(claim(store, run, 2, lease=9000.0)) == ["a"]
    assert 6000.0 < store.units.next_due(run, ["fetch"], 0.0) <= 9000.0


def test_a_lease_can_be_prolonged(store, run):
    """A step that takes long keeps its unit."""
    store.units.add(run, plans("a"))
    (unit,) = claim(store, run, lease=OVER)

    store.units.renew(unit, 6000.0)

    assert claim(store, run) == []


@pytest.mark.parametrize("end", MET)
def test_a_unit_waits_for_what_it_needs(store, run, end):
    """Until each of them is done, or had nothing to bring."""
    store.units.add(run, [*plans("x", "y", kind="list"), *plans("a", needs=(("list", "x"), ("list", "y")))])
    x, y = claim(store, run, 2, kind="list")

    store.units.finish(x, DONE)
    assert claim(store, run) == []
    store.units.finish(y, end)

    assert keys(claim(store, run)) == ["a"]


def test_what_is_needed_may_be_entered_later(store, run):
    """A need that is not there is not met."""
    store.units.add(run, plans("a", needs=(("list", "x"),)))
    assert claim(store, run) == []

    store.units.add(run, plans("x", kind="list"))
    store.units.finish(claim(store, run, kind="list")[0], DONE)

    assert keys(claim(store, run)) == ["a"]


def test_what_is_needed_may_be_done_before(store, run):
    """A unit that a later one makes possible finds its needs met."""
    store.units.add(run, plans("x", kind="list"))
    store.units.finish(claim(store, run, kind="list")[0], DONE)

    store.units.add(run, plans("a", needs=(("list", "x"),)))

    assert keys(claim(store, run)) == ["a"]


def test_the_next_time_something_can_be_claimed_is_known(store, run):
    """A time to be waited for, or the end of somebody's lease; none where only needs are lacking."""
    store.units.add(run, [*plans("a", "b"), *plans("c", kind="other", needs=(("fetch", "a"),))])
    a, _b = claim(store, run, 2, lease=9000.0)
    store.units.again(a, 40.0, Failure.TRANSIENT, "reset by peer")

    assert store.units.next_due(run, ["fetch"], 10.0) == 30.0
    assert 6000.0 < store.units.next_due(run, ["fetch"], -1e5) <= 9000.0
    assert store.units.next_due(run, ["other"], 0.0) is None


# ------------------------------------------------------------------- committing


def test_a_result_is_committed_with_what_it_makes_possible(store, run):
    """A scene and its patches, in one transaction."""
    store.units.add(run, plans("a"))
    (unit,) = claim(store, run)

    store.units.finish(unit, DONE, result={"sha256": "00"}, units=plans("1", "2", kind="patch"))

    assert store.units.get(run, "fetch", "a").result == {"sha256": "00"}
    assert keys(claim(store, run, 9, kind="patch")) == ["1", "2"]


def test_a_note_is_kept_until_there_is_a_result(store, run):
    """What was written down before an effect is found after a crash, and is the result where none is given."""
    store.units.add(run, plans("a"))
    (unit,) = claim(store, run)
    store.units.note(unit, {"path": "p"})
    lapse(store)
    (after_crash,) = claim(store, run)
    assert after_crash.result == {"path": "p"}

    store.units.finish(after_crash, DONE)

    assert store.units.get(run, "fetch", "a").result == {"path": "p"}


STALE = {
    "finish": lambda store, unit: store.units.finish(unit, DONE, result={"late": True}, units=plans("z")),
    "again": lambda store, unit: store.units.again(unit, 1e9, Failure.TRANSIENT, "late"),
    "split": lambda store, unit: store.units.split(unit, plans("z"), Failure.SIZE),
    "renew": lambda store, unit: store.units.renew(unit, 1e9),
    "note": lambda store, unit: store.units.note(unit, {"late": True}),
}


@pytest.mark.parametrize("act", STALE.values(), ids=STALE)
@pytest.mark.parametrize("since", ["claimed by another", "given back", "ended"])
def test_an_outdated_fence_changes_nothing(store, run, act, since):
    """Whoever wakes up late is told so, and what the other did stands."""
    store.units.add(run, plans("a"))
    (late,) = claim(store, run)
    if since == "given back":
        store.units.release(run)
    else:
        lapse(store)
        (other,) = claim(store, run)
        if since == "ended":
            store.units.finish(other, DONE, result={"late": False})
    before = store.units.of(run)

    with pytest.raises(FencedError, match="fetch a"):
        act(store, late)

    assert store.units.of(run) == before


def test_a_lease_that_is_over_may_still_commit_where_nobody_claimed_it(store, run):
    """Slow work is not thrown away: the fence decides, not the clock."""
    store.units.add(run, plans("a"))
    (slow,) = claim(store, run, lease=OVER)

    store.units.finish(slow, DONE)

    assert states(store, run) == {"a": DONE}


def test_waiting_for_a_busy_service_is_no_attempt(store, run):
    """Where it does not count, the number of attempts is what it was."""
    store.units.add(run, plans("a"))
    for counted in (False, True):
        (unit,) = claim(store, run)
        store.units.again(unit, 0.0, Failure.THROTTLE, "429", counted=counted)

    unit = store.units.get(run, "fetch", "a")
    assert (unit.attempt, unit.failure, unit.error) == (1, Failure.THROTTLE, "429")


def test_the_children_of_a_split_unit_are_needed_in_its_place(store, run):
    """What waited for the whole waits for all pieces."""
    store.units.add(run, [*plans("a"), *plans("m", kind="merge", needs=(("fetch", "a"),))])
    (whole,) = claim(store, run)

    store.units.split(whole, plans("a.0", "a.1"), Failure.SIZE, "too large")

    assert states(store, run) == {"a": UnitState.SPLIT, "a.0": WAITING, "a.1": WAITING, "m": WAITING}
    for unit in claim(store, run, 2):
        assert claim(store, run, kind="merge") == []
        store.units.finish(unit, DONE)
    assert [unit.plan.needs for unit in claim(store, run, kind="merge")] == [(("fetch", "a.0"), ("fetch", "a.1"))]


def test_what_is_lost_is_done_again(store, run):
    """Without its old result; whatever needs it waits again; what is to be done anyway stays as it is."""
    store.units.add(run, [*plans("a", "b"), *plans("m", kind="merge", needs=(("fetch", "a"),))])
    (a,) = claim(store, run)
    store.units.finish(a, DONE, result={"path": "gone"})

    store.units.lose(run, [("fetch", "a"), ("fetch", "b")])

    again = store.units.get(run, "fetch", "a")
    assert (again.state, again.result) == (WAITING, {})
    assert claim(store, run, kind="merge") == []
    assert keys(claim(store, run, 9)) == ["a", "b"]


def test_who_finds_something_lost_waits_for_it(store, run):
    """In one transaction with the loss, and it is no attempt of the finder's."""
    store.units.add(run, [*plans("a"), *plans("m", kind="merge", needs=(("fetch", "a"),))])
    store.units.finish(claim(store, run)[0], DONE)
    (merge,) = claim(store, run, kind="merge")

    store.units.again(merge, 0.0, Failure.TRANSIENT, "a is gone", counted=False, lost=[("fetch", "a")])

    assert states(store, run) == {"a": WAITING, "m": WAITING}
    assert claim(store, run, kind="merge") == []


def test_what_is_given_back_was_no_attempt(store, run):
    """A process that stops in good order leaves its units as it found them."""
    store.units.add(run, plans("a", "b"))
    a, b = claim(store, run, 2)

    store.units.release(run, [a])
    assert states(store, run) == {"a": WAITING, "b": UnitState.CLAIMED}
    store.units.release(run)

    assert [(u.state, u.attempt, u.fence) for u in store.units.of(run)] == [(WAITING, 0, 1), (WAITING, 0, b.fence)]


def test_a_person_may_ask_for_another_try(store, run):
    """FAILED ones wait again, and all attempts count from here on."""
    store.units.add(run, plans("a", "b", "c"))
    a, b, c = claim(store, run, 3)
    store.units.finish(a, FAILED, failure=Failure.PERMANENT, error="no such band")
    store.units.again(b, 9e9, Failure.TRANSIENT, "reset")
    store.units.finish(c, DONE)

    store.units.forgive(run)

    assert states(store, run) == {"a": WAITING, "b": WAITING, "c": DONE}
    assert [unit.attempt for unit in claim(store, run, 9)] == [1, 1]


@pytest.mark.parametrize("end", [WAITING, UnitState.LOST])
def test_an_end_outside_the_table_is_refused(store, run, end):
    """`finish` ends; only what the table of states lists."""
    store.units.add(run, plans("a"))
    (unit,) = claim(store, run)
    store.units.finish(unit, DONE)

    with pytest.raises(IntegrityError):
        store.units.finish(unit, end)


def test_units_are_counted_by_kind_and_state(store, run):
    """Of one run and of several; a run without units is left out."""
    other = store.runs.admit(Admission("day", "", ("g",), "{}")).id
    store.units.add(run, [*plans("a", "b"), *plans("m", kind="merge")])
    store.units.finish(claim(store, run)[0], EMPTY)

    tally = {"fetch": {EMPTY: 1, WAITING: 1}, "merge": {WAITING: 1}}
    assert (store.units.tally(run), store.units.tallies([run, other])) == (tally, {run: tally})
