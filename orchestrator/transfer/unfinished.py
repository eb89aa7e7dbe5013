"""The file a download grows in: hidden, named after the generation, kept over cuts and crashes."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from orchestrator.core import crash
from orchestrator.core.disks import room_at
from orchestrator.core.errors import SpaceError, Stopped, TransientError
from orchestrator.core.files import publish
from orchestrator.core.system import HAS_LOCKS, OPEN_FILES_STAY, LockTakenError, hold, open_descriptor
from orchestrator.model.objects import StoredObject
from orchestrator.model.ports import Stop
from orchestrator.transfer.verify import READ_BYTES, checksum_for, holds

_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HANDLES = {errno.EMFILE, errno.ENFILE}
# Small reads of a slow network are gathered into one write; what is larger passes the buffer by, uncopied.
_GATHER_BYTES = 1 << 16
_LOOK_SECONDS = 0.2
_LONGEST_NAME = 255  # bytes, of every file system we write to


def part_path(target: Path, generation: str) -> Path:
    """
    Return where `target` grows: `.{name}.{generation}.part` in the same folder, so that one rename publishes it.

    A generation with characters that have no place in a file name, or a name that would be too long, is
    replaced by its hash; two generations never share a path.
    """
    tail = generation if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", generation) else _short(generation)
    name = f".{target.name}.{tail}.part"
    if len(name.encode()) > _LONGEST_NAME:
        name = f".{_short(target.name)}.{tail}.part"
    return target.with_name(name)


def _short(text: str) -> str:
    return "h" + hashlib.sha256(text.encode()).hexdigest()[:24]


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """
    Say whose turn it is when the local disk fails.

    Raises:
        SpaceError: If the disk, a quota or a file size limit is full.
        TransientError: If the process has no file handle left.
        OSError: Whatever else the disk said (read-only, worn out): retrying is not ours to decide.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _SPACE:
            raise SpaceError(f"no room to write {path}: {error.strerror}, {room_at(path)}; free space there") from error
        if error.errno in _HANDLES:
            raise TransientError(f"no file handle left to open {path}: {error.strerror}") from error
        raise


class Growing(Protocol):
    """What the bytes of a transfer go into, in order."""

    @property
    def size(self) -> int:
        """Bytes so far."""

    @property
    def missing(self) -> int:
        """Bytes still to come."""

    def append(self, chunk: bytes) -> None: ...

    def restart(self) -> None:
        """Forget every byte."""


class Tail:
    """
    The digest of an object's bytes from the second on, for comparing with an earlier download.

    Asked for from there, the object is cut otherwise than before: what spoils a body always at the same place spoils
    other bytes of the object this time.
    """

    def __init__(self, source: StoredObject) -> None:
        self._source = source
        self.size = min(1, source.size)
        self._hash = hashlib.sha256()

    @property
    def missing(self) -> int:
        return self._source.size - self.size

    def append(self, chunk: bytes) -> None:
        self._hash.update(chunk if self.size else chunk[1:])
        self.size += len(chunk)

    def restart(self) -> None:
        self.size, self._hash = 0, hashlib.sha256()

    def digest(self) -> str:
        return self._hash.hexdigest()


class UnfinishedBytes:
    """Bytes of one object at one generation in memory, and the checksum over them."""

    def __init__(self, source: StoredObject) -> None:
        self._source = source
        self.restart()

    @property
    def size(self) -> int:
        return len(self._bytes)

    @property
    def missing(self) -> int:
        """Bytes still to come."""
        return self._source.size - self.size

    def append(self, chunk: bytes) -> None:
        self._bytes += chunk
        self._checksum.update(chunk)

    def restart(self) -> None:
        """Forget every byte."""
        self._bytes = bytearray()
        self._checksum = checksum_for(self._source)

    def is_whole(self) -> bool:
        """Tell whether every byte is here and the checksum is the listed one."""
        return self.missing == 0 and self._checksum.matches()

    def found(self) -> str:
        """Return the checksum over the bytes so far."""
        return self._checksum.found()

    def reread(self) -> bool:
        """Compute the checksum over the bytes anew; tell whether they are the listed ones."""
        self._checksum = checksum_for(self._source)
        self._checksum.update(bytes(self._bytes))
        return self.is_whole()

    def digest(self, start: int = 0) -> str:
        """Return the SHA-256 of the bytes from `start` on."""
        return hashlib.sha256(memoryview(self._bytes)[start:]).hexdigest()

    def discard(self) -> None:
        """Give the memory back."""
        self._bytes = bytearray()

    def content(self) -> bytes:
        """Return the bytes."""
        return bytes(self._bytes)


class UnfinishedFile:
    """
    Bytes of one object at one generation, from the first to `size`, and the checksum over exactly those.

    Bytes kept by an earlier process are read again when the file is opened, so the checksum always covers
    what the disk has, not what somebody remembers having written. One at a time has the file: another run that brings
    the same is waited for.

    Attributes:
        path: Of the file.
        waited: Whether somebody else had it first, who may have given it its name.
    """

    def __init__(self, path: Path, source: StoredObject, stop: Stop) -> None:
        self.path = path
        self.size = 0
        self._source = source
        self._checksum = checksum_for(source)
        with disk_errors(path):
            self._file, self.waited = _open(path, stop)
            self._adopt()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Closing writes out what is buffered, which a full disk refuses: an error here must not hide the first one.
        with disk_errors(self.path):
            self._file.close()

    @property
    def missing(self) -> int:
        """Bytes still to come."""
        return self._source.size - self.size

    def append(self, chunk: bytes) -> None:
        with disk_errors(self.path):
            self._file.write(chunk)
        self._checksum.update(chunk)
        self.size += len(chunk)

    def restart(self) -> None:
        """Forget every byte."""
        with disk_errors(self.path):
            self._file.seek(0)
            self._file.truncate()
        self._checksum = checksum_for(self._source)
        self.size = 0

    def is_whole(self) -> bool:
        """Tell whether every byte is here and the checksum is the listed one."""
        return self.missing == 0 and self._checksum.matches()

    def found(self) -> str:
        """Return the checksum over the bytes so far."""
        return self._checksum.found()

    def reread(self) -> bool:
        """Compute the checksum anew over what the disk has; tell whether that is what was listed."""
        self._checksum = checksum_for(self._source)
        for chunk in self._chunks(0):
            self._checksum.update(chunk)
        return self.is_whole()

    def digest(self, start: int = 0) -> str:
        """Return the SHA-256 of what the disk has from `start` on."""
        found = hashlib.sha256()
        for chunk in self._chunks(start):
            found.update(chunk)
        return found.hexdigest()

    def _chunks(self, start: int) -> Iterator[bytes]:
        with disk_errors(self.path):
            self._file.seek(start)
            while chunk := self._file.read(READ_BYTES):
                yield chunk

    def publish(self, target: Path) -> None:
        """
        Make the bytes durable, then give them their name, then make the name durable.

        Raises:
            TransientError: Somebody removed the file meanwhile, and did not give it its name either.
        """
        with disk_errors(target):
            self._file.flush()
            os.fsync(self._file.fileno())
            crash.point("download.synced")
            if OPEN_FILES_STAY:
                self._file.close()
            try:
                publish(self.path, target)
            except FileNotFoundError:
                if not holds(target, self._source):
                    raise TransientError(f"{self.path} is no longer on the disk; it comes anew") from None

    def discard(self) -> None:
        """Remove the file; nothing of it is of use any more."""
        if OPEN_FILES_STAY:
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _adopt(self) -> None:
        if os.fstat(self._file.fileno()).st_size > self._source.size:
            self.restart()
        while chunk := self._file.read(READ_BYTES):
            self._checksum.update(chunk)
            self.size += len(chunk)


def _open(path: Path, stop: Stop) -> tuple[BinaryIO, bool]:
    """Open a file that nobody else has open, and tell whether somebody had; Stopped where `stop` was set meanwhile."""
    waited = False
    # A link planted under our predictable name must not lead the bytes elsewhere.
    while not _is_ours(descriptor := open_descriptor(path, os.O_RDWR | os.O_CREAT, follow=False), path):
        os.close(descriptor)
        waited = True
        if stop.wait(_LOOK_SECONDS):
            raise Stopped(f"stopped while another run brings {path.name}; the same command goes on")
    return os.fdopen(descriptor, "r+b", buffering=_GATHER_BYTES), waited


def _is_ours(descriptor: int, path: Path) -> bool:
    """Hold a file until it is closed, and tell whether that can be done and it still has its name."""
    if not HAS_LOCKS:
        return True
    try:
        hold(descriptor, path)
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (LockTakenError, FileNotFoundError):
        return False
    except OSError:  # a file system without locks
        return True
