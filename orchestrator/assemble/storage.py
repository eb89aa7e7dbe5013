"""Bytes with addresses: part files, part buffers, spools; and the copying between them."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core import system
from orchestrator.core.copying import copy_range, write_all_at
from orchestrator.core.errors import IntegrityError


@dataclass(frozen=True, slots=True)
class FileBytes:
    """An open file, read by position; safe in threads."""

    fd: int
    size: int

    @classmethod
    def of(cls, fd: int) -> FileBytes:
        return cls(fd, os.fstat(fd).st_size)

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes, or raise IntegrityError."""
        # Looked at first, because a damaged table may ask for more than there is memory.
        data = system.read_at(self.fd, size, offset) if offset + size <= self.size else b""
        if len(data) != size:
            raise IntegrityError(f"the file ends at byte {self.size}, {size} bytes were expected at {offset}")
        return data

    def copy(self, offset: int, size: int, target: int, at: int) -> None:
        """Copy bytes to position `at` of the file descriptor `target`."""
        copy_range(self.fd, offset, target, at, size)


@dataclass(frozen=True, slots=True)
class BufferBytes:
    """A part that is in memory and nowhere else."""

    data: memoryview

    @property
    def size(self) -> int:
        return self.data.nbytes

    def read(self, offset: int, size: int) -> memoryview:
        """Return exactly `size` bytes, or raise IntegrityError."""
        data = self.data[offset : offset + size]
        if data.nbytes != size:
            raise IntegrityError(f"the part ends at byte {self.size}, {size} bytes were expected at {offset}")
        return data

    def copy(self, offset: int, size: int, target: int, at: int) -> None:
        """Copy bytes to position `at` of the file descriptor `target`."""
        write_all_at(target, self.read(offset, size), at)


# Modes of Linux's fallocate(2): take bytes out of a file, or make room in it, by moving block addresses only.
_COLLAPSE, _INSERT = 0x08, 0x20
# Block size of nearly every file system that can do so; on others the kernel refuses, and the bytes are copied.
ALIGNMENT = 4096


def aligned(size: int) -> int:
    """Round up to a whole number of file system blocks."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def insert_room(fd: int, at: int, size: int) -> bool:
    """Move all bytes from `at` on by `size`, both multiples of ALIGNMENT; tell whether the file system could."""
    return _fallocate(fd, _INSERT, at, size)


def remove_room(fd: int, at: int, size: int) -> bool:
    """Undo `insert_room`."""
    return _fallocate(fd, _COLLAPSE, at, size)


def _fallocate(fd: int, mode: int, at: int, size: int) -> bool:
    try:
        call = ctypes.CDLL(None, use_errno=True).fallocate
    except (AttributeError, OSError, TypeError):  # not Linux; Windows has no library without a name
        return False
    done = call(ctypes.c_int(fd), ctypes.c_int(mode), ctypes.c_int64(at), ctypes.c_int64(size))
    return int(done) == 0


def boot_id() -> str:
    """Return what changes whenever the machine starts, or nothing where that is not known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
