"""A state folder with runs in it, made without any service; and the command, called in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.engine.stores.records import Admission, Run
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.faces.cli.main import run_cli
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RunState

JOB = Job("east", "/results", AreaSource("east.gpkg"), "2024-05-01", "2024-06-01", service="sandbox")


class SteppingClock:
    """Every look at it is a second later; it begins a minute ago, so that what it wrote is recent."""

    def __init__(self) -> None:
        self._at = datetime.now(UTC) - timedelta(minutes=1)

    def now(self) -> datetime:
        self._at += timedelta(milliseconds=10)
        return self._at

    def monotonic(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Called:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def messages(self):
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Kept:
    """A state folder. `admit` adds a run, `plan` gives it two tasks of two parts each."""

    folder: object
    store: SqlStore

    def admit(self, name="east", date="", **changes) -> Run:
        job = replace(JOB, base_name=name, **changes)
        return self.store.runs.admit(
            Admission(name, date, job.fingerprints(), job.to_json(), base_name=job.base_name), again=True
        )

    def plan(self, run: Run, tasks: int = 2) -> Run:
        plans = [TaskPlan(n, Window(256 * n, 0, 256, 512), 256, 256) for n in range(tasks)]
        self.store.runs.save_plan(run.id, "{}", "image", "{}", plans)
        return self.store.runs.set_state(run.id, RunState.EXPORTING)


@pytest.fixture
def kept(tmp_path):
    """A state folder, with its store open beside the commands that are called."""
    folder = tmp_path / "state"
    folder.mkdir()
    store = SqlStore(f"sqlite:///{folder / 'state.db'}", SteppingClock())
    yield Kept(folder, store)
    store.close()


@pytest.fixture
def call(capfd, tmp_path, monkeypatch):
    """Call the command as a shell would, with a state folder of the test's own, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCHESTRATOR_LOCAL__STATE_DIR", str(tmp_path / "state"))

    def called(*words: str) -> Called:
        capfd.readouterr()
        code = run_cli(list(words))
        written = capfd.readouterr()
        return Called(code, written.out, written.err)

    return called
