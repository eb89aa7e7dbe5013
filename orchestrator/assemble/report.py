"""What is told about a finished mosaic: how its blocks came to be, and why not by copying where they were not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from orchestrator.assemble.codec import Encoding
from orchestrator.assemble.stock import BlockIndex
from orchestrator.assemble.writing import Segment
from orchestrator.model.grid import Window


@dataclass(frozen=True, slots=True)
class PlacedPart:
    """A part that is in the spools: which window, how encoded, where its blocks begin, and how they were made."""

    window: Window
    encoding: Encoding
    segment: Segment
    copied: int
    reason: str
    own_overviews: bool


def summary(parts: Sequence[PlacedPart], index: BlockIndex, resampling: str) -> dict[str, Any]:
    """Return the fields of a MosaicReport that tell how the blocks of `index` were made of `parts`."""
    stored = sum(int(np.count_nonzero(sizes)) for sizes in index.sizes)
    same = [part for part in parts if part.encoding == index.codec.encoding]
    copied = min(stored, sum(part.copied for part in same))
    reasons = sorted({part.reason for part in parts if part.reason})
    if len(same) != len(parts):
        reasons.append("parts are not stored alike")
    return {
        "method": "stream" if reasons else "splice",
        "reason": "; ".join(reasons),
        "overviews": _overviews(parts, len(index.sizes) - 1, resampling),
        "blocks_copied": copied,
        "blocks_encoded": stored - copied,
        "blocks_sparse": sum(sizes.size for sizes in index.sizes) - stored,
    }


def _overviews(parts: Sequence[PlacedPart], levels: int, resampling: str) -> str:
    if not levels:
        return "none"
    computed = f"{resampling} of valid pixels, level by level"
    if not any(part.own_overviews for part in parts):
        return computed
    return (
        f"taken from the parts where wholly inside the area (resampled by whoever made the parts); elsewhere {computed}"
    )
