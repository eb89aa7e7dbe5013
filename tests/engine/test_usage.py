"""What runs have cost is counted once, whatever is told how often."""

from __future__ import annotations

import pytest
from model_world import FakeClock

from orchestrator.engine.batch.accounts import Accounts
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.batch import Operation, OperationState
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RunState, TaskState

MONTH = "2024-05"  # 2024-06-01T00:00Z is still May in California


@pytest.fixture
def store(store_url):
    """A store with the runs `a` and `b`, of two attempts each at one task."""
    store = SqlStore(store_url, FakeClock())
    for name in ("a", "b"):
        job = Job(name, "/out", AreaSource(name), "2024-05-01", "2024-06-01")
        run = store.runs.admit(Admission(name, "", job.fingerprints(), job.to_json())).id
        store.runs.save_plan(run, "{}", "image", "{}", [TaskPlan(0, Window(0, 0, 256, 256), 256, 256)])
        store.runs.set_state(run, RunState.EXPORTING)
        for number in (1, 2):
            store.tasks.intend(run, Attempt("0000", number, f"{name}{number}", f"{name} {number}", "p", "", 0.0))
            store.tasks.identify(run, "0000", f"op {name}{number}", TaskState.RUNNING)
            if number == 1:
                store.tasks.change(run, {"0000": TaskChange(state=TaskState.FAILED, eecu_seconds=10.0)})
                store.tasks.reset(run, "0000", TaskChange())
    yield store
    store.close()


def ids(store):
    return {head.job_name: head.id for head in store.runs.latest()}


def operation(description, seconds):
    return Operation(f"op {description}", OperationState.RUNNING, description=description, eecu_seconds=seconds)


def test_each_attempt_counts_once_however_often_it_is_told(store):
    """Failed attempts too, and what has grown since; not what is nobody's, nor what a lagging list says less of."""
    accounts = Accounts(store.usage, FakeClock())
    for seconds in (1.0, 4.0, 4.0, 2.0):
        accounts.hear([operation("a 1", 10.0), operation("a 2", seconds), operation("somebody's", 99.0)])
    Accounts(store.usage, FakeClock()).hear([operation("a 1", 10.0), operation("b 1", 0.5)])  # another process

    names = ids(store)
    assert store.usage.of(list(names.values())) == {names["a"]: 14.0, names["b"]: 0.5}


def test_a_new_attempt_has_cost_nothing_yet(store):
    """What its task shows is its own, not the one's before."""
    assert [task.eecu_seconds for task in store.tasks.of(ids(store)["a"])] == [0.0]


def test_both_operations_of_one_attempt_have_cost(store):
    """A duplicate that was cancelled was computed until then."""
    Accounts(store.usage, FakeClock()).hear([operation("a 1", 10.0), operation("a 1", 3.0)])

    assert store.usage.of([ids(store)["a"]]) == {ids(store)["a"]: 13.0}


def test_a_cost_belongs_to_the_month_in_which_it_was_told(store):
    """By Pacific time: the first hours of June, UTC, are May there."""
    clock = FakeClock()
    accounts = Accounts(store.usage, clock)
    accounts.hear([operation("a 1", 10.0)])
    clock.seconds = 8 * 3600
    accounts.hear([operation("a 1", 12.5)])

    assert [(row.month, row.job_name, row.eecu_seconds) for row in store.usage.months()] == [
        ("2024-06", "a", 2.5),
        (MONTH, "a", 10.0),
    ]


def test_a_month_is_never_reserved_beyond_its_limit(store):
    """Used, reserved by others and asked for now are added up; what the run had reserved before is replaced."""
    a, b = ids(store)["a"], ids(store)["b"]
    store.usage.count({"a 1": 30.0}, MONTH)
    assert store.usage.reserve(a, 40.0, month=MONTH, limit=100.0) is None
    assert store.usage.reserve(a, 45.0, month=MONTH, limit=100.0) is None

    refused = store.usage.reserve(b, 26.0, month=MONTH, limit=100.0)

    assert (refused.used, refused.reserved) == (30.0, 45.0)
    assert store.usage.reserve(b, 25.0, month=MONTH, limit=100.0) is None


def test_what_an_ended_run_had_reserved_is_free(store):
    """A run that was cancelled, or whose process died for good, blocks nobody."""
    a, b = ids(store)["a"], ids(store)["b"]
    store.usage.reserve(a, 90.0, month=MONTH, limit=100.0)
    store.runs.set_state(a, RunState.CANCELLED)

    assert store.usage.reserve(b, 90.0, month=MONTH, limit=100.0) is None


def test_what_is_reserved_is_not_used(store):
    """It stands in no sum of what was used."""
    a = ids(store)["a"]
    store.usage.reserve(a, 90.0, month=MONTH, limit=0.0)

    assert (store.usage.of([a]), store.usage.months()) == ({}, [])
