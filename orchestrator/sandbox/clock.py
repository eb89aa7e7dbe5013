"""The sandbox's time: the machine's clock plus an offset that a test may move."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """Tell the time in UTC; `advance` moves it forward for everything that shares this clock."""

    def __init__(self) -> None:
        self._offset = timedelta(0)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Move the time by `seconds`; stamps given before keep their value."""
        with self._lock:
            self._offset += timedelta(seconds=seconds)


def rfc3339(moment: datetime) -> str:
    """Write `moment` as Earth Engine's client parses it: UTC, at most six fraction digits, `Z`."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment.microsecond:06d}Z" if moment.microsecond else f"{text}Z"


def rfc3339_millis(moment: datetime) -> str:
    """Write `moment` as Cloud Storage and Drive do: UTC with three fraction digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
