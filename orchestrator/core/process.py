"""What this process is called among all that share a state, and whether one of them has ended."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def process_name() -> str:
    """
    Return a name that no other process has, of this machine or another: `PID@HOST/BEGAN/NAMESPACE`.

    BEGAN is when it began, in ticks since the machine did, which tells it from a later one of the same id; NAMESPACE
    tells containers apart. Both are empty where the system does not say (elsewhere than on Linux).
    """
    return f"{os.getpid()}@{socket.gethostname()}/{_began(os.getpid())}/{_namespace()}"


def process_id(name: str) -> str:
    """Return the id of the process that is called so."""
    return name.partition("@")[0]


def is_gone(name: str) -> bool:
    """Tell whether the process called `name` has ended; False also where that cannot be known from here."""
    pid, _, where = name.partition("@")
    host, _, rest = where.partition("/")
    began, _, namespace = rest.partition("/")
    if not began or (host, namespace) != (socket.gethostname(), _namespace()):
        return False
    found = _stat(int(pid))
    if not found:
        return not _is_hidden(int(pid))
    return found[0] in _ENDED or found[19] != began


def _began(pid: int) -> str:
    """Return when a process began, empty where there is none."""
    found = _stat(pid)
    return found[19] if found else ""


# proc(5): field 3 of one that has ended and whom its parent has not asked about yet.
_ENDED = frozenset("ZXx")


def _stat(pid: int) -> list[str]:
    """Return what the system says of a process from field 3 of `/proc/PID/stat` on; empty where there is none."""
    with suppress(OSError, IndexError):
        # The name, field 2, stands in brackets and may hold blanks. When it began is field 22.
        text = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
        fields = text.rsplit(")", 1)[1].split()
        return fields if len(fields) > 19 else []
    return []


def _is_hidden(pid: int) -> bool:
    """Tell whether there is a process of which /proc shows nothing to this user: it is mounted with `hidepid`."""
    with suppress(ProcessLookupError):
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
    return False


def _namespace() -> str:
    with suppress(OSError):
        return str((_PROC / "self/ns/pid").readlink()).partition("[")[2].rstrip("]")
    return ""
