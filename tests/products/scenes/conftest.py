"""Where the real data are; what tests of scenes share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data."""
    folder = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the folder of real data is absent; set ORCHESTRATOR_TEST_DATA")
    return folder
