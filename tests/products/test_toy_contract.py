"""A product of a few lines keeps the contract, and the engine was not touched for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from contract import Ended, ProductContract, parts_of

pytest.importorskip("orchestrator.engine.runner", reason="units are not carried yet")
HERE = Path(__file__).parent
POINTS = (
    *("run.admitted", "run.prepared", "run.planned", "run.exporting", "unit.claimed", "unit.placed", "unit.done"),
    *("run.exported", "run.assembling", "output.finished", "output.named", "output.published", "run.published"),
    *("run.cloud_cleaned", "folder.removed"),
)


class ToyStage:
    """`Stage`: the toy, as processes."""

    points = POINTS
    killed = -signal.SIGKILL

    def __init__(self, folder):
        self._folder = folder
        self._out = folder / "out"

    def _call(self, *words, **environment):
        command = [sys.executable, str(HERE / "toy_process.py"), str(self._folder), *words]
        path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
        return subprocess.run(
            command, env=os.environ | {"PYTHONPATH": path} | environment, capture_output=True, text=True, check=False
        )

    def run(self, *, kill_at="", again=False, wrong=False):
        words = ["run", *(["again"] if again else []), *(["wrong"] if wrong else [])]
        done = self._call(*words, **({"ORCHESTRATOR_CRASH_AT": kill_at} if kill_at else {}))
        files = json.loads(done.stdout)["files"] if done.returncode == 0 else ()
        return Ended(done.returncode, done.stdout + done.stderr, tuple(files))

    def cancel(self):
        assert self._call("cancel").returncode == 0

    def files(self):
        return (self._out / "toy.json", self._out / "toy.txt")

    def effects(self):
        return 0

    def remains(self):
        return [path.name for path in self._out.iterdir() if path not in self.files()]

    def planned(self):
        return [(row, 0, 1, 1) for row in range(5)]

    def brought(self):
        return parts_of(self.files()[0])


class TestToy(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path):
        return ToyStage(tmp_path)


def test_the_toy_is_small():
    """Under sixty lines of code, and none of it in the engine."""
    lines = [line for line in (HERE / "toy.py").read_text().splitlines() if line.strip()]

    assert len(lines) < 60
