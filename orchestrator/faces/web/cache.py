"""What was made for the present revision of the state: once, whoever asks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

# Answers kept for one revision; beyond either the oldest goes. A map of 40,000 pieces is some megabytes.
MOST_KEPT = 512
MOST_KEPT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """
    An answer.

    Attributes:
        content: Its bytes.
        tag: Its entity tag (RFC 9110, 8.8.3), which another content has another of.
    """

    content: bytes
    tag: str


class Cache:
    """Answers of the present revision, each made by one thread while others that want it wait."""

    def __init__(self, most: int = MOST_KEPT, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._guard = threading.Lock()
        self._revision = ""
        self._made: dict[str, Kept] = {}
        self._making: dict[str, threading.Lock] = {}
        self._most, self._most_bytes = most, most_bytes
        self._bytes = 0

    def get(self, key: str, revision: str, make: Callable[[], bytes]) -> Kept:
        """Return what is known of this key at this revision, made where nothing is."""
        with self._guard:
            if revision != self._revision:
                self._revision, self._made, self._making, self._bytes = revision, {}, {}, 0
            if key in self._made:
                return self._made[key]
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            with self._guard:
                if revision == self._revision and key in self._made:
                    return self._made[key]
            content = make()
            made = Kept(content, f'"{hashlib.sha256(content).hexdigest()[:24]}"')
            with self._guard:
                if revision == self._revision and len(content) <= self._most_bytes:
                    self._made[key] = made
                    self._bytes += len(content)
                    while len(self._made) > self._most or self._bytes > self._most_bytes:
                        self._bytes -= len(self._made.pop(next(iter(self._made))).content)
            return made
