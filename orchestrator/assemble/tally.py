"""What is found out about blocks while they are made, so that the finished file need not be decoded for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import google_crc32c
import numpy as np

from orchestrator.assemble.writing import FileLayout
from orchestrator.core.crc32c import combine_crc32c, crc32c_of, crc32c_text
from orchestrator.raster.arrays import Ints

SizedSum = tuple[int, int]  # a CRC32C, and of how many bytes


@dataclass(slots=True)
class BlockTally:
    """
    Of the blocks of one part.

    Attributes:
        valid: For each band, how many of its pixels hold data and lie inside the area.
        sums: By level, of the blocks that go into the output as they are, in the order of their spool.
    """

    valid: Ints
    sums: dict[int, SizedSum]

    @classmethod
    def empty(cls, bands: int) -> Self:
        return cls(np.zeros(bands, np.int64), {})

    def add(self, level: int, data: bytes | memoryview) -> None:
        """Take note of the next block of a level."""
        value, size = self.sums.get(level, (0, 0))
        self.sums[level] = int(google_crc32c.extend(value, bytes(data))), size + len(data)

    def to_json(self) -> dict[str, Any]:
        """Return it as a record of the journal has it."""
        return {"valid": self.valid.tolist(), "sums": [[level, *found] for level, found in self.sums.items()]}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Return what `to_json` was called on."""
        sums = {level: (value, size) for level, value, size in found["sums"]}
        return cls(np.array(found["valid"], np.int64), sums)


def crc32c_of_layout(layout: FileLayout, levels: int, parts: Sequence[Mapping[int, SizedSum]]) -> str:
    """
    Return the CRC32C that the file must have, as Cloud Storage writes it.

    Args:
        layout: The file.
        levels: How many it has, the full one included.
        parts: The sums of the blocks of each segment, in the order of the file.
    """
    coarse = [sums[level] for level in reversed(range(1, levels)) for sums in parts if level in sums]
    full = [sums[0] for sums in parts if 0 in sums]
    at = len(layout.head) + _bytes_of(coarse)
    padding = bytes(layout.full_at - at)
    pieces = [(crc32c_of(layout.head), len(layout.head)), *coarse, (crc32c_of(padding), len(padding)), *full]
    return crc32c_text(combine_crc32c(pieces))


def _bytes_of(sums: Iterable[SizedSum]) -> int:
    return sum(size for _value, size in sums)
