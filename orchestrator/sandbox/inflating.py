"""A small gzip stream that inflates enormously, made while it is sent."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import cache

STEP_BYTES = 16 << 20
_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"  # RFC 1952: deflate, no name, no time, unknown system
_TRAILER_BYTES = 8


def length(data: bytes, blanks: int) -> int:
    """Return the number of bytes that `stream` yields."""
    steps, rest = divmod(blanks, STEP_BYTES)
    return len(_HEADER) + steps * len(_step()) + len(_last(data, rest)) + _TRAILER_BYTES


def stream(data: bytes, blanks: int) -> Iterator[bytes]:
    """
    Yield a gzip stream of one member that holds `blanks` blanks and then `data`.

    It is about a thousandth of what it holds. Before JSON, blanks mean nothing.
    """
    steps, rest = divmod(blanks, STEP_BYTES)
    checksum = 0
    yield _HEADER
    for _ in range(steps):
        yield _step()
        checksum = zlib.crc32(_blanks(), checksum)
    yield _last(data, rest)
    checksum = zlib.crc32(b" " * rest + data, checksum)
    yield struct.pack("<II", checksum, (blanks + len(data)) & 0xFFFFFFFF)


@cache
def _blanks() -> bytes:
    return b" " * STEP_BYTES


@cache
def _step() -> bytes:
    """Deflate one step so that it stands for itself: a full flush ends at a whole byte and forgets what was before."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(_blanks()) + packer.flush(zlib.Z_FULL_FLUSH)


def _last(data: bytes, rest: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(b" " * rest + data) + packer.flush()
