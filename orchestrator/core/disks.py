"""Full disks: whether an error says so, which disk it is, and what is free there."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.core.errors import SpaceError
from orchestrator.core.files import free_bytes
from orchestrator.core.units import format_bytes

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_full(error: OSError) -> bool:
    """Tell whether there is no room left, on the disk or of what one may use of it."""
    return error.errno in _FULL


def room_at(path: Path) -> str:
    """Say how much can still be written where `path` lies, or would lie: `12.0 KiB free`."""
    with suppress(OSError):
        return f"{format_bytes(free_at(path))} free"
    return "nobody can say how much is free"  # the disk is gone


def full_disk(error: OSError, folders: Sequence[Path]) -> str:
    """Say which folder has no room left: the system often names no file, and then it is the fullest of `folders`."""
    named = Path(error.filename).parent if isinstance(error.filename, str) else None
    folder = named or min(folders, key=free_at)
    return f"no room left in {folder}, {room_at(folder)}: {error.strerror}; free some"


def free_at(path: Path) -> int:
    """Return how many bytes can still be written where `path` lies, or would lie."""
    there = next((folder for folder in (path, *path.parents) if folder.is_dir()), Path())
    return free_bytes(there)


@contextmanager
def space_errors(path: Path) -> Iterator[None]:
    """Turn a full disk into a SpaceError that names `path`."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise SpaceError(
                f"no room left to write {path}, {room_at(path)}; free some and start again, work continues"
            ) from error
        raise
