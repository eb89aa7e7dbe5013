"""Why functions are refused, and what may serve instead: what `refused.tsv` tells of the most used ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_TOLD = Path(__file__).with_name("refused.tsv")


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    Why a function is not imitated.

    Attributes:
        why: Half a sentence.
        instead: Functions that may serve, in a few words; empty where nothing does.
    """

    why: str
    instead: str = ""

    @property
    def sentence(self) -> str:
        """Both, to be read behind the refusal itself."""
        return f"{self.why[0].upper()}{self.why[1:]}." + (f" Instead: {self.instead}." if self.instead else "")


@lru_cache(maxsize=1)
def told() -> dict[str, Refusal]:
    """Give the reason by function, of those that have one."""
    lines = _TOLD.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {name: Refusal(*rest) for name, *rest in rows}
