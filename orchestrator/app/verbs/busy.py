"""How a verb says that something takes a while."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

# Called with what is being done, in a few words; the block is the time it takes.
Busy = Callable[[str], AbstractContextManager[None]]


def unwatched(_what: str) -> AbstractContextManager[None]:
    """Tell nobody."""
    return nullcontext()
