"""What the exit codes mean: the one table that --help, the pages and the commands go by."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

DONE, FAILED, WAITS_FOR_PERSON = 0, 1, 3
PARTLY = WAITS_FOR_PERSON  # either way, somebody looks at it

MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        DONE: "done",
        FAILED: "failed",
        2: "asked wrongly",
        WAITS_FOR_PERSON: "partly done or waits for a person",
        4: "settings or credentials",
        5: "try again later",
        6: "an audit found differences",
        130: "stopped (the same command continues)",
    }
)


def together(codes: Collection[int]) -> int:
    """
    Return one exit code for several jobs.

    The same for all is that; otherwise failed where one of them failed or was refused, else partly done or
    waiting for a person where one is, else try again later.
    """
    others = set(codes) - {DONE}
    if len(set(codes)) == 1 or others <= {5}:
        return max(codes)
    return WAITS_FOR_PERSON if others <= {WAITS_FOR_PERSON, 5} else FAILED
