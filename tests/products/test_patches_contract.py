"""Patches keep the contract of products, as processes: killed at each point, the same bytes."""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

import journey_kit as kit
import pytest
from contract import Ended, ProductContract

sys.path.insert(0, str(Path(__file__).parents[1] / "patches"))
import patch_kit

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
POINTS = ("unit.claimed", "unit.done", "unit.placed", "output.named")
WORDS = ("--size", "32", "--shard-size", "6", "--min-valid", "0.5")


class PatchStage:
    """`Stage`: two scenes, their patches in five shards."""

    points = POINTS
    killed = kit.KILLED

    def __init__(self, folder, program):
        self._folder, self._program = folder, program
        self._final = folder / "patches"
        self._shards = self._final / "shards"
        for number, day in enumerate(("10", "15")):
            x = patch_kit.pixels(128, 128, number)
            patch_kit.write_scene(folder, when=f"2025-12-{day}T10:03:19Z", x=x)

    def _call(self, *words, **environment):
        told = ["--state-dir", str(self._folder / "state"), "--json", *words]
        return self._program.start(told, self._folder, ORCHESTRATOR_PIXELS__AT_ONCE="1", **environment).wait()

    def run(self, *, kill_at="", again=False, wrong=False):
        words = ["patches", "cut", str(self._folder / "processed" / ".."), "--out", str(self._final), *WORDS]
        words += [*(["--again"] if again else []), *(["--stride", "0"] if wrong else [])]
        done = self._call(*words, **({kit.CRASH_AT: kill_at} if kill_at else {}))
        return Ended(done.code, done.out + done.err, tuple(done.summary["files"]) if done.code == 0 else ())

    def cancel(self):
        (shown,) = [m for m in self._call("status").messages if "run" in m][:1]
        self._call("cancel", shown["run"]).expect(0)

    def files(self):
        return self._final.with_name("patches.proof.json"), self._final

    def effects(self):
        return 0

    def remains(self):
        kept = {"state", "processed", "patches", "patches.proof.json"}
        return [path.name for path in self._folder.iterdir() if path.name not in kept and path.suffix != ".log"]

    def planned(self):
        """Return shards as rectangles: their place among all, and their samples."""
        names = [
            path.name for split in ("train", "val", "test") for path in sorted(self._shards.glob(f"{split}-*.tar"))
        ]
        return [(at, 0, 1, self._samples_in(name)) for at, name in enumerate(names)]

    def _samples_in(self, name):
        with tarfile.open(self._shards / name) as tar:
            return sum(member.endswith(".x.npy") for member in tar.getnames())

    def brought(self):
        return [tuple(part["window"]) for part in json.loads(self.files()[0].read_text())["parts"]]


class TestPatches(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, program):
        return PatchStage(tmp_path, program)
