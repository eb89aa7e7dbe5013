"""What a person may do about a run: what is offered can be done, and what cannot be done is a sentence."""

from __future__ import annotations

import itertools
import threading

import pytest

from orchestrator.app.application import Application
from orchestrator.app.heartbeat import DAEMON
from orchestrator.app.verbs.acting import RunAct, act, acts_for
from orchestrator.config import load
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.records import Admission, ProcessRow
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RUN_TRANSITIONS, RunState, Who

S = RunState
NUMBER = itertools.count()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A state folder for the tests of this file; no service is ever joined."""
    folder = str(tmp_path_factory.mktemp("state"))
    made = Application(
        load(None, environment={}, overrides={"local": {"state_dir": folder}}).settings, stop=threading.Event()
    )
    yield made
    made.store.close()


def begin(app, *steps, **given):
    """A run that came through some states; a state it may be in is two steps away at most."""
    name = f"job{next(NUMBER)}"
    job = Job(name, "/results", AreaSource("east.gpkg"), "2024-05-01", "2024-06-01", service="google")
    run = app.store.runs.admit(Admission(name, "", job.fingerprints(), job.to_json(), f"declaration of {name}")).id
    for step in steps:
        if step is S.PLANNED:
            app.store.runs.save_plan(run, "{}", "image", "{}", [])
        else:
            app.store.runs.set_state(run, step, "why", **given)
    return run


@pytest.mark.parametrize("state", [S.HELD, S.FAILED, S.CANCELLED])
def test_a_run_that_has_stopped_is_taken_up_again(app, state):
    """Where it was, and said so."""
    run = begin(app, S.PLANNED, state)

    came = act(app, RunAct.RETRY, run)

    assert (came.done, app.store.runs.head(run).state) == (True, S.PLANNED)
    assert f"run {run} is PLANNED again" in came.sentence


@pytest.mark.parametrize(
    ("what", "steps", "says"),
    [
        pytest.param(RunAct.RETRY, (S.PLANNED,), "only a failed, cancelled or held run", id="it goes on"),
        pytest.param(RunAct.CANCEL, (S.CANCELLED,), "is CANCELLED already; there is nothing to cancel", id="cancelled"),
        pytest.param(RunAct.CANCEL, (S.FAILED,), "is FAILED already; there is nothing to cancel", id="failed"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(app, what, steps, says):
    """Somebody was quicker, or the page is old: no error, and the run stays what it is."""
    run = begin(app, *steps)

    came = act(app, what, run)

    assert (came.done, app.store.runs.head(run).state) == (False, steps[-1])
    assert says in came.sentence


def test_a_run_that_another_process_works_on_is_asked_to_end(app):
    """It is that process that ends it, and this is said."""
    run = begin(app, S.PLANNED)

    with app.lock(run):
        came = act(app, RunAct.CANCEL, run)

    assert (came.done, app.store.runs.requested(run)) == (True, "cancel")
    assert came.sentence == f"run {run} will be cancelled by the process that works on it"


def test_a_daemon_is_asked_to_cancel_what_waits_for_it(app):
    """It has the services, and takes that first; a page need not have them."""
    run = begin(app, S.PLANNED, S.HELD, who=Who.PERSON)
    facts = {"service": "google", "slots": 1}
    row = ProcessRow(DAEMON, "host", 7, "2026-03-01T00:00:00", app.clock.now().timestamp(), facts)
    app.store.processes.beat(row)

    came = act(app, RunAct.CANCEL, run)
    app.store.processes.end(DAEMON, 7)

    assert (came.done, app.store.runs.requested(run)) == (True, "cancel")
    assert came.sentence == f"run {run} will be cancelled by the daemon, before it does anything else"


def test_a_run_that_nobody_began_is_cancelled_at_once(app):
    """No service knows of it: none is asked."""
    run = begin(app)

    came = act(app, RunAct.CANCEL, run)

    assert (came.done, app.store.runs.head(run).state) == (True, S.CANCELLED)


@pytest.mark.parametrize("what", RunAct)
@pytest.mark.parametrize("name", ["", "latest", "0123", "../locks"])
def test_only_a_whole_id_is_a_run(app, what, name):
    """A page acts on what it shows, never on what a text may mean."""
    begin(app, S.FAILED)

    with pytest.raises(UserError, match="is no run"):
        act(app, what, name)


@pytest.mark.parametrize("state", RunState)
def test_what_is_offered_fits_the_states_there_are(state):
    """A retry where a stopped run can go on, an end where a run may be cancelled: as the table of states has it."""
    offered = acts_for(state)

    assert (RunAct.CANCEL in offered) is (S.CANCELLED in RUN_TRANSITIONS[state])
    assert (RunAct.RETRY in offered) is (state in (S.HELD, S.FAILED, S.CANCELLED))
    assert (RunAct.CLEAN in offered) is (state in (S.PUBLISHED, S.FAILED, S.CANCELLED))
