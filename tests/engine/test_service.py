"""The daemon's slots: who gets one, who waits where, and what one bad run or one locked database does to the others."""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import contextmanager
from itertools import pairwise

import pytest
from house import Until, real_execution

from orchestrator.core.errors import ConfigError, CredentialError, IntegrityError, SpaceError, TransientError
from orchestrator.engine.service import ElsewhereError, Summary
from orchestrator.model.states import RunState, Who

TENS = int(os.environ.get("ORCHESTRATOR_TEST_RUNS", "20")) // 20  # 200 for the whole of it


def test_many_runs_share_two_slots(house):
    """A tenth is bad, some end up held, all write into one folder: the others finish, and no slot waits for a look."""
    names = [
        f"{kind}{n}" for n in range(TENS) for kind in ("bad_a", "bad_b", "held", *(f"good_{k}_" for k in range(17)))
    ]
    left, ended, active, most = Counter(), threading.Event(), set(), []

    @contextmanager
    def lock(run_id):
        active.add(run_id)
        most.append(len(active))
        try:
            yield
        finally:
            active.discard(run_id)
            left[run_id] += 1
            if len(left) == len(names):
                ended.set()

    for name in names:
        house.admit(name)

    summary = house.work(execute=lambda run: real_execution(house, run), lock=lock, stop=Until(house.clock, ended))

    states = house.states()
    assert Counter(states.values()) == {"CLEANED": 17 * TENS, "FAILED": 2 * TENS, "HELD": TENS}
    assert {name for name, state in states.items() if state == "HELD"} == {n for n in names if n.startswith("held")}
    assert all((house.folder / f"{name}_clipped.tif").exists() for name in names if name.startswith("good"))
    assert summary == Summary(failed=2 * TENS, person=TENS)
    assert (max(most), set(left.values())) == (2, {1})


def test_held_runs_occupy_no_slot(house):
    """Any number of runs that wait for time or for a person leave both slots to the others."""
    for n in range(20):
        house.hold(house.admit(f"held{n}"), 1e5, who=Who.TIME if n % 2 else Who.PERSON)
    house.admit("good")

    house.work()

    assert house.order == ["good"]


def test_a_run_held_for_time_is_looked_at_exactly_then(house):
    """Not sooner, not at the next look: the loop waits as long as it must."""
    seen = []
    run_id = house.admit("held")
    house.hold(run_id, 7.3)
    due = house.clock.seconds + 7.3
    house.acts["held"] = lambda run_id: (seen.append(house.clock.seconds), house.finish(run_id))

    house.work()

    assert seen == [pytest.approx(due, abs=1e-3)]


def test_what_becomes_ready_first_goes_first(house):
    """Nobody starves: a run that is held again and again goes behind those that were ready before it."""
    house.admit("restless")
    house.acts["restless"] = lambda run_id: house.hold(run_id, 0.5)
    for n in range(50):
        house.admit(f"good{n:03d}")

    house.work(slots=1, idle_limit_seconds=5.0)

    goods = [name for name in house.order if name != "restless"]
    assert goods == sorted(goods)
    assert len(goods) == 50
    assert house.order.count("restless") > 1


def test_dates_of_one_job_are_worked_on_one_after_the_other(house):
    """They share a place; a neighbour's slot stays free for other jobs."""
    together, active, guard = [], set(), threading.Lock()

    def act(run_id):
        with guard:
            active.add(house.names[run_id])
            together.append(set(active))
        threading.Event().wait(0.02)
        house.finish(run_id)
        with guard:
            active.discard(house.names[run_id])

    for name in ("monday", "tuesday", "other", "wednesday"):
        house.admit(name, "" if name == "other" else "job nightly")
        house.acts[name] = act

    house.work()

    assert all(len(names - {"other"}) == 1 or names == {"other"} for names in together)
    assert [name for name in house.order if name != "other"] == ["monday", "tuesday", "wednesday"]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ConfigError("no bucket is named"), id="no bucket"),
        pytest.param(CredentialError("no credentials were found"), id="no credentials"),
    ],
)
def test_a_run_that_cannot_be_joined_waits_in_its_row(house, error):
    """It is held with the sentence, looked at now and then, said once; the others finish and the service ends."""
    house.joins["bad"] = error
    house.admit("bad")
    house.admit("good")

    summary = house.work(idle_limit_seconds=900.0, hold_seconds=300.0)

    (bad,) = [run for run in house.store.runs.latest() if run.job_name == "bad"]
    assert (bad.state, bad.who, bad.reason) == (RunState.HELD, Who.TIME, str(error))
    assert summary == Summary(unjoined=1)
    assert house.states()["good"] == "CLEANED"
    assert [name for name, _ in house.told] == ["run.held"]


def test_a_run_that_could_not_be_joined_goes_on_when_it_can(house):
    """From the state it was in."""
    run_id = house.admit("bad")
    house.store.runs.set_state(run_id, RunState.PLANNED)
    house.joins["bad"] = CredentialError("no credentials were found")
    house.work(idle_limit_seconds=0.0)
    del house.joins["bad"]
    held = house.store.runs.get(run_id)
    house.acts["bad"] = lambda run_id: house.store.runs.set_state(run_id, RunState.FAILED)

    summary = house.work()

    assert held.resume is RunState.PLANNED
    assert (house.order, summary) == (["bad"], Summary(failed=1))


def test_a_run_of_another_service_is_left_as_it_is(house):
    """It is not this process's business; nothing of it changes, and nobody waits for it."""
    run_id = house.admit("other")
    house.joins["other"] = ElsewhereError("it was begun on google")
    before = house.store.runs.get(run_id)

    summary = house.work()

    assert house.store.runs.get(run_id) == before
    assert (summary, house.told) == (Summary(), [("run.elsewhere", "other")])


def test_a_run_that_another_process_works_on_is_left_to_it(house):
    """The service neither waits for it nor counts it."""
    house.locked = {"other"}
    house.admit("other")
    house.admit("good")

    assert house.work() == Summary()
    assert house.order == ["good"]


@pytest.mark.parametrize(
    "error", [TransientError("database is locked"), SpaceError("disk is full")], ids=["locked", "full"]
)
def test_a_database_in_trouble_ends_nothing(house, monkeypatch, error):
    """The service looks ever more seldom, says so once and once when it is over, and goes on."""
    house.admit("good")
    waiting, failures = house.store.queue.waiting, [error] * 8

    def in_trouble():
        if failures:
            raise failures.pop()
        return waiting()

    monkeypatch.setattr(house.store.queue, "waiting", in_trouble)
    summary = house.work()

    assert (summary, house.states()) == (Summary(), {"good": "CLEANED"})
    assert [name for name, _ in house.told] == ["serve.trouble", "serve.recovered"]
    assert [round(wait) for wait in house.stop.waits[:8]] == [2, 4, 8, 10, 10, 10, 10, 10]


def test_until_idle_gives_a_database_up_in_the_end(house, monkeypatch):
    """With the database's own error, whose exit code says: try again later."""

    def locked():
        raise TransientError("database is locked")

    monkeypatch.setattr(house.store.queue, "waiting", locked)

    with pytest.raises(TransientError, match="locked"):
        house.work(idle_limit_seconds=100.0)
    assert 100 < house.clock.seconds < 200


@pytest.mark.parametrize(
    ("seconds", "looked_at"),
    [pytest.param(600.0, True, id="within the limit"), pytest.param(1200.0, False, id="beyond it")],
)
def test_until_idle_waits_as_long_as_its_limit(house, seconds, looked_at):
    """A run held for a moment is waited for; one that waits for tomorrow is left for tomorrow, and counted."""
    house.hold(house.admit("held"), seconds)

    summary = house.work(idle_limit_seconds=900.0)

    assert (house.order == ["held"]) is looked_at
    assert summary == Summary(later=0 if looked_at else 1)


def test_until_idle_ends_although_a_run_is_held_again_and_again(house):
    """Looks that change nothing are no progress."""
    house.admit("full-disk")
    house.acts["full-disk"] = lambda run_id: house.hold(run_id, 300.0)

    summary = house.work(idle_limit_seconds=900.0)

    assert summary == Summary(later=1)
    assert 600 <= house.clock.seconds <= 901


def test_until_idle_ends_although_a_run_is_always_due_again(house):
    """Held for less than the time between two looks, it is due at each of them."""
    house.admit("full-disk")
    house.acts["full-disk"] = lambda run_id: house.hold(run_id, 0.001)

    summary = house.work(idle_limit_seconds=60.0)

    assert summary == Summary(later=1)
    assert 55 <= house.clock.seconds <= 70


def test_a_run_whose_end_cannot_be_written_down_is_tried_again_ever_more_seldom(house):
    """No traceback every two seconds, and the other slot goes on."""
    tries = []

    def act(run_id):
        tries.append(house.clock.seconds)
        if len(tries) < 6:
            raise IntegrityError("the state database cannot be used")
        house.finish(run_id)

    house.admit("bad")
    house.acts["bad"] = act

    assert house.work() == Summary()
    assert [round(b - a) for a, b in pairwise(tries)] == [5, 10, 20, 40, 80]


def test_a_fault_of_ours_fails_one_run(house):
    """It is named in the log; the others go on."""

    def broken(_run_id):
        raise KeyError("ours")

    house.acts["bad"] = broken
    house.admit("bad")
    house.admit("good")

    assert house.work() == Summary(failed=1)
    assert house.states() == {"bad": "FAILED", "good": "CLEANED"}


def test_a_fault_of_ours_does_not_fail_a_published_run(house):
    """The result is there: the run is held for a person."""

    def broken(run_id):
        for state in ("PLANNED", "EXPORTING", "ASSEMBLING", "PUBLISHED"):
            house.store.runs.set_state(run_id, RunState(state))
        raise KeyError("ours")

    house.acts["bad"] = broken
    house.admit("bad")

    assert house.work() == Summary(person=1)
    assert house.order == ["bad"]
