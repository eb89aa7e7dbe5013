"""Files of others: which, of which version and licence, and that they are as they were published."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

import orchestrator.faces.web.site as here

ROOM = Path(here.__file__).parent
FOLDER = ROOM / "static" / "vendor"
LISTED = json.loads((ROOM / "vendor.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("package", LISTED, ids=lambda package: package["name"])
def test_a_file_is_the_one_that_was_published(package):
    """By its sha256, as it lies in the package of that version."""
    found = {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in package["files"]}

    assert found == package["files"]


@pytest.mark.parametrize("package", LISTED, ids=lambda package: package["name"])
def test_a_licence_lies_beside_it(package):
    """Its text, which names who has the rights; and it is one that lets us hand the file on."""
    text = (FOLDER / package["licence_file"]).read_text(encoding="utf-8")

    assert package["licence"] in {"MIT", "BSD-3-Clause", "0BSD"}
    assert re.search(r"Copyright|Permission to use, copy, modify", text)


def test_nothing_lies_there_that_is_not_listed():
    """Neither a file nor a licence that belongs to none."""
    listed = {name for package in LISTED for name in (*package["files"], package["licence_file"])}

    assert {file.name for file in FOLDER.iterdir()} == listed
