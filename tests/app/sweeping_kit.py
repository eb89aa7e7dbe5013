"""A state, a bucket and runs that have left something: the ground of what is swept. Real clients, a sandbox."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta

import ee
import pytest

from orchestrator.app.application import Application
from orchestrator.config import load
from orchestrator.core.clock import SystemClock
from orchestrator.engine.stores.records import Admission
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RunState
from orchestrator.routes.names import Naming
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue
from orchestrator.sandbox.server import DEFAULT_BUCKET, Options, Sandbox

TASK = TaskPlan(0, Window(0, 0, 256, 256), 256, 256)
UNKNOWN, PLANNED = "0123456789abcdef", "fedcba9876543210"
DAYS = 86_400
numbers = itertools.count()


class Later(SystemClock):
    """The time of day, moved on."""

    seconds = 0.0

    def now(self):
        return super().now() + timedelta(seconds=self.seconds)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(SyntheticCatalogue(), Options(slots=1)) as running:
        yield running
    ee.Reset()


@pytest.fixture
def app(sandbox, tmp_path):
    overrides = {
        "ee": {"url": sandbox.url, "project": sandbox.options.project},
        "gcs": {"url": sandbox.url, "bucket": DEFAULT_BUCKET, "prefix": f"test{next(numbers)}"},
        "drive": {"url": sandbox.url},
        "local": {"state_dir": str(tmp_path / "state")},
    }
    made = Application(load(None, environment={}, overrides=overrides).settings, stop=threading.Event())
    made.clock = Later()
    yield made
    made.store.close()
    sandbox.faults.clear()


@pytest.fixture
def bucket(sandbox, app):
    """What lies in the bucket, each test under a prefix of its own."""
    return Place(sandbox, Naming(app.owner, app.settings.gcs.prefix))


class Place:
    """A bucket: `put(run, number)` writes what an attempt of the run's one task would."""

    def __init__(self, sandbox, naming):
        self.sandbox, self.naming = sandbox, naming

    def put(self, run_id, number=1):
        return self.put_as(f"{self.naming.attempt(run_id, '0000', number).prefix}.tif")

    def put_as(self, name):
        self.sandbox.buckets.put(DEFAULT_BUCKET, name, self.sandbox.buckets.blobs.store(b"pixels"))
        return name

    def names(self):
        objects = self.sandbox.buckets.objects(DEFAULT_BUCKET)
        return {source.name for source in objects if source.name.startswith(f"{self.naming.prefix}/")}


def begun(app, tmp_path, name, state=RunState.EXPORTING):
    """Return a run whose one task was tried twice, in a state."""
    job = Job(
        name, str(tmp_path / "out"), AreaSource("6.1,49.6,6.2,49.7"), "2024-05-01", "2024-06-01", service="sandbox"
    )
    run = app.store.runs.admit(Admission(name, "", job.fingerprints(), job.to_json(), base_name=name))
    app.store.runs.save_plan(run.id, "{}", "image", "{}", [TASK])
    for each in (RunState.EXPORTING, RunState.ASSEMBLING, RunState.PUBLISHED, RunState.CLEANED):
        if state is RunState.EXPORTING and each is not state:
            break
        if state in (RunState.FAILED, RunState.CANCELLED) and each is RunState.ASSEMBLING:
            app.store.runs.set_state(run.id, state)
            break
        app.store.runs.set_state(run.id, each)
    return run.id
