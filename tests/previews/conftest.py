"""A state folder of a test's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from orchestrator.app.records import Records
from orchestrator.config import load


@pytest.fixture
def records(tmp_path):
    """A state folder."""
    settings = load(None, environment={}, overrides={"local": {"state_dir": str(tmp_path / "state")}}).settings
    found = Records(settings)
    yield found
    found.store.close()
