"""Who leads a state: a lease by the database's clock, with a number that every write of the leader carries."""

from __future__ import annotations

import threading

import pytest

from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import FencedError
from orchestrator.engine.leadership import Term
from orchestrator.engine.leases import RunLeases, Worker
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RunState

LONG = 3600.0
OVER = -1.0  # a lease of so many seconds is over when it begins
HERE, THERE = (Worker(host, 7, "2026-11-26T03:00:00+00:00", f"kernel-of-{host}") for host in ("here", "there"))


def nobody(_worker):
    return False


@pytest.fixture
def store(store_url):
    made = SqlStore(store_url, SystemClock())
    yield made
    made.close()


def a_run(store):
    job = Job("night", "/out", AreaSource("6.1,49.6,6.2,49.7"), "2024-05-01", "2024-06-01", service="sandbox")
    return store.runs.admit(Admission("night", "", job.fingerprints(), job.to_json(), base_name="night")).id


def term_of(store, worker=HERE, seconds=LONG):
    claimed = store.leadership.claim(str(worker), seconds, nobody)
    return Term(store, claimed.fence, LONG, SystemClock())


def test_one_leads_at_a_time(store):
    """Another has it when the lease is over, was given back, or its holder is known to be gone; its number grows."""
    first = store.leadership.claim("a", LONG, nobody)
    refused = store.leadership.claim("b", LONG, nobody)
    second = store.leadership.claim("b", LONG, lambda worker: worker == "a")
    store.leadership.release(second.fence)
    third = store.leadership.claim("c", OVER, nobody)
    fourth = store.leadership.claim("d", LONG, nobody)

    for late in (store.leadership.release, lambda fence: store.leadership.renew(fence, LONG)):
        with pytest.raises(FencedError):
            late(third.fence)
    assert refused is None
    assert [row.fence for row in (first, second, third, fourth)] == [1, 2, 3, 4]
    assert [row.worker for row in (first, second, third, fourth)] == ["", "a", "b", "c"]
    assert [row.is_kept for row in (first, second, third, fourth)] == [False, True, False, True]


def test_what_is_left_of_it_is_told_by_the_databases_clock(store):
    """A machine whose own clock is a day off has the same answer."""
    store.leadership.claim("a", LONG, nobody)
    if store.database().kind == "SQLite":  # its clock is the machine's
        assert LONG - 60 < store.leadership.at().left_seconds <= LONG
        return

    class Wrong(SystemClock):
        def now(self):
            return super().now().replace(year=2001)

    other = SqlStore(store._db._engine.url.render_as_string(hide_password=False), Wrong())

    assert LONG - 60 < other.leadership.at().left_seconds <= LONG
    assert other.leadership.claim("b", LONG, nobody) is None
    other.close()


def test_whoever_was_deposed_writes_nothing_more(store):
    """No run, no date, no message; nor does its lease on a run help it, which nobody else has claimed yet."""
    run_id = a_run(store)
    term = term_of(store, seconds=OVER)
    leases = RunLeases(lambda: term.store, SystemClock(), worker=HERE, check_leader=term.check)
    with leases.hold(run_id) as lease:
        lease.check()  # it was over, and is prolonged
        prolonged = store.leadership.claim(str(THERE), LONG, nobody)
        store.leadership.claim(str(THERE), LONG, lambda _worker: True)

    for late in (
        lambda: term.store.runs.set_state(run_id, RunState.FAILED, "late"),
        lambda: lease.store.runs.set_state(run_id, RunState.FAILED, "late"),
        lambda: term.store.outbox.claim(1, 0.0),
        lambda: term.store.job_states.pause("night", "late"),
        lease.check,
        term.check,
    ):
        with pytest.raises(FencedError, match="another daemon leads"):
            late()
    assert prolonged is None
    assert store.runs.head(run_id).state is RunState.ADMITTED
    assert term.is_lost


def test_a_new_leader_does_not_wait_for_the_runs_of_the_one_that_it_deposed(store):
    """Their leases may be good for a while; those of others are heeded."""
    run_id = a_run(store)
    theirs = RunLeases(lambda: store, SystemClock(), LONG, THERE)
    mine = RunLeases(lambda: store, SystemClock(), LONG, HERE)
    mine.deposed = str(THERE)

    with theirs.hold(run_id), mine.hold(run_id) as lease:
        lease.check()

        assert store.leases.at(run_id).worker == str(HERE)


def test_the_keeper_tells_when_another_leads(store):
    """Within a beat; and it gives nothing back that is another's."""
    claimed = store.leadership.claim(str(HERE), LONG, nobody)
    term, lost = Term(store, claimed.fence, 0.3, SystemClock()), threading.Event()
    with term.kept(lost.set):
        second = store.leadership.claim(str(THERE), LONG, lambda _worker: True)

        assert lost.wait(30)
    assert store.leadership.at().fence == second.fence
    assert store.leadership.at().left_seconds > 0


def test_machines_of_one_database_are_one_installation(store):
    """The first name stays; words of whichever machine are known to all, the oldest of too many are forgotten."""
    names = [store.installation.call(name) for name in ("first", "second")]
    for word in "abcd":
        store.installation.remember(word, 3)
    store.installation.forget(["c"])

    assert names == ["first", "first"] == [store.installation.name(), "first"]
    assert store.installation.words() == ["b", "d"]
