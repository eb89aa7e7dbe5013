"""The step that makes a strip: what it leaves where nobody takes the strip from it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

sys.path.append(str(Path(__file__).parents[1] / "assemble"))

from assembly import Scene
from place_kit import DictionaryPlace

from orchestrator.core.errors import FencedError, OrchestratorError
from orchestrator.model.job import Job
from orchestrator.model.product import RunSnapshot
from orchestrator.model.strip import OutputStrip, StripOrder
from orchestrator.model.unit import Done, Unit
from orchestrator.products.mosaic.product import MosaicProduct
from orchestrator.products.mosaic.strips import MakeStrip

PARTS = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}


def do_strip(folder: Path, place: DictionaryPlace, taken: Any, check: Any = lambda: None) -> Any:
    """Do the step for a whole small output of one strip; `taken` gets its cell and index."""
    scene, bucket = Scene(height=64, width=64, side=64, seed=1, profile=PARTS), DictionaryPlace()
    parts = [(window, bucket.create(path.name, path)) for window, path in scene.write(folder / "parts").items()]
    context = SimpleNamespace(
        folder=folder,
        stop=threading.Event(),
        is_placed=lambda _cell: False,
        received=lambda _bytes: None,
        place=taken,
        check=check,
    )
    step = MakeStrip(scene.spec(), lambda: bucket, lambda _folder: (place, "kept/strips/"), downloads=1)
    order = StripOrder(OutputStrip(0, 0, 64), 0, 0, tuple(parts))
    return step(cast("Any", context), Unit("run", order.unit(), fence=3))


def test_what_a_strip_is_bears_the_number_of_its_claim(tmp_path):
    """Two claims of one strip write nothing over each other."""
    place, indexes = DictionaryPlace(), []

    done = do_strip(tmp_path, place, lambda _cell, index: indexes.append(index))

    assert isinstance(done, Done)
    assert {name.rpartition("/")[0] for name in place.contents} == {"kept/strips/0000.f3"}
    assert len(indexes) == 1


def test_a_strip_that_nobody_takes_leaves_nothing(tmp_path):
    """The run was over, and cleaned, before its index could be handed over."""

    def refuse(_cell: Any, _index: bytes) -> None:
        raise OrchestratorError("the run is over")

    place = DictionaryPlace()

    with pytest.raises(OrchestratorError, match="is over"):
        do_strip(tmp_path, place, refuse)

    assert place.contents == {}


def test_a_strip_that_was_lost_while_it_was_written_leaves_nothing(tmp_path):
    """Asked before each object, and once more when all are there: a process may stand still at any of these."""
    place = DictionaryPlace()
    do_strip(tmp_path, place, lambda _cell, _index: None)
    whole = len(place.contents)

    asked = [lost_after(tmp_path, good) for good in range(whole + 1)]

    assert asked == [list(range(good + 1)) for good in range(whole + 1)]


def lost_after(folder: Path, good: int) -> list[int]:
    """Lose the strip after so many good answers; return how many objects were there at each, if in the end none is."""
    asked, place = [], DictionaryPlace()

    def check() -> None:
        asked.append(len(place.contents))
        if len(asked) > good:
            raise FencedError("another has it")

    with pytest.raises(FencedError):
        do_strip(folder, place, lambda _cell, _index: pytest.fail("handed over"), check)
    assert place.contents == {}
    return asked


def test_a_rebuilt_state_gives_up_what_its_run_kept_at_the_place(tmp_path):
    """It cannot tell what strips were made of; what lies beside them is somebody else's."""
    place = DictionaryPlace()
    for name in ("kept/strips/0000.f1/a", "kept/indexes/0-64.0.strip.json", "keptother", "map.tif"):
        place.create(name, b"x")
    job = Job(area="a", output=str(tmp_path), base_name="map", start_date="", end_date="", deliver="gs://maps/x")
    context = SimpleNamespace(bucket=lambda _address: place)

    MosaicProduct(cast("Any", context)).forget_strips(RunSnapshot("run", job, facts={"kept_at": "kept"}))

    assert sorted(place.contents) == ["keptother", "map.tif"]
