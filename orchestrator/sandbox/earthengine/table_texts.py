"""Values of features as text, as the service's Java writes them in tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated

_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e7  # Double.toString writes others with an exponent


def text(value: Any) -> str:
    """
    Write a value: numbers as `Double.toString` and `Long.toString`, `[a, b]`, `{key=value}`; nothing for null.

    Raises:
        EvaluationError: For a value whose text is not documented.
    """
    return "" if value is None else _text(value)


def _text(value: Any) -> str:
    written = next((write(value) for kinds, write in _WRITERS if isinstance(value, kinds)), None)
    if written is None:
        raise not_imitated(f"a table with values of the type {type(value).__name__}")
    return written


def double(value: float) -> str:
    """Write a number as Java's `Double.toString`: 2.0, 1.776E7, 1.0E-4."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - only NaN differs from itself
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        plain = format(Decimal(repr(value)), "f")
        return plain if "." in plain else f"{plain}.0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    first, *others = map(str, digits)
    return f"{'-' if sign else ''}{first}.{''.join(others) or '0'}E{int(exponent) + len(others)}"


_WRITERS: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (str, str),
    ((bool, np.bool_), lambda value: "true" if value else "false"),
    ((int, np.integer), lambda value: str(int(value))),
    ((float, np.floating), lambda value: double(float(value))),
    (type(None), lambda _: "null"),
    ((list, tuple), lambda value: f"[{', '.join(map(_text, value))}]"),
    (Mapping, lambda value: f"{{{', '.join(f'{key}={_text(each)}' for key, each in value.items())}}}"),
)
