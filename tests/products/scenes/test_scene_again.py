"""The same download once more: what is not there any more comes, and a folder that was carried elsewhere is ours."""

from __future__ import annotations

import pytest
from scenes_kit import files_of, product_name

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
