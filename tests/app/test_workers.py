"""What is told of workers, and when it is said that there is none."""

from __future__ import annotations

import socket

import pytest

from orchestrator.app.records import Records
from orchestrator.app.workers import health_of_worker, lacking_workers, worker_sentences, workers_of
from orchestrator.config import Settings
from orchestrator.engine.stores.records import Admission, ProcessRow
from orchestrator.model.states import RunState
from orchestrator.model.unit import UnitPlan

FACTS = {"at_once": 4, "busy": 3, "done": 9, "draining": False, "left": {}}


@pytest.fixture
def app(tmp_path):
    records = Records(Settings.model_validate({"local": {"state_dir": str(tmp_path)}}))
    yield records
    records.store.close()


def begin(app, pid, age=0.0, host="host", **facts):
    beat = app.clock.now().timestamp() - age
    app.store.processes.beat(ProcessRow(f"worker {pid}@{host}/1/2", host, pid, "2026-11-27", beat, FACTS | facts))


def test_what_workers_do_and_leave_is_told(app):
    """How many places are taken, and each run that one leaves alone, with its sentence."""
    begin(app, 1)
    begin(app, 2, left={"abc": "the folder is not seen from here"})

    assert list(worker_sentences(app)) == [
        "2 workers: 6 of 8 places for units taken",
        "the worker of process 2 on host leaves run abc alone: the folder is not seen from here",
    ]


def test_a_worker_that_is_not_heard_of_is_told_of_and_then_forgotten(app):
    """It does not count among those that work; after a day its row goes when another begins."""
    begin(app, 1, age=300)
    begin(app, 2, age=100_000)

    told = list(worker_sentences(app))
    app.store.processes.forget("worker", app.clock.now().timestamp() - 86_400)

    assert len(told) == 2
    assert all("hangs or is gone" in sentence for sentence in told)
    assert [worker.pid for worker in workers_of(app)] == [1]


@pytest.mark.parametrize(
    ("workers", "alive", "ready"),
    [
        ([("here", 0.0, {})], True, True),
        ([("here", 0.0, {"draining": True})], True, False),
        ([("here", 90.0, {})], False, False),
        ([("here", 90.0, {}), ("here", 0.0, {})], True, True),
        ([("there", 0.0, {})], False, False),
        ([], False, False),
    ],
    ids=["well", "draining", "silent", "begun-again", "elsewhere", "none"],
)
def test_a_worker_is_well_while_it_is_heard_of_on_its_machine(app, workers, alive, ready):
    """One that was killed before it counts no more; one of another machine says nothing of this one."""
    for pid, (where, age, facts) in enumerate(workers):
        begin(app, pid, age, socket.gethostname() if where == "here" else "another", **facts)

    found = health_of_worker(app)

    assert (found.alive, found.ready) == (alive, ready)
    assert found.because


def test_a_run_that_waits_for_workers_says_so(app):
    """Where the setting leaves units to workers and none is there; not where one is, or nothing waits."""
    app.settings = app.settings.model_copy(
        update={"engine": app.settings.engine.model_copy(update={"executor": "workers"})}
    )
    assert list(lacking_workers(app)) == []
    run = app.store.runs.admit(Admission("night", "", ("f",), "{}")).id
    app.store.units.add(run, [UnitPlan("pixels", "a")])
    app.store.runs.set_state(run, RunState.PLANNED)
    app.store.runs.set_state(run, RunState.EXPORTING)

    assert ["no worker" in sentence for sentence in lacking_workers(app)] == [True]

    begin(app, 1)
    assert list(lacking_workers(app)) == []
