"""A raster in strips for a bucket: strips lie there, are put together there, and never come through who joins them."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import journey_kit as kit
import pytest
import requests
from worker_kit import BY_WORKERS, units

NAMES = ["small_clipped.json", "small_clipped.png", "small_clipped.stac.json", "small_clipped.tif"]
# In the order a run passes them.
POINTS = (
    "strip.ordered",
    "strip.object_written",
    "strip.written",
    "unit.placed",
    "strip.merging",
    "join.completed",
    "join.object_written",
    "place.joined",
    "join.joined",
    "output.finished",
    "output.published",
    "delivery.sent:4",
    "delivery.done",
    "place.owned",
    "object.deleted",
    "run.cloud_cleaned",
)
_numbers = itertools.count()


@dataclass
class Maps:
    """A bucket for results, as somebody else sees it."""

    service: kit.Service
    name: str = field(default_factory=lambda: f"strip-maps-{next(_numbers)}")

    def __post_init__(self) -> None:
        self.service.post("/sandbox/buckets", {"name": self.name})

    @property
    def output(self) -> str:
        return f"gs://{self.name}/maps"

    def listed(self) -> dict[str, dict[str, Any]]:
        """Return what is said of each object below the prefix, by its name there."""
        items = self.service.get(f"/storage/v1/b/{self.name}/o").get("items", [])
        return {item["name"].removeprefix("maps/"): item for item in items}

    def content(self, name: str) -> bytes:
        url = f"{self.service.url}/storage/v1/b/{self.name}/o/{quote('maps/' + name, safe='')}?alt=media"
        return requests.get(url, timeout=30).content

    def remove(self, name: str) -> None:
        self.service.delete(f"/storage/v1/b/{self.name}/o/{quote('maps/' + name, safe='')}")

    def strips(self) -> set[str]:
        """Return the names of what strips have made."""
        return {name for name in self.listed() if "/strips/" in name and "mosaic.tif" not in name}


@pytest.fixture
def maps(service):
    return Maps(service)


@pytest.fixture
def in_strips(home, maps):
    home.environment |= {"ORCHESTRATOR_ASSEMBLE__STRIPS": "2", "ORCHESTRATOR_OUTPUT": maps.output}
    return home


def run(home, maps, **environment):
    return home.run("--output", maps.output, **environment)


def sha256(maps):
    return hashlib.sha256(maps.content("small_clipped.tif")).hexdigest()


def made_here(home) -> list[str]:
    return sorted(str(path) for path in (home.folder / "state" / "delivered").rglob("*") if path.is_file())


def test_a_raster_is_put_together_in_its_bucket(in_strips, maps, undisturbed):
    """The object is composed, has the bytes of one process, and the proof says its checksum as the service does."""
    outcome = run(in_strips, maps).expect(0)

    listed, proof = maps.listed(), json.loads(maps.content("small_clipped.json"))
    assert sorted(listed) == NAMES
    assert sha256(maps) == undisturbed.sha256
    assert listed["small_clipped.tif"]["componentCount"] > 1
    assert proof["output"]["crc32c"] == listed["small_clipped.tif"]["crc32c"]
    assert (proof["output"]["sha256"], outcome.summary["sha256"]) == ("", "")
    assert made_here(in_strips) == []
    assert in_strips.service.objects() == []


def test_it_survives_a_kill_at_every_step(in_strips, maps, undisturbed):
    """Killed at each step in turn, in one life, it ends as if nothing had happened, and nothing stays in a bucket."""
    before = in_strips.service.exports

    ends = {point: run(in_strips, maps, **{kit.CRASH_AT: point}).code for point in POINTS}
    outcome = run(in_strips, maps).expect(0)

    assert ends == dict.fromkeys(POINTS, kit.KILLED)
    assert sha256(maps) == undisturbed.sha256
    assert in_strips.service.exports - before == len(in_strips.tasks(outcome.summary["run"]))
    assert sorted(maps.listed()) == NAMES
    assert made_here(in_strips) == []


def test_strips_outlive_the_scratch_of_whoever_joins_them(in_strips, maps, undisturbed):
    """All folders of the run are lost when both strips are made: they are joined, and none is made again."""
    assert run(in_strips, maps, **{kit.CRASH_AT: "run.assembling"}).code == kit.KILLED
    made = maps.strips()
    shutil.rmtree(in_strips.folder / "state" / "delivered")

    assert run(in_strips, maps, **{kit.CRASH_AT: "join.joined"}).code == kit.KILLED
    again = maps.strips()
    run(in_strips, maps).expect(0)

    assert made == again
    assert sha256(maps) == undisturbed.sha256


def test_a_strip_whose_object_is_gone_before_it_is_joined_is_made_again(in_strips, maps, undisturbed):
    """The join misses it, and every strip is made anew of the parts, which are there until the end."""
    before = in_strips.service.exports
    assert run(in_strips, maps, **{kit.CRASH_AT: "run.assembling"}).code == kit.KILLED
    lost = max(maps.strips())
    maps.remove(lost)

    outcome = run(in_strips, maps).expect(0)

    assert sha256(maps) == undisturbed.sha256
    assert in_strips.service.exports - before == len(in_strips.tasks(outcome.summary["run"]))
    assert sorted(maps.listed()) == NAMES


def test_a_worker_makes_a_strip_without_the_folder_of_whoever_holds_the_run(in_strips, maps, undisturbed):
    """Nothing of the holder's disk is there when a worker does the strips that it has ordered."""
    assert run(in_strips, maps, **{kit.CRASH_AT: "strip.ordered:2", **BY_WORKERS}).code == kit.KILLED
    shutil.rmtree(in_strips.folder / "state" / "delivered")
    words = ["worker", "--sandbox-url", in_strips.service.url, "--state-dir", "state", "--until-idle"]

    helped = in_strips.program.start(words, in_strips.folder, **in_strips.environment).wait()
    brought = {(kind, state) for kind, state, *_ in units(in_strips.folder)}
    run(in_strips, maps, **BY_WORKERS).expect(0)

    assert helped.code == 0
    assert brought == {("strip", "BROUGHT")}
    assert sha256(maps) == undisturbed.sha256
    assert sorted(maps.listed()) == NAMES


def test_a_result_that_was_never_a_file_here_is_fetched(in_strips, maps, undisturbed):
    """Its CRC32C is compared on the way, and the file is that of one process."""
    told = run(in_strips, maps).expect(0).summary

    in_strips.command("fetch", told["run"], "--to", "here", "--sandbox-url", in_strips.service.url).expect(0)
    again = in_strips.command("fetch", told["run"], "--to", "here", "--sandbox-url", in_strips.service.url)

    fetched = in_strips.folder / "here" / "small_clipped.tif"
    assert hashlib.sha256(fetched.read_bytes()).hexdigest() == undisturbed.sha256
    assert again.code == 0


def test_a_cancelled_run_leaves_nothing_in_the_bucket(in_strips, maps):
    """Strips, indexes and what was joined of them are taken away by `clean`, as exports are."""
    assert run(in_strips, maps, **{kit.CRASH_AT: "join.joined"}).code == kit.KILLED
    there = ("--sandbox-url", in_strips.service.url)
    assert maps.listed()

    in_strips.command("cancel", "latest", *there).expect(0)
    in_strips.command("clean", "latest", *there).expect(0)

    assert maps.listed() == {}
