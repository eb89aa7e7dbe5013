"""Nothing that patches are made from, and nothing that was not made here, is replaced by them."""

from __future__ import annotations

import patch_kit as kit
import pytest

import orchestrator as orc


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A place of its own for what this process remembers of runs."""
    with orc.connect(state_dir=tmp_path_factory.mktemp("state")) as connection:
        yield connection


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_holds_the_scenes_is_never_replaced(tmp_path, here):
    """The folder of the scenes, one in it, a link to it, one around it; with --overwrite, too."""
    root = tmp_path / "all"
    index = kit.write_index(root / "p", kit.write_scene(root / "p"))
    (root / "link").symlink_to(root / "p")
    before = files_of(root)

    for where in ("p", "p/processed", "link", ""):
        with pytest.raises(orc.UserError, match=r"holds the scenes that are cut"):
            orc.patches.cut(index, root / where, size=32, overwrite=True, progress=False, connection=here)

    assert files_of(root) == before


def test_a_set_is_not_packed_into_itself(tmp_path):
    """A folder inside a set would no longer be what its checksums tell: refused before anything is read."""
    (tmp_path / "set").mkdir()

    with pytest.raises(orc.UserError, match="lies in the set"):
        orc.patches.pack(tmp_path / "set", tmp_path / "set" / "other")

    assert not (tmp_path / "set" / "other").exists()
