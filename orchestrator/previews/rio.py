"""rio-tiler, imported by one thread at a time: its modules import each other in a circle."""

from __future__ import annotations

import threading
from typing import Any

from orchestrator.core.optional import required

_importing = threading.Lock()


def rio_tiler(module: str, what: str) -> Any:
    """
    Return `rio_tiler.MODULE`; `what` needs it, as the sentence's first words say.

    Raises:
        ExtraError: The extra `web` is not installed.
    """
    with _importing:
        return required(f"rio_tiler.{module}", "web", what)
