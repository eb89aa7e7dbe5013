"""A sandbox in a process of its own, spoken to by this process through the Python API; and jobs that cost it little."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# pytest's importlib mode puts no folder of tests on the path, and the kit is of use to nobody else.
sys.path.insert(0, str(Path(__file__).parent))

from api_kit import BOTTOM, LEFT, RIGHT, TOP, cheap_image

import orchestrator as orc

ROOT = Path(__file__).resolve().parents[2]
# Waiting is what a run does most; here everything that waits for a distant service waits a moment.
IMPATIENT = {
    "ORCHESTRATOR_RETRY__FIRST_WAIT": "0.02",
    "ORCHESTRATOR_RETRY__MAX_WAIT": "0.2",
    "ORCHESTRATOR_RETRY__COOL_DOWN": "0.1",
    "ORCHESTRATOR_RETRY__REPOST": "0.2",
    "ORCHESTRATOR_RETRY__COLLECT": "0.2",
    "ORCHESTRATOR_RETRY__HOLD": "0.5",
    "ORCHESTRATOR_ASSEMBLE__THREADS": "1",
}


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory):
    """Settings of the tests' own, and this package for the sandbox's process, whatever folder that starts in."""
    given = {**IMPATIENT, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    given["ORCHESTRATOR_LOCAL__STATE_DIR"] = str(tmp_path_factory.mktemp("nobody"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, forked_sandboxes):  # noqa: ARG001
    """One sandbox for the tests of a file; the client of the process is signed in to it."""
    with orc.sandbox(state_dir=tmp_path_factory.mktemp("state")) as connection:
        yield connection


@pytest.fixture
def declare(tmp_path):
    """Return a job of the cheap image over the box; what is given replaces what is said here."""

    def declared(**given):
        said = {"area": (LEFT, BOTTOM, RIGHT, TOP), "bands": ["x", "mixed"], "scale": 20, "output": tmp_path / "out"}
        image = given.pop("image", None) or cheap_image()
        return orc.Job(**{**said, "name": "small", "image": image, **given})

    return declared
