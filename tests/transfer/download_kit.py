"""A network that does what was ordered, and the download over it."""

from __future__ import annotations

import base64
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import google_crc32c

from orchestrator.core.errors import (
    TransientError,
)
from orchestrator.model.objects import StoredObject
from orchestrator.transfer.download import download

CONTENT = random.Random(7).randbytes(300_000)  # noqa: S311  bytes to move, nothing to guard


def listed(content: bytes, name: str = "folder/part.tif", generation: str = "17") -> StoredObject:
    """Return what a listing says of `content`."""
    crc32c = base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()
    return StoredObject(name=name, size=len(content), generation=generation, crc32c=crc32c)


@dataclass
class Ordered:
    """What one connection does: where it is cut, which bit it turns, how many bytes it leaves out, where it starts."""

    cut: int | None = None
    flip: int | None = None
    drop: int = 0
    ignore_range: bool = False
    grain: int = 1 << 20


class Pieces:
    """A body over bytes, ending in a clean end or, when cut, in an error."""

    def __init__(self, content: bytes, start: int, *, broken: bool, grain: int) -> None:
        self.start = start
        self._left, self._broken, self._grain = content, broken, grain

    def read(self, most: int) -> bytes:
        chunk, self._left = self._left[: min(most, self._grain)], self._left[min(most, self._grain) :]
        if not chunk and self._broken:
            raise TransientError("the connection was reset")
        return chunk


@dataclass
class Network:
    """Opens bodies of `content`; each connection obeys the next order, and the last order is not repeated."""

    content: bytes
    orders: list[Ordered] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)

    @contextmanager
    def open(self, start: int) -> Iterator[Pieces]:
        self.opened.append(start)
        order = self.orders.pop(0) if self.orders else Ordered()
        begin = 0 if order.ignore_range else start
        sent = bytearray(self.content[begin + order.drop :])
        if order.cut is not None:
            del sent[order.cut :]
        if order.flip is not None and sent:
            sent[(order.flip // 8) % len(sent)] ^= 1 << (order.flip % 8)
        yield Pieces(bytes(sent), begin, broken=order.cut is not None, grain=order.grain)


class Quiet(threading.Event):
    """A stop flag that notes the waits it was asked for instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


class Ticking:
    """A monotonic clock that moves on by `step` seconds each time it is asked."""

    def __init__(self, step: float) -> None:
        self._step, self._time = step, 0.0

    def monotonic(self) -> float:
        self._time += self._step
        return self._time


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fetch(network, target, stop=None, **more):
    source = more.pop("source", listed(network.content))
    seen = more.pop("on_bytes", lambda _count: None)
    return download(source, network.open, target, on_bytes=seen, stop=stop or Quiet(), **more)
