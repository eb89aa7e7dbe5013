"""Colours as CSS writes them: names, RRGGBB, and RRGGBBAA with opacity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class Colour:
    """Red, green and blue from 0 to 255, and opacity from 0 to 1."""

    red: int
    green: int
    blue: int
    opacity: float = 1.0

    def at(self, opacity: float) -> Colour:
        """Give the same colour at another opacity."""
        return replace(self, opacity=opacity)


def colour(name: str, text: str) -> Colour:
    """
    Read a colour.

    Raises:
        EvaluationError: If it is none.
    """
    digits = _named(text.lower()) if text.isalpha() else None
    digits = text.removeprefix("#") if digits is None else digits
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    try:
        values = [int(digits[at : at + 2], 16) for at in range(0, len(digits), 2)]
        red, green, blue, *rest = values
        (opacity,) = rest or [255]
    except ValueError:
        raise EvaluationError(f"{name}: Invalid color: '{text}'.") from None
    return Colour(red, green, blue, opacity / 255)


@cache
def _named(text: str) -> str | None:
    """Give the digits of a name; hexadecimal digits alone are none."""
    from matplotlib.colors import CSS4_COLORS  # noqa: PLC0415 - only where a colour has a name

    found = CSS4_COLORS.get(text)
    return None if found is None else str(found).removeprefix("#")
