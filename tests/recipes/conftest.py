"""Lets these tests share a sandbox for a file, and their way to its pixels."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import orchestrator as orc

# pytest's importlib mode puts no folder of tests on the path, and the kit is of use to nobody else.
sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def client(tmp_path_factory, forked_sandboxes):  # noqa: ARG001
    """Earth Engine's own client, signed in to a sandbox."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        with orc.sandbox(state_dir=tmp_path_factory.mktemp("state")):
            yield
