"""Work in threads with a bounded number of blocks in flight, and results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(pool: Executor, work: Callable[[T], R], tasks: Iterable[T], *, ahead: int) -> Iterator[R]:
    """
    Begin `work` on the first `ahead` tasks now; return its results in the order of the tasks.

    At most `ahead` are begun and not yet taken.
    """
    waiting = iter(tasks)
    running = deque(pool.submit(work, task) for task in islice(waiting, ahead))
    return _results(pool, work, waiting, running)


def _results(pool: Executor, work: Callable[[T], R], waiting: Iterator[T], running: deque[Future[R]]) -> Iterator[R]:
    try:
        while running:
            result = running.popleft().result()
            running.extend(pool.submit(work, task) for task in islice(waiting, 1))
            yield result
    finally:
        for future in running:
            future.cancel()


def one_behind(items: Iterable[R]) -> Iterator[R]:
    """Yield each item once the next has been made; when making one fails, the one before it comes first."""
    held: deque[R] = deque()
    failure: Exception | None = None
    try:
        for item in items:
            held.append(item)
            if len(held) > 1:
                yield held.popleft()
    except Exception as error:  # noqa: BLE001  raised below
        failure = error
    yield from held
    if failure:
        raise failure
