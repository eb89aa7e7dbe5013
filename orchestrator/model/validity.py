"""How much of an area holds data, in numbers and in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def validity(bands: Sequence[str], counts: Sequence[int], area_pixels: int) -> dict[str, float]:
    """Return for each band, in order, the share of the area's pixels that hold data, from 0 to 1."""
    return {band: count / area_pixels for band, count in zip(bands, counts, strict=True)}


def valid_json(shares: Mapping[str, float], counts: Sequence[int], area_pixels: int) -> dict[str, Any]:
    """Return what a proof says of it."""
    return {
        "area_pixels": area_pixels,
        "pixels": dict(zip(shares, counts, strict=True)),
        "share": dict(shares),
    }


def valid_words(shares: Mapping[str, float]) -> str:
    """Say it in a line: one number where all bands read the same, else the worst, by name, and the best."""
    worst, best = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    least, most = percent(shares[worst]), percent(shares[best])
    if least == most:
        return f"{least} of the area's pixels hold data"
    return f"between {least} (band {worst}) and {most} (band {best}) of the area's pixels hold data"


def empty_bands(shares: Mapping[str, float]) -> str:
    """Name the bands in which no pixel holds data; empty where there is none."""
    empty = [band for band, share in shares.items() if share == 0]
    if not empty:
        return ""
    if len(empty) == len(shares):
        return "any band"
    return f"band {empty[0]}" if len(empty) == 1 else f"the bands {', '.join(empty)}"


def percent(share: float) -> str:
    """Write a share with two decimals, rounded towards 0, so that 100 % means all and 0 % next to nothing."""
    hundredths = math.floor(round(share * 10_000, 6))  # 0.57 × 10 000 is 5 699.999... in binary
    return f"{hundredths // 100}.{hundredths % 100:02d} %" if hundredths % 100 else f"{hundredths // 100} %"
