"""A training set appears whole, and replaces nothing that is not one of ours."""

from __future__ import annotations

import pytest
from chip_kit import IMAGES

from orchestrator.core.errors import UserError
from orchestrator.packing.asked import Packing
from orchestrator.packing.packing import pack
from orchestrator.packing.publication import publishing

AGAIN = Packing(IMAGES, overwrite=True)


def test_a_set_is_replaced_only_when_that_is_asked_for(place):
    """By another command the same folder is refused."""
    pack(place.tiles, Packing(IMAGES), place.root / "set")

    with pytest.raises(UserError, match="--overwrite"):
        pack(place.tiles, Packing(IMAGES, format="geotiff"), place.root / "set")
    made = pack(place.tiles, Packing(IMAGES, format="geotiff", overwrite=True), place.root / "set")

    assert not (made.folder / "data").exists()
    assert (made.folder / "images").is_dir()


@pytest.mark.parametrize("change", ["added", "edited"])
def test_what_somebody_did_to_a_set_is_not_lost(place, change):
    """A file that was not made here, or is not as it was made: not even with --overwrite."""
    folder = pack(place.tiles, Packing(IMAGES), place.root / "set").folder
    path = folder / ("notes.txt" if change == "added" else "README.md")
    path.write_text("mine")

    with pytest.raises(UserError, match=path.name):
        pack(place.tiles, AGAIN, folder)

    assert path.read_text() == "mine"


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_nothing_of_others_is_replaced(place, kind):
    """A folder with something in it, a file, a link to a folder."""
    target = place.root / "set"
    if kind == "file":
        target.write_text("mine")
    else:
        real = target if kind == "folder" else place.root / "real"
        real.mkdir()
        (real / "mine.txt").write_text("mine")
        if kind == "link":
            target.symlink_to(real)
    before = sorted(path.name for path in place.root.rglob("*"))

    with pytest.raises(UserError, match="not replaced"):
        pack(place.tiles, AGAIN, target)

    assert sorted(path.name for path in place.root.rglob("*")) == before


@pytest.mark.parametrize("kind", ["set", "empty"])
def test_a_link_is_somebodys(place, kind):
    """Also one to a set of ours, or to an empty folder: it is not replaced by a folder."""
    real = place.root / "real"
    if kind == "set":
        pack(place.tiles, Packing(IMAGES), real)
    else:
        real.mkdir()
    (place.root / "set").symlink_to(real)

    with pytest.raises(UserError, match="not replaced"):
        pack(place.tiles, AGAIN, place.root / "set")

    assert (place.root / "set").is_symlink()


def test_an_empty_folder_is_taken(place):
    """Nothing in it can be lost."""
    (place.root / "set").mkdir()

    assert pack(place.tiles, Packing(IMAGES), place.root / "set").about["samples"] == 12


def test_what_fails_leaves_no_trace_and_the_set_as_it_was(place):
    """Also in the middle of writing."""
    folder = pack(place.tiles, Packing(IMAGES), place.root / "set").folder
    before = (folder / "SHA256SUMS").read_bytes()

    def include(chip):
        if chip["chip_id"] == place.identifiers[6]:
            raise UserError("enough")
        return True

    with pytest.raises(UserError, match="enough"):
        pack(place.tiles, AGAIN, folder, include=include)

    assert (folder / "SHA256SUMS").read_bytes() == before
    assert sorted(each.name for each in place.root.iterdir()) == ["set", "work"]


def test_a_set_that_a_crash_left_aside_gets_its_name_back(place):
    """Between the two renames of a replacement there is neither; the next command, even a failing one, puts it back."""
    final = pack(place.tiles, Packing(IMAGES), place.root / "set").folder
    aside = place.root / ".orchestrator" / "pack-set"
    aside.mkdir(parents=True)
    final.rename(aside / "replaced")

    def fail():
        with publishing(final, overwrite=True):
            raise UserError("no")

    with pytest.raises(UserError, match="no"):
        fail()

    assert (final / "pack.json").is_file()
