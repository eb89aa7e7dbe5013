"""Resumable uploads under way: what has arrived, and what a request adds."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.resumable import Growing
from orchestrator.sandbox.storage.values import Preconditions
from orchestrator.sandbox.web import ApiError

LIFE = timedelta(days=7)


@dataclass(slots=True)
class Session(Growing):
    """
    A resumable upload.

    Attributes:
        size: How long the caller said that it will be; None if it did not.
        result: What the finished upload answered; whoever asks later is answered the same.
    """

    bucket: str
    metadata: dict[str, Any]
    content_type: str
    only_if: Preconditions
    query: Mapping[str, str]
    headers: Mapping[str, str]
    begun: datetime
    size: int | None = None
    data: bytearray = field(default_factory=bytearray)
    result: Any = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """The sessions of the sandbox; they end with the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Session] = {}
        self._cancelled: set[str] = set()

    def begin(self, session: Session) -> str:
        """Keep a session and return its number."""
        number = uuid.uuid4().hex
        with self._lock:
            self._held[number] = session
        return number

    def get(self, number: str, bucket: str) -> Session:
        """
        Raises:
            ApiError: 404 without such a session, 410 for one that is older than a week, 499 for a cancelled one.
        """
        with self._lock:
            found = self._held.get(number)
            cancelled = number in self._cancelled
        if cancelled:
            raise cancelled_error()
        if found is None or found.bucket != bucket:
            raise ApiError(404, "No such upload.")
        if found.begun + LIFE < self._clock.now():
            raise ApiError(410, "The upload session has expired.", reason="gone")
        return found

    def cancel(self, number: str) -> None:
        with self._lock:
            if self._held.pop(number, None) is not None:
                self._cancelled.add(number)


def cancelled_error() -> ApiError:
    return ApiError(499, "Client Closed Request", reason="uploadCancelled")
