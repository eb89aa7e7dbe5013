"""One transaction for what several threads want to commit at one moment: together they wait for the disk once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")


class GroupCommit(Generic[_T]):
    """
    Brings together what threads of one process commit for one run; who is alone waits for nobody.

    While one thread commits, what the others bring waits; the next of them commits all of its run's.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()  # of the thread that commits
        self._lock = threading.Lock()
        self._waiting: dict[str, list[_T]] = {}

    def batches(self, run_id: str, mine: _T) -> Iterator[list[_T]]:
        """
        Yield what this thread is to commit, `mine` and what others wait with; nothing where another had it in its own.

        When the loop has ended, somebody has tried to commit `mine`. Whether that was done is for the caller to keep on
        the value: where a transaction fails, it fails for all of them, and each tries again for itself.
        """
        with self._lock:
            self._waiting.setdefault(run_id, []).append(mine)
        with self._turn:
            with self._lock:
                if not any(each is mine for each in self._waiting.get(run_id, ())):
                    return
                batch = self._waiting.pop(run_id)
            yield batch
