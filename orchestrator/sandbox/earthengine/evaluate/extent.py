"""What an evaluation may grow to; the service's own limits of size are not published, these are the sandbox's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import shapely

from orchestrator.sandbox.earthengine.evaluate.arrays import Array
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.limits import MOST
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Feature, Image
from orchestrator.sandbox.parsing import MAX_DEPTH

MAX_BYTES = 64 << 20  # of one value with everything in it, counted each time it occurs
MAX_LENGTH = MOST  # of one list
_NUMBER_BYTES = 8
_MAX_BITS = 1024  # of an integer: what is larger is beyond every double


def too_large() -> EvaluationError:
    """Say in the service's sentence that a value is too large."""
    return EvaluationError("Computed value is too large")


@contextmanager
def within_limits() -> Iterator[None]:
    """
    Tell what goes beyond the interpreter as a sentence; usable as a decorator.

    Raises:
        EvaluationError: In place of errors of recursion, memory and overflow.
    """
    try:
        yield
    except RecursionError:
        raise EvaluationError("Invalid expression: it calls itself, or is nested too deeply.") from None
    except MemoryError:
        raise EvaluationError("User memory limit exceeded.") from None
    except OverflowError as error:
        raise EvaluationError(f"A number is out of range: {error}.") from None


def limited(value: Any) -> Any:
    """
    Give a result, unless it is a text or list so long that the next calls would make it longer than any memory.

    Raises:
        EvaluationError: If it is too long.
    """
    if (isinstance(value, str) and len(value) > MAX_BYTES) or (isinstance(value, list) and len(value) > MAX_LENGTH):
        raise too_large()
    return value


def bounded(value: Any) -> Any:
    """
    Give a value that somebody is about to walk over entirely.

    Lists may be shared, so that a value of a few kilobytes has billions of items: every list is looked at once.

    Raises:
        EvaluationError: If it is larger than `MAX_BYTES`, or nested deeper than a JSON text may be.
    """
    _Scale().weigh(value)
    return value


class _Scale:
    """Remembers what lists weigh, and how deep they are."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int]] = {}
        self._kept: list[Any] = []  # so that no other object can take a known one's identity

    def weigh(self, value: Any) -> tuple[int, int]:
        if isinstance(value, str):
            return len(value), 0
        if isinstance(value, int):
            if value.bit_length() > _MAX_BITS:
                raise EvaluationError(f"A number is out of range: an integer of {value.bit_length()} bits.")
            return _NUMBER_BYTES, 0
        if isinstance(value, Array):
            return value.values.size * _NUMBER_BYTES, value.values.ndim
        if isinstance(value, Geometry):
            return int(shapely.get_num_coordinates(value.shape)) * 2 * _NUMBER_BYTES, 0
        inside = _inside(value)
        return (_NUMBER_BYTES, 0) if inside is None else self._sum(value, inside)

    def _sum(self, value: Any, inside: Iterable[Any]) -> tuple[int, int]:
        if id(value) in self._known:
            return self._known[id(value)]
        weight, depth = _NUMBER_BYTES, 0
        for each in inside:
            more, below = self.weigh(each)
            weight, depth = weight + more, max(depth, below)
            if weight > MAX_BYTES:
                raise too_large()
        if depth >= MAX_DEPTH:
            raise EvaluationError(f"A value is nested deeper than {MAX_DEPTH} levels.")
        self._kept.append(value)
        self._known[id(value)] = weight, depth + 1
        return self._known[id(value)]


def _inside(value: Any) -> Iterable[Any] | None:
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, Feature):
        return [value.geometry, *value.properties.values()]
    if isinstance(value, Image):
        return value.properties.values()
    return value.elements() if isinstance(value, Collection) else None
