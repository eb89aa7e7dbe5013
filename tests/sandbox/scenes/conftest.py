"""One invented Earth for the tests of its collections."""

from __future__ import annotations

import pytest

from orchestrator.sandbox.scenes.world import WorldCatalogue


@pytest.fixture(scope="session")
def earth():
    """The catalogue of all collections, seed 0."""
    return WorldCatalogue()
