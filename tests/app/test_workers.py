"""What is told of workers, and when it is said that there is none."""

from __future__ import annotations

import dataclasses
import socket
import subprocess
import sys

import pytest

from orchestrator.app.heartbeat import DAEMON, STANDBY, Heartbeat, find_daemon, health_here, health_of, standbys_of
from orchestrator.app.records import Records
from orchestrator.app.workers import forget_ended, health_of_worker, lacking_workers, worker_sentences, workers_of
from orchestrator.config import Settings
from orchestrator.core.process import process_name
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
    forget_ended(app)

    assert [("hangs or is gone" in sentence, "for more than an hour" in sentence) for sentence in told] == [
        (True, False),
        (False, True),
    ]
    assert [worker.pid for worker in workers_of(app)] == [1]


@pytest.fixture
def ended_process():
    """The name of a process of this machine that was killed."""
    code = "from orchestrator.core.process import process_name; print(process_name())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_a_worker_that_was_killed_on_this_machine_is_known_at_once(app, ended_process):
    """It counts no more though it was heard of just now, nobody is told to wait for it, and the next one forgets it."""
    begin(app, 1, age=2, host=socket.gethostname(), process=ended_process)

    worker = f"the worker of process 1 on {socket.gethostname()}"
    ended = "was last heard of 2 s ago: it was ended without a word, and others do its units"
    assert list(worker_sentences(app)) == [f"{worker} {ended}"]
    assert "was ended without a word" in health_of_worker(app).because
    forget_ended(app)
    assert workers_of(app) == []


def test_workers_that_are_silent_for_long_are_only_counted(app, ended_process):
    """Of other machines, in one sentence; one that is known to have ended is told of for an hour at most."""
    begin(app, 1, age=3700)
    begin(app, 2, age=80_000)
    begin(app, 3, age=3700, process=ended_process)

    assert list(worker_sentences(app)) == ["2 workers not heard of for more than an hour: others do their units"]


@pytest.mark.parametrize("kind", [DAEMON, STANDBY])
def test_a_daemon_that_was_killed_on_this_machine_is_known_at_once(app, ended_process, kind):
    """Nobody is told that it goes on with a run, however lately it was heard of."""
    row = ProcessRow(kind, socket.gethostname(), 7, "2026-11-27T03:00:00", app.clock.now().timestamp(), {})
    app.store.processes.beat(dataclasses.replace(row, facts={"process": ended_process}))

    assert not health_of(app.store, app.clock).alive
    assert not health_here(app.store, app.clock).alive
    assert "was ended without a word" in health_here(app.store, app.clock).because
    assert standbys_of(app.store, app.clock) == []
    assert find_daemon(app.store, app.clock)[0] is None


def test_what_a_daemon_says_of_itself_names_its_process(app):
    """By which others on its machine know whether it lives."""
    Heartbeat(app.store, app.clock, dict).beat()

    row, _ = find_daemon(app.store, app.clock)
    assert row.facts["process"] == process_name()


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
