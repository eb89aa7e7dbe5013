"""How large tiles may be, and how many."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from orchestrator.core.errors import UserError

# All land of the Earth in cells of 5.5 km; Germany in cells of 270 m. A file of so many takes some 600 MB.
MAX_TILES = 5_000_000


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number; whoever calls from Python may give anything."""
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(float(value))


def check_size(size: float, what: str = "--size") -> None:
    """
    Make sure that a side is one, in metres.

    Raises:
        UserError: It is no number, not finite, or not above 0.
    """
    if not is_number(size) or size <= 0:
        raise UserError(f"{what} is {size!r}; give metres above 0, for example 1000")


def check_count(count: float, size: float, where: str = "over the area") -> None:
    """
    Make sure that there are not too many tiles, before they are made.

    Raises:
        UserError: There are.
    """
    if count > MAX_TILES:
        raise UserError(
            f"tiles of {size:g} m would be about {count:,.0f} {where}, and {MAX_TILES:,} may be made at once: "
            "give a larger size, or cut the area into several"
        )
