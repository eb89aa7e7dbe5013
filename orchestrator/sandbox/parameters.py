"""The types that a discovery document promises of query parameters: another value is refused, never passed over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from orchestrator.sandbox.web import ProtocolViolation, Request, not_imitated

_FORMS = ("json", "media")  # of answers, of which Drive and Earth Engine also have protocol buffers
_WHOLE = re.compile(r"-?[0-9]+")
_BOUNDS = {"int32": (-(1 << 31), 1 << 31), "uint32": (-(1 << 31), 1 << 32), "int64": (-(1 << 63), 1 << 63)}
_MOST_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Kind:
    """
    What a parameter's value may be.

    Attributes:
        type: `boolean`, `integer` or `string`.
        format: Of a number, such as `int64`, which is written as a string; empty for others.
        choices: The only values; empty for whatever comes.
    """

    type: str
    format: str = ""
    choices: tuple[str, ...] = ()

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Self:
        """Read a parameter's description in a discovery document."""
        return cls(described["type"], described.get("format", ""), tuple(described.get("enum", ())))

    def check(self, name: str, text: str) -> None:
        """
        Raises:
            ProtocolViolation: `text` is no value of this kind.
        """
        shown = text if len(text) <= 80 else text[:80] + "..."
        if self.type == "boolean" and text.lower() not in ("true", "false"):  # some clients spell it `True`
            raise ProtocolViolation(f"Invalid value at '{name}' (TYPE_BOOL), \"{shown}\"; expected true or false")
        if self.format in _BOUNDS and not _fits(text, *_BOUNDS[self.format]):
            raise ProtocolViolation(f"Invalid value at '{name}' (TYPE_{self.format.upper()}), \"{shown}\"")
        if self.choices and text not in self.choices:
            raise ProtocolViolation(f"Invalid value at '{name}', \"{shown}\"; expected one of {list(self.choices)}")


def check(request: Request, known: Mapping[str, Kind]) -> None:
    """
    Hold every value of the query against its kind.

    Raises:
        ProtocolViolation: A value is of another kind.
        ApiError: 400 for answers that are protocol buffers.
    """
    for name, values in request.queries.items():
        for text in values:
            if name in known:
                known[name].check(name, text)
            if name == "alt" and text == "proto":
                raise not_imitated("answers as protocol buffers (alt=proto)")
            if name == "alt" and text not in _FORMS:
                raise ProtocolViolation(f"Invalid value at 'alt', \"{text[:80]}\"; expected one of {list(_FORMS)}")


def _fits(text: str, least: int, end: int) -> bool:
    return len(text) <= _MOST_DIGITS and _WHOLE.fullmatch(text) is not None and least <= int(text) < end
