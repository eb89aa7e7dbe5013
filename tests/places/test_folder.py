"""A folder as a place: names that lead elsewhere, links, what is on its way."""

from __future__ import annotations

import pytest

from orchestrator.core.errors import SpaceError, UserError
from orchestrator.places.folder import FolderPlace


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../above", "a/../../b", ".place.lock"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    """Nor to a file of the place's own."""
    with pytest.raises(UserError, match="can be no object's name"):
        FolderPlace(tmp_path / "place").create(name, b"x")


def test_a_link_is_no_object(tmp_path):
    """What lies elsewhere is neither listed nor replaced."""
    place = FolderPlace(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"theirs")
    (tmp_path / "link").symlink_to("elsewhere/file")

    assert place.stat("link") is None
    assert [found.name for found in place.find("")] == ["elsewhere/file"]


def test_folders_that_are_left_empty_go_with_the_last_object(tmp_path):
    """As in a bucket, which has none."""
    place = FolderPlace(tmp_path)
    made = place.create("a/b/c", b"x")

    place.delete(made)

    assert not (tmp_path / "a").exists()


def test_nothing_is_left_of_a_writing_that_fails(tmp_path, monkeypatch):
    """A full disk is said as such, and the previous content stays."""
    place = FolderPlace(tmp_path)
    first = place.create("name", b"earlier")
    source = tmp_path / "source"
    source.write_bytes(b"later")
    monkeypatch.setattr("orchestrator.places.folder.copy_range", _full)

    with pytest.raises(SpaceError):
        place.create("name", source, over=first)

    assert {found.name for found in tmp_path.iterdir()} <= {"name", "source", ".place.lock"}
    assert (tmp_path / "name").read_bytes() == b"earlier"


def _full(*_arguments: object) -> None:
    raise OSError(28, "No space left on device")
