"""Which regular expressions the standard library's engine, which tries one way after the other, may never finish."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# The engine's own reading of a pattern, which has no public form.
reading: Any = import_module("re._parser")
opcodes: Any = import_module("re._constants")

_REPEATS = frozenset({opcodes.MAX_REPEAT, opcodes.MIN_REPEAT, opcodes.POSSESSIVE_REPEAT})
_MANY = 12  # repetitions of any length: of so many optional letters there are 4096 ways


def slow(pattern: str) -> bool:
    """
    Tell whether a pattern may take exponential time.

    It may if a repeated part has repetitions of variable length or alternatives itself, or if there are many
    repetitions. Alternatives of single characters are sets, which the engine reads as one.

    Raises:
        re.error: If the pattern is none.
    """
    found = _repeats(reading.parse(pattern), inside=False)
    return found is None or found > _MANY


def _repeats(part: Any, *, inside: bool) -> int | None:
    """Count repetitions of variable length; null where one, or a choice, is inside of a repetition."""
    count = 0
    for code, argument in part:
        if inside and code is opcodes.BRANCH:
            return None
        within = inside
        if code in _REPEATS:
            least, most, _ = argument
            if least != most:
                if inside:
                    return None
                count += 1
            within = inside or int(most) > 1
        for inner in _parts(argument):
            more = _repeats(inner, inside=within)
            if more is None:
                return None
            count += more
    return count


def _parts(argument: Any) -> list[Any]:
    """Give the patterns within an argument of the engine's."""
    if isinstance(argument, reading.SubPattern):
        return [argument]
    if isinstance(argument, (list, tuple)):
        return [part for each in argument for part in _parts(each)]
    return []
