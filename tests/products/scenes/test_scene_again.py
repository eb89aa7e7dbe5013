"""The same download once more: what is not there any more comes, and a folder that was carried elsewhere is ours."""

from __future__ import annotations

import json
import shutil
import threading

import pytest
from scenes_kit import files_of, product_name

import orchestrator as orc

L1C = product_name("L1C")
BAND = "T33UWQ_20251210T100319_B02.jp2"


@pytest.fixture
def brought(world):
    """A scene of one level, in its folder."""
    world.add(L1C)
    with world.open():
        world.download(levels=["L1C"])
        yield world


def band(world):
    return next((world.out / "raw").rglob(BAND))


@pytest.mark.parametrize("cut", [None, 100], ids=["gone", "cut short"])
def test_the_same_download_brings_a_file_that_is_not_whole_any_more(brought, cut):
    """That one alone."""
    before, path = brought.transfers(), band(brought)
    path.write_bytes(path.read_bytes()[:cut]) if cut else path.unlink()

    brought.download(levels=["L1C"])

    assert path.read_bytes() == next(data for name, data in files_of(L1C).items() if name.endswith(BAND))
    assert {name: n - before[name] for name, n in brought.transfers().items()} == dict.fromkeys(before, 0) | {BAND: 1}


def test_where_all_is_there_the_same_download_is_done_already(brought):
    """No second run is made of it."""
    first = brought.download(levels=["L1C"]).result.run

    assert brought.download(levels=["L1C"]).result.run == first


def test_nothing_looks_at_the_state_once_the_connection_is_closed(world):
    """The threads that share limits with other processes have ended: the folder may be removed."""
    world.add(L1C)
    with world.open():
        world.download(levels=["L1C"], l1c_bands=["B02"])
        assert "limits" in {thread.name for thread in threading.enumerate()}

    assert "limits" not in {thread.name for thread in threading.enumerate()}


def elsewhere(world):
    """The same folder under another name, and a state folder that knows nothing."""
    shutil.copytree(world.out, world.folder / "copy")
    world.out = world.folder / "copy"
    shutil.rmtree(world.folder / "state")


def test_a_folder_that_was_carried_elsewhere_grows_by_the_same_download(world):
    """Its manifest says that it is of this download; only what is new is fetched."""
    world.add(L1C)
    with world.open():
        world.download(levels=["L1C"], l1c_bands=["B02"], table=["csv"])
    elsewhere(world)
    with world.open():
        world.download(levels=["L1C"], l1c_bands=["B02", "B03"], table=["csv"])

        assert set(world.transfers()) == {BAND.replace("B02", "B03")}


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("manifest.json", b"mine", "no proof of ours"),
        ("manifest_table.csv", b"mine", "no proof of ours"),
        ("manifest.json", {"service": "copernicus"}, "brought from copernicus, and this job asks sandbox"),
        ("manifest.json", {"query": {"tiles": ["T33UWR"]}}, r"asked for tiles \['T33UWR'\]"),
    ],
    ids=["a file of the user's", "a table of the user's", "of another service", "of another tile"],
)
def test_what_is_not_of_the_same_download_is_refused_and_told_whose_it_is(world, path, content, said):
    """Nothing is fetched, and it stays."""
    world.add(L1C)
    with world.open():
        world.download(levels=["L1C"], table=["csv"])
    elsewhere(world)
    (place,) = world.out.rglob(path)
    if isinstance(content, dict):
        told = json.loads(place.read_bytes())
        told["query"] |= content.pop("query", {})
        content = json.dumps(told | content).encode()
    place.write_bytes(content)

    with world.open(), pytest.raises(orc.UserError, match=said):
        world.download(levels=["L1C"], l1c_bands=["B04"], table=["csv"])
    assert place.read_bytes() == content
