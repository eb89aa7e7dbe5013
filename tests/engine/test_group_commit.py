"""What threads of one process commit at one moment is one transaction, and each learns what became of its own."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from sqlalchemy import event
from unit_kit import OVER, claim, opened, plans, states

from orchestrator.core import crash
from orchestrator.core.errors import FencedError
from orchestrator.engine.stores.group_commit import GroupCommit
from orchestrator.engine.stores.records import Admission
from orchestrator.model.states import UnitState

DONE, CLAIMED = UnitState.DONE, UnitState.CLAIMED


@pytest.fixture
def store(store_url):
    with closing(opened(store_url)) as store:
        yield store


@pytest.fixture
def run(store) -> str:
    return store.runs.admit(Admission("night", "", ("f" * 64,), "{}")).id


def together(group: GroupCommit, run: str, acts) -> list[BaseException | None]:
    """Let threads begin while the turn to commit is another's, until all of them wait; return what each raised."""
    raised: list[BaseException | None] = [None] * len(acts)

    def do(number, act):
        try:
            act()
        except BaseException as error:  # noqa: BLE001  looked at by the test
            raised[number] = error

    threads = [threading.Thread(target=do, args=given) for given in enumerate(acts)]
    with group._turn:
        for thread in threads:
            thread.start()
        while len(group._waiting.get(run, ())) < len(acts):
            threads[0].join(0.001)
    for thread in threads:
        thread.join()
    return raised


def commits(store) -> list[str]:
    """Return a list that grows with each transaction that is committed."""
    found: list[str] = []
    event.listen(store._db._engine, "commit", lambda _: found.append("commit"))
    return found


def finish(store, unit):
    return lambda: store.units.finish(unit, DONE, result={"key": unit.key})


def test_what_waits_is_committed_by_one_and_each_once():
    """Of one run; another run's waits for its own."""
    group, batches, lock = GroupCommit[str](), [], threading.Lock()

    def act(name):
        def commit():
            for batch in group.batches(name[0], name):
                with lock:
                    batches.append(sorted(batch))

        return commit

    group._waiting["b"] = ["b0"]
    together(group, "a", [act("a1"), act("a2"), act("a3")])

    assert batches == [["a1", "a2", "a3"]]
    assert group._waiting == {"b": ["b0"]}


def test_units_that_end_at_one_moment_are_one_transaction(store, run):
    """Each with its own result, and the counts are theirs."""
    store.units.add(run, plans(*"abcd"))
    units, before = claim(store, run, 4), commits(store)

    raised = together(store.units._ends, run, [finish(store, unit) for unit in units])

    assert (raised, len(before)) == ([None] * 4, 1)
    assert {unit.key: unit.result["key"] for unit in store.units.of(run)} == {key: key for key in "abcd"}
    assert store.units.tally(run) == {"fetch": {DONE: 4}}


def test_one_whose_claim_is_over_keeps_none_of_the_others(store, run):
    """It alone is refused, and changes nothing."""
    store.units.add(run, plans(*"abc"))
    late = claim(store, run, 1, lease=OVER)[0]
    (taken,) = claim(store, run, 1)
    others = claim(store, run, 2)

    raised = together(store.units._ends, run, [finish(store, unit) for unit in (late, *others)])

    assert [type(error) for error in raised] == [FencedError, type(None), type(None)]
    assert states(store, run) == {"a": CLAIMED, "b": DONE, "c": DONE}
    assert store.units.get(run, "fetch", "a").fence == taken.fence


def test_one_that_others_wait_for_ends_with_what_it_makes_possible(store, run):
    """Beside one that nobody needs."""
    store.units.add(run, [*plans("a", "b"), *plans("m", kind="merge", needs=(("fetch", "a"),))])

    together(store.units._ends, run, [finish(store, unit) for unit in claim(store, run, 2)])

    assert states(store, run) == {"a": DONE, "b": DONE, "m": UnitState.WAITING}
    assert [unit.key for unit in claim(store, run, kind="merge")] == ["m"]


def test_a_run_that_was_lost_takes_no_end_of_any(store, run):
    """The look at the run's lease is in the transaction of all of them."""
    store.units.add(run, plans(*"abc"))
    lease = store.leases.claim(run, "one", seconds=1.0, is_gone=lambda _: True)
    held = store.under(run, lease.fence)
    units = claim(held, run, 3)
    store.leases.claim(run, "two", seconds=1.0, is_gone=lambda _: True)

    raised = together(held.units._ends, run, [finish(held, unit) for unit in units])

    assert {type(error) for error in raised} == {FencedError}
    assert len({id(error) for error in raised}) == 3
    assert store.units.tally(run) == {"fetch": {CLAIMED: 3}}


@pytest.mark.parametrize(("point", "left"), [("uncommitted", CLAIMED), ("committed", DONE)])
def test_killed_in_the_one_transaction_all_have_ended_or_none(store, run, monkeypatch, point, left):
    """As if each had been alone."""

    class KilledError(BaseException):
        pass

    def kill(name):
        if name == f"SqlUnits.finish.{point}":
            raise KilledError

    store.units.add(run, plans(*"abc"))
    units = claim(store, run, 3)
    with monkeypatch.context() as patch:
        patch.setattr(crash, "point", kill)
        raised = together(store.units._ends, run, [finish(store, unit) for unit in units])

    assert KilledError in {type(error) for error in raised}
    assert store.units.tally(run) == {"fetch": {left: 3}}


def test_events_of_one_moment_are_one_transaction_in_their_order(store, run):
    """Whoever reads on from the last one misses none."""
    before = commits(store)
    names = [f"event.{n}" for n in range(4)]

    raised = together(
        store.events._together, run, [lambda name=name: store.events.record(run, name, {}) for name in names]
    )

    assert (raised, len(before)) == ([None] * 4, 1)
    told = store.events.since(run, 0, 10)
    assert sorted(event.name for event in told) == names
    assert [event.at for event in told] == sorted(event.at for event in told)


def test_an_event_that_failed_with_another_is_tried_again(store, run, monkeypatch):
    """Nobody is told that it was written when it was not."""
    failures = [OSError("once")]

    def fail_once(name):
        if name == "SqlEvents.record.uncommitted" and failures:
            raise failures.pop()

    with monkeypatch.context() as patch:
        patch.setattr(crash, "point", fail_once)
        raised = together(store.events._together, run, [lambda: store.events.record(run, "told", {})] * 3)

    assert sorted(type(error).__name__ for error in raised) == ["NoneType", "NoneType", "OSError"]
    assert len(store.events.since(run, 0, 10)) == 2
