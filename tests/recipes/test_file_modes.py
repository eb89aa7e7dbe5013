"""A user's code is run only where nobody else can have put it there."""

from __future__ import annotations

from datetime import date

import pytest

from orchestrator.core.errors import RecipeError
from orchestrator.recipes import file_modes
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.registry import find_recipe


@pytest.fixture
def code(tmp_path):
    """A user's file, in a folder of its own."""
    folder = tmp_path / "code"
    folder.mkdir(mode=0o755)
    path = folder / "image.py"
    path.write_text("def get_ee_image(): ...\n")
    path.chmod(0o644)
    return path


def request(path):
    return ImageRequest({}, date(2024, 1, 1), date(2024, 2, 1), ("a",), {"file": str(path)})


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o444])
def test_code_that_others_may_only_read_is_taken(code, mode):
    """A group may share it; nothing is said."""
    code.chmod(mode)

    assert find_recipe("image-code").pixels(request(code)).bands == ("a",)
    assert find_recipe("image-code").notes(request(code)) == ()


@pytest.mark.parametrize("mode", [0o666, 0o602, 0o777])
def test_code_that_everybody_may_write_is_refused(code, mode):
    """The message names the file, its mode and what to do."""
    code.chmod(mode)

    with pytest.raises(RecipeError, match=f"image.py.*{mode:04o}.*chmod o-w"):
        find_recipe("image-code").pixels(request(code))


def test_a_link_to_code_that_everybody_may_write_is_refused(code, tmp_path):
    """It is the file that counts, not the link."""
    code.chmod(0o666)
    (tmp_path / "link.py").symlink_to(code)

    with pytest.raises(RecipeError, match="everybody"):
        find_recipe("image-code").pins(request(tmp_path / "link.py"))


def test_code_in_a_folder_that_everybody_may_write_is_refused_unless_it_is_sticky(code):
    """Who may replace a file may write it."""
    code.parent.chmod(0o777)
    with pytest.raises(RecipeError, match="replace it: its folder has mode 0777"):
        find_recipe("image-code").pixels(request(code))

    code.parent.chmod(0o1777)
    assert find_recipe("image-code").pixels(request(code))


def test_code_of_another_user_is_said(code, monkeypatch):
    """Containers mount such files, so it is a note."""
    owner = code.stat().st_uid
    monkeypatch.setattr(file_modes, "_trusted", lambda: {owner + 1})

    (note,) = find_recipe("image-code").notes(request(code))

    assert f"belongs to another user (number {owner})" in note
