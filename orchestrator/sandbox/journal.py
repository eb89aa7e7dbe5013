"""What happened: calls per method, the last requests, protocol violations."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

REQUESTS_KEPT = 20_000
BODY_CHARACTERS_KEPT = 600
# Calls whose body is not kept: it has a password, perhaps one that was meant for the real service.
SECRET = frozenset({"cdse.token"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One answered request; `status` 0 means that the connection was broken on purpose."""

    api: str
    method: str
    path: str
    query: dict[str, str]
    range: str | None
    body: str
    status: int
    fault: str | None
    time: str


class Journal:
    """Count and remember; safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=REQUESTS_KEPT)
        self._calls: Counter[str] = Counter()
        self._violations: list[dict[str, str]] = []
        self._troubles: list[str] = []

    def record(self, entry: Entry) -> None:
        with self._lock:
            self._entries.append(entry)
            self._calls[entry.api] += 1

    def violation(self, api: str, path: str, message: str) -> None:
        with self._lock:
            self._violations.append({"api": api, "path": path, "message": message})

    def trouble(self, text: str) -> None:
        """Note an error of the sandbox itself."""
        with self._lock:
            self._troubles.append(text)

    def requests(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(entry) for entry in self._entries]

    def summary(self) -> dict[str, Any]:
        with self._lock:
            return {
                "requests": dict(self._calls),
                "violations": list(self._violations),
                "troubles": list(self._troubles),
            }
