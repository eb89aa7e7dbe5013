"""Files that appear whole, and locks that tell who holds them."""

from __future__ import annotations

import os

import pytest

from orchestrator.core.files import LockedError, exclusive, remove_tree, write_whole


def test_a_file_is_replaced_whole_and_leaves_nothing_beside(tmp_path):
    """After writing there is the new content and no trace of the way there."""
    path = tmp_path / "a.json"
    write_whole(path, b"old")

    write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_excludes_and_names_its_holder(tmp_path):
    """The second one learns which process to look at."""
    path = tmp_path / "locks" / "run"

    with (
        exclusive(path, "run 7"),
        pytest.raises(LockedError, match=f"run 7 .* process {os.getpid()}"),
        exclusive(path, "run 7"),
    ):
        pass

    with exclusive(path, "run 7"):
        assert path.read_text().strip() == str(os.getpid())


def test_removing_a_tree_does_not_follow_links(tmp_path):
    """A link in a work folder never leads the clean-up out of it."""
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text("keep")
    work = tmp_path / "work"
    (work / "sub").mkdir(parents=True)
    (work / "sub" / "link").symlink_to(outside)

    remove_tree(work)

    assert not work.exists()
    assert (outside / "file").read_text() == "keep"
