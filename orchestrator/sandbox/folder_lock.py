"""One sandbox per folder: a killed one may still be closing when the next one starts."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
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


def take(folder: Path, wait_seconds: float, tell: Callable[[str], None] = lambda _: None) -> Lock:
    """
    Take the lock of `folder`; closing it, or the death of the process, gives it back.

    Whoever has to wait says so at once, by `tell`.

    Raises:
        OSError: If another sandbox still holds it after `wait_seconds`.
    """
    until = time.monotonic() + wait_seconds
    if (lock := _taken(folder)) is not None:
        return lock
    if wait_seconds > 0:
        tell(f"{folder} is in use by another sandbox; waiting up to {wait_seconds:g} s for its end")
    while True:
        if (lock := _taken(folder)) is not None:
            return lock
        if time.monotonic() >= until:
            raise OSError(f"{folder} is in use by another sandbox; choose another folder, or end that one")
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
