"""Chips keep the contract of products."""

from __future__ import annotations

from collections import Counter

import journey_kit as kit
import pytest
from chips_kit import SOUTH, WEST, ChipsHome
from contract import ProductContract
from pixels_stage import ONE_AT_A_TIME, PixelsStage

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")


class ChipStage(PixelsStage):
    """Four chips."""

    def start(self, words, environment):
        return self.home.download(*words, **environment)

    def wrong_words(self):
        return ["--param", "dtype=nothing"]

    def files(self):
        return self.home.final.with_name("small.proof.json"), self.home.final

    def time_of(self, part):
        return list(self.home.table().index).index(part["chip"])


class TestChips(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, program, service):
        return ChipStage(ChipsHome(tmp_path, program, service, ONE_AT_A_TIME))


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
