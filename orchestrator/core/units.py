"""Numbers with units, read from people and written for them."""

from __future__ import annotations

import re

_FACTORS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_bytes(text: str | int) -> int:
    """
    Read a number of bytes: `48MiB`, `1.5 GB`, `1000`.

    Raises:
        ValueError: It is not one.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([kmgt]?i?)b?\s*", str(text).lower())
    if not match or match[2] == "i":
        raise ValueError(f"{text!r} is not a number of bytes; write for example 48MiB or 2GB")
    return int(float(match[1]) * _FACTORS[match[2]])


def parse_seconds(text: str | float) -> float:
    """
    Read a duration: `30s`, `5m`, `2h`, `1d`, or plain seconds.

    Raises:
        ValueError: It is not one.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([smhd]?)\s*", str(text).lower())
    if not match:
        raise ValueError(f"{text!r} is not a duration; write for example 30s, 5m or 2h")
    return float(match[1]) * _SECONDS[match[2] or "s"]


def parse_resources(text: str) -> dict[str, float]:
    """
    Read amounts of things by their names: `orchestrator=1`, `memory=16e9, GPU=0.5`; nothing is none.

    Raises:
        ValueError: It is something else.
    """
    found: dict[str, float] = {}
    for piece in filter(None, (word.strip() for word in text.split(","))):
        match = re.fullmatch(r"(\w[\w.-]*)\s*=\s*([0-9.]+(?:e[0-9]+)?)", piece, re.IGNORECASE)
        if not match:
            raise ValueError(f"{piece!r} is no amount of a resource; write for example orchestrator=1 or memory=16e9")
        found[match[1]] = float(match[2])
    return found


def format_bytes(count: float) -> str:
    """Write a number of bytes for people, in powers of 1024."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def format_count(count: int, noun: str) -> str:
    """Write a number of things for people: `1 task`, `27 tasks`, `1,000 tasks`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def format_seconds(seconds: float) -> str:
    """Write a duration for people: `42 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
