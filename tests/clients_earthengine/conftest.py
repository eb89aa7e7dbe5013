"""A sandbox for the Earth Engine client, and a client without patience."""

from __future__ import annotations

import threading

import ee
import pytest
from google.auth.credentials import AnonymousCredentials

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.core.retry import RetryPolicy
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.server import Options, Sandbox

EAGER = RetryPolicy(attempts=2, first_wait_seconds=0.0)


@pytest.fixture(scope="package")
def shared():
    with Sandbox(None, Options(), evaluator=object()) as running:
        yield running
    ee.Reset()


@pytest.fixture
def sandbox(shared):
    """The sandbox, with no fault left from another test."""
    yield shared
    shared.faults.clear()


@pytest.fixture
def order(sandbox):
    """Order a fault for the next fitting calls."""

    def ask(action="http", count=2, **rule):
        sandbox.faults.order(Rule.of({"action": action, "count": count, **rule}))

    return ask


@pytest.fixture
def engine(sandbox):
    """The client of the sandbox, which tries everything twice and waits for nothing."""
    return EarthEngine(
        project=sandbox.options.project,
        credentials=AnonymousCredentials(),
        url=sandbox.url,
        stop=threading.Event(),
        policy=EAGER,
    )
