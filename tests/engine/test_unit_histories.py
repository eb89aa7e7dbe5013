"""Whoever works on the units of a run, and however often they die: each unit ends once."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text
from unit_kit import MET, lapse, opened, plans, states

from orchestrator.core.errors import FencedError
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.states import UNIT_DONE, Failure, UnitState
from orchestrator.model.unit import UnitPlan

DONE, EMPTY, FAILED, WAITING = UnitState.DONE, UnitState.EMPTY, UnitState.FAILED, UnitState.WAITING

HISTORIES = settings(max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def two_stores(store_url):
    with closing(opened(store_url)) as one, closing(opened(store_url)) as two:
        yield [one, two]


class Workers(RuleBasedStateMachine):
    """
    Two processes on one database, each with what it believes to hold; leases end as the clock goes on.

    Each history is of a run of its own.
    """

    stores: list[SqlStore]
    born_runs = 0

    def __init__(self) -> None:
        super().__init__()
        Workers.born_runs += 1
        self.run = self.stores[0].runs.admit(Admission("night", "", (f"f{Workers.born_runs}",), "{}")).id
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
        self._work_to_the_end()

    def _work_to_the_end(self) -> None:
        self.time_passes(1e9)
        while (taken := self.stores[1].units.claim(self.run, "fetch", 3, now=self.now, seconds=1e4)) or self._gave_up():
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
        self._gave_up()
        for unit in taken:
            assert unit.fence > self.fences.get(unit.key, 0), "two claims had the same fence"
            assert all(found[key] in MET for _, key in unit.plan.needs), "it was claimed before its needs"
            self.fences[unit.key] = unit.fence
            self.open.add(unit.key)

    def _gave_up(self) -> bool:
        """Take note of units that ended whoever had them, again and again; tell whether there were any."""
        found = states(self.stores[0], self.run)
        dead = [key for key in self.open if found[key] is FAILED]
        self.open.difference_update(dead)
        self.ends.update(dead)
        return bool(dead)

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

    @rule(worker=st.integers(0, 1), limit=st.integers(1, 3), lease=st.sampled_from([5e3, 5e4]))
    def claim(self, worker, limit, lease) -> None:
        taken = self.stores[worker].units.claim(self.run, "fetch", limit, now=self.now, seconds=lease)
        self._took(taken)
        self.held[worker] += taken

    @rule(seconds=st.sampled_from([1e3, 1e4, 1e5]))
    def time_passes(self, seconds) -> None:
        self.now += seconds
        lapse(self.stores[0], seconds)

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
    @rule(first=st.integers(0, 1), wait=st.sampled_from([0.0, 2e4]), counted=st.booleans())
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
            mine = text("SELECT key, lacking FROM units WHERE run_id = :run")
            lacking = dict(db.execute(mine, {"run": self.run}).all())
        needs = {unit.key: unit.plan.needs for unit in self.stores[0].units.of(self.run)}
        assert lacking == {key: sum(found[k] not in MET for _, k in needs[key]) for key in found}


def test_every_unit_ends_once_whoever_works_on_it(two_stores):
    """Two workers in any order: one lease at a time, no commit with an old fence, counts and needs exact."""
    Workers.stores = two_stores
    run_state_machine_as_test(Workers, settings=HISTORIES)
