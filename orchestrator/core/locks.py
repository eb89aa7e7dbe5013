"""Files that at most one process holds; the kernel frees them when it dies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.core import crash, system
from orchestrator.core.errors import OrchestratorError
from orchestrator.core.files import remove_open
from orchestrator.core.system import Held, LockTakenError


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
        self._lock: Held | None = None

    @property
    def held(self) -> bool:
        return self._fd >= 0

    @property
    def content(self) -> bytes:
        """What the file says; only while it is held."""
        return system.read_at(self._fd, _LOCK_BYTES, 0)

    def acquire(self, refusal: Callable[[bytes], str]) -> None:
        """
        Hold the file.

        Raises:
            LockedError: Another holder has it; `refusal` makes the message of what the file says.
        """
        while True:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                fd = system.open_descriptor(self.path, os.O_RDWR | os.O_CREAT, 0o600, follow=False)
            except FileNotFoundError:  # whoever removed the last file in the folder removed that, too, just now
                continue
            try:
                lock = system.hold(fd, self.path)
            except LockTakenError:
                said = system.read_at(fd, _LOCK_BYTES, 0)
                os.close(fd)
                raise LockedError(refusal(said)) from None
            if _is_at(fd, self.path):
                self._fd, self._lock = fd, lock
                crash.point("lock.taken")
                return
            lock.close()
            os.close(fd)  # its holder removed it while we waited for it; there is, or will be, another

    def write(self, content: bytes) -> None:
        """Say `content` from now on."""
        os.ftruncate(self._fd, 0)
        crash.point("lock.emptied")
        system.write_at(self._fd, content, 0)

    def release(self) -> None:
        """Let go of the file and leave it there."""
        if self._lock is not None:
            os.close(self._fd)
            self._lock.close()
            self._fd, self._lock = -1, None

    def take_over(self, refusal: Callable[[bytes], str]) -> None:
        """
        Hold the file in the place of a process that lives and has lost what it stands for: it keeps one without a name.

        Errors as `acquire`, also where the system keeps open files.
        """
        with suppress(PermissionError):
            self.path.unlink(missing_ok=True)
        self.acquire(refusal)

    def remove(self) -> None:
        """Remove the file, and the folder it lies in when that is left empty; then let go."""
        if not _is_at(self._fd, self.path):  # it was taken over: what is there now is another's
            self.release()
            return
        remove_open(self.path, self.release)
        crash.point("lock.removed")
        with suppress(OSError):
            self.path.parent.rmdir()


_LOCK_BYTES = 4096


def _is_at(fd: int, path: Path) -> bool:
    """Tell whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _from_none(_process: str) -> bool:
    return False


@contextmanager
def exclusive(path: Path, what: str, may_take_from: Callable[[str], bool] = _from_none) -> Iterator[None]:
    """
    Hold an exclusive lock on `path` for the time of the block; the kernel frees it when the process dies.

    `may_take_from` tells of a process, by its id, whether it lives on and has lost what the lock stands for.

    Raises:
        LockedError: Another process holds it; the message names its process id.
    """

    def refusal(said: bytes) -> str:
        return f"{what} is already being worked on by process {_process_of(said)} (lock {path})"

    lock = LockFile(path)
    try:
        lock.acquire(refusal)
    except LockedError:
        if not may_take_from(holder_of(path)):
            raise
        lock.take_over(refusal)
    try:
        lock.write(f"{os.getpid()}\n".encode())
        yield
    finally:
        lock.release()


def holder_of(path: Path) -> str:
    """Return the id of the process that holds the lock `path`, "unknown" before it said so; empty where none does."""
    lock = LockFile(path)
    try:
        lock.acquire(_process_of)
    except LockedError as error:
        return str(error)
    lock.release()
    return ""


def _process_of(said: bytes) -> str:
    return said.decode("ascii", "replace").strip() or "unknown"
