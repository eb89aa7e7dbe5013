"""What lies in a cloud: objects of a bucket, files of a Drive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Checksum:
    """
    What the bytes of a file add up to.

    Attributes:
        algorithm: `MD5`, `SHA3-256`, `BLAKE3`, ... as whoever states it calls it.
        value: Hexadecimal, lower case.
    """

    algorithm: str
    value: str

    def __post_init__(self) -> None:
        if self.value != self.value.lower():
            raise ValueError(f"a checksum is written in lower case, not {self.value!r}")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """
    A blob in Cloud Storage, a file in Drive or of a product, as its listing described it.

    Attributes:
        name: Object name, or file name in Drive.
        size: Bytes.
        generation: What changes when the content is replaced: Cloud Storage's generation, Drive's head revision.
        crc32c: Big-endian CRC32C in base64, where the service keeps one.
        md5: MD5 in hexadecimal, where the service keeps one.
        id: The service's own key where it is not the name (Drive).
        created: When the service took it in, RFC 3339, where the listing says so. No part of what makes two of them
            the same object.
        checksum: Of a service that keeps others than the two above.
        size_alone: Nobody states a checksum: bytes of the right number are taken.
    """

    name: str
    size: int
    generation: str
    crc32c: str | None = None
    md5: str | None = None
    id: str = ""
    created: str = field(default="", compare=False)
    checksum: Checksum | None = None
    size_alone: bool = False

    def facts(self) -> dict[str, Any]:
        """Return everything that is known of it by name, as JSON has it; quicker than `asdict`, of as many as parts."""
        told: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        if self.checksum is not None:
            told["checksum"] = {"algorithm": self.checksum.algorithm, "value": self.checksum.value}
        return told

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """Return what `facts` was called on."""
        checksum = facts.get("checksum")
        return cls(**{**facts, "checksum": Checksum(**checksum)}) if checksum else cls(**facts)

    @property
    def stated(self) -> str:
        """The checksum that its bytes are compared with, as the listing writes it; empty where there is none."""
        return self.crc32c or self.md5 or (self.checksum.value if self.checksum else "")


class Deletion(StrEnum):
    """What became of a request to delete an object at one generation."""

    DELETED = "deleted"
    ABSENT = "absent"  # it was gone already: as good as deleted
    CHANGED = "changed"  # somebody replaced it: it is not ours any more and stays
