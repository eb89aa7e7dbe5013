"""Chips keep the contract of products."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing

import journey_kit as kit
import pytest
from chips_kit import SOUTH, WEST, ChipsHome
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


def answered(service):
    """How often each chip was answered, by its corner."""
    every = service.get("/sandbox/pixels")["pixels"]
    return Counter(tuple(each["transform"][2::3]) for each in every if each["refusal"] is None)


def test_a_chip_is_missing_until_the_same_command_has_it_killed_anywhere(tmp_path, program, service):
    """Exit code 3, and `status` and `why` name it; a kill while others are taken over costs no request."""
    home = ChipsHome(tmp_path, program, service, {"ORCHESTRATOR_PIXELS__AT_ONCE": "1"})
    service.delete("/sandbox/pixels")
    corner = f"translateX.{{1,4}}{WEST}.*translateY.{{1,4}}{SOUTH + 1000}"
    sentence = {"status": 400, "message": "No such thing.", "status_name": "INVALID_ARGUMENT"}
    service.order({"action": "http", "api": "image.computePixels", "count": None, "text": corner, **sentence})
    first = home.download().expect(3)
    (shown,) = home.runs()
    told = home.command("why", shown["run"]).expect(0).out
    assert (first.summary["missing"], list(home.table()["state"]).count("FAILED")) == (1, 1)
    assert all("1 of 4 chips is missing" in text and "No such thing" in text for text in (shown["missing"], told))
    home.download().expect(3)  # once more, and still refused
    service.delete("/sandbox/faults")

    for point in ("unit.claimed", "unit.placed", "unit.done", "output.named"):
        assert home.download(**{kit.CRASH_AT: point}).code == kit.KILLED
    last = home.download().expect(0)

    assert last.summary["missing"] == 0
    assert sorted(answered(service).values()) == [1, 1, 1, 1]
    assert home.leftovers() == []
