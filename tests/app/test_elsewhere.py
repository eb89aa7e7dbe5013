"""Which scenes a sandbox serves belongs to what a run is: on others it is another job, and never continued."""

from __future__ import annotations

import threading

import pytest

from orchestrator.app.application import Application
from orchestrator.app.elsewhere import check_here
from orchestrator.app.sandbox_process import service_at
from orchestrator.app.verbs import runs
from orchestrator.config import load
from orchestrator.core.locks import LockedError
from orchestrator.engine.service import ElsewhereError
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RunState
from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import Sandbox

AREA = AreaSource("6.10,49.60,6.11,49.61")
USUAL, OTHER = 0, 7


@pytest.fixture(scope="module")
def worlds():
    """Two sandboxes: that of the usual Earth, and one of another seed; addresses by seed."""
    with Sandbox(WorldCatalogue(USUAL)) as usual, Sandbox(WorldCatalogue(OTHER)) as other:
        yield {USUAL: usual.url, OTHER: other.url}


@pytest.fixture
def at(worlds, tmp_path):
    """`at(seed)` is an application for one of the two; all share one state folder."""
    opened = []

    def application(seed):
        named = service_at(worlds[seed]) | {"local": {"state_dir": str(tmp_path)}}
        settings = load(None, environment={}, overrides=named).settings
        opened.append(Application(settings, stop=threading.Event()))
        return opened[-1]

    yield application
    for one in opened:
        one.store.close()


def declared(folder):
    return Job("east", str(folder), AREA, "2024-05-01", "2024-06-01", service="sandbox")


def test_a_job_of_the_usual_scenes_is_the_job_it_was(at, tmp_path):
    """What earlier versions began on them goes on: neither the snapshot nor the fingerprint says anything new."""
    job = declared(tmp_path / "out")

    run = runs.begin(at(USUAL), job)

    assert run.job == job.dated(at(USUAL).clock.now().date()).to_json()
    assert run.fingerprint == job.fingerprint()


def test_a_run_that_another_process_has_is_not_taken_up_beside_it(at, tmp_path):
    """The same command twice at once: the second one changes nothing of what the first one works on."""
    first, second = at(USUAL), at(USUAL)
    run = runs.begin(first, declared(tmp_path / "out"))
    first.store.runs.set_state(run.id, RunState.FAILED, "why")

    with first.lock(run.id), pytest.raises(LockedError, match=f"orchestrator watch {run.id}"):
        runs.begin(second, declared(tmp_path / "out"))
    left = first.store.runs.get(run.id).state
    again = runs.begin(second, declared(tmp_path / "out"))

    assert (left, again.id, again.state) == (RunState.FAILED, run.id, RunState.ADMITTED)


def test_the_same_call_on_other_scenes_is_another_job(at, tmp_path):
    """What was made of one sandbox's scenes is never handed out for those of another."""
    begun = {seed: runs.begin(at(seed), declared(tmp_path / str(seed))) for seed in (USUAL, OTHER)}
    again = runs.begin(at(OTHER), declared(tmp_path / str(OTHER)))

    assert begun[USUAL].fingerprint != begun[OTHER].fingerprint
    assert again.id == begun[OTHER].id
    assert Job.from_json(begun[OTHER].job).declaration() != declared(tmp_path / str(OTHER)).declaration()


@pytest.mark.parametrize(
    ("begun_on", "seen_at", "says"),
    [
        (OTHER, USUAL, r"begun on the invented Earth of seed 7, but this sandbox serves the invented Earth;.*--scenes"),
        (USUAL, OTHER, r"begun on the invented Earth, but this sandbox serves .* seed 7;.*leave --scenes out"),
    ],
    ids=["scenes forgotten", "scenes added"],
)
def test_a_run_is_not_continued_on_other_scenes(at, tmp_path, begun_on, seen_at, says):
    """It says what it was begun on, what is served here, and what to do; where it was begun it goes on."""
    run = runs.begin(at(begun_on), declared(tmp_path / "out"))

    with pytest.raises(ElsewhereError, match=says):
        at(seen_at).execution(run)

    check_here(run.id, Job.from_json(run.job), at(begun_on).settings)
