"""
What operating systems do differently, in one place: files by position, locks, folders, the rights of a file.

Linux is what the program was made for. Where a call is missing (Windows has no `pread`, `fsync` of folders or `flock`,
macOS no `copy_file_range`) something slower stands in, and a file has the same bytes either way.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, Protocol

_fcntl: Any = None
try:
    import fcntl

    _fcntl = fcntl
except ImportError:  # Windows
    pass

# Windows neither renames nor removes a file that somebody has open: there one is closed first.
OPEN_FILES_STAY = os.name == "nt"
HAS_LOCKS = _fcntl is not None  # on descriptors
# Windows would translate the ends of lines; and elsewhere a child of ours must not inherit what is open.
_ALWAYS = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_PLACE = threading.Lock()  # where a descriptor has one place for all who read and write it


def open_descriptor(path: Path, flags: int, mode: int = 0o644, *, follow: bool = True) -> int:
    """
    Open `path` as a descriptor for bytes, not inherited by children.

    Raises:
        OSError: As `os.open` says; also where `path` is a link and `follow` is false.
    """
    if not follow and not _NOFOLLOW and path.is_symlink():
        raise OSError(f"{path} is a link")
    return os.open(path, flags | _ALWAYS | (0 if follow else _NOFOLLOW), mode)


def read_at(fd: int, size: int, offset: int) -> bytes:
    """Return up to `size` bytes at `offset`; safe in threads that use this and `write_at` only."""
    if hasattr(os, "pread"):
        return bytes(os.pread(fd, size, offset))
    with _PLACE:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, size)


def write_at(fd: int, data: bytes | memoryview, offset: int) -> int:
    """Write `data` at `offset`, and return how much of it was written; safe in threads like `read_at`."""
    if hasattr(os, "pwrite"):
        return int(os.pwrite(fd, data, offset))
    with _PLACE:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)


def copy_at(source: int, target: int, size: int, offset: int, at: int) -> int | None:
    """Copy up to `size` bytes inside the kernel and return how many; None where the system has no such call."""
    call: Any = getattr(os, "copy_file_range", None)
    return None if call is None else int(call(source, target, size, offset, at))


def sync_data(fd: int) -> None:
    """Make the bytes of a file durable."""
    getattr(os, "fdatasync", os.fsync)(fd)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in `folder` survive a power cut, where a folder can be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # NTFS writes names into its journal, in order
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def end_process(code: int) -> NoReturn:
    """End this process at once: no thread is waited for, and nothing is tidied up."""
    os._exit(code)


def user_id() -> int | None:
    """Return the number of the user whose rights we have; None where users have none."""
    call = getattr(os, "geteuid", None)
    return None if call is None else int(call())


class Held(Protocol):
    """A lock that is held until `close`, or until the process dies."""

    def close(self) -> None: ...


class _OfDescriptor:
    """A lock that goes with the descriptor it was taken on."""

    def close(self) -> None:
        pass


class _OfDatabase:
    """The lock of an empty SQLite database beside the file: SQLite locks wherever Python runs."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.held")
        while True:
            with suppress(FileExistsError):
                self._path.touch(exist_ok=False)
            with suppress(FileNotFoundError):
                before = self._path.stat()
                self._database = _held_database(self._path)
                if os.path.samestat(before, self._path.stat()):
                    return
                self._database.close()  # its holder removed it while we took it

    def close(self) -> None:
        if not OPEN_FILES_STAY:
            self._path.unlink(missing_ok=True)  # while it is held: nobody else has taken it
        self._database.close()
        if OPEN_FILES_STAY:
            with suppress(OSError):  # somebody else has it open
                self._path.unlink(missing_ok=True)


def _held_database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        database.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        database.close()
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY:
            raise LockTakenError(f"{path} is held") from None
        raise OSError(f"{path} cannot be locked: {error}") from None
    return database


class LockTakenError(Exception):
    """Somebody else holds the lock."""


def hold(fd: int, path: Path) -> Held:
    """
    Hold the file `path`, open as `fd`, against all others; the system frees it when the process dies.

    Raises:
        LockTakenError: Somebody else holds it.
        OSError: The file system has no locks.
    """
    if not HAS_LOCKS:
        return _OfDatabase(path)
    try:
        _fcntl.flock(fd, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        raise LockTakenError(f"{path} is held") from None
    return _OfDescriptor()


def allow_open_files(wanted: int) -> None:
    """Let this process have so many open files and connections, or as many as it may."""
    if sys.platform == "win32":  # has no such limit
        return
    import resource  # noqa: PLC0415

    with suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
