"""
Maps from the values of pixels to classes.

One list of numbers has been read in three ways by programs that write of "label maps"; each has a constructor here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError

OWN_MAP = "own"  # how the map is asked for that a dataset has itself
OTHER = "other"  # what values without a name of their own are called, where others have one
_NUMBER = re.compile(r"[+-]?\d{1,18}")
# Types of so few values that a table of all of them is looked up in.
_TABLED_BYTES = 2


@dataclass(frozen=True, slots=True)
class ValueMap:
    """
    Which class each value of a pixel becomes.

    Attributes:
        pairs: (value, class), each value once, sorted.
        others: The class of every other value; None leaves them as they are.
        names: (class, name) of classes that are called otherwise than by their number, sorted.
    """

    pairs: tuple[tuple[int, int], ...]
    others: int | None = 0
    names: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.pairs:
            raise UserError("a value map has no values; write 10=1,20=2 or [10,20,30]")
        sources = [source for source, _ in self.pairs]
        if sources != sorted(set(sources)):
            raise UserError(f"a value map names a value twice: {_twice(sources)}; name each once")

    @classmethod
    def by_pairs(cls, pairs: Mapping[int, int], others: int | None = 0) -> ValueMap:
        """Return the map of each key to its value; every other value of a pixel becomes `others`."""
        return cls(tuple(sorted((_whole(one), _whole(other)) for one, other in pairs.items())), others)

    @classmethod
    def by_order(cls, values: Iterable[int]) -> ValueMap:
        """Return the map of the values, as they stand, to 0, 1, 2, ...: what lists are documented to mean."""
        return cls(tuple(sorted((_whole(value), number) for number, value in enumerate(values))))

    @classmethod
    def by_position(cls, values: Iterable[int]) -> ValueMap:
        """Return the inverse, as geetiles 0.1.7 computes it: 0, 1, 2, ... to the sorted values, 0 in front."""
        return cls(tuple(enumerate(_sorted_with_zero(values))))

    @classmethod
    def by_sorted_ids(cls, values: Iterable[int]) -> ValueMap:
        """Return the map of the sorted values, 0 in front, to 0, 1, 2, ...: `--label_map` of geetiles 0.1.3."""
        return cls(tuple((value, number) for number, value in enumerate(_sorted_with_zero(values))))

    @classmethod
    def by_names(cls, names: Mapping[int, str]) -> ValueMap:
        """Return the map of each key to a named class; classes are numbered from 1 as they come, the others are 0."""
        codes = {OTHER: 0}
        for name in names.values():
            codes.setdefault(name, len(codes))
        pairs = sorted((_whole(value), codes[name]) for value, name in names.items())
        return cls(tuple(pairs), 0, tuple(sorted((code, name) for name, code in codes.items())))

    @classmethod
    def parse(cls, text: str) -> ValueMap:
        """
        Return the map that a text says: `10=1,20=2`, `10=forest,20=water`, or `[10,20,30]` for classes 0, 1, 2.

        Raises:
            UserError: It says none.
        """
        words = [word.strip() for word in text.strip().removeprefix("[").removesuffix("]").split(",")]
        if not any("=" in word for word in words):
            return cls.by_order([_number(word, text) for word in words])
        sides = [_pair(word, text) for word in words]
        _refuse_twice([value for value, _ in sides], text)
        numbers = [bool(_NUMBER.fullmatch(target)) for _, target in sides]
        if all(numbers):
            return cls.by_pairs({value: int(target) for value, target in sides})
        if any(numbers):
            raise UserError(f"the value map {text!r} has both numbers and names for classes; give one or the other")
        return cls.by_names(dict(sides))

    @property
    def classes(self) -> tuple[int, ...]:
        """Every class there can be, sorted; without the values that stay as they are."""
        rest = () if self.others is None else (self.others,)
        return tuple(sorted({*(target for _, target in self.pairs), *rest}))

    def text(self) -> str:
        """Return the map as `parse` reads it, values in order."""
        return ",".join(f"{source}={self.word(target)}" for source, target in self.pairs)

    def word(self, code: Any) -> str:
        """Return what a class is called."""
        return dict(self.names).get(code, str(code))

    def apply(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """
        Return the class of each pixel, an array of the same shape.

        Its type is the smallest that holds every class and, where others stay, every value of the pixels' type.
        """
        kept = pixels.dtype if self.others is None else np.min_scalar_type(self.others)
        made = np.result_type(kept, *(np.min_scalar_type(target) for target in self.classes))
        if pixels.dtype.kind in "ui" and pixels.dtype.itemsize <= _TABLED_BYTES:
            limits = np.iinfo(pixels.dtype)
            table = self._looked_up(np.arange(limits.min, limits.max + 1, dtype=np.int64), made)
            found: NDArray[Any] = table[pixels.astype(np.int64) - limits.min]
            return found
        return self._looked_up(pixels, made)

    def _looked_up(self, pixels: NDArray[Any], made: np.dtype[Any]) -> NDArray[Any]:
        sources, targets = (np.array(column) for column in zip(*self.pairs, strict=True))
        place = np.searchsorted(sources, pixels).clip(max=len(sources) - 1)
        others = pixels if self.others is None else np.asarray(self.others)
        return np.where(sources[place] == pixels, targets[place], others).astype(made)


def _sorted_with_zero(values: Iterable[int]) -> list[int]:
    found = sorted(_whole(value) for value in values)
    return found if 0 in found else [0, *found]


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise UserError(f"a value map holds {value!r}; values and classes are whole numbers")
    return int(value)


def _number(word: str, text: str) -> int:
    if not _NUMBER.fullmatch(word):
        raise UserError(
            f"{word!r} in the value map {text!r} is no whole number; write 10=1,20=2, 10=forest,20=water or [10,20,30]"
        )
    return int(word)


def _pair(word: str, text: str) -> tuple[int, str]:
    value, equals, target = (side.strip() for side in word.partition("="))
    if not equals or not target or "=" in target:
        raise UserError(f"{word!r} in the value map {text!r} is no pair; write VALUE=CLASS, as in 10=1,20=2")
    return _number(value, text), target


def _refuse_twice(values: Sequence[int], text: str) -> None:
    if len(set(values)) < len(values):
        raise UserError(f"the value map {text!r} names the value {_twice(values)} twice; name each once")


def _twice(values: Sequence[int]) -> int:
    return next(value for value in values if values.count(value) > 1)
