"""The cube keeps the contract of products."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import journey_kit as kit
import pytest
from contract import Ended, ProductContract
from cube_kit import CubeHome

pytest.importorskip("zarr", reason="the extra `cube` is not installed")
# Between an answer and its place a request is sent again: these points are in tests/journey/test_pixels.py.
POINTS = (
    *("run.admitted", "run.prepared", "run.planned", "run.exporting", "unit.claimed", "unit.placed", "unit.done"),
    *("run.exported", "run.assembling", "output.finished", "output.named", "output.published", "run.published"),
    *("run.cloud_cleaned", "folder.removed"),
)
HIGH = 1000  # rows between the rectangles of one date and those of the next


class CubeStage:
    """`Stage`: a small cube, as processes, in a sandbox."""

    points = POINTS
    killed = kit.KILLED

    def __init__(self, home):
        self.home = home
        self._begun = self._count()

    def _count(self):
        return self.home.service.state()["pixels"]["requests"]

    def run(self, *, kill_at="", again=False, wrong=False):
        words = [*(["--again"] if again else []), *(["--bands", "B4,nothing"] if wrong else [])]
        done = self.home.run(*words, **({kit.CRASH_AT: kill_at} if kill_at else {}))
        return Ended(done.code, done.out + done.err, tuple(done.summary["files"]) if done.code == 0 else ())

    def cancel(self):
        there = ["--sandbox-url", self.home.service.url, "--bucket", kit.BUCKET]
        self.home.command("cancel", self.home.runs()[0]["run"], *there).expect(0)
        self.home.command("clean", self.home.runs()[0]["run"], *there).expect(0)

    def files(self):
        final = self.home.final
        return (final.with_suffix(".png"), final.with_suffix(".json"), final)

    def effects(self):
        return self._count() - self._begun

    def remains(self):
        return [*self.home.service.objects(), *self.home.leftovers()]

    def planned(self):
        with closing(sqlite3.connect(self.home.folder / "state" / "state.db")) as state:
            units = state.execute("SELECT time, row, col, height, width FROM units WHERE state <> 'SPLIT'").fetchall()
        return [(row + time * HIGH, col, height, width) for time, row, col, height, width in units]

    def brought(self):
        parts = self.home.proof()["parts"]
        return [(part["window"][0] + part["time"] * HIGH, *part["window"][1:]) for part in parts]


class TestCube(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, program, service):
        # One request at a time: of two under way, the one that is not placed yet when its process dies is sent again.
        return CubeStage(CubeHome(tmp_path, program, service, {"ORCHESTRATOR_PIXELS__AT_ONCE": "1"}))
