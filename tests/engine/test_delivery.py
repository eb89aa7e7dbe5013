"""A result on its way to a place: what is replaced as ours, what is left of an earlier one, in which order."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orchestrator.core.errors import TransientError, UserError
from orchestrator.engine.delivery import ResultDelivery
from orchestrator.engine.ownership import Claimant
from orchestrator.model.result import Result, ResultFile
from orchestrator.places.folder import FolderPlace


@dataclass
class Memory:
    """What a store remembers of one final path: who published there, and every manifest, the last one the run's."""

    manifests: list[str] = field(default_factory=list)

    @property
    def store(self) -> Any:
        row = SimpleNamespace(run_id="run", declaration="job")
        outputs = SimpleNamespace(at=lambda _path: row, results=lambda _path: self.manifests)
        runs = SimpleNamespace(save_result=lambda _run, told: self.manifests.append(told))
        return cast("Any", SimpleNamespace(outputs=outputs, runs=runs))


class Stage:
    """A folder with a result of a store and its proof, a place, and a memory."""

    def __init__(self, folder: Path) -> None:
        self.made_in, self.place, self.memory = folder / "made", FolderPlace(folder / "place"), Memory()
        self.sent: list[str] = []

    def make(self, proof: str, **inner: str) -> Result:
        """Make the files of a result anew: its proof, and those of its store by their names."""
        store = self.made_in / "cube.zarr"
        for name, content in {"zarr.json": proof, **inner}.items():
            path = store / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        (self.made_in / "cube.json").write_text(proof)
        files = ResultFile(self.made_in / "cube.json", len(proof), "", "proof"), ResultFile(store, 0, "")
        return Result(files, place=self.place.url, made_in=str(self.made_in))

    def joined(self, content: bytes) -> Result:
        """Return a result whose raster lies at the place already, under a name of its run's."""
        placed = self.place.create(f".orchestrator/a/{content.decode()}.tif", content)
        proof = self.made_in / "map.json"
        proof.parent.mkdir(parents=True, exist_ok=True)
        proof.write_bytes(content)
        raster = ResultFile(self.made_in / "map.tif", len(content), "", "data", placed)
        files = ResultFile(proof, len(content), "", "proof"), raster
        return Result(files, place=self.place.url, made_in=str(self.made_in))

    def content(self, name: str) -> bytes:
        there = self.place.stat(name)
        return self.place.read_range(there, 0, there.size)

    def delivery(self, **more: Any) -> ResultDelivery:
        final = str(self.made_in / "cube.zarr")
        who = Claimant("job", (), "job", "run", final=final, **more)
        stop = threading.Event()
        return ResultDelivery(self.place, who, self.memory.store, stop, lambda _words: None, lambda: None)

    def names(self) -> list[str]:
        return [found.name for found in self.place.find("")]

    def forget_files(self) -> None:
        for path in (self.made_in / "cube.zarr").rglob("*"):
            if path.is_file():
                path.unlink()


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def test_nothing_of_an_earlier_result_is_left_below_its_name(stage):
    """A smaller store has fewer objects; those that only the earlier one had are taken away."""
    stage.delivery().work(stage.make("first", c__0="a", c__1="b"))
    stage.forget_files()

    done = stage.delivery().work(stage.make("second", c__0="c"))

    assert stage.names() == ["cube.json", "cube.zarr/c/0", "cube.zarr/zarr.json"]
    assert stage.delivery().is_there(done)


def test_what_was_sent_before_the_scratch_was_lost_is_ours(stage):
    """Made again it may differ; what the lost one had brought is known, and replaced."""
    stage.delivery().work(stage.make("first", c__0="a"))
    lost = Result.from_json(stage.memory.manifests[-1])
    stage.memory.manifests.clear()
    again = stage.make("second", c__0="a")

    with pytest.raises(UserError, match="is not this job's"):
        stage.delivery().work(again)
    stage.memory.manifests.clear()
    known = Result(again.files, place=again.place, made_in=again.made_in, before=lost.objects)

    assert stage.delivery().is_there(stage.delivery().work(known))


def test_what_tells_of_a_folder_is_never_beside_objects_of_another(stage, monkeypatch):
    """While a store is replaced there is none to open: its metadata goes first, and comes last."""
    stage.delivery().work(stage.make("first", c__0="a"))
    seen, create = [], FolderPlace.create

    def watched(place: FolderPlace, name: str, content: Any, over: Any = None) -> Any:
        seen.append((name, place.stat("cube.zarr/zarr.json") is not None))
        return create(place, name, content, over)

    monkeypatch.setattr(FolderPlace, "create", watched)

    stage.delivery().work(stage.make("second", c__0="b"))

    assert seen == [("cube.json", True), ("cube.zarr/c/0", False), ("cube.zarr/zarr.json", False)]


def test_an_object_below_a_folder_that_is_nobodys_is_kept_whatever_is_consented_to(stage):
    """As a folder here is not replaced that holds more than was made."""
    stage.place.create("cube.zarr/theirs", b"theirs")

    with pytest.raises(UserError, match="move it away"):
        stage.delivery(overwrite=True).work(stage.make("first"))

    assert stage.names() == ["cube.zarr/theirs"]


def test_an_object_that_appears_between_the_look_and_the_writing_is_kept(stage, monkeypatch):
    """The writing names what it replaces; whose that is, is looked at again."""
    stat, calls = FolderPlace.stat, []

    def appears(place: FolderPlace, name: str) -> Any:
        found = stat(place, name)
        if name == "cube.json" and not calls:
            calls.append(name)
            place.create(name, b"theirs")
        return found

    monkeypatch.setattr(FolderPlace, "stat", appears)

    with pytest.raises((UserError, TransientError)):
        stage.delivery().work(stage.make("first"))

    assert stage.place.read_range(stage.place.stat("cube.json"), 0, 6) == b"theirs"


def test_what_was_put_together_at_its_place_gets_its_name_over_the_earlier_result(stage):
    """Nothing of it is sent from here; the earlier raster of the job is replaced by its generation."""
    stage.delivery().work(stage.joined(b"first"))

    done = stage.delivery().work(stage.joined(b"second"))

    assert stage.content("map.tif") == b"second"
    assert stage.delivery().is_there(done)
    assert not (stage.made_in / "map.tif").exists()


def test_somebodys_object_is_not_replaced_by_what_was_put_together_there(stage):
    """As with a file that is sent: it is looked at first, whatever of the run lies beside it."""
    stage.place.create("map.tif", b"theirs")

    with pytest.raises(UserError, match="is not this job's"):
        stage.delivery().work(stage.joined(b"first"))

    assert stage.content("map.tif") == b"theirs"
