"""Real areas, where they are at hand, and a shapefile."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# pytest's importlib mode puts no folder of tests on the path, and what makes area files is of use to nobody else.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def real_areas():
    """The folder of real areas, or a skip that says what is missing."""
    beside = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", beside)) / "aoi"
    if not folder.is_dir():
        pytest.skip("the folder of real areas is absent; set ORCHESTRATOR_TEST_DATA")
    return folder


@pytest.fixture
def shapefile(tmp_path):
    """A shapefile of two polygons, one with a hole."""
    from aoi_kit import HOLED, ISLAND, frame  # noqa: PLC0415  this folder is on the path only now

    path = tmp_path / "land.shp"
    frame(HOLED, ISLAND).to_file(path)
    return path
