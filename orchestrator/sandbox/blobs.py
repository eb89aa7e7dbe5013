"""Bytes on disk with the checksums Google publishes, shared by the bucket and Drive."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import google_crc32c

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """
    Immutable bytes in a file of their own.

    Attributes:
        name: File name inside the folder of blobs.
        size: In bytes.
        crc32c: Base64 of the big-endian checksum, as in Cloud Storage's `crc32c`.
        md5: Base64, as in Cloud Storage's `md5Hash`.
    """

    name: str
    size: int
    crc32c: str
    md5: str

    @property
    def md5_hex(self) -> str:
        return base64.b64decode(self.md5).hex()


class Blobs:
    """A folder of blobs. A blob appears whole or not at all; its checksums are taken once, when it is adopted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, blob: Blob) -> Path:
        return self.folder / blob.name

    def store(self, data: bytes) -> Blob:
        scratch = self.folder / f"{uuid.uuid4().hex}.part"
        scratch.write_bytes(data)
        return self.adopt(scratch)

    def adopt(self, scratch: Path) -> Blob:
        """Move the finished file `scratch` (same file system) into the folder."""
        crc: Any = google_crc32c.Checksum()  # type: ignore[no-untyped-call]  # the package has no types
        md5, size = hashlib.md5(usedforsecurity=False), 0
        with scratch.open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                crc.update(chunk)
                md5.update(chunk)
                size += len(chunk)
        name = uuid.uuid4().hex
        os.replace(scratch, self.folder / name)  # noqa: PTH105  the folder's own rename, in one call
        return Blob(name, size, base64.b64encode(crc.digest()).decode(), base64.b64encode(md5.digest()).decode())

    def duplicate(self, blob: Blob) -> Blob:
        """Give the same bytes another name, of which each can be discarded without the other."""
        name = uuid.uuid4().hex
        try:
            os.link(self.path(blob), self.folder / name)  # `hardlink_to` names them the other way round
        except OSError:  # a file system without links
            shutil.copyfile(self.path(blob), self.folder / name)
        return replace(blob, name=name)

    def join(self, blobs: Iterable[Blob]) -> Blob:
        """Make one blob of the bytes of several, in their order."""
        scratch = self.folder / f"{uuid.uuid4().hex}.part"
        with scratch.open("wb") as target:
            for each in blobs:
                with self.path(each).open("rb") as source:
                    shutil.copyfileobj(source, target, CHUNK_BYTES)
        return self.adopt(scratch)

    def discard(self, blob: Blob) -> None:
        """Remove the bytes; a download under way keeps its open file."""
        self.path(blob).unlink(missing_ok=True)

    def sweep(self, living: set[str]) -> None:
        """Remove files that no record names: what a killed process left behind."""
        for path in self.folder.iterdir():
            if path.name not in living:
                path.unlink(missing_ok=True)
