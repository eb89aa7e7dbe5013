"""A product of a few lines keeps the contract, and the engine was not touched for it."""

from __future__ import annotations

import json
from pathlib import Path

import journey_kit as kit
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
    killed = kit.KILLED

    def __init__(self, folder, program):
        self._folder, self._program = folder, program
        self._out = folder / "out"

    def _call(self, *words, **environment):
        told, script = [str(self._folder), *words], str(HERE / "toy_process.py")
        return self._program.start(told, self._folder, script=script, **environment).wait()

    def run(self, *, kill_at="", again=False, wrong=False):
        words = ["run", *(["again"] if again else []), *(["wrong"] if wrong else [])]
        done = self._call(*words, **({"ORCHESTRATOR_CRASH_AT": kill_at} if kill_at else {}))
        files = json.loads(done.out)["files"] if done.code == 0 else ()
        return Ended(done.code, done.out + done.err, tuple(files))

    def cancel(self):
        assert self._call("cancel").code == 0

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
    def stage(self, tmp_path, program):
        return ToyStage(tmp_path, program)


def test_the_toy_is_small():
    """Under sixty lines of code, and none of it in the engine."""
    lines = [line for line in (HERE / "toy.py").read_text().splitlines() if line.strip()]

    assert len(lines) < 60
