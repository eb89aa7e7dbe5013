"""The invented Earth in a running sandbox, which each script asks through the real client."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import ee
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import DEFAULT_BUCKET, Options, Sandbox

# pytest's importlib mode puts no folder of tests on the path, and the kit is of use to nobody else.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def world():
    """The catalogue itself: what a script is compared with is read from its scenes, without Earth Engine."""
    return WorldCatalogue()


@pytest.fixture(scope="module", autouse=True)
def running(world):
    with Sandbox(world, Options(slots=2)) as sandbox:
        ee.Reset()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ee.Initialize(credentials=AnonymousCredentials(), url=sandbox.url, project=sandbox.options.project)
        ee.data.setMaxRetries(0)
        ee.data.setDeadline(60_000)
        yield sandbox
    ee.Reset()


@pytest.fixture(autouse=True)
def sandbox(running):
    """The sandbox; it must have had no trouble of its own."""
    yield running
    assert running.journal.summary()["troubles"] == []


@pytest.fixture
def finish(sandbox):
    """Start a task, wait for its end, and see that it succeeded."""

    def wait(task):
        task.start()
        sandbox.tasks.wait(task.id)
        assert task.status()["state"] == "COMPLETED", task.status()

    return wait


@pytest.fixture
def downloaded(sandbox):
    """Read an object of the bucket."""
    client = storage.Client("p", credentials=AnonymousCredentials(), client_options={"api_endpoint": sandbox.url})
    yield lambda name: client.bucket(DEFAULT_BUCKET).blob(name).download_as_bytes()
    client.close()
