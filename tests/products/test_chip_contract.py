"""Chips keep the contract of products."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import journey_kit as kit
import pytest
from chips_kit import ChipsHome
from contract import Ended, ProductContract

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
# Between an answer and its place a request is sent again: these points are in tests/journey/test_pixels.py.
POINTS = (
    *("run.admitted", "run.prepared", "run.planned", "run.exporting", "unit.claimed", "unit.placed", "unit.done"),
    *("run.exported", "run.assembling", "output.finished", "output.named", "output.published", "run.published"),
    *("run.cloud_cleaned", "folder.removed"),
)
APART = 10_000  # rows between the chips


class ChipStage:
    """`Stage`: four chips, as processes, in a sandbox."""

    points = POINTS
    killed = kit.KILLED

    def __init__(self, home):
        self.home = home
        self._begun = self._count()

    def _count(self):
        return self.home.service.state()["pixels"]["requests"]

    def run(self, *, kill_at="", again=False, wrong=False):
        words = [*(["--again"] if again else []), *(["--param", "dtype=nothing"] if wrong else [])]
        done = self.home.download(*words, **({kit.CRASH_AT: kill_at} if kill_at else {}))
        return Ended(done.code, done.out + done.err, tuple(done.summary["files"]) if done.code == 0 else ())

    def cancel(self):
        there = ["--sandbox-url", self.home.service.url, "--bucket", kit.BUCKET]
        self.home.command("cancel", self.home.runs()[0]["run"], *there).expect(0)
        self.home.command("clean", self.home.runs()[0]["run"], *there).expect(0)

    def files(self):
        return self.home.final.with_name("small.proof.json"), self.home.final

    def effects(self):
        return self._count() - self._begun

    def remains(self):
        return [*self.home.service.objects(), *self.home.leftovers()]

    def planned(self):
        with closing(sqlite3.connect(self.home.folder / "state" / "state.db")) as state:
            units = state.execute("SELECT time, row, col, height, width FROM units WHERE state <> 'SPLIT'").fetchall()
        return [(row + time * APART, col, height, width) for time, row, col, height, width in units]

    def brought(self):
        identifiers = list(self.home.table().index)
        parts = self.home.proof()["parts"]
        return [(p["window"][0] + identifiers.index(p["chip"]) * APART, *p["window"][1:]) for p in parts]


class TestChips(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, program, service):
        # One request at a time: of two under way, the one that is not placed yet when its process dies is sent again.
        return ChipStage(ChipsHome(tmp_path, program, service, {"ORCHESTRATOR_PIXELS__AT_ONCE": "1"}))
