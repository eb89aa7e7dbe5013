"""JSON that outlives the program that wrote it: it carries a version, and a newer one is not guessed at."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.core.errors import IntegrityError


def read_stored(text: str, what: str, version: int) -> dict[str, Any]:
    """
    Return what this or an earlier version wrote of `what`, without its version; before there were any, it was 1.

    Raises:
        IntegrityError: A newer version wrote it.
    """
    content: dict[str, Any] = json.loads(text)
    written = content.pop("version", 1)
    if written > version:
        raise IntegrityError(f"the {what} is of version {written}, newer than this program's {version}; upgrade it")
    return content
