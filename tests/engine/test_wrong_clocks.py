"""Processes whose machines' clocks are wrong share the units and runs of one database as those whose are right."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest
from unit_kit import OVER, keys, plans

from orchestrator.core.clock import SystemClock
from orchestrator.core.locks import LockedError
from orchestrator.engine.claims import Claims
from orchestrator.engine.leases import SECONDS, RunLeases, Worker
from orchestrator.engine.stores.dialect import POSTGRES
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.states import UnitState

HOUR = 3600.0
HERE, THERE = (Worker(host, 7, "2026-11-26T03:00:00+00:00", f"kernel-of-{host}") for host in ("here", "there"))


class WrongClock(SystemClock):
    """One that is so many seconds ahead; behind, where that is negative."""

    def __init__(self, ahead: float) -> None:
        self._ahead = timedelta(seconds=ahead)

    def now(self):
        return super().now() + self._ahead


@pytest.fixture(params=[HOUR, -HOUR], ids=["ahead", "behind"])
def wrong(request):
    return WrongClock(request.param)


@pytest.fixture
def store(store_url):
    with closing(SqlStore(store_url, SystemClock())) as store:
        yield store


@pytest.fixture
def other_store(store_url, wrong):
    """That of the machine whose clock is wrong; a file is on one machine, which has one clock for it."""
    clock = wrong if store_url.startswith(POSTGRES) else SystemClock()
    with closing(SqlStore(store_url, clock)) as store:
        yield store


@pytest.fixture
def run(store) -> str:
    run_id = store.runs.admit(Admission("night", "", ("f" * 64,), "{}")).id
    store.units.add(run_id, plans("a"))
    return run_id


@pytest.fixture
def right_claims(store):
    return Claims(store.units, SystemClock(), worker="right")


def wrong_claims(store, clock, seconds=SECONDS):
    return Claims(store.units, clock, worker="wrong", lease_seconds=seconds)


def claimed(claims, run) -> list[str]:
    claims.claim(run, "fetch", 9)
    found = []
    while (unit := claims.begin()) is not None:
        found.append(unit)
    return keys(found)


def asked(store, run):
    unit = store.units.get(run, "fetch", "a")
    return unit.state, unit.attempt, unit.worker


def test_a_wrong_clock_takes_no_unit_of_a_live_worker(store, other_store, run, right_claims, wrong):
    """Nor does it look to it as though one could be claimed."""
    assert claimed(right_claims, run) == ["a"]
    now = wrong.now().timestamp()

    assert claimed(wrong_claims(other_store, wrong), run) == []

    assert not other_store.units.is_due(run, "fetch", now)
    assert 0 < other_store.units.next_due(run, ["fetch"], now) <= SECONDS
    assert asked(store, run) == (UnitState.CLAIMED, 1, "right")


def test_a_wrong_clock_loses_no_unit_to_a_live_worker(store, other_store, run, right_claims, wrong):
    """A lease that it has taken is as long as any."""
    now = max(wrong.now().timestamp(), SystemClock().now().timestamp())

    assert claimed(wrong_claims(other_store, wrong), run) == ["a"]
    assert claimed(right_claims, run) == []

    assert 0 < store.units.next_due(run, ["fetch"], now) <= SECONDS
    assert asked(store, run) == (UnitState.CLAIMED, 1, "wrong")


def test_what_a_worker_with_a_wrong_clock_died_with_is_free_when_its_lease_is_over(
    store, other_store, run, right_claims, wrong
):
    """And not an hour later."""
    assert claimed(wrong_claims(other_store, wrong, OVER), run) == ["a"]

    assert claimed(right_claims, run) == ["a"]

    assert asked(store, run) == (UnitState.CLAIMED, 2, "right")


def test_a_lease_is_prolonged_and_taken_up_by_the_databases_clock(store, other_store, run, right_claims):
    """Each time so long as it is said to be, counted from now."""
    (made,) = store.units.claim(run, "fetch", 1, now=0.0, seconds=OVER)
    taken = other_store.units.take_up(made.claim, OVER, "wrong")
    assert store.units.is_due(run, "fetch", 0.0)

    other_store.units.renew(taken, SECONDS)

    assert claimed(right_claims, run) == []
    assert 0 < store.units.next_due(run, ["fetch"], 0.0) <= SECONDS


@pytest.mark.parametrize("first", ["right", "wrong"])
def test_a_wrong_clock_neither_takes_a_live_processs_run_nor_loses_its_own(store, other_store, run, wrong, first):
    """What is left of the lease is told alike to both."""
    right, other = (
        RunLeases(lambda: store, SystemClock(), worker=HERE),
        RunLeases(lambda: other_store, wrong, SECONDS, THERE),
    )
    holder, late = (right, other) if first == "right" else (other, right)

    with holder.hold(run) as lease:
        lease.renew()
        lease.check()
        with pytest.raises(LockedError), late.hold(run):
            pass

        assert 0 < store.leases.at(run).left_seconds <= SECONDS


def test_a_run_of_a_dead_process_with_a_wrong_clock_is_free_when_its_lease_is_over(store, other_store, run):
    """And not an hour later."""
    other_store.leases.claim(run, str(THERE), seconds=OVER, is_gone=lambda _worker: False)

    assert store.leases.at(run).left_seconds <= 0
    assert store.leases.claim(run, str(HERE), seconds=SECONDS, is_gone=lambda _worker: False).worker == str(HERE)
