"""Verbs: values in, values out, whoever calls them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from orchestrator.app.heartbeat import DAEMON
from orchestrator.app.records import Records
from orchestrator.app.verbs import endings, reasons, reports, results, runs
from orchestrator.app.verbs.audit import audit
from orchestrator.config import load
from orchestrator.core.errors import ConfigError, NeedsPerson, RunFailed, UserError
from orchestrator.engine.batch.budget import budget_seconds
from orchestrator.engine.stores.records import Admission, ProcessRow
from orchestrator.model.eecu import EecuLimits
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RunState, Who

JOB = Job("east", "/results", AreaSource("east.gpkg"), "2024-05-01", "2024-06-01", service="sandbox")
S = RunState


@pytest.fixture
def records(tmp_path):
    """A state folder of the test's own."""
    settings = load(None, environment={}, overrides={"local": {"state_dir": str(tmp_path)}}).settings
    found = Records(settings)
    yield found
    found.store.close()


@pytest.fixture
def run(records):
    """A run with two tasks of two parts each."""
    admitted = records.store.runs.admit(Admission("east", "", JOB.fingerprints(), JOB.to_json()))
    plans = [TaskPlan(n, Window(256 * n, 0, 256, 512), 256, 256) for n in range(2)]
    records.store.runs.save_plan(admitted.id, "{}", "image", "{}", plans)
    return records.store.runs.set_state(admitted.id, S.EXPORTING)


@contextmanager
def refused():
    """Join no service, with a reason."""
    raise ConfigError("a run is never continued elsewhere")
    yield


def never():
    """Join no service: the test would notice."""
    raise AssertionError("a service was joined")


@pytest.mark.parametrize(
    ("state", "who", "error", "says"),
    [
        pytest.param(S.HELD, Who.PERSON, NeedsPerson, "is held: why", id="a person must act"),
        pytest.param(S.HELD, Who.TIME, RunFailed, "HELD and has no result yet", id="time must pass"),
        pytest.param(S.FAILED, Who.NOBODY, RunFailed, "failed: why", id="failed"),
        pytest.param(S.CANCELLED, Who.NOBODY, RunFailed, "was cancelled", id="cancelled"),
    ],
)
def test_a_run_without_result_says_who_must_act(records, run, state, who, error, says):
    """By the class of the error, and in its sentence."""
    ended = records.store.runs.set_state(run.id, state, "why", who=who)

    with pytest.raises(error, match=says):
        results.result_of(ended)


def test_a_run_without_a_result_is_not_audited(records, run):
    """What it is, and where to look, is in the sentence."""
    with pytest.raises(RunFailed, match=f"is EXPORTING and has no result to audit; `orchestrator why {run.id}`"):
        audit(records, run.id)


@pytest.mark.parametrize(
    ("windows", "says"), [pytest.param(0, "compares nothing", id="none"), pytest.param(-1, "audit is -1", id="fewer")]
)
def test_an_audit_of_no_windows_is_refused(records, run, windows, says):
    """Nothing would be compared, and it would pass."""
    with pytest.raises(UserError, match=says):
        audit(records, run.id, windows=windows)


def test_a_run_under_way_elsewhere_is_asked_to_end(records, run):
    """No service is joined for it; the process that works on it obeys."""
    with records.lock(run.id):
        ended = endings.cancel(records, run.id, contextmanager(never))

    assert (ended.run, ended.state, ended.elsewhere) == (run.id, S.EXPORTING, True)
    assert records.store.runs.requested(run.id) == "cancel"


@pytest.mark.parametrize("earlier", ["", "cancel"], ids=["asked for the first time", "asked for before"])
def test_a_refused_cancellation_is_not_obeyed_later(records, run, earlier):
    """Refused where the services are joined, as for a run of another service; an earlier request stands."""
    records.store.runs.request(run.id, earlier)

    with pytest.raises(ConfigError, match="elsewhere"):
        endings.cancel(records, run.id, refused)

    assert records.store.runs.requested(run.id) == earlier


@pytest.mark.parametrize("state", [S.FAILED, S.CANCELLED])
def test_an_ended_run_is_not_ended_again(records, run, state):
    """Said before anything is written or joined."""
    records.store.runs.set_state(run.id, state, "why")

    with pytest.raises(UserError, match="nothing to cancel"):
        endings.cancel(records, run.id, contextmanager(never))
    assert records.store.runs.requested(run.id) == ""


def test_a_retried_run_goes_on_where_it_was(records, run):
    """From the state that was interrupted."""
    records.store.runs.set_state(run.id, S.HELD, "why", who=Who.PERSON)

    assert endings.retry(records, "east").state is S.EXPORTING


def test_why_tells_that_nobody_works_on_it(records, run):
    """In sentences, as a value."""
    told = reasons.why(records, "east")

    assert (told.run, told.state) == (run.id, S.EXPORTING)
    assert "No process works on it now" in str(told)
    assert "2 tasks wait for a place" in str(told)


@pytest.mark.parametrize(
    ("state", "before"),
    [(S.HELD, "It is held: "), (S.FAILED, "It is FAILED: ")],
)
def test_a_sentence_ends_once(records, run, state, before):
    """The service's sentences have their full stop already."""
    records.store.runs.set_state(run.id, state, "User memory limit exceeded.", who=Who.TIME)

    assert reasons.why(records, "east").because[0] == f"{before}User memory limit exceeded."


def test_a_report_counts_parts(records, run):
    """All of them, and those that are placed."""
    report = reports.report_run(records.store, run.id, records.clock.now())

    assert (report.run, report.parts, report.parts_done, report.output) == (run.id, 4, 0, "/results/east_clipped.tif")


def beating(records, **facts):
    """A daemon that was heard of just now."""
    at = records.clock.now().timestamp()
    records.store.processes.beat(ProcessRow(DAEMON, "here", 7, "2024-05-01T00:00:00", at, facts))


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        pytest.param({"service": "google"}, True, id="another service"),
        pytest.param({"service": "sandbox"}, False, id="the same service"),
        pytest.param({}, False, id="a daemon of an earlier version"),
    ],
)
def test_a_run_that_the_daemon_never_takes_says_so(records, run, facts, told):
    """A run is never continued on another service; waiting is no use, and what to do is said."""
    beating(records, slots=2, busy=0, **facts)

    said = str(reasons.why(records, run.id))

    assert ("works on google and never continues a run for sandbox" in said) is told
    assert ("`orchestrator serve` with --sandbox" in said) is told
    assert ("when its turn comes" in said) is not told


@pytest.mark.parametrize(
    ("reason", "sentences"),
    [
        pytest.param("look at the disk", 1, id="no command"),
        pytest.param("publish it: `orchestrator retry east --min-valid 0.1`", 0, id="its own command"),
    ],
)
def test_a_held_run_names_one_way_on(records, run, reason, sentences):
    """The plain `retry` only where the reason names none, which it would contradict."""
    records.store.runs.set_state(run.id, S.HELD, reason, who=Who.PERSON)

    said = reasons.why(records, run.id).because

    assert sum(sentence.startswith("After that") for sentence in said) == sentences


def test_one_task_is_told_in_the_singular(records, run):
    """`1 tasks` reads as a fault."""
    plans = [TaskPlan(0, Window(0, 0, 256, 512), 256, 256)]
    other = records.store.runs.admit(Admission("west", "", ("west",), JOB.to_json()))
    records.store.runs.save_plan(other.id, "{}", "image", "{}", plans)
    records.store.runs.set_state(other.id, S.EXPORTING)

    assert "1 task waits for a place in Earth Engine's queue." in reasons.why(records, other.id).because
    assert "2 tasks wait for a place in Earth Engine's queue." in reasons.why(records, run.id).because


@pytest.mark.parametrize(
    ("who", "first"),
    [
        pytest.param(Who.NOBODY, "`orchestrator retry", id="the service said no"),
        pytest.param(
            Who.PERSON, "As declared it fails again: correct the job", id="the job cannot be done as declared"
        ),
    ],
)
def test_why_of_a_failed_run_says_what_helps(records, run, who, first):
    """To try the same thing again is the advice only where it may end otherwise."""
    records.store.runs.set_state(run.id, S.FAILED, "S2A has no band 'B99'", who=who)

    said = reasons.why(records, run.id).because

    assert said[0] == "It is FAILED: S2A has no band 'B99'."
    assert said[1].startswith(first)


@pytest.mark.parametrize(
    ("said", "stands"),
    [pytest.param(0.0, 0.0045, id="nothing"), pytest.param(0.00025, 0.0045, id="the same"), (0.009, 0.009)],
)
def test_a_budget_that_retry_said_stands_until_another_is_said(records, said, stands):
    """A command that says nothing of a budget, or what it said at first, does not end it."""
    snapshot = replace(JOB, max_eecu_hours=0.00025)
    held = records.store.runs.admit(Admission("east", "", JOB.fingerprints(), snapshot.to_json()))
    records.store.runs.set_state(held.id, S.HELD, "why", who=Who.PERSON)
    endings.retry(records, held.id, eecu_hours=0.0045)

    runs._accept(records.store, held.id, replace(JOB, max_eecu_hours=said), snapshot)

    assert budget_seconds(records.store, held.id, snapshot.max_eecu_hours, EecuLimits()) == pytest.approx(3600 * stands)


@pytest.mark.parametrize("there", [False, True], ids=["made", "there and open"])
def test_nobody_else_looks_into_a_state_folder(tmp_path, there):
    """Whatever is done there first; 0700 is what security.md says."""
    folder = tmp_path / "above" / "state"
    if there:
        (folder / "locks").mkdir(parents=True)
        folder.chmod(0o755)
    found = Records(load(None, environment={}, overrides={"local": {"state_dir": str(folder)}}).settings)

    with found.lock("none"):
        pass

    assert folder.stat().st_mode & 0o777 == 0o700
    found.store.close()


def test_a_folder_that_holds_something_else_is_left_open(tmp_path):
    """It is somebody's own."""
    (tmp_path / "thesis.tex").touch()
    tmp_path.chmod(0o755)

    Records(load(None, environment={}, overrides={"local": {"state_dir": str(tmp_path)}}).settings).folder()

    assert tmp_path.stat().st_mode & 0o777 == 0o755
