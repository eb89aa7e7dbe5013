"""What every journey has: the program, started as processes; a sandbox; a small job that costs the sandbox little."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio

# pytest's importlib mode puts no folder of tests on the path, and the kit is of use to nobody else.
sys.path.insert(0, str(Path(__file__).parent))

import journey_kit as kit
import service_fixtures

DATA = kit.real_data()
service = service_fixtures.service


@dataclass(frozen=True)
class Undisturbed:
    """What the small job gives when nothing goes wrong: its bytes, and its pixels (band, row, col)."""

    sha256: str
    pixels: np.ndarray


@pytest.fixture(autouse=True)
def _honest(request):
    """After each journey: nothing the sandbox would not accept, no fault left over, no error of the sandbox itself."""
    if "service" not in request.fixturenames:
        yield
        return
    service = request.getfixturevalue("service")
    service.delete("/sandbox/faults")
    yield
    state = service.state()
    left = [fault["rule"] for fault in state["faults"] if fault["pending"]]
    service.delete("/sandbox/faults")
    for name in service.objects():  # what a failed test left must not fail the next one
        service.remove(name)
    assert state["violations"] == []
    assert state["troubles"] == []
    assert left == []


@pytest.fixture
def home(tmp_path, program, service):
    """A folder with a small area, a recipe, a place for results and one for state."""
    return kit.Home(tmp_path, program, service)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, program, service):
    """What the small job gives when nothing goes wrong."""
    home = kit.Home(tmp_path_factory.mktemp("undisturbed"), program, service)
    outcome = home.run().expect(0)
    with rasterio.open(home.final) as raster:
        return Undisturbed(outcome.sha256, raster.read())


@pytest.fixture
def real_data():
    """The folder of real scenes and areas."""
    if DATA is None:
        pytest.skip("no real scenes: set ORCHESTRATOR_TEST_DATA to their folder")
    return DATA
