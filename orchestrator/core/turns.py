"""A file that several processes change, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.core.files import StopFlag
from orchestrator.core.locks import LockedError, exclusive

_LOOK_SECONDS, _LOOKS = 0.05, 1200
_NEVER = threading.Event()


@contextmanager
def taking_turns(path: Path, what: str, stop: StopFlag | None = None) -> Iterator[None]:
    """
    Hold the lock `path` for the time of the block; whoever holds it now is waited for, for a minute.

    Raises:
        LockedError: It took longer, or `stop` was set meanwhile.
    """
    for left in reversed(range(_LOOKS)):
        turn = exclusive(path, what)
        try:
            turn.__enter__()
            break
        except LockedError:
            if not left or (stop is not None and stop.is_set()):
                raise
            _NEVER.wait(_LOOK_SECONDS)
    try:
        yield
    finally:
        turn.__exit__(None, None, None)
