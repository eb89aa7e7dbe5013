"""Preprocessing keeps the contract of products; killed anywhere, the same bytes; as many processes as one likes."""

from __future__ import annotations

import hashlib
import json
from hashlib import sha256

import journey_kit as journey
import preprocess_kit as kit
import pytest
from contract import Ended, ProductContract

# In the order a run passes them. Samples that have their names stay: see below for those of a first run.
POINTS = ("run.prepared", "unit.claimed", "unit.done", "output.finished", "output.published")


class PreprocessStage:
    """`Stage`: two scenes, as processes."""

    points = POINTS
    killed = journey.KILLED

    def __init__(self, folder, program, index):
        self._folder, self._program, self._index = folder, program, index

    def _command(self, *words, **environment):
        told = [*words, "--state-dir", "state", "--json"]
        return self._program.start(told, self._folder, ORCHESTRATOR_PIXELS__AT_ONCE="1", **environment).wait()

    def run(self, *, kill_at="", again=False, wrong=False, out="out"):
        words = ["--index", str(self._index), "--out", out, "--bands", "B02,B05"]
        words += ["--target-grid", "B12" if wrong else "scl_20m", *(["--again"] if again else [])]
        done = self._command("copernicus", "preprocess", *words, **({journey.CRASH_AT: kill_at} if kill_at else {}))
        return Ended(done.code, done.out + done.err, tuple(done.summary["files"]) if done.code == 0 else ())

    def cancel(self):
        shown = self._program.start(["status", "--state-dir", "state", "--json"], self._folder).wait()
        (run,) = [m for m in shown.expect(0).messages if m["message_type"] == "run"]
        self._command("cancel", run["run"]).expect(0)

    def files(self):
        runs = self._folder / "out" / "meta" / "step2" / "runs"
        return runs / "run=preprocess.proof.json", runs / "run=preprocess.jsonl"

    def effects(self):
        return 0

    def remains(self):
        out = self._folder / "out"
        kept = {*self.files(), out / "meta" / "step2" / "index.json", out / "meta" / "step2" / ".index.json.lock"}
        return [
            str(path)
            for path in out.rglob("*")
            if path.is_file() and path not in kept and "processed" not in path.parts
        ]

    def planned(self):
        return [(scene, 0, 1, 1) for scene in range(2)]

    def brought(self):
        lines = self.files()[1].read_text().splitlines()
        return [(scene, 0, 1, 1) for scene, line in enumerate(lines) if json.loads(line)["status"] == "ok"]


class TestPreprocess(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, program, index):
        return PreprocessStage(tmp_path, program, index)


def bytes_of(folder):
    """Return the checksum of every file of the samples, by its place."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "processed").rglob("*"))
        if path.is_file()
    }


def test_killed_while_a_sample_gets_its_name_the_same_samples_come_of_it(tmp_path, program, index):
    """Before its name, and after it, before that is written down."""
    stage = PreprocessStage(tmp_path, program, index)
    whole = kit.preprocess(tmp_path / "undisturbed", index, bands=["B02", "B05"])

    codes = [stage.run(kill_at=point).code for point in ("unit.noted", "unit.done")]
    assert stage.run().code == 0

    assert codes == [stage.killed, stage.killed]
    assert bytes_of(tmp_path / "out") == bytes_of(whole.folder)
    assert stage.remains() == []


def test_processes_make_the_same_bytes_as_threads(tmp_path, index):
    """Samples, and the statistics of the counting pass."""
    words = {"bands": ["B02", "B01"], "max_scenes": 2}

    apart = [kit.preprocess(tmp_path / str(n), index, **words, num_workers=n) for n in (0, 2)]
    counted = [
        kit.preprocess(tmp_path / str(n), index, **words, num_workers=n, normalize={"mode": "compute_only"})
        for n in (0, 2)
    ]

    assert bytes_of(apart[0].folder) == bytes_of(apart[1].folder)
    assert counted[0].stats.read_bytes() == counted[1].stats.read_bytes()
    assert apart[0].result.path.read_bytes() == apart[1].result.path.read_bytes()


def test_the_counting_pass_writes_no_sample_and_saves_its_histogram_where_asked(tmp_path, index):
    """Two scenes are counted; nothing lies in `processed`, nor in the index."""
    counted = kit.preprocess(tmp_path, index, normalize={"mode": "compute_only", "save_histograms": True})

    assert not (counted.folder / "processed").exists()
    assert not counted.index.exists()
    assert json.loads(counted.stats.read_text())["scenes_processed"] == 2
    assert counted.stats.with_name("histogram.npz").is_file()


def test_the_manifest_of_a_counting_pass_has_the_checksums_of_what_it_wrote(tmp_path, index):
    """Of a scene that failed it says why instead."""
    kit.replace_by_copy(kit.file_of(index, "l1c.band.B02"))
    kit.file_of(index, "l1c.band.B02").write_bytes(b"no picture")

    counted = kit.preprocess(tmp_path, index, normalize={"mode": "compute_only", "save_histograms": True})

    failed, done = counted.records
    files = (counted.stats, counted.stats.with_name("histogram.npz"))
    assert done["statistics"] == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert failed["error"]
    assert "statistics" not in failed
