"""Makes parts durable beside the placing of others, as many at once as wait for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from orchestrator.assemble.journal import Record
from orchestrator.model.grid import Window


class Commits:
    """
    A thread that calls `commit` with the records of parts whose blocks are written.

    After a failure nothing more is committed: what a failed sync has lost, a second one does not bring back.
    """

    def __init__(self, commit: Callable[[list[Record]], None]) -> None:
        self._commit = commit
        self._lock = threading.Lock()
        self._waiting: list[Record] = []
        self._failure: BaseException | None = None
        self._begun: deque[tuple[Window, Future[None]]] = deque()
        self._thread = ThreadPoolExecutor(1, "commit")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True)

    def add(self, window: Window, record: Record) -> None:
        """Take the record of a part whose blocks are all written."""
        with self._lock:
            self._waiting.append(record)
        self._begun.append((window, self._thread.submit(self._take)))

    def durable(self, *, wait: bool = False) -> Iterator[Window]:
        """
        Yield each part that has become durable, once, in the order they were added; with `wait` all of them.

        Raises:
            Exception: Whatever `commit` raised.
        """
        while self._begun and (wait or self._begun[0][1].done()):
            window, future = self._begun.popleft()
            future.result()
            yield window

    def _take(self) -> None:
        with self._lock:
            records, self._waiting = self._waiting, []
        if self._failure:
            raise self._failure
        if not records:
            return  # an earlier one took these along
        try:
            self._commit(records)
        except BaseException as error:
            self._failure = error
            raise
