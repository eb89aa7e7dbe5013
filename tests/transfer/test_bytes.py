"""Parts that never touch a disk are verified like any other."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager

import google_crc32c
import pytest

from orchestrator.core.errors import IntegrityError, TransientError
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.objects import StoredObject
from orchestrator.transfer.download import DownloadPolicy, download_bytes

CONTENT = bytes(range(256)) * 40
SOURCE = StoredObject(
    "part.tif", len(CONTENT), "1", base64.b64encode(google_crc32c.value(CONTENT).to_bytes(4, "big")).decode()
)
AT_ONCE = DownloadPolicy(retry=RetryPolicy(attempts=3, first_wait_seconds=0))


class Bodies:
    """A cloud that serves `contents` in turn, each cut after so many bytes."""

    def __init__(self, *contents: tuple[bytes, int | None]) -> None:
        self.contents = list(contents)
        self.starts: list[int] = []

    @contextmanager
    def open(self, start: int):
        content, cut = self.contents.pop(0)
        self.starts.append(start)
        yield _Body(start, content[start:cut], broken=cut is not None)


class _Body:
    def __init__(self, start: int, rest: bytes, *, broken: bool) -> None:
        self.start, self._rest, self._broken = start, rest, broken

    def read(self, most: int) -> bytes:
        chunk, self._rest = self._rest[:most], self._rest[most:]
        if not chunk and self._broken:
            raise TransientError("cut")
        return chunk


def bring(bodies: Bodies) -> bytes:
    return download_bytes(
        SOURCE, bodies.open, on_bytes=lambda _n: None, stop=threading.Event(), policy=AT_ONCE, chance=lambda: 0.0
    )


def test_a_cut_is_resumed_in_memory():
    """What came before the cut is kept and only the rest is asked for."""
    bodies = Bodies((CONTENT, 3000), (CONTENT, None))

    assert bring(bodies) == CONTENT
    assert bodies.starts == [0, 3000]


def test_a_wrong_byte_is_fetched_again_and_never_returned():
    """One damaged delivery is healed; two are an error, not a result."""
    damaged = CONTENT[:5000] + b"!" + CONTENT[5001:]

    assert bring(Bodies((damaged, None), (CONTENT, None))) == CONTENT
    with pytest.raises(IntegrityError, match="wrong checksum"):
        bring(Bodies((damaged, None), (CONTENT[::-1], None)))
