"""What survives a restart: JSON records by kind and key, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any


class Records:
    """
    Keep JSON records; safe from several threads.

    A record that `put` returned from survives the death of the process. It may be lost with the machine's power:
    a sandbox does not pay for an fsync.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key))"
        )

    def put(self, kind: str, key: str, value: Any) -> None:
        with self._lock:
            self._connection.execute("REPLACE INTO record VALUES (?, ?, ?)", (kind, key, json.dumps(value)))

    def delete(self, kind: str, key: str) -> None:
        with self._lock:
            self._connection.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key))

    def all(self, kind: str) -> dict[str, Any]:
        """Return every record of `kind` by key."""
        with self._lock:
            rows = self._connection.execute("SELECT key, value FROM record WHERE kind = ?", (kind,)).fetchall()
        return {key: json.loads(value) for key, value in rows}

    def close(self) -> None:
        with self._lock:
            self._connection.close()
