"""What somebody perhaps meant by a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def hint(name: str, known: Collection[str]) -> str:
    """Return `did you mean 'x'?`, or every name there is."""
    lowered = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), lowered, 1)
    return f"did you mean {lowered[near[0]]!r}?" if near else f"there are {', '.join(known)}"


def near_ones(name: str, known: Collection[str]) -> str:
    """Return `did you mean 'x' or 'y'?`, the nearest first; nothing where none is near."""
    lowered = {one.lower(): one for one in known}
    near = [repr(lowered[one]) for one in difflib.get_close_matches(name.lower(), lowered, 3)]
    return f"did you mean {' or '.join(filter(None, (', '.join(near[:-1]), near[-1])))}?" if near else ""
