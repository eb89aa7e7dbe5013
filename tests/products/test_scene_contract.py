"""Scenes keep the contract of products: killed at each state of a unit, nothing is lost and nothing fetched twice."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from pathlib import Path

import journey_kit as kit
import pytest
from contract import Ended, ProductContract

sys.path.insert(0, str(Path(__file__).parent / "scenes"))
from scenes_kit import DATES, product_name, write_product

from orchestrator.products.scenes.checking import check_folder

# Those of a transfer, and of one rename; those of every run are other contracts'.
POINTS = ("download.after_chunk", "download.before_publish", "unit.done", "output.named")
NAMES = [product_name(level, day) for level in ("L1C", "L2A") for day in (10, 13)]


class SceneStage:
    """Two scenes of a few small files, brought by processes."""

    points = POINTS
    killed = kit.KILLED

    def __init__(self, folder, program, service):
        self.home = kit.Home(folder, program, service, {"ORCHESTRATOR_PIXELS__AT_ONCE": "1"})
        self.out = folder / "out"
        self._before = self._report()

    def _report(self):
        return self.home.service.state()["copernicus"]["files"]

    def sent(self):
        """Bytes of each file that left; manifests apart: a process asks for one again that it did not write down."""
        before = {path: told["bytes"] for path, told in self._before.items()}
        files = {path: told["bytes"] - before.get(path, 0) for path, told in self._report().items()}
        return {path: count for path, count in files.items() if not path.endswith("manifest.safe")}

    def words(self, *more):
        there = ["--sandbox-url", self.home.service.url, "--output", "out", "--base-name", "two", "--table", "csv"]
        dates = ["--start", DATES[0], "--end", DATES[1]]
        return ["copernicus", "download", "--tile", "33UWQ", *dates, "--bands", "B02,B03", *there, *more]

    def run(self, *, kill_at="", again=False, wrong=False):
        words = self.words(*(["--again"] if again else []), *(["--baseline", "five"] if wrong else []))
        done = self.home.command(*words, **({kit.CRASH_AT: kill_at} if kill_at else {}))
        return Ended(done.code, done.out + done.err, tuple(done.summary["files"]) if done.code == 0 else ())

    def cancel(self):
        there = ["--sandbox-url", self.home.service.url]
        run = self.home.runs()[0]["run"]
        self.home.command("cancel", run, *there).expect(0)
        self.home.command("clean", run, *there).expect(0)

    def files(self):
        folder = self.out / "meta" / "step1" / "runs" / "two"
        return folder / "manifest_table.csv", folder / "manifest.json"

    def effects(self):
        asked = [sum(told["transfers"] for told in files.values()) for files in (self._before, self._report())]
        return asked[1] - asked[0]

    def remains(self):
        hidden = [path.name for path in self.out.rglob(".*") if path.name != ".index.json.lock"]
        return [*hidden, *(fault.path for fault in check_folder(self.out, threading.Event()).faults)]

    def planned(self):
        keys = kit.state_rows(self.home.program, self.home.folder, "SELECT key FROM units WHERE kind = 'file'")
        return [(number, 0, 1, 1) for number, _ in enumerate(keys)]

    def brought(self):
        scenes = json.loads(self.files()[-1].read_bytes())["scenes"]
        paths = {
            item["path"] for scene in scenes for level in ("l1c", "l2a") for item in scene[f"files_{level}"]["items"]
        }
        return [(number, 0, 1, 1) for number, _ in enumerate(paths)]


@pytest.fixture(scope="module")
def copernicus(tmp_path_factory, program):
    """A sandbox that serves two pairs."""
    served = tmp_path_factory.mktemp("served")
    for name in NAMES:
        write_product(served, name, size=200_000)  # more than a buffer, so that a kill leaves what came
    with kit.Service(program, tmp_path_factory.mktemp("copernicus"), "--copernicus", str(served)) as service:
        yield service


class TestScenes(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, program, copernicus):
        return SceneStage(tmp_path, program, copernicus)

    def test_a_kill_at_every_point_changes_no_byte_and_leaves_nothing(self, stage):
        """Killed at each point in turn, in one life: of the file under way some is sent again, of no other a byte."""
        undisturbed = stage.run()
        assert undisturbed.code == 0, undisturbed.said
        first = stage.sent()
        whole = {path: path.read_bytes() for path in (stage.out / "raw").rglob("*") if path.is_file()}
        shutil.rmtree(stage.out)

        ends = {point: stage.run(kill_at=point, again=point == stage.points[0]).code for point in stage.points}
        outcome = stage.run()

        assert [point for point, code in ends.items() if code != stage.killed] == []
        assert outcome.code == 0, outcome.said
        assert outcome.main["sha256"] == undisturbed.main["sha256"]
        assert {path: path.read_bytes() for path in (stage.out / "raw").rglob("*") if path.is_file()} == whole
        again = {path: count - 2 * first[path] for path, count in stage.sent().items() if count != 2 * first[path]}
        assert len(again) <= 1  # one file at a time, and both kills in a transfer fall into the first
        assert all(count < 2 * first[path] for path, count in again.items())
        assert stage.remains() == []
        assert stage.home.service.state()["copernicus"]["mostAtOnce"] <= 4
