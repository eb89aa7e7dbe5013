"""Lets the tests of this folder import the contract and the kit of the journeys; a sandbox for them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "journey")]

pytest.register_assert_rewrite("contract")
import service_fixtures  # noqa: E402  after the line that shows what its asserts compared

service = service_fixtures.service


@pytest.fixture(scope="module", autouse=True)
def _sandboxes(forked_sandboxes):
    """Those of the Python API are forks."""
