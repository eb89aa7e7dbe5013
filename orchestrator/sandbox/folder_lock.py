"""One sandbox per folder: a killed one may still be closing when the next one starts."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any, Protocol

_fcntl: Any = None
try:
    import fcntl

    _fcntl = fcntl
except ImportError:  # Windows
    pass

STEP_SECONDS = 0.05


class Lock(Protocol):
    """A lock that is held until `close`, or until the process dies."""

    def close(self) -> None: ...


def take(folder: Path, wait_seconds: float) -> Lock:
    """
    Take the lock of `folder`; closing it, or the death of the process, gives it back.

    Raises:
        OSError: If another sandbox still holds it after `wait_seconds`.
    """
    until = time.monotonic() + wait_seconds
    while True:
        if (lock := _taken(folder)) is not None:
            return lock
        if time.monotonic() >= until:
            raise OSError(f"{folder} is in use by another sandbox")
        time.sleep(STEP_SECONDS)


def _taken(folder: Path) -> Lock | None:
    if _fcntl is None:
        return _taken_database(folder / "lock.db")
    file = (folder / "lock").open("w", encoding="utf-8")
    try:
        _fcntl.flock(file, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _taken_database(path: Path) -> Lock | None:
    """Lock an empty SQLite database: SQLite locks files wherever Python runs."""
    database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        database.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        database.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise OSError(f"{path} cannot be locked: {error}") from None
        return None
    return database
