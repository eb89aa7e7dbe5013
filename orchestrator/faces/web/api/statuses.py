"""Which status of HTTP an exit code of the commands has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# 404 is for a name that nothing has, 405 for a method, 401, 403, 413, 421 and 429 are the gate's: asked wrongly, too.
STATUSES: Mapping[int, int] = MappingProxyType(
    {
        1: 500,  # it failed
        2: 400,  # asked wrongly
        3: 409,  # it waits for a person
        4: 500,  # settings or credentials, of the page's process
        5: 503,  # try again later: another process has it, a service or a disk cannot now
        6: 409,  # an audit found differences
        130: 503,  # the page ends
    }
)
