"""
Who is at work in this process, and where: at one service at a time, since Earth Engine's client speaks to one.

A second service is refused while another is at work: its pixels would come from the wrong place.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.core.errors import UserError

_guard = threading.Lock()
_working: Counter[str] = Counter()
_before = ""  # what the client was signed in to when the first began


@contextmanager
def at_work(place: str) -> Iterator[None]:
    """
    Be at work at a service for the time of a block; the client is given back as it was when the last block ends.

    Args:
        place: The service, as a person is told it.

    Raises:
        UserError: Another service is at work in this process.
    """
    begin(place)
    try:
        yield
    finally:
        end(place)


def begin(place: str) -> None:
    """Enter what `at_work` is the block of; errors as there."""
    global _before  # noqa: PLW0603  one for each process, as the client is
    with _guard:
        refuse_others(place)
        if not _working:
            _before = _signed_in()
        _working[place] += 1


def end(place: str) -> None:
    """Leave what `begin` entered."""
    with _guard:
        _working[place] -= 1
        if _working[place] == 0:
            del _working[place]
            _give_back(_before)


def stay() -> None:
    """Let the client be left where it is when the last block ends."""
    global _before  # noqa: PLW0603
    with _guard:
        _before = ""


def refuse_others(place: str) -> None:
    """Raise UserError where another service than `place` is at work."""
    other = next((one for one in tuple(_working) if one != place), "")
    if other:
        raise UserError(
            f"work at {other} is under way in this process (another thread, or a run that was submitted), and Earth "
            f"Engine's client speaks to one service at a time: wait for it to end, or use another process for {place}"
        )


def _signed_in() -> str:
    # Nobody is signed in where nobody has imported the client, which costs a second.
    session = sys.modules.get("orchestrator.clients.session")
    return str(session.CLIENT.key) if session is not None else ""


def _give_back(key: str) -> None:
    if key and key != _signed_in():
        from orchestrator.clients.session import give_back  # noqa: PLC0415

        give_back(key)
