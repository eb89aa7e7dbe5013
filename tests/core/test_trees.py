"""Results that are folders: their checksum, their size, and the one name they get."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.errors import UserError
from orchestrator.core.trees import as_it_is, check_kinds, digest_of, is_there, publish_tree, size_of

SHELL = "find . -type f | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum"
ROOT = Path(__file__).parents[2]


def _tree(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_the_checksum_of_a_folder_is_what_the_shell_says(tmp_path):
    """Anybody can check it without the program."""
    tree = _tree(tmp_path / "a.zarr", b=b"1", a__c=b"22", a__B=b"", z__y__x=b"333")

    told = subprocess.run(["bash", "-c", SHELL], cwd=tree, check=True, capture_output=True, text=True).stdout

    assert digest_of(tree) == told.split()[0]
    assert size_of(tree) == 6


@given(st.dictionaries(st.sampled_from(["a", "b", "a.b", "d/a", "d/b"]), st.binary(max_size=3), min_size=1))
def test_two_folders_share_a_checksum_only_where_names_and_contents_do(tmp_path_factory, files):
    """A file that moved, or changed by a byte, is another result."""
    tree = tmp_path_factory.mktemp("t") / "x.zarr"
    _tree(tree, **{name.replace("/", "__"): content for name, content in files.items()})
    before = digest_of(tree)

    name = min(files)
    (tree / name).rename(tree / "moved")
    moved = digest_of(tree)
    (tree / "moved").rename(tree / name)
    (tree / name).write_bytes(files[name] + b"!")

    assert len({before, moved, digest_of(tree)}) == 3


def test_a_file_has_its_own_checksum(tmp_path):
    """A result that is one file stays what it was."""
    file = tmp_path / "a.tif"
    file.write_bytes(b"pixels")

    assert digest_of(file) == hashlib.sha256(b"pixels").hexdigest()
    assert size_of(file) == 6


def test_a_folder_takes_the_place_of_its_earlier_self(tmp_path):
    """Nothing of the earlier one is left in it or beside it."""
    final = _tree(tmp_path / "a.zarr", old=b"1", both=b"1")
    made = _tree(tmp_path / "work" / "made", new=b"2", both=b"2")

    publish_tree(made, final)

    assert {path.name: path.read_bytes() for path in final.iterdir()} == {"new": b"2", "both": b"2"}
    assert list((tmp_path / "work").iterdir()) == []


def test_a_kill_between_the_two_renames_of_a_folder_is_made_good(tmp_path):
    """The new one has its name after the next call, and the earlier one is gone."""
    final = _tree(tmp_path / "a.zarr", old=b"1")
    made = _tree(tmp_path / "work" / "made", new=b"2")
    code = "import sys; from pathlib import Path; from orchestrator.core.trees import publish_tree; "
    code += "publish_tree(Path(sys.argv[1]), Path(sys.argv[2]))"
    environment = dict(os.environ, ORCHESTRATOR_CRASH_AT="folder.aside")
    killed = subprocess.run([sys.executable, "-c", code, made, final], cwd=ROOT, env=environment, check=False)
    assert killed.returncode == -9
    assert not final.exists()

    publish_tree(made, final)

    assert [path.name for path in final.iterdir()] == ["new"]
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(("name", "folder"), [("a.zarr", False), ("a.tif", True)])
def test_a_folder_and_a_file_never_replace_each_other(tmp_path, name, folder):
    """What is of the other kind is named and stays."""
    path = tmp_path / name
    path.mkdir() if folder else path.write_bytes(b"mine")

    with pytest.raises(UserError, match=name):
        check_kinds([path])


def test_a_link_is_not_the_result(tmp_path):
    """Whoever put a link there put something else there."""
    real = _tree(tmp_path / "b.zarr", a=b"1")
    (tmp_path / "a.zarr").symlink_to(real)

    assert is_there(real)
    assert not is_there(tmp_path / "a.zarr")


def test_a_changed_file_in_a_folder_is_noticed_without_reading_it(tmp_path):
    """What a checksum is remembered by changes with every file below."""
    tree = _tree(tmp_path / "a.zarr", a__b=b"1")
    before = as_it_is(tree)

    (tree / "a" / "b").write_bytes(b"2")

    assert as_it_is(tree) != before
