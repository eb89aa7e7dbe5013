"""
Where work and results lie: a folder, a folder that machines share, a bucket of Cloud Storage, a bucket that speaks S3.

Names in a place are relative, with slashes, whatever the system. An object is whole or not there. What a listing says
of one is a `StoredObject`, whose `generation` changes with every new content: it is the precondition of whatever
replaces, reads or deletes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator.model.objects import StoredObject
from orchestrator.model.ports import ObjectStore


def unnoted(_made: StoredObject) -> None:
    """Nobody keeps a ledger of what is made on the way."""


class ObjectPlace(ObjectStore, Protocol):
    """
    Whole objects with names, as `ObjectStore`, which may also be large, read in part and joined. Safe in threads.

    Every method may raise `TransientError` (after trying again for a while), `CredentialError`, and `Stopped`.
    """

    @property
    def url(self) -> str:
        """What people call it: a path, `gs://bucket/prefix`, `s3://bucket/prefix`; no slash at its end."""

    def check_access(self) -> None:
        """
        Make sure that objects may be written, read, listed and deleted here, as far as that can be told.

        Raises:
            CredentialError: They may not; the message names what is missing.
            NotFoundError: There is no such bucket.
        """

    def create(self, name: str, content: bytes | Path, over: StoredObject | None = None) -> StoredObject:
        """
        Write an object, of bytes or of a file, and return it as a listing would; its checksum was compared.

        Done again after a crash or a lost answer, it is found done where the content is the same.

        Raises:
            GenerationError: One of that name is there, with other content; with `over`, another than that one.
        """

    def stat(self, name: str) -> StoredObject | None:
        """Return what lies at a name, None where nothing does; its checksum is None where no service keeps one."""

    def read_range(self, source: StoredObject, offset: int, size: int) -> bytes:
        """
        Return exactly `size` bytes from `offset` of the object as it was listed.

        Raises:
            GenerationError: It was replaced.
            NotFoundError: It is gone.
            IntegrityError: It is not so long.
        """

    def join(
        self,
        name: str,
        sources: Sequence[StoredObject],
        over: StoredObject | None = None,
        note: Callable[[StoredObject], None] = unnoted,
    ) -> StoredObject:
        """
        Make one object of the bytes of others, in order, without moving them through this machine where that can be.

        Its size and its CRC32C are what those of the sources add up to, where these are known. `note` is told of
        every object that is made on the way before another depends on it; they are deleted again. After a crash the
        same call goes on from them.

        Raises:
            GenerationError: As of `create`; or a source was replaced.
            NotFoundError: A source is gone.
            IntegrityError: What was made is not the sum of its sources; it is deleted.
        """


@dataclass(frozen=True, slots=True)
class PlacedObject:
    """An object, and where it lies: what a path is of a file."""

    place: ObjectPlace
    stored: StoredObject

    def __str__(self) -> str:
        return f"{self.place.url}/{self.stored.name}"

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.stored.size

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly so many bytes from there; errors as `ObjectPlace.read_range`."""
        return self.place.read_range(self.stored, offset, size)
