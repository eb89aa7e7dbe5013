"""An export that fails for good on a rectangle that can come another way."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import PermanentError
from orchestrator.engine.batch.exports import Exports
from orchestrator.engine.batch.ladder import Ladder
from orchestrator.engine.context import Backoff
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.batch import Operation, OperationState
from orchestrator.model.grid import Grid, Window
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.plan_json import plan_to_json
from orchestrator.model.spec import PixelSpec
from orchestrator.model.states import Failure, TaskState, UnitState
from orchestrator.model.unit import Cell, UnitPlan

GRID = Grid("EPSG:32648", (10.0, 0.0, 500000.0, 0.0, -10.0, 5000000.0), 256, 256)
TASK = TaskPlan(0, GRID.window, 256, 256)
PLAN = Plan(GRID, PixelSpec(("a",), "uint8", 0), (TASK,), b"", 1, 1, 1, 1, 1)
UNIT = UnitPlan("pixels", "one", Cell(Window(0, 0, 256, 256)))


@pytest.fixture
def store(tmp_path):
    opened = SqlStore(f"sqlite:///{tmp_path}/state.db", SystemClock())
    yield opened
    opened.close()


@pytest.fixture
def fail(store):
    """`fail(failure, instead)` lets the only task fail after its last rung, and returns its run and the events."""

    def act(failure, instead):
        run_id = store.runs.admit(Admission("night", "", ("f" * 64,), "{}")).id
        store.runs.save_plan(run_id, plan_to_json(PLAN), "image", "{}", [TASK], [])
        (task,) = store.tasks.of(run_id)
        store.tasks.intend(run_id, Attempt(task.key, 1, "request", "description", "prefix", "", 0.0))
        store.tasks.identify(run_id, task.key, "operation", TaskState.RUNNING)
        store.tasks.change(run_id, {task.key: TaskChange(state=TaskState.FAILED, rung=99)})
        (task,) = store.tasks.of(run_id)
        events = []
        context = SimpleNamespace(
            run_id=run_id, store=store, backoff=Backoff(max_attempts=1),
            clients=SimpleNamespace(route=SimpleNamespace(rungs=({},))),
            process=SimpleNamespace(clock=SystemClock(), chance=random), now=lambda: 0.0,
            record=lambda name, facts: events.append((name, facts)),
        )  # fmt: skip
        exports = Exports(PLAN, "image", "kind", lambda _task: None, None, lambda _window: instead)
        operation = Operation("operation", OperationState.FAILED, error="the sentence", failure=failure)
        Ladder(context, exports).answer(task, operation)
        return run_id, events

    return act


@pytest.mark.parametrize("failure", [Failure.MEMORY, Failure.TIMEOUT, Failure.SIZE, Failure.TRANSIENT])
def test_what_is_too_much_for_an_export_comes_in_requests(store, fail, failure):
    """The task is over, its rectangle waits as units, and an event says so."""
    run_id, events = fail(failure, (UNIT,))

    assert [task.state for task in store.tasks.of(run_id)] == [TaskState.SPLIT]
    assert store.parts.of(run_id) == []
    assert [(unit.key, unit.state) for unit in store.units.of(run_id)] == [("one", UnitState.WAITING)]
    assert events[-1] == ("task.direct", {"task": "0000", "failure": failure, "error": "the sentence", "requests": 1})


def test_what_no_request_mends_ends_the_run(fail):
    """A recipe that is refused is refused either way."""
    with pytest.raises(PermanentError, match="the sentence"):
        fail(Failure.PERMANENT, (UNIT,))


def test_without_another_way_it_ends_as_ever(fail):
    """With the service's own sentence."""
    with pytest.raises(PermanentError, match="the sentence"):
        fail(Failure.MEMORY, ())
