"""A lazy list that is enumerated once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Tape:
    """
    Remembers what was enumerated, so that whoever comes next need not enumerate again.

    Of more than `most` elements only as many are kept; the others are enumerated each time.
    """

    def __init__(self, produce: Callable[[], Iterable[Any]], most: int) -> None:
        """Keep how to enumerate, which always gives the same."""
        self._produce = produce
        self._most = most
        self._source: Iterator[Any] | None = None
        self._seen: list[Any] = []
        self._error: Exception | None = None

    def stream(self) -> Iterator[Any]:
        """Give the elements one by one, and enumerate no more of them than are asked for."""
        at = 0
        while at < len(self._seen) or self._advance():
            yield self._seen[at]
            at += 1
        if len(self._seen) > self._most:
            yield from itertools.islice(self._produce(), at, None)

    def _advance(self) -> bool:
        """Take one element more, unless there is none or there are enough."""
        if self._error is not None:
            raise self._error
        if len(self._seen) > self._most:
            self._source = None
            return False
        if self._source is None:
            self._source = iter(self._produce())
        try:
            for element in self._source:
                self._seen.append(element)
                return True
        except Exception as error:
            self._error = error
            raise
        return False
