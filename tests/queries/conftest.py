"""A sandbox whose collections hold scenes that a test has put there, and one of real scenes."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import ee
import pytest
from google.auth.credentials import AnonymousCredentials
from placed_world import REAL, PlacedCatalogue

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.core.retry import RetryPolicy
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.scenes.folder import FolderCatalogue
from orchestrator.sandbox.server import Options, Sandbox


@pytest.fixture
def catalogue():
    return PlacedCatalogue()


@pytest.fixture
def sandbox(catalogue):
    """One for each test: a sandbox keeps the tables of questions that it has answered."""
    with Sandbox(catalogue, Options()) as running:
        yield running
    ee.Reset()


@pytest.fixture
def order(sandbox):
    """Order a fault for the next fitting pages of scenes."""

    def ask(action="http", count=1, **rule):
        sandbox.faults.order(Rule.of({"action": action, "count": count, "api": "table.computeFeatures", **rule}))

    return ask


def engine_of(sandbox):
    """Return what signs in to a sandbox, and does not try again."""
    return lambda: EarthEngine(
        project=sandbox.options.project,
        credentials=AnonymousCredentials(),
        url=sandbox.url,
        stop=threading.Event(),
        policy=RetryPolicy(attempts=1),
    )


@pytest.fixture
def engine(sandbox):
    return engine_of(sandbox)


@pytest.fixture(scope="package")
def real_engine():
    if not REAL.is_dir():
        pytest.skip(f"no real scenes at {REAL}")
    with Sandbox(FolderCatalogue(REAL), Options()) as running:
        yield engine_of(running)
    ee.Reset()
