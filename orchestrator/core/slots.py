"""So many at once on a machine, whichever process they are in: a file for each place, freed when its process dies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestrator.core.errors import Stopped
from orchestrator.core.files import LockedError, LockFile
from orchestrator.core.retry import Waiter

_LOOK_SECONDS = 0.1


def _unheard(_who: str) -> None:
    pass


def by_processes(holders: Sequence[str], own: object, name: str) -> str:
    """Return who holds places, as the end of a sentence: the process `own` by `name`, after the others."""
    others = [holder for holder in holders if holder != str(own)]
    told = [f"process{'es' if len(others) > 1 else ''} {', '.join(others)}"] if others else []
    return " and ".join([*told, name] if len(others) < len(holders) else told)


class Slots:
    """
    Places in a folder that all processes of a machine share. Safe to use from several threads.

    Whoever comes with fewer places than others uses the first of them, so that the most of any holds for all.
    """

    def __init__(self, folder: Path, count: int, what: str) -> None:
        """Take the folder, how many places there are, and what is held, as the object of a sentence."""
        self._folder, self._count, self._what = folder, count, what

    @contextmanager
    def hold(self, stop: Waiter, waiting: Callable[[str], None] = _unheard) -> Iterator[None]:
        """
        Hold a place for the time of the block; `waiting` is told, once, that all are taken, and by whom.

        Nothing is told while this process itself has them all: it knows what it does.

        Raises:
            Stopped: `stop` was set while waiting.
        """
        lock = self._wait(stop, waiting)
        try:
            yield
        finally:
            lock.release()

    def holders(self) -> tuple[str, ...]:
        """Return which processes hold places now, where all are held; else none: whoever wants a place has one."""
        lock, holders = self._first_free()
        if lock is None:
            return tuple(holders)
        lock.release()
        return ()

    def _wait(self, stop: Waiter, waiting: Callable[[str], None]) -> LockFile:
        told, before = False, [""]
        while True:
            lock, holders = self._first_free()
            if lock is not None:
                return lock
            # A place that is taken at this moment does not say yet by whom: what two looks find is so.
            if not told and holders == before != [str(os.getpid())]:
                by = by_processes(holders, os.getpid(), "this one")
                waiting(f"all {self._count} {self._what} are taken, by {by}: waiting for one")
                told = True
            before = holders
            if stop.wait(_LOOK_SECONDS):
                raise Stopped(f"stopped while waiting for one of {self._count} {self._what}")

    def _first_free(self) -> tuple[LockFile | None, list[str]]:
        holders = []
        for number in range(self._count):
            lock, holder = self._take(number)
            if lock is not None:
                lock.write(f"{os.getpid()}\n".encode())
                return lock, []
            holders.append(holder)
        return None, sorted(set(holders))

    def _take(self, number: int) -> tuple[LockFile | None, str]:
        """Return a held place, or who has it."""
        lock = LockFile(self._folder / f"{number}.lock")
        try:
            lock.acquire(lambda said: said.decode("ascii", "replace").strip() or "unknown")
        except LockedError as error:
            return None, str(error)
        return lock, ""
