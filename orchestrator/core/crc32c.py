"""
CRC32C (RFC 3720, B.4): of bytes and files, written as Cloud Storage writes it, and of parts that are put together.

The checksum of a concatenation follows from those of its parts and their lengths alone: appending n zero bytes
multiplies the register, a polynomial over GF(2), by x^(8n) modulo the generator. So what others have joined is checked
without reading it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

from orchestrator.core.errors import Stopped
from orchestrator.core.files import CHUNK_BYTES, StopFlag

_GENERATOR = 0x82F63B78  # Castagnoli's, its highest power in the lowest bit, as registers hold it
_ONE = 1 << 31  # x^0 in that order


def crc32c_of(content: bytes | Path, stop: StopFlag | None = None) -> int:
    """
    Return the CRC32C of bytes, or of a file.

    Raises:
        Stopped: `stop` was set while the file was being read.
    """
    if isinstance(content, bytes):
        return int(google_crc32c.value(content))
    found = 0
    with content.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            if stop is not None and stop.is_set():
                raise Stopped(f"stopped while reading {content}; the same command continues")
            found = int(google_crc32c.extend(found, chunk))
    return found


@dataclass(frozen=True, slots=True)
class FileDigests:
    """
    Two checksums of one file.

    Attributes:
        sha256: In hexadecimal.
        crc32c: As Cloud Storage writes it.
    """

    sha256: str
    crc32c: str


def crc32c_and_sha256_of(
    path: Path, stop: StopFlag | None = None, on_bytes: Callable[[int], None] = lambda _size: None
) -> FileDigests:
    """
    Return both checksums of a file, which is read once; `on_bytes` is told the bytes of each read.

    Raises:
        Stopped: `stop` was set.
    """
    digest, found = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            if stop is not None and stop.is_set():
                raise Stopped(f"stopped while reading {path}; the same command continues")
            digest.update(chunk)
            found = int(google_crc32c.extend(found, chunk))
            on_bytes(len(chunk))
    return FileDigests(digest.hexdigest(), crc32c_text(found))


def crc32c_text(value: int) -> str:
    """Write a CRC32C as Cloud Storage does: four bytes, big-endian, in base64."""
    return base64.b64encode(value.to_bytes(4, "big")).decode("ascii")


def crc32c_value(text: str) -> int:
    """
    Read what `crc32c_text` wrote.

    Raises:
        ValueError: It is not four bytes in base64.
    """
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        found = b""
    if len(found) != 4:
        raise ValueError(f"{text!r} is no CRC32C, which is four bytes in base64")
    return int.from_bytes(found, "big")


def combine_crc32c(parts: Iterable[tuple[int, int]]) -> int:
    """Return the CRC32C of parts put together in order, each told by its CRC32C and its length in bytes."""
    whole = 0
    for value, size in parts:
        whole = _product(_power(8 * size), whole) ^ value
    return whole


def _product(left: int, right: int) -> int:
    """Multiply two polynomials modulo the generator."""
    found = 0
    while left:
        if left & _ONE:
            found ^= right
        left = (left << 1) & 0xFFFFFFFF
        right = (right >> 1) ^ (_GENERATOR if right & 1 else 0)
    return found


def _power(exponent: int) -> int:
    """Return x to a power modulo the generator, by squaring."""
    found, square = _ONE, _ONE >> 1
    while exponent:
        if exponent & 1:
            found = _product(square, found)
        square, exponent = _product(square, square), exponent >> 1
    return found
