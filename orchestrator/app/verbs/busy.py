"""How a verb says that something takes a while."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

# Called with what is being done, in a few words; the block is the time it takes.
Busy = Callable[[str], AbstractContextManager[None]]
# Called with what a person should know.
Tell = Callable[[str], None]


def untold(_what: str) -> None:
    """Tell nobody."""


def unwatched(_what: str) -> AbstractContextManager[None]:
    """Tell nobody."""
    return nullcontext()
