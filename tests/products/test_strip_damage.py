"""Strips on a disk that changes their bytes: what is joined of them is never taken for the result."""

from __future__ import annotations

import os
import sys
import threading
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

sys.path.append(str(Path(__file__).parents[1] / "assemble"))

from assembly import Never, Scene, assemble

from orchestrator.assemble.strip import StripMosaic
from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import sha256_of
from orchestrator.model.mosaic import MosaicReport
from orchestrator.model.product import OutputLostError
from orchestrator.model.strip import OutputStrip
from orchestrator.places.folder import FolderPlace
from orchestrator.products.mosaic.publication import sha256_of_finished
from orchestrator.products.mosaic.strip_sink import IndexFolder, JoinedStrips, StripSink

PARTS = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}
SCENE = Scene(height=256, width=64, side=64, seed=1, profile=PARTS)


class Strips:
    """Two strips of a scene in a folder, each of whole blocks, so that the join reads few of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.forgotten = folder / "strips", 0
        self.parts = SCENE.write(folder / "parts")
        self.whole = assemble(SCENE, self.parts, folder / "whole")
        self.place = FolderPlace(self.folder)
        self.indexes = [
            self._made(OutputStrip(number, *rows), folder) for number, rows in enumerate(pairwise((0, 128, 256)))
        ]

    def _made(self, strip: OutputStrip, folder: Path) -> Any:
        made = StripMosaic.open(SCENE.spec(), strip, folder / f"work-{strip.index}", clear=strip.row)
        made.place([(w, path) for w, path in self.parts.items() if strip.has(w)], lambda _window: None)
        return made.publish(self.place, f"{strip.index}/", Never())

    def clear(self) -> None:
        self.forgotten += 1

    def finish(self) -> MosaicReport:
        """Join what is there, as the run's holder does, and read it for its checksum."""
        sink = SimpleNamespace(indexes=lambda _units: self.indexes, clear=self.clear)
        joined = JoinedStrips(SCENE.spec(), cast("StripSink", sink), (), self.place, "", self.folder)
        return joined.finish(threading.Event())

    def flip(self, name: str, at: int) -> None:
        """Change one byte, and put the time of change back: only the bytes tell."""
        path = self.folder / name
        before = path.stat()
        content = bytearray(path.read_bytes())
        content[at] ^= 0xFF
        with path.open("r+b") as file:
            file.write(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def strips(tmp_path):
    return Strips(tmp_path)


def test_what_is_joined_of_whole_strips_has_the_checksum_that_it_must_have(strips):
    """And is the file that one machine makes."""
    report = strips.finish()

    assert sha256_of_finished(report, threading.Event()) == sha256_of(strips.whole.path)


def test_a_byte_that_the_join_only_moves_is_compared_before_publication(strips):
    """The first block of the first strip is decided by its part alone: it goes into the output unread."""
    strips.flip("0/0.0.parts", 0)

    report = strips.finish()

    with pytest.raises(OutputLostError, match="damaged on this disk; it is made again of the parts"):
        sha256_of_finished(report, threading.Event())
    assert not report.path.exists()


def test_another_file_at_the_name_of_the_output_is_in_nobodys_way_twice(strips):
    """Damaged after it was joined, it is taken away: the next join is done."""
    strips.finish()
    strips.flip("mosaic.tif", -1)

    with pytest.raises(OutputLostError, match="the strips are made again"):
        strips.finish()

    assert strips.forgotten == 1
    assert sha256_of_finished(strips.finish(), threading.Event()) == sha256_of(strips.whole.path)


def test_a_folder_in_the_place_of_an_index_means_that_strips_are_made_again(tmp_path):
    """As an index that is damaged, and not the end of the run."""
    (tmp_path / "0000000-256.0.strip.json").mkdir()

    with pytest.raises(IntegrityError, match="is no file, and nothing can be kept there; the strips are made again"):
        IndexFolder(tmp_path).all()
