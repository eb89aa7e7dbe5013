"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from orchestrator.core import crash, system
from orchestrator.core.errors import Stopped, UserError
from orchestrator.core.system import LockTakenError, sync_folder

# Read at once while hashing: a stop is heard after each, some ten milliseconds apart.
CHUNK_BYTES = 4 << 20
TOKEN_BYTES = 6  # of the names of unfinished files


class StopFlag(Protocol):
    """Whether somebody wants an end."""

    def is_set(self) -> bool: ...


def check_target(path: Path, suffixes: Iterable[str], what: str, *, overwrite: bool) -> None:
    """
    Make sure that a file can be written to `path`; nothing is written.

    Args:
        path: Of the file.
        suffixes: The endings that it may have, in lower case.
        what: What is written, as the subject of a sentence.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        UserError: Its ending is none of these, its folder is not there, or something is and may not be replaced.
    """
    known = tuple(suffixes)
    if path.suffix.lower() not in known:
        raise UserError(f"{path} ends in {path.suffix!r}; {what} is written as {', '.join(known)}")
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise UserError(f"{path.parent} is no folder; make it, or name another place for {path.name}")
    if path.exists() and not overwrite:
        raise UserError(f"{path} is there already; choose another name, or replace it with --overwrite")


def publish(unfinished: Path, final: Path) -> None:
    """
    Give a finished, fsynced file its final name by one rename in the same folder or filesystem.

    Readers see the previous file or the new one, never neither and never a part.
    """
    unfinished.replace(final)
    crash.point("file.renamed")
    sync_folder(final.parent)
    crash.point("file.published")


def write_whole(path: Path, content: bytes, *, within: Path | None = None) -> None:
    """
    Write `content` to `path` durably; a crash leaves the previous content or the new one.

    What a kill leaves of the way there is taken away by the next writing of the same file. `within` is a folder of
    the same filesystem for the unfinished file, by default that of `path`.
    """
    folder = within or path.parent
    _sweep(folder, path.name)
    with _unfinished(folder, path.name) as made:
        made.fill(content)
        if system.OPEN_FILES_STAY:
            made.close()
        publish(made.path, path)


def fill_whole(path: Path, fill: Callable[[Path], None]) -> None:
    """As `write_whole`, of a file that `fill` writes by its path, which is there and empty."""
    _sweep(path.parent, path.name)
    with _unfinished(path.parent, path.name) as made:
        fill(made.path)
        os.fsync(made.fd)
        if system.OPEN_FILES_STAY:
            made.close()
        publish(made.path, path)


def write_once(path: Path, content: bytes) -> bytes:
    """
    Write `content` to `path` durably unless something is there, and return what is there then.

    Of several processes that do so at once, all return the same. What a kill leaves of the way there is taken away by
    the next call.
    """
    _sweep(path.parent, path.name)
    if not path.exists():
        with _unfinished(path.parent, path.name) as made:
            made.fill(content)
            _link(made, path)
    return path.read_bytes()


def fill_new(path: Path, fill: Callable[[Path], None]) -> bool:
    """As `fill_whole`, of a file that must not be there yet: tell whether it was made, and nothing was there."""
    _sweep(path.parent, path.name)
    if os.path.lexists(path):
        return False
    with _unfinished(path.parent, path.name) as made:
        fill(made.path)
        os.fsync(made.fd)
        return _link(made, path)


def _link(made: _Unfinished, path: Path) -> bool:
    """Give an unfinished file a name that must be free; tell whether it was."""
    free = False
    with suppress(FileExistsError):
        path.hardlink_to(made.path)  # a link fails where a name is taken; a rename would replace it
        crash.point("file.linked")
        free = True
    sync_folder(path.parent)
    return free


class _Unfinished:
    """A file of a name that nobody else has, open as `fd`."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd

    def fill(self, content: bytes) -> None:
        with os.fdopen(os.dup(self.fd), "wb") as file:
            file.write(content)
            file.flush()
            crash.point("file.filled")
            os.fsync(file.fileno())
            crash.point("file.synced")

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@contextmanager
def _unfinished(folder: Path, name: str) -> Iterator[_Unfinished]:
    """Make an unfinished file, locked while it is being written; what is left of it is removed."""
    while True:
        path = folder / f".{name}.{secrets.token_hex(TOKEN_BYTES)}.tmp"
        made = _Unfinished(path, system.open_descriptor(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        if _is_ours(made):
            break
        made.close()  # a sweep came between making and locking
    try:
        yield made
    finally:
        remove_open(path, made.close)


def _is_ours(made: _Unfinished) -> bool:
    """Lock a file that was just made; tell whether no sweep was quicker."""
    if system.HAS_LOCKS:
        try:
            with suppress(OSError):  # a file system without locks is never swept
                system.hold(made.fd, made.path)
        except LockTakenError:
            return False
    return os.fstat(made.fd).st_nlink > 0


def _sweep(folder: Path, name: str) -> None:
    """Remove unfinished files of `name` whose writers are dead: a living one holds its lock, or has it open."""
    for path in folder.glob(f".{glob.escape(name)}.{'[0-9a-f]' * 2 * TOKEN_BYTES}.tmp"):
        end_unfinished(path)


def end_unfinished(path: Path) -> None:
    """Remove an unfinished file whose writer is dead; that of a living one stays."""
    with suppress(OSError, LockTakenError):
        if system.OPEN_FILES_STAY:
            path.unlink(missing_ok=True)
        elif system.HAS_LOCKS:
            fd = system.open_descriptor(path, os.O_RDWR)
            try:
                system.hold(fd, path)
                path.unlink(missing_ok=True)
            finally:
                os.close(fd)


def remove_open(path: Path, close: Callable[[], None]) -> None:
    """Remove a file of ours that is open, and close it: in the order that the system allows."""
    if system.OPEN_FILES_STAY:
        close()
        with suppress(PermissionError):  # somebody else has it open now: it is theirs
            path.unlink(missing_ok=True)
    else:
        path.unlink(missing_ok=True)
        close()


def sync_file(path: Path) -> None:
    """Make the content of a file durable."""
    fd = system.open_descriptor(path, os.O_RDWR if system.OPEN_FILES_STAY else os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it, also while others remove the ones above it when they find them empty."""
    for _ in range(1000):
        with suppress(FileNotFoundError, FileExistsError):  # one above was removed meanwhile
            folder.mkdir(parents=True, exist_ok=True)
            return
    folder.mkdir(parents=True, exist_ok=True)


def free_bytes(folder: str | Path) -> int:
    """Return how many bytes can still be written on the disk of a folder."""
    return shutil.disk_usage(folder).free


def remove_if_empty(folder: Path) -> None:
    """Remove `folder` when nothing is in it; that it is gone, or is being used by somebody, is no error."""
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENOTDIR}:
            raise


def sha256_of(path: Path, stop: StopFlag | None = None, on_bytes: Callable[[int], None] = lambda _size: None) -> str:
    """
    Return the SHA-256 of a file in hexadecimal; `on_bytes` is told the bytes of each read.

    Raises:
        Stopped: `stop` was set.
    """
    digest, buffer = hashlib.sha256(), memoryview(bytearray(CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            if stop is not None and stop.is_set():
                raise Stopped(f"stopped while reading {path}; the same command continues")
            digest.update(buffer[:size])
            on_bytes(size)
    return digest.hexdigest()


def remove_tree(folder: Path) -> None:
    """Remove `folder` and what is in it, bottom up, without following links; missing is done."""
    if folder.is_symlink() or not folder.is_dir():
        with suppress(FileNotFoundError):
            folder.unlink()
        return
    for child in folder.iterdir():
        remove_tree(child)
        crash.point("tree.pruned")
    folder.rmdir()
