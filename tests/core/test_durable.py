"""The order of what makes a file durable: its bytes, then its name, then the folder that has the name."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import google_crc32c
import pytest

from orchestrator.core.files import publish, write_once, write_whole
from orchestrator.core.trees import publish_tree
from orchestrator.model.objects import StoredObject
from orchestrator.transfer.unfinished import UnfinishedFile, part_path


@pytest.fixture
def told(monkeypatch):
    """What was synced and named, in order: the kind, and the inode of the file or folder."""
    events = []

    def noted(name, inode):
        real = getattr(os, name)

        def call(*arguments, **options):
            found = inode(*arguments)
            real(*arguments, **options)
            events.append(found)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "fdatasync"):
        noted(name, lambda fd: ("sync", os.fstat(fd).st_ino))
    for name in ("replace", "rename", "link"):
        noted(name, lambda source, _target: ("name", Path(source).stat().st_ino))
    return events


def by_write_whole(folder: Path) -> Path:
    write_whole(folder / "made", b"content")
    return folder / "made"


def by_write_once(folder: Path) -> Path:
    write_once(folder / "made", b"content")
    return folder / "made"


def by_download(folder: Path) -> Path:
    content = b"content"
    checksum = f"{google_crc32c.value(content):08x}"
    source, target = StoredObject("a", len(content), "1", crc32c=checksum), folder / "made"
    with UnfinishedFile(part_path(target, "1"), source, threading.Event()) as part:
        part.append(content)
        part.publish(target)
    return target


@pytest.mark.parametrize("make", [by_write_whole, by_write_once, by_download])
def test_bytes_are_durable_before_their_name_and_the_name_before_anybody_goes_on(tmp_path, told, make):
    """A power cut leaves what was there, or all of the new."""
    made = make(tmp_path)

    inode, folder = made.stat().st_ino, tmp_path.stat().st_ino
    last = len(told) - 1 - told[::-1].index(("sync", folder))
    assert told.index(("sync", inode)) < told.index(("name", inode)) < last


@pytest.mark.parametrize("name", [publish, publish_tree])
def test_a_name_is_durable_when_it_was_given(tmp_path, told, name):
    """The folder is synced after the rename."""
    (tmp_path / "unfinished").write_bytes(b"content")

    name(tmp_path / "unfinished", tmp_path / "final")

    assert [kind for kind, _ in told] == ["name", "sync"]
    assert told[-1] == ("sync", tmp_path.stat().st_ino)
