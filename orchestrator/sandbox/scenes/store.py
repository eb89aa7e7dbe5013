"""A cache bounded in bytes, shared by threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What knows its own weight."""

    @property
    def nbytes(self) -> int: ...


Value = TypeVar("Value", bound=Sized)


class Store(Generic[Value]):
    """
    Keep the most recently used values up to `max_bytes`.

    A value that two threads miss at once is made twice and kept once; the lock is never held while it is made.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes kept now."""
        return self._bytes

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of `key`, made by `make` when it is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._bytes += value.nbytes
            while self._bytes > self._max_bytes and len(self._values) > 1:
                _, dropped = self._values.popitem(last=False)
                self._bytes -= dropped.nbytes
            return value
