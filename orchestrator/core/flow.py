"""Work in threads with a bounded number of blocks in flight, and results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(pool: Executor, work: Callable[[Task], Result], tasks: Iterable[Task], *, ahead: int) -> Iterator[Result]:
    """
    Begin `work` on the first `ahead` tasks now; return its results in the order of the tasks.

    At most `ahead` are begun and not yet taken.
    """
    waiting = iter(tasks)
    running = deque(pool.submit(work, task) for task in islice(waiting, ahead))
    return _results(pool, work, waiting, running)


def _results(
    pool: Executor, work: Callable[[Task], Result], waiting: Iterator[Task], running: deque[Future[Result]]
) -> Iterator[Result]:
    try:
        while running:
            result = running.popleft().result()
            running.extend(pool.submit(work, task) for task in islice(waiting, 1))
            yield result
    finally:
        for future in running:
            future.cancel()


def one_behind(items: Iterable[Result]) -> Iterator[Result]:
    """Yield each item once the next has been made; when making one fails, the one before it comes first."""
    held: deque[Result] = deque()
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
