"""Files that appear whole or not at all, and locks that die with their process."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.core.errors import OrchestratorError


def sync_folder(folder: Path) -> None:
    """Make renames and new names in `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def publish(unfinished: Path, final: Path) -> None:
    """
    Give a finished, fsynced file its final name by one rename in the same folder or filesystem.

    Readers see the previous file or the new one, never neither and never a part.
    """
    unfinished.rename(final)
    sync_folder(final.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` durably; a crash leaves the previous content or the new one."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    publish(unfinished, path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class LockedError(OrchestratorError):
    """Another process holds the lock."""

    exit_code = 5


class LockFile:
    """
    A file that at most one process holds, and that says by whom; the kernel frees it when the process dies.

    What it says outlives the process, until `remove`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    @property
    def held(self) -> bool:
        return self._fd >= 0

    @property
    def content(self) -> bytes:
        """What the file says; only while it is held."""
        return os.pread(self._fd, _LOCK_BYTES, 0)

    def acquire(self, refusal: Callable[[bytes], str]) -> None:
        """
        Hold the file.

        Raises:
            LockedError: Another holder has it; `refusal` makes the message of what the file says.
        """
        while True:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                said = os.pread(fd, _LOCK_BYTES, 0)
                os.close(fd)
                raise LockedError(refusal(said)) from None
            if _is_at(fd, self.path):
                self._fd = fd
                return
            os.close(fd)  # its holder removed it while we waited for it; there is, or will be, another

    def write(self, content: bytes) -> None:
        """Say `content` from now on."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, content, 0)

    def release(self) -> None:
        """Let go of the file and leave it there."""
        if self.held:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        """Remove the file, and the folder it lies in when that is left empty; then let go."""
        with suppress(FileNotFoundError):
            self.path.unlink()
        with suppress(OSError):
            self.path.parent.rmdir()
        self.release()


_LOCK_BYTES = 4096


def _is_at(fd: int, path: Path) -> bool:
    """Tell whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """
    Hold an exclusive lock on `path` for the time of the block; the kernel frees it when the process dies.

    Raises:
        LockedError: Another process holds it; the message names its process id.
    """

    def refusal(said: bytes) -> str:
        holder = said.decode("ascii", "replace").strip() or "unknown"
        return f"{what} is already being worked on by process {holder} (lock {path})"

    lock = LockFile(path)
    lock.acquire(refusal)
    try:
        lock.write(f"{os.getpid()}\n".encode())
        yield
    finally:
        lock.release()


def remove_tree(folder: Path) -> None:
    """Remove `folder` and what is in it, bottom up, without following links; missing is done."""
    if folder.is_symlink() or not folder.is_dir():
        with suppress(FileNotFoundError):
            folder.unlink()
        return
    for child in folder.iterdir():
        remove_tree(child)
    folder.rmdir()
