"""The mosaic keeps the contract of products, over every route."""

from __future__ import annotations

from pathlib import Path

import journey_kit as kit
import pytest
from contract import Ended, ProductContract, parts_of

# In the order a run passes them; every point of the program has its play in tests/soak.
POINTS = (
    *("run.admitted", "run.prepared", "run.planned", "run.exporting"),
    *("manifest.intended", "manifest.written", "manifest.owned", "task.intended", "task.posted", "tasks.polled"),
    *("task.collecting", "task.collected", "part.downloading", "download.after_chunk", "download.before_publish"),
    *("part.downloaded", "part.verified", "part.placed", "run.exported", "run.assembling", "output.finished"),
    *("output.named", "output.published", "run.published", "object.deleted", "run.cloud_cleaned", "folder.removed"),
)
# On the other way of a batch, what is the same of both is killed once.
_SAME = ("manifest.", "download.", "task.collecting", "part.downloading", "part.verified")
DRIVE_POINTS = tuple(point for point in POINTS if not point.startswith(_SAME))
# Between an answer and its place a request is sent again: these points are in tests/journey/test_pixels.py.
DIRECT_POINTS = (
    *("run.admitted", "run.prepared", "run.planned", "run.exporting", "unit.claimed", "unit.placed", "unit.done"),
    *("run.exported", "run.assembling", "output.finished", "output.named", "output.published", "run.published"),
    *("run.cloud_cleaned", "folder.removed"),
)


class MosaicStage:
    """`Stage`: the small job of the journeys, as processes, in a sandbox."""

    killed = kit.KILLED

    def __init__(self, home, route):
        self._home, self._route = home, route
        self.points = {"gcs": POINTS, "drive": DRIVE_POINTS, "pixels": DIRECT_POINTS}[route]
        self._begun = self._count()

    def _count(self):
        """Exports begun, and requests for pixels, since the sandbox began."""
        return self._home.service.exports + self._home.service.state()["pixels"]["requests"]

    def run(self, *, kill_at="", again=False, wrong=False):
        words = ["--route", self._route, *(["--again"] if again else []), *(["--bands", "x,nothing"] if wrong else [])]
        done = self._home.run(*words, **({kit.CRASH_AT: kill_at} if kill_at else {}))
        return Ended(done.code, done.out + done.err, tuple(done.summary["files"]) if done.code == 0 else ())

    def cancel(self):
        there = ["--sandbox-url", self._home.service.url, "--bucket", kit.BUCKET]
        self._home.command("cancel", self._home.runs()[0]["run"], *there).expect(0)
        self._home.command("clean", self._home.runs()[0]["run"], *there).expect(0)

    def files(self):
        final = self._home.final
        return (*(final.with_suffix(suffix) for suffix in (".png", ".json", ".stac.json")), final)

    def effects(self):
        return self._count() - self._begun

    def remains(self):
        drive = ["a file in Drive"] * self._home.service.state()["drive"]["files"]
        return [*self._home.service.objects(), *drive, *self._home.leftovers()]

    def planned(self):
        query = "SELECT row, col, height, width FROM {} WHERE state <> 'SPLIT'"
        where = self._home.program, self._home.folder
        return [row for table in ("tasks", "units") for row in kit.state_rows(*where, query.format(table))]

    def brought(self):
        return parts_of(self._home.final.with_suffix(".json"))


@pytest.mark.parametrize("route", ["gcs", "drive", "pixels"], scope="class")
class TestMosaic(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, program, service, route):
        return MosaicStage(kit.Home(tmp_path, program, service), route)


def test_the_points_are_points_of_the_program():
    """None of them was renamed."""
    sources = Path(__file__).parents[2] / "orchestrator"
    text = "\n".join(p.read_text() for p in sources.rglob("*.py"))

    assert [p for p in {*POINTS, *DIRECT_POINTS} if not p.startswith("run.") and f'point("{p}")' not in text] == []
