"""Work in threads with a bounded number of blocks in flight, and results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(
    pool: Executor,
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    ahead: int,
    meanwhile: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """
    Yield `work(task)` for each task, in the order of the tasks.

    At most `ahead` are begun and not yet taken. `meanwhile` is called once, when the first of them run.
    """
    running: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            if len(running) >= ahead:
                if meanwhile:
                    meanwhile()
                    meanwhile = None
                yield running.popleft().result()
            running.append(pool.submit(work, task))
        if meanwhile:
            meanwhile()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()
