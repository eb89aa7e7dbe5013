"""What a joined object must be, by its sources; and the tree of joins where a service takes a few sources at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.core.crc32c import combine_crc32c, crc32c_text, crc32c_value
from orchestrator.model.objects import StoredObject

JOINING = ".joining/"  # behind the name of what is being joined: what is made on the way lies there


@dataclass(frozen=True, slots=True)
class Sum:
    """
    What objects put together are.

    Attributes:
        size: Bytes.
        crc32c: As Cloud Storage writes it; None where one of them has none.
    """

    size: int
    crc32c: str | None

    @classmethod
    def of(cls, sources: Sequence[StoredObject]) -> Sum:
        known = [(crc32c_value(source.crc32c), source.size) for source in sources if source.crc32c]
        whole = crc32c_text(combine_crc32c(known)) if len(known) == len(sources) else None
        return cls(sum(source.size for source in sources), whole)

    def is_of(self, found: StoredObject) -> bool:
        """Tell whether an object is of this size, and of this checksum where both are known."""
        known = self.crc32c is not None and found.crc32c is not None
        return found.size == self.size and (not known or found.crc32c == self.crc32c)


def inner_name(name: str, sources: Sequence[StoredObject]) -> str:
    """Return the name of what is made of `sources` on the way to `name`: the same for the same sources."""
    told = "\n".join(f"{source.name} {source.generation}" for source in sources)
    return f"{name}{JOINING}{hashlib.sha256(told.encode()).hexdigest()[:32]}"


def groups(sources: Sequence[StoredObject], most: int) -> Iterator[Sequence[StoredObject]]:
    """Yield runs of at most `most` sources, in order."""
    for first in range(0, len(sources), most):
        yield sources[first : first + most]
