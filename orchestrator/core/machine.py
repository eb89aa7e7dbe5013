"""What this process may use of the machine it is on."""

from __future__ import annotations

import math
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_GROUPS = Path("sys/fs/cgroup")
_Read = Callable[[Path], float | None]


def processors(root: Path = Path("/")) -> int:
    """
    Return how many processors this process may use, at least 1: those it is bound to, or the share of a container.

    A container that may use 1.5 processors of 64 has 2. `root` is where /proc and /sys are.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    allowed = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([allowed, *(math.ceil(share) for share in _bounds(root, "cpu", _share_v2, _share_v1))]))


def _bounds(root: Path, controller: str, read_v2: _Read, read_v1: _Read) -> Iterator[float]:
    """Yield the limits of the control groups around this process: each of them holds."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _limits(root / _GROUPS, path, read_v2)
        elif controller in controllers.split(","):
            for name in dict.fromkeys((controllers, controller)):
                yield from _limits(root / _GROUPS / name, path, read_v1)


def _limits(mount: Path, path: str, read: _Read) -> Iterator[float]:
    """Yield the limits of a group and of all groups around it; in a container its own group may be the root."""
    inside = PurePosixPath(path.lstrip("/"))
    for folder in [inside, *inside.parents]:
        if ".." not in folder.parts and (share := read(mount / folder)) is not None:
            yield share


def _share_v2(folder: Path) -> float | None:
    words = _words(folder / "cpu.max")
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0] != "max" else None


def _share_v1(folder: Path) -> float | None:
    quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
    return int(quota[0]) / int(period[0]) if quota and period and int(quota[0]) > 0 else None


def _most_v2(folder: Path) -> float | None:
    words = _words(folder / "memory.max")
    return int(words[0]) if words and words[0] != "max" else None


def _most_v1(folder: Path) -> float | None:
    words = _words(folder / "memory.limit_in_bytes")
    return int(words[0]) if words else None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []


def memory(root: Path = Path("/")) -> int | None:
    """Return the bytes of memory that this process may use: the machine's, or a container's; None where nobody says."""
    # Not there on Windows.
    sysconf: Callable[[str], int] | None = getattr(os, "sysconf", None)
    try:
        whole = sysconf("SC_PHYS_PAGES") * sysconf("SC_PAGE_SIZE") if sysconf else None
    except (ValueError, OSError):
        whole = None
    known = [int(limit) for limit in (whole, *_bounds(root, "memory", _most_v2, _most_v1)) if limit is not None]
    return min(known, default=None)


def kernel(root: Path = Path("/")) -> str:
    """
    Return which running kernel this process is one of, the same in all its containers and another after each start.

    Where the system does not say (Windows, macOS), the machine's name and the address of its network card stand in.
    """
    with suppress(OSError, UnicodeDecodeError):
        return (root / "proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{socket.gethostname().replace(' ', '_')}-{uuid.getnode():012x}"
