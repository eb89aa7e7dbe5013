"""The units of a store: leases with fences, needs, and exactly one end of each, whoever works on them."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from orchestrator.core.errors import FencedError, IntegrityError
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.grid import Window
from orchestrator.model.states import UNIT_DONE, Failure, RunState, UnitState
from orchestrator.model.unit import Cell, UnitPlan

DONE, EMPTY, FAILED, WAITING = UnitState.DONE, UnitState.EMPTY, UnitState.FAILED, UnitState.WAITING
MET = (UnitState.DONE, UnitState.EMPTY)


class StillClock:
    def now(self) -> datetime:
        return datetime(2024, 6, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


def opened(path: Path) -> SqlStore:
    return SqlStore(f"sqlite:///{path}", StillClock())


@pytest.fixture
def store(tmp_path):
    store = opened(tmp_path / "state.db")
    yield store
    store.close()


@pytest.fixture
def run(store) -> str:
    return store.runs.admit(Admission("night", "", ("f" * 64,), "{}")).id


def plans(*keys: str, kind: str = "fetch", needs: tuple[tuple[str, str], ...] = ()) -> list[UnitPlan]:
    return [UnitPlan(kind, key, needs=needs) for key in keys]


def claim(store: SqlStore, run: str, limit: int = 1, *, kind: str = "fetch", now: float = 0.0, lease: float = 60.0):
    return store.units.claim(run, kind, limit, now=now, until=now + lease)


def keys(units) -> list[str]:
    return [unit.key for unit in units]


def states(store: SqlStore, run: str) -> dict[str, UnitState]:
    return {unit.key: unit.state for unit in store.units.of(run)}


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
    """With the end of its lease."""
    store.units.add(run, plans("a"))

    (unit,) = claim(store, run, now=1000.0, lease=60.0)

    assert (unit.state, unit.attempt, unit.fence, unit.claimed_until) == (UnitState.CLAIMED, 1, 1, 1060.0)


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
    claim(store, run, now=0.0, lease=60.0)

    assert claim(store, run, now=59.0) == []
    assert [(u.attempt, u.fence) for u in claim(store, run, now=60.0)] == [(2, 2)]


def test_a_lease_can_be_prolonged(store, run):
    """A step that takes long keeps its unit."""
    store.units.add(run, plans("a"))
    (unit,) = claim(store, run, now=0.0, lease=60.0)

    store.units.renew(unit, 200.0)

    assert claim(store, run, now=100.0) == []


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
    a, _b = claim(store, run, 2, now=0.0, lease=60.0)
    store.units.again(a, 40.0, Failure.TRANSIENT, "reset by peer")

    assert store.units.next_due(run, ["fetch"]) == 40.0
    assert store.units.next_due(run, ["other"]) is None


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
    (after_crash,) = claim(store, run, now=99.0)
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
        (other,) = claim(store, run, now=99.0)
        if since == "ended":
            store.units.finish(other, DONE, result={"late": False})
    before = store.units.of(run)

    with pytest.raises(FencedError, match="fetch a"):
        act(store, late)

    assert store.units.of(run) == before


def test_a_lease_that_is_over_may_still_commit_where_nobody_claimed_it(store, run):
    """Slow work is not thrown away: the fence decides, not the clock."""
    store.units.add(run, plans("a"))
    (slow,) = claim(store, run, now=0.0, lease=1.0)

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


# -------------------------------------------------------------- the state machine

HISTORIES = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("units") / "template.db"
    opened(path).close()
    return path


class Workers(RuleBasedStateMachine):
    """Two processes on one database, each with what it believes to hold; leases end as the clock goes on."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name) / "state.db"
        shutil.copy(self.template, path)
        self.stores = [opened(path), opened(path)]
        self.run = self.stores[0].runs.admit(Admission("night", "", ("f",), "{}")).id
        self.now = 0.0
        self.born = 0
        self.held: list[list] = [[], []]  # what each worker believes to have
        self.fences: dict[str, int] = {}  # of each key: the newest claim that was given out
        self.open: set[str] = set()  # keys whose newest claim nobody has ended
        self.ends: Counter[str] = Counter()  # ends less losses
        self._add([(), (0,), (0, 1)])

    def _add(self, needs: list[tuple[int, ...]]) -> None:
        names = [f"{self.born + n:04d}" for n in range(len(needs))]
        made = [
            UnitPlan("fetch", name, needs=tuple(("fetch", names[i]) for i in of))
            for name, of in zip(names, needs, strict=True)
        ]
        self.born += len(needs)
        self.stores[0].units.add(self.run, made)

    def teardown(self) -> None:
        try:
            self._work_to_the_end()
        finally:
            for store in self.stores:
                store.close()
            self.folder.cleanup()

    def _work_to_the_end(self) -> None:
        self.now += 1e9
        while taken := self.stores[1].units.claim(self.run, "fetch", 3, now=self.now, until=self.now + 10):
            self._took(taken)
            for unit in taken:
                self.stores[1].units.finish(unit, DONE)
                self._ended(unit)
        found = states(self.stores[0], self.run)
        assert all(state in UNIT_DONE or state is FAILED or self._is_blocked(key) for key, state in found.items())
        assert all(self.ends[key] == (state in UNIT_DONE or state is FAILED) for key, state in found.items())

    def _is_blocked(self, key: str) -> bool:
        """Only what needs something that failed may be left over."""
        found = states(self.stores[0], self.run)
        unmet = [k for _, k in self.stores[0].units.get(self.run, "fetch", key).plan.needs if found[k] not in MET]
        return any(found[k] is FAILED or self._is_blocked(k) for k in unmet)

    def _took(self, taken) -> None:
        found = states(self.stores[0], self.run)
        for unit in taken:
            assert unit.fence > self.fences.get(unit.key, 0), "two claims had the same fence"
            assert all(found[key] in MET for _, key in unit.plan.needs), "it was claimed before its needs"
            self.fences[unit.key] = unit.fence
            self.open.add(unit.key)

    def _ended(self, unit) -> None:
        self.open.discard(unit.key)
        self.ends[unit.key] += 1

    def _commit(self, worker: int, act) -> bool:
        """Let a worker commit something it believes to hold; it may, exactly where nobody took it since."""
        unit = self.held[worker].pop(0)
        good = unit.key in self.open and self.fences[unit.key] == unit.fence
        before = self.stores[0].units.of(self.run)
        try:
            act(self.stores[worker].units, unit)
        except FencedError:
            assert not good, "a good lease was refused"
            assert self.stores[0].units.of(self.run) == before
            return False
        assert good, "an outdated lease committed"
        self.last = unit
        return True

    @rule(needs=st.lists(st.just(()), min_size=1, max_size=2))
    def add(self, needs) -> None:
        self._add(needs)

    @rule(worker=st.integers(0, 1), limit=st.integers(1, 3), lease=st.sampled_from([5.0, 50.0]))
    def claim(self, worker, limit, lease) -> None:
        taken = self.stores[worker].units.claim(self.run, "fetch", limit, now=self.now, until=self.now + lease)
        self._took(taken)
        self.held[worker] += taken

    @rule(seconds=st.sampled_from([1.0, 10.0, 100.0]))
    def time_passes(self, seconds) -> None:
        self.now += seconds

    @precondition(lambda self: self.held[0] or self.held[1])
    @rule(state=st.sampled_from([DONE, EMPTY, FAILED]), first=st.integers(0, 1), makes=st.booleans())
    def finish(self, state, first, makes) -> None:
        worker = first if self.held[first] else 1 - first
        made = []
        if makes and state is DONE:
            made = plans(f"{self.born:04d}")
            self.born += 1
        if self._commit(worker, lambda units, unit: units.finish(unit, state, units=made)):
            self._ended(self.last)

    @precondition(lambda self: self.held[0] or self.held[1])
    @rule(first=st.integers(0, 1), wait=st.sampled_from([0.0, 20.0]), counted=st.booleans())
    def again(self, first, wait, counted) -> None:
        worker = first if self.held[first] else 1 - first
        at = self.now + wait
        if self._commit(worker, lambda units, unit: units.again(unit, at, Failure.TRANSIENT, "", counted=counted)):
            self.open.discard(self.last.key)

    @precondition(lambda self: self.held[0] or self.held[1])
    @rule(first=st.integers(0, 1))
    def split(self, first) -> None:
        worker = first if self.held[first] else 1 - first
        children = plans(f"{self.born:04d}", f"{self.born + 1:04d}")
        self.born += 2
        if self._commit(worker, lambda units, unit: units.split(unit, children, Failure.SIZE)):
            self._ended(self.last)

    @rule(data=st.data())
    def lose(self, data) -> None:
        found = {key: state for key, state in states(self.stores[0], self.run).items() if state in MET}
        if found:
            key = data.draw(st.sampled_from(sorted(found)))
            self.stores[0].units.lose(self.run, [("fetch", key)])
            self.ends[key] -= 1

    @rule()
    def a_process_begins_anew(self) -> None:
        """After a crash, what it had is given back."""
        self.stores[0].units.release(self.run)
        self.open.clear()

    @invariant()
    def what_is_counted_is_what_is_there(self) -> None:
        units = self.stores[0].units.of(self.run)
        assert self.stores[0].units.tally(self.run) == {"fetch": Counter(unit.state for unit in units)}

    @invariant()
    def what_is_lacking_is_what_is_not_done(self) -> None:
        found = states(self.stores[0], self.run)
        with self.stores[0]._db.read() as db:
            lacking = dict(db.execute(text("SELECT key, lacking FROM units")).all())
        needs = {unit.key: unit.plan.needs for unit in self.stores[0].units.of(self.run)}
        assert lacking == {key: sum(found[k] not in MET for _, k in needs[key]) for key in found}


def test_every_unit_ends_once_whoever_works_on_it(template):
    """Two workers in any order: one lease at a time, no commit with an old fence, counts and needs exact."""
    Workers.template = template
    run_state_machine_as_test(Workers, settings=HISTORIES)
