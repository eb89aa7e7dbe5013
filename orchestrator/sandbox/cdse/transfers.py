"""Transfers under way: at most so many of one user at once, each counted with the bytes that left."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.cdse_errors import TOO_MANY_SESSIONS
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.streams import FileBody
from orchestrator.sandbox.web import ApiError

MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class _Counted:
    size: int = 0
    transfers: int = 0
    bytes: int = 0


class Transfers:
    """Admit downloads and count them; safe from several threads."""

    def __init__(self, settings: Copernicus, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Condition()
        self._under_way: Counter[str] = Counter()
        self._begun: defaultdict[str, deque[datetime]] = defaultdict(deque)
        self._files: defaultdict[str, _Counted] = defaultdict(_Counted)
        self._open = 0
        self._most = 0
        self._refused = 0

    def ask(self, user: str) -> None:
        """
        Count a request of a user.

        Raises:
            ApiError: 429 if there were too many within a minute.
        """
        now, limit = self._clock.now(), self._settings.per_minute
        with self._lock:
            begun = self._begun[user]
            while begun and begun[0] <= now - MINUTE:
                begun.popleft()
            if limit is not None and len(begun) >= limit:
                self._refused += 1
                raise ApiError(429, f"Too many requests: {limit} a minute are allowed")
            if limit is not None:
                begun.append(now)

    def begin(self, user: str) -> Transfer:
        """
        Take one of a user's places.

        Raises:
            ApiError: 429 if all are taken.
        """
        with self._lock:
            if self._under_way[user] >= self._settings.at_once:
                self._refused += 1
                code, message = TOO_MANY_SESSIONS
                raise ApiError(429, message, code=code)
            self._under_way[user] += 1
            self._open += 1
            self._most = max(self._most, self._under_way[user])
        return Transfer(self, user)

    def end(self, user: str) -> None:
        """Give a place back; what is counted of the transfer may still grow."""
        with self._lock:
            self._under_way[user] -= 1

    def close(self) -> None:
        """Nothing more comes of a transfer."""
        with self._lock:
            self._open -= 1
            self._lock.notify_all()

    def count(self, file: str, size: int) -> None:
        """Count a transfer of a file, or of a range of it."""
        with self._lock:
            self._files[file].size = size
            self._files[file].transfers += 1

    def sent(self, file: str, count: int) -> None:
        with self._lock:
            self._files[file].bytes += count

    def wait_idle(self, timeout_seconds: float = 30) -> bool:
        """Wait until nothing is under way, also nothing whose caller has left; tell whether that is so."""
        with self._lock:
            return self._lock.wait_for(lambda: self._open == 0, timeout_seconds)

    def report(self) -> dict[str, Any]:
        """Show the greatest number of one user's transfers at once, and what was transferred of each file."""
        with self._lock:
            files = {
                name: {"size": each.size, "transfers": each.transfers, "bytes": each.bytes}
                for name, each in self._files.items()
            }
            return {
                "underWay": self._under_way.total(),
                "mostAtOnce": self._most,
                "refused": self._refused,
                "files": files,
            }


class Transfer:
    """One place that is taken until `end`, of a transfer that is counted until `close`."""

    def __init__(self, transfers: Transfers, user: str) -> None:
        self._transfers = transfers
        self._user = user
        self._ended = self._closed = False

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._transfers.end(self._user)

    def close(self) -> None:
        self.end()
        if not self._closed:
            self._closed = True
            self._transfers.close()

    def carry(self, body: FileBody, file: str, size: int) -> FileBody:
        """Return a body that counts what leaves of it, and closes the transfer with itself."""
        self._transfers.count(file, size)
        return _Carried(body.source, body.offset, body.length, transfer=self, transfers=self._transfers, file=file)


@dataclass(frozen=True, slots=True)
class _Carried(FileBody):
    transfer: Transfer = field(kw_only=True)
    transfers: Transfers = field(kw_only=True)
    file: str = field(kw_only=True)

    @property
    def watched(self) -> bool:
        return True

    def ending(self) -> None:
        self.transfer.end()

    def delivered(self, count: int) -> None:
        self.transfers.sent(self.file, count)

    def close(self) -> None:
        self.source.close()
        self.transfer.close()
