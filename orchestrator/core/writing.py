"""Files that several commands write at once, and what is said where one cannot be written."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.core.errors import SpaceError, UserError
from orchestrator.core.locks import LockedError, LockFile

_TURNS, _TURN_SECONDS = 2400, 0.05  # of waiting for a lock that is held for moments
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """
    Say in a sentence that `path` could not be written, and what to do; for what the block writes whole or not at all.

    Raises:
        SpaceError: The disk is full, or no file may be so large.
        UserError: The system refused for another reason.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        if error.errno in _FULL:
            raise SpaceError(
                f"{path} cannot be written: {why}; make room and give the command again: what lay there is as it was"
            ) from error
        raise UserError(f"{path} cannot be written: {why}; name a folder in which files can be made") from error


@contextmanager
def in_turn(path: Path, what: str, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """
    Hold the file `path` for the time of the block, after all who hold it now; it is removed after the last.

    For what takes moments. Where the file system has no locks nobody waits.

    Raises:
        LockedError: Somebody has held it for two minutes.
        OSError: It cannot be made.
    """
    lock = LockFile(path)
    for turn in range(_TURNS):
        try:
            lock.acquire(lambda _said: f"{what} is being written by another command, which does not end (lock {path})")
            break
        except LockedError:
            if turn == _TURNS - 1:
                raise
            sleep(_TURN_SECONDS)
        except OSError as error:
            if error.errno not in {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}:
                raise
            break
    try:
        yield
    finally:
        if lock.held:
            lock.remove()
