"""An assembly may be killed at any moment and started again; the file that comes out is always the same."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from assembly import Never, Scene, assemble, place, star

from orchestrator.assemble import tiff, writing
from orchestrator.assemble.commits import Commits
from orchestrator.assemble.journal import Journal
from orchestrator.assemble.mosaic import BlockAssembler
from orchestrator.assemble.storage import BufferBytes
from orchestrator.core.errors import IntegrityError, SpaceError, Stopped
from orchestrator.core.files import sha256_of
from orchestrator.model.grid import Window

HERE = Path(__file__).parent
KILLS = 12


def test_a_killed_assembly_gives_the_same_bytes(tmp_path):
    """SIGKILL at moments spread over the work, and again while it continues: same SHA-256, no part placed twice."""
    environment = os.environ | {"PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent.parent}"}

    command = [sys.executable, HERE / "kill_moments.py", tmp_path, str(KILLS), "1"]
    answer = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)

    for result in answer["results"]:
        assert result["killed"] == 9
        assert result["sha256"] == answer["whole"]["sha256"], result
        assert result["placed"] == result["distinct"] == answer["parts"]
        assert result["files"] == ["journal", "mosaic.tif"]


@pytest.fixture
def scene():
    base = Scene(profile={"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"})
    return Scene(**{**vars(base), "area": star(base, np.random.default_rng(2))})


def test_order_and_threads_change_nothing(scene, tmp_path):
    """The bytes depend on the specification and the parts, not on who came first or how many threads encoded."""
    parts = scene.write(tmp_path / "parts")

    first = assemble(scene, parts, tmp_path / "a", threads=1)
    second = assemble(scene, dict(reversed(parts.items())), tmp_path / "b", threads=5)

    assert sha256_of(second.path) == sha256_of(first.path)
    assert second.size == first.path.stat().st_size


def test_parts_in_memory_give_the_same_file(scene, tmp_path):
    """Bytes that never touched a disk are as good as files."""
    parts = scene.write(tmp_path / "parts")

    by_file = assemble(scene, parts, tmp_path / "a")
    by_bytes = assemble(scene, {w: p.read_bytes() for w, p in parts.items()}, tmp_path / "b")
    by_view = assemble(scene, {w: memoryview(bytearray(p.read_bytes())) for w, p in parts.items()}, tmp_path / "c")

    assert len({sha256_of(report.path) for report in (by_file, by_bytes, by_view)}) == 1


def test_a_finished_mosaic_stays_as_it_is(scene, tmp_path):
    """Finishing again, in another process or after the file was published, repeats the report and writes nothing."""
    parts = scene.write(tmp_path / "parts")
    report = assemble(scene, parts, tmp_path / "work")
    modified = report.path.stat().st_mtime_ns

    again = BlockAssembler().open(scene.spec(), tmp_path / "work")

    assert again.finish(Never()) == report
    assert again.placed() == frozenset(parts)
    assert report.path.stat().st_mtime_ns == modified
    report.path.rename(tmp_path / "published.tif")
    assert BlockAssembler().open(scene.spec(), tmp_path / "work").finish(Never()) == report


def test_a_placed_part_is_not_needed_any_more(scene, tmp_path):
    """Parts may be deleted as soon as place() has told of them; placing one again does nothing."""
    parts = scene.write(tmp_path / "parts")
    expected = sha256_of(assemble(scene, parts, tmp_path / "a").path)
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "b")
    mosaic.place(parts.items(), lambda window: parts[window].unlink())

    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "b")
    told = []
    mosaic.place(parts.items(), told.append)

    assert told == list(parts)
    assert sha256_of(mosaic.finish(Never()).path) == expected


@pytest.mark.parametrize("last", range(4))
def test_stopping_keeps_what_was_placed(scene, tmp_path, last):
    """A wish to stop, whenever it comes, ends finish(); the next call gives the file that was due."""

    class Soon(Never):
        asked = 0

        def is_set(self):
            self.asked += 1
            return self.asked > last

    parts = scene.write(tmp_path / "parts")
    expected = sha256_of(assemble(scene, parts, tmp_path / "a").path)
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work")
    place(mosaic, parts.items())

    with pytest.raises(Stopped):
        mosaic.finish(Soon())

    assert sha256_of(mosaic.finish(Never()).path) == expected


@pytest.mark.parametrize("backwards", [False, True], ids=["in the spool itself", "by copying"])
def test_a_stop_is_heard_all_the_time_a_file_is_written(scene, tmp_path, monkeypatch, backwards):
    """However long a run of bytes is, it is copied piece by piece, and a stop between two of them loses nothing."""
    piece = 1000
    monkeypatch.setattr(writing, "PIECE_BYTES", piece)
    parts = list(scene.write(tmp_path / "parts").items())[:: -1 if backwards else 1]
    looks = Looks(None)
    counted = BlockAssembler().open(scene.spec(), tmp_path / "counted")
    place(counted, parts)
    report = counted.finish(looks)
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work")
    place(mosaic, parts)

    for last in range(looks.seen - 1, looks.seen - 12, -1):
        with pytest.raises(Stopped):
            mosaic.finish(Looks(last))

    assert sha256_of(mosaic.finish(Never()).path) == sha256_of(report.path)
    assert not backwards or looks.seen > report.size / piece


class Looks(Never):
    """A wish to stop from the `last`-th time on that somebody looks; counts them."""

    def __init__(self, last):
        self.last, self.seen = last, 0

    def is_set(self):
        self.seen += 1
        return self.last is not None and self.seen > self.last


def test_a_part_that_broke_off_can_be_placed_again(scene, tmp_path):
    """A block that cannot be decoded is named, and leaves nothing of its part behind."""
    parts = scene.write(tmp_path / "parts")
    expected = sha256_of(assemble(scene, parts, tmp_path / "a").path)
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work")
    for window, path in parts.items():
        whole = path.read_bytes()
        broken = bytearray(whole)
        image = tiff.read(BufferBytes(memoryview(whole))).directories[0]
        for offset, size in zip(image.numbers(tiff.TILE_OFFSETS), image.numbers(tiff.TILE_SIZES), strict=True):
            broken[offset : offset + size] = bytes(size)
        if mosaic.settings.spans.mask(window).any():
            with pytest.raises(IntegrityError, match="cannot be decoded"):
                place(mosaic, [(window, bytes(broken))])
        assert window not in mosaic.placed()
        place(mosaic, [(window, whole)])

    assert sha256_of(mosaic.finish(Never()).path) == expected


def test_a_torn_record_is_forgotten_and_a_damaged_one_is_not(tmp_path):
    """A crash can only tear the last record; anything else is damage, and said."""
    journal = Journal(tmp_path / "journal")
    for number in range(3):
        journal.append({"kind": "test", "number": number})
    whole = journal.path.read_bytes()

    journal.path.write_bytes(whole[:-5])
    assert [r["number"] for r in journal.load()] == [0, 1]
    journal.append({"kind": "test", "number": 3})
    assert [r["number"] for r in journal.load()] == [0, 1, 3]

    journal.path.write_bytes(whole.replace(b'"number":1', b'"number":7'))
    with pytest.raises(IntegrityError, match="record 2"):
        journal.load()


def test_a_folder_belongs_to_one_mosaic(scene, tmp_path):
    """Another specification does not continue somebody else's work."""
    parts = scene.write(tmp_path / "parts")
    assemble(scene, parts, tmp_path / "work")

    with pytest.raises(IntegrityError, match="another mosaic"):
        BlockAssembler().open(scene.spec(compress="lzw"), tmp_path / "work")
    assert BlockAssembler().open(scene.spec(threads=7), tmp_path / "work").placed()


def test_a_spool_that_lost_bytes_is_refused(scene, tmp_path):
    """What the journal promises must be there."""
    parts = scene.write(tmp_path / "parts")
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work")
    place(mosaic, parts.items())
    os.truncate(tmp_path / "work" / "full.spool", 100)

    with pytest.raises(IntegrityError, match="lost bytes"):
        BlockAssembler().open(scene.spec(), tmp_path / "work")


def test_a_part_is_told_of_when_a_crash_cannot_take_it_back(scene, tmp_path):
    """In the order given, each once, and not before another process would find it placed."""
    parts = scene.write(tmp_path / "parts")
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work")
    told = []

    def placed(window):
        # Of a copy: reading a journal cuts its end off where that is torn, and here it is still being written.
        kept = Journal(shutil.copy(tmp_path / "work" / "journal", tmp_path / "journal")).load()
        assert asdict(window) in [part["window"] for record in kept for part in record.get("parts", ())]
        told.append(window)

    mosaic.place(parts.items(), placed)

    assert told == list(parts)


@pytest.mark.parametrize("bad", [0, 3, -1])
def test_a_bad_part_among_others_is_the_first_not_told_of(scene, tmp_path, bad):
    """Those before it are placed and stay so; without it the others follow, to the same bytes."""
    parts = scene.write(tmp_path / "parts")
    expected = sha256_of(assemble(scene, parts, tmp_path / "a").path)
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "b")
    windows = list(parts)
    told = []
    spoiled = {window: b"no TIFF" if window == windows[bad] else path for window, path in parts.items()}

    with pytest.raises(IntegrityError, match="no readable GeoTIFF"):
        mosaic.place(spoiled.items(), told.append)

    assert told == windows[: windows.index(windows[bad])]
    assert mosaic.placed() == frozenset(told)
    place(mosaic, parts.items())
    assert sha256_of(mosaic.finish(Never()).path) == expected


def test_a_sync_that_failed_is_not_asked_again(scene, tmp_path, monkeypatch):
    """A disk that lost bytes once may say yes the next time: the parts of that time are placed anew."""
    parts = scene.write(tmp_path / "parts")
    expected = sha256_of(assemble(scene, parts, tmp_path / "a").path)
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "b")
    answers = iter([OSError(errno.EIO, "Input/output error")])
    sync = os.fdatasync

    def fails_once(fd):
        for failure in answers:
            raise failure
        sync(fd)

    told = []
    monkeypatch.setattr(os, "fdatasync", fails_once)
    with pytest.raises(OSError, match="Input/output"):
        mosaic.place(parts.items(), told.append)

    assert told == []
    assert mosaic.placed() == frozenset()
    place(mosaic, parts.items())
    assert sha256_of(mosaic.finish(Never()).path) == expected


def test_nothing_is_committed_behind_a_failure():
    """A second sync of the same file may succeed without what the first has lost."""
    answers = iter([OSError(errno.EIO, "Input/output error"), None])

    def commit(_records):
        if (failure := next(answers)) is not None:
            raise failure

    with Commits(commit) as commits:
        for number in range(2):
            commits.add(Window(number, 0, 1, 1), {})
            with pytest.raises(OSError, match="Input/output"):
                list(commits.durable(wait=True))


def test_a_full_disk_loses_nothing(scene, tmp_path, monkeypatch):
    """No room left is said as such; with room again the work continues to the same bytes."""
    parts = scene.write(tmp_path / "parts")
    expected = sha256_of(assemble(scene, parts, tmp_path / "a").path)
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work")
    first, *others = parts.items()
    place(mosaic, [first])

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("pwrite", "copy_file_range", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(SpaceError, match="no room left"):
                place(mosaic, others)
        assert first[0] in mosaic.placed()

    place(mosaic, others)
    assert sha256_of(mosaic.finish(Never()).path) == expected


def test_without_help_of_the_system_the_bytes_are_the_same(scene, tmp_path, monkeypatch):
    """Where copy_file_range and fallocate do not work, bytes are copied by hand, to the same file."""
    parts = scene.write(tmp_path / "parts")
    expected = sha256_of(assemble(scene, parts, tmp_path / "a").path)

    def unable(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", unable)
    monkeypatch.setattr("orchestrator.assemble.sealing.insert_room", lambda *_: False)

    assert sha256_of(assemble(scene, parts, tmp_path / "b").path) == expected


def test_the_spool_becomes_the_file_when_parts_come_in_order(scene, tmp_path):
    """Parts in the order of the grid are copied once: the sealed file is the spool itself."""
    parts = scene.write(tmp_path / "parts")

    for overviews in ("none", "average"):
        assemble(scene, parts, tmp_path / overviews, overviews=overviews)

        assert Journal(tmp_path / overviews / "journal").load()[-1]["file"] == "full.spool"
