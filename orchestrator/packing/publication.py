"""A training set appears whole: it is written beside its place, sealed, and gets its name by a rename."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from orchestrator.core.errors import UserError
from orchestrator.core.files import remove_if_empty, remove_tree, sync_file
from orchestrator.core.locks import LockFile
from orchestrator.core.trees import file_digests, publish_tree, sync_tree
from orchestrator.core.writing import writing

CHECKSUMS, ABOUT = "SHA256SUMS", "pack.json"
PATCHES = "dataset.json"  # what `ABOUT` is called in a set of patches
_UNFINISHED, _REPLACED, _LOCK = "whole", "replaced", "lock"
_SYNCS = 8  # at once: each waits for the disk


@contextmanager
def publishing(final: Path, *, overwrite: bool) -> Iterator[Path]:
    """
    Yield a folder to write into; at the end of the block it has the name `final`, or nothing has changed.

    Raises:
        UserError: Something lies there that is not ours, or that is, and `overwrite` was not given.
        LockedError: Another process writes the same.
    """
    work = final.parent / ".orchestrator" / f"pack-{final.name}"
    lock = LockFile(work / _LOCK)
    with writing(final):
        lock.acquire(lambda _said: f"{final} is already being written by another process (lock {work / _LOCK})")
    try:
        _put_back(work, final)
        check(final, overwrite=overwrite)
        unfinished = work / _UNFINISHED
        remove_tree(unfinished)
        unfinished.mkdir()
        yield unfinished
        seal(unfinished)
        check(final, overwrite=overwrite)
        if _is_empty(final):
            final.rmdir()
        publish_tree(unfinished, final)
    finally:
        remove_tree(work / _UNFINISHED)
        lock.remove()
        remove_if_empty(work.parent)


def check(final: Path, *, overwrite: bool) -> None:
    """
    Make sure that a training set may be written to `final`.

    Raises:
        UserError: It may not; see `publishing`.
    """
    if not os.path.lexists(final) or _is_empty(final):
        return
    stranger = _stranger(final)
    if stranger:
        raise UserError(f"{final} {stranger}; it is not replaced: move it away, or choose another folder")
    if not overwrite:
        raise UserError(f"{final} is a training set already; --overwrite replaces it, or choose another folder")


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _stranger(final: Path) -> str:
    """Say what there is that was not made here; empty where everything was."""
    if final.is_symlink() or not final.is_dir():
        return "is not a folder"
    try:
        about = final / ABOUT if (final / ABOUT).is_file() else final / PATCHES
        made_here = "orchestrator" in json.loads(about.read_bytes())
        lines = (final / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return "is not a training set of ours"
    told = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = file_digests(final)
    found.pop(CHECKSUMS, None)
    other = next((name for name, digest in found.items() if told.get(name) != digest), "")
    if other:
        return f"holds {other}, which was {'changed since' if other in told else 'not made here'}"
    return "" if made_here else "is not a training set of ours"


def _put_back(work: Path, final: Path) -> None:
    """Give back its name to what a crash left aside."""
    aside = work / _REPLACED
    if aside.is_dir() and not final.exists():
        aside.rename(final)
    remove_tree(aside)


def seal(folder: Path) -> dict[str, str]:
    """
    Write the checksums of all files, as `sha256sum -c` reads them, and make everything durable.

    Returns the SHA-256 of every file by its name inside, the checksums' own among them, as `core.trees` orders them.
    """
    digests = file_digests(folder)
    text = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    (folder / CHECKSUMS).write_text(text, encoding="utf-8", newline="\n")
    own = {CHECKSUMS: hashlib.sha256(text.encode()).hexdigest()}
    with ThreadPoolExecutor(_SYNCS, "sync") as pool:
        list(pool.map(sync_file, [folder / name for name in (*digests, CHECKSUMS)]))
    sync_tree(folder)
    return dict(sorted({**digests, **own}.items(), key=lambda each: os.fsencode(each[0])))
