"""The end of a connection whose client is still sending: it reads the answer that it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Lingering:
    """
    A transport that, closed while the client sends, stops writing and goes on reading until the client's end.

    Closed at once, the kernel would answer what still comes with a reset, and a reset may take the answer from who has
    not read it yet (RFC 9112, 9.6). A second `close` closes. What arrives in between is the protocol's to drop.

    Attributes:
        is_lingering: Whether it was closed, and is still read.
    """

    def __init__(self, transport: asyncio.Transport, may_linger: Callable[[], bool]) -> None:
        self._transport, self._may_linger = transport, may_linger
        self.is_lingering = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self.is_lingering or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing() or not self._may_linger():
            self._transport.close()
            return
        self.is_lingering = True
        if self._transport.can_write_eof():  # TLS cannot; there the client sees the end by the answer's length
            self._transport.write_eof()
        self._transport.resume_reading()
