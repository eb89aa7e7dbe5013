"""Preprocessing keeps the contract of products; killed anywhere, the same bytes; as many processes as one likes."""

from __future__ import annotations

import hashlib
import json
import os
from hashlib import sha256

import journey_kit as journey
import preprocess_kit as kit
import pytest
import rasterio
from contract import Ended, ProductContract

from orchestrator.core.errors import PermanentError
from orchestrator.model.credit import sandbox_notice
from orchestrator.products.preprocess.document import ScenePlan, SourceFile
from orchestrator.products.preprocess.keys import PreprocessKeys
from orchestrator.products.preprocess.work import SceneTask, WorkerProcesses
from orchestrator.products.scenes.index import merge_into, read_scenes

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
        words = ["--index", str(self._index), "--out", out, "--bands", "B05"]
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
    whole = kit.preprocess(tmp_path / "undisturbed", index, bands=["B05"])

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
        kit.preprocess(tmp_path / str(bool(n)), index, **words, num_workers=n, normalize={"mode": "compute_only"})
        for n in (0, 1)
    ]

    assert bytes_of(apart[0].folder) == bytes_of(apart[1].folder)
    assert counted[0].stats.read_bytes() == counted[1].stats.read_bytes()
    assert apart[0].result.path.read_bytes() == apart[1].result.path.read_bytes()


class DeadlyScene:
    """A scene that ends the process which is given it."""

    name = "T33TWL of doom"

    def __reduce__(self):
        return os._exit, (1,)


def test_a_scene_whose_process_dies_again_is_given_up_and_the_next_is_computed(tmp_path):
    """Once with others, and once alone; nothing waits for it."""
    unopened = ScenePlan(
        "T33TWL", "2024-06-13T10:00:00Z", (SourceFile("l2a.scl_20m", str(tmp_path / "x")),), None, about={}
    )
    place = {"run_id": "x", "final": tmp_path, "made": tmp_path, "counts": tmp_path, "stats": "", "version": "1"}
    keys = PreprocessKeys(index_json="x", target_grid_ref="scl_20m")
    workers = WorkerProcesses(1)

    try:
        with pytest.raises(PermanentError, match="T33TWL of doom died twice"):
            workers.do(SceneTask(scene=DeadlyScene(), keys=keys, **place, threads=1), kit.NEVER)
        with pytest.raises(PermanentError, match="is gone"):  # as it is said of any scene whose file is not there
            workers.do(SceneTask(scene=unopened, keys=keys, **place, threads=1), kit.NEVER)
    finally:
        workers.close()


def test_the_counting_pass_writes_no_sample_and_saves_its_histogram_where_asked(tmp_path, index):
    """Two scenes are counted; nothing lies in `processed`, nor in the index."""
    counted = kit.preprocess(tmp_path, index, normalize={"mode": "compute_only", "save_histograms": True})

    assert not (counted.folder / "processed").exists()
    assert not counted.index.exists()
    assert json.loads(counted.stats.read_text())["scenes_processed"] == 2
    assert counted.stats.with_name("histogram.npz").is_file()


def served_by_a_sandbox(index):
    """Say of an index what a download from a sandbox says of it."""
    content = json.loads(index.read_text())
    content["attribution"] = sandbox_notice("Contains modified Copernicus Sentinel data [2024]")
    index.write_text(json.dumps(content))


def test_what_a_sandbox_served_never_passes_for_the_earth(tmp_path, index):
    """In the statistics, in a sample and its raster, and in the proof of the run; otherwise nothing is said."""
    index_of_the_earth = index.read_bytes()
    served_by_a_sandbox(index)
    words = {"bands": ["B05"], "max_scenes": 1}
    counted = kit.preprocess(tmp_path, index, **words, normalize={"mode": "compute_only"})
    made = kit.preprocess(tmp_path, index, **words)
    proof = json.loads((made.folder / "meta" / "step2" / "runs" / "run=preprocess.proof.json").read_text())
    meta = made.meta()
    with rasterio.open(made.folder / made.records[0]["paths"]["x"]) as raster:
        tag = raster.tags()["TIFFTAG_COPYRIGHT"]
    index.write_bytes(index_of_the_earth)
    again = kit.preprocess(tmp_path, index, **words)

    told = [json.loads(counted.stats.read_text())["attribution"], meta["attribution"], proof["attribution"], tag]
    assert told == ["Served by a sandbox, perhaps synthetic. Contains modified Copernicus Sentinel data 2024"] * 4
    assert again.meta()["attribution"] == "Contains modified Copernicus Sentinel data 2024"


def test_an_index_with_scenes_of_a_sandbox_says_so_after_another_download(tmp_path):
    """What it served is still among them."""
    path, never = tmp_path / "meta" / "step1" / "index.json", kit.NEVER

    for notice in (sandbox_notice("Of 2024"), "Of 2025"):
        merge_into(path, [], "2026-01-01T00:00:00Z", never, notice)

    assert read_scenes(path).notice == sandbox_notice("Of 2025")


def test_what_s2pipe_s_files_lack_is_said_before_they_are_used(tmp_path, program, index):
    """Statistics tell nothing of moments, which leave out what is clipped, an index no checksum: a line for each."""
    stats = kit.preprocess(tmp_path, index, bands=["B05"], normalize={"mode": "compute_only"}).stats
    content = json.loads(stats.read_text())
    stats.write_text(json.dumps({name: told for name, told in content.items() if name != "moments"}))

    words = [
        "--index",
        str(index),
        "--out",
        "applied",
        "--bands",
        "B05",
        "--normalize",
        "apply_with_stats",
        "--target-grid",
        "scl_20m",
    ]
    words += ["--stats", str(stats), "--state-dir", "state", "--max-scenes", "1"]
    done = program.start(["copernicus", "preprocess", *words], tmp_path).wait()

    assert "the index has no checksum for 3 of 3 files" in " ".join(done.err.split())
    assert "normalised values will not have mean 0 and standard deviation 1" in " ".join(done.err.split())
    assert done.code == 0


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
