"""Whether bytes are the ones the cloud listed: size and checksum over the whole, never over a piece."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Protocol

import google_crc32c

from orchestrator.core.digests import ALGORITHMS
from orchestrator.core.errors import IntegrityError
from orchestrator.model.objects import StoredObject

# Measured: the fastest size from 64 KiB to 1 MiB, which still fits the second-level cache between socket and disk.
READ_BYTES = 1 << 18


class RunningChecksum(Protocol):
    """A running checksum, compared with what the listing promised."""

    def update(self, chunk: bytes) -> None:
        """Take the next bytes, in order."""

    def matches(self) -> bool:
        """Tell whether the bytes taken so far are the listed ones."""

    def found(self) -> str:
        """Return the value so far, written as in the listing."""


class Crc32c:
    """CRC32C as Cloud Storage writes it: four bytes, big-endian, in base64."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self._value = 0

    def update(self, chunk: bytes) -> None:
        self._value = google_crc32c.extend(self._value, chunk)

    def matches(self) -> bool:
        return self.found() == self.wanted

    def found(self) -> str:
        return base64.b64encode(self._value.to_bytes(4, "big")).decode("ascii")


class Digest:
    """A hash in hexadecimal."""

    def __init__(self, running: Any, wanted: str) -> None:
        self.wanted = wanted.lower()
        self._hash = running

    def update(self, chunk: bytes) -> None:
        self._hash.update(chunk)

    def matches(self) -> bool:
        return self.found() == self.wanted

    def found(self) -> str:
        return str(self._hash.hexdigest())


class SizeAlone:
    """No checksum: nobody states one, and whoever counts the bytes has done what can be done."""

    def update(self, chunk: bytes) -> None:
        pass

    def matches(self) -> bool:
        return True

    def found(self) -> str:
        return ""


def checksum_for(source: StoredObject) -> RunningChecksum:
    """
    Return the empty running checksum of the best kind the listing carries.

    CRC32C goes first: it costs a tenth of MD5, and composed objects have no MD5.

    Raises:
        IntegrityError: If the listing carries no checksum, and its size alone is not to do: such bytes can be brought
            but never trusted. Or if nobody here can compute it.
        ExtraError: It needs a package that is not installed.
    """
    if source.crc32c:
        return Crc32c(source.crc32c)
    if source.md5:
        return Digest(ALGORITHMS["MD5"](), source.md5)
    if source.checksum is not None:
        if source.checksum.algorithm not in ALGORITHMS:
            known = ", ".join(ALGORITHMS)
            raise IntegrityError(f"{source.name}: its checksum is a {source.checksum.algorithm}; known are {known}")
        return Digest(ALGORITHMS[source.checksum.algorithm](), source.checksum.value)
    if source.size_alone:
        return SizeAlone()
    raise IntegrityError(
        f"{source.name}: the listing has neither crc32c nor md5, so a download cannot be verified; list it again"
    )


def holds(path: Path, source: StoredObject) -> bool:
    """Tell whether `path` is a regular file with exactly the bytes the listing describes."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size != source.size:
        return False
    checksum = checksum_for(source)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(READ_BYTES):
            checksum.update(chunk)
    return checksum.matches()


def verify(path: Path, source: StoredObject) -> None:
    """
    Read the whole file again and compare it with the listing.

    Raises:
        IntegrityError: If a byte differs, is missing or is too much.
    """
    if not holds(path, source):
        raise IntegrityError(
            f"{path} is not what the listing calls {source.name} at generation {source.generation} "
            f"({source.size} bytes, checksum {source.stated or 'unknown'}); fetch it again"
        )
