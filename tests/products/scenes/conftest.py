"""Where the real data are; worlds that tests of scenes share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scenes_kit import World


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data."""
    folder = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the folder of real data is absent; set ORCHESTRATOR_TEST_DATA")
    return folder


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A folder without products yet."""
    return World(tmp_path)
