"""
Folders of ours that we changed after they were published: what each was, and what it is now.

A result is told by its checksum, and no file is replaced that is not one. Who mends a published folder notes both
checksums beside it: it stays ours where it was, and a stranger in it makes it another one all the same.
"""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

from orchestrator.core.files import make_folder, remove_if_empty, write_whole


def note_mended(folder: Path, was: str, now: str, size: int) -> None:
    """Note that a folder whose files had the checksum `was` is about to have `now` and so many bytes."""
    path = _record(folder)
    make_folder(path.parent)
    told = [one for one in _told(path) if one[1] != now]
    write_whole(path, json.dumps([*told, [was, now, size]]).encode())


def add_mended(folder: Path, known: MutableMapping[str, int]) -> None:
    """Add, to checksums and sizes that a folder may have, those that it has since one of them was mended."""
    for was, now, size in _told(_record(folder)):
        if was in known:
            known[now] = size


def forget_mended(folder: Path) -> None:
    """A folder was published anew: forget what it was mended to."""
    path = _record(folder)
    if path.exists():
        path.unlink(missing_ok=True)
        remove_if_empty(path.parent)


def _record(folder: Path) -> Path:
    return folder.parent / ".orchestrator" / f"{folder.name}.mended"


def _told(path: Path) -> list[tuple[str, str, int]]:
    with suppress(OSError, ValueError, TypeError):
        return [(str(was), str(now), int(size)) for was, now, size in json.loads(path.read_bytes())]
    return []
