"""Bytes copied from one open file to another, inside the kernel where it can."""

from __future__ import annotations

import errno

from orchestrator.core import system
from orchestrator.core.errors import IntegrityError

COPY_BYTES = 8 << 20
# What copy_file_range answers where a file system, or a pair of them, cannot do it.
_UNABLE = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}


def write_all_at(fd: int, data: bytes | memoryview, at: int) -> None:
    """Write all of `data` at position `at`."""
    view = memoryview(data)
    while view:
        done = system.write_at(fd, view, at)
        view, at = view[done:], at + done


def copy_range(source: int, offset: int, target: int, at: int, size: int) -> None:
    """Copy `size` bytes between files, inside the kernel where it can."""
    try:
        while size:
            done = system.copy_at(source, target, min(size, 1 << 30), offset, at)
            if done is None:
                return _copy_by_hand(source, offset, target, at, size)
            if not done:
                raise IntegrityError(f"the file ends at byte {offset}, {size} more bytes were expected")
            offset, at, size = offset + done, at + done, size - done
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
        _copy_by_hand(source, offset, target, at, size)
    return None


def _copy_by_hand(source: int, offset: int, target: int, at: int, size: int) -> None:
    while size:
        data = system.read_at(source, min(size, COPY_BYTES), offset)
        if not data:
            raise IntegrityError(f"the file ends at byte {offset}, {size} more bytes were expected")
        write_all_at(target, data, at)
        offset, at, size = offset + len(data), at + len(data), size - len(data)
