"""What somebody perhaps meant by a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def hint(name: str, known: Collection[str]) -> str:
    """Return `did you mean 'x'?`, or every name there is."""
    near = difflib.get_close_matches(name.lower(), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
