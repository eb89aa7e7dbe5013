"""Which bands of an image are shown as red, green and blue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint

# Names of bands in true colour, as words of a name: `B4`, `winter_B4`, `SR_B4`, `red_median`.
TRUE_COLOUR = (("b4", "b3", "b2"), ("b04", "b03", "b02"), ("red", "green", "blue"), ("r", "g", "b"))
_APART = re.compile(r"([^A-Za-z0-9]+)")


def shown_bands(names: Sequence[str], asked: Sequence[str] = ()) -> list[int]:
    """
    Return which bands are red, green and blue, from 0, or the one that is grey: true colour where it is there.

    Args:
        names: Of all bands.
        asked: Of those that are wanted, one or three; none for the usual ones.

    Raises:
        UserError: There is no band of such a name, or not one or three are asked for.
    """
    if asked:
        return _asked(list(names), asked)
    lowered = [name.lower() for name in names]
    for words in TRUE_COLOUR:
        for wanted in _of_one_image(lowered, words):
            if set(wanted) <= set(lowered):
                return [lowered.index(name) for name in wanted]
    return [0, 1, 2] if len(names) == 3 else [0]


def _of_one_image(names: Sequence[str], words: Sequence[str]) -> Iterator[list[str]]:
    """Yield what the three bands would be called that differ from a red one in one word."""
    for name in names:
        parts = _APART.split(name)
        if words[0] in parts:
            place = parts.index(words[0])
            yield ["".join([*parts[:place], word, *parts[place + 1 :]]) for word in words]


def _asked(names: list[str], asked: Sequence[str]) -> list[int]:
    if len(asked) not in (1, 3):
        raise UserError(
            f"--bands {','.join(asked)} are {len(asked)}; give one, which is grey, or three: red, green and blue"
        )
    for name in asked:
        if name not in names:
            raise UserError(f"there is no band {name!r}: {hint(name, names)}")
    return [names.index(name) for name in asked]
