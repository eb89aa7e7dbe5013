"""What was drawn before, so that the same picture is not drawn twice; bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable


class PictureCache:
    """Pictures by a key, those that were not asked for longest forgotten first. Any thread may ask."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes of all pictures that are kept."""
        return self._bytes

    def get(self, key: Hashable, draw: Callable[[], bytes]) -> bytes:
        """Return the picture of a key, drawn where it is not kept; what `draw` raises is raised, and kept nowhere."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        picture = draw()
        with self._lock:
            self._keep(key, picture)
        return picture

    def _keep(self, key: Hashable, picture: bytes) -> None:
        if len(picture) > self._most or key in self._kept:
            return
        self._kept[key] = picture
        self._bytes += len(picture)
        while self._bytes > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest)
