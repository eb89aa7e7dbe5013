"""A folder, of this machine or of a file system that several share, as a place of whole objects."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from orchestrator.core import system
from orchestrator.core.copying import copy_range
from orchestrator.core.crc32c import crc32c_of, crc32c_text
from orchestrator.core.disks import space_errors
from orchestrator.core.errors import (
    CredentialError,
    GenerationError,
    IntegrityError,
    NotFoundError,
    Stopped,
    TransientError,
    UserError,
)
from orchestrator.core.files import fill_new, fill_whole, make_folder
from orchestrator.core.locks import LockedError, exclusive
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.places import unnoted
from orchestrator.model.ports import Stop
from orchestrator.places.joining import Sum

_LOCK = ".place.lock"
_LOCK_SECONDS, _LOCK_TRIES = 0.05, 1200


class FolderPlace:
    """
    See `model.places.ObjectPlace`: an object is a file below `root`.

    Its generation is told by inode, size and time of change. No checksum is kept beside a file: a listing has none,
    and what was just written is returned with its own. Replacing and deleting are serialised by a lock in `root`, among
    those who use this class.
    """

    def __init__(self, root: Path, stop: Stop | None = None) -> None:
        self._root = root
        self._stop: Stop = stop or threading.Event()

    @property
    def url(self) -> str:
        return str(self._root)

    def close(self) -> None:
        """Nothing is kept open between calls."""

    def check_access(self) -> None:
        try:
            make_folder(self._root)
            with tempfile.TemporaryFile(dir=self._root):
                pass
        except OSError as error:
            raise CredentialError(f"{self._root} cannot be written: {error.strerror}; choose another folder") from None

    # ------------------------------------------------------------------ looking

    def find(self, prefix: str) -> list[StoredObject]:
        folder = self._root / prefix.rpartition("/")[0]
        found = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
        named = ((path.relative_to(self._root).as_posix(), path) for path in found if not _is_ours(path.name))
        wanted = sorted((name, path) for name, path in named if name.startswith(prefix))
        return [there for name, _ in wanted if (there := self.stat(name)) is not None]

    def stat(self, name: str) -> StoredObject | None:
        path = self._path(name)
        with suppress(FileNotFoundError, NotADirectoryError):
            found = path.lstat()
            if path.is_file() and not path.is_symlink():
                return _described(name, found)
        return None

    # ------------------------------------------------------------------ reading

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> bytes:
        with self._opened(source) as fd:
            content = b"".join(_chunks(fd, source.size, stop, source.name))
        on_bytes(len(content))
        if source.crc32c and crc32c_text(crc32c_of(content)) != source.crc32c:
            raise IntegrityError(f"{self._path(source.name)} is not what it was: its checksum is not {source.crc32c}")
        return content

    def read_range(self, source: StoredObject, offset: int, size: int) -> bytes:
        with self._opened(source) as fd:
            content = system.read_at(fd, size, offset)
        if len(content) != size:
            raise IntegrityError(f"{source.name} has {source.size} bytes; {size} were expected at {offset}")
        return content

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: Stop) -> None:
        def fill(made: Path) -> None:
            with self._opened(source) as fd:
                _append(made, [(fd, source.size)])
            if source.crc32c and crc32c_text(crc32c_of(made, stop)) != source.crc32c:
                raise IntegrityError(f"{self._path(source.name)} is not what it was: its checksum is another")

        with space_errors(target):
            fill_whole(target, fill)
        on_bytes(source.size)

    @contextmanager
    def _opened(self, source: StoredObject) -> Iterator[int]:
        """Open what was listed: once it is open, nobody changes it."""
        path = self._path(source.name)
        try:
            fd = system.open_descriptor(path, os.O_RDONLY, follow=False)
        except FileNotFoundError:
            raise NotFoundError(f"{path} is gone") from None
        try:
            if _described(source.name, os.fstat(fd)).generation != source.generation:
                raise GenerationError(f"{path} was replaced after it was listed")
            yield fd
        finally:
            os.close(fd)

    # ------------------------------------------------------------------ writing

    def create(self, name: str, content: bytes | Path, over: StoredObject | None = None) -> StoredObject:
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        meant = Sum(size, crc32c_text(crc32c_of(content, self._stop)))

        def fill(made: Path) -> None:
            if isinstance(content, bytes):
                made.write_bytes(content)
            else:
                with _reading(content) as fd:
                    _append(made, [(fd, size)])

        return self._make(name, fill, meant, over)

    def join(
        self,
        name: str,
        sources: Sequence[StoredObject],
        over: StoredObject | None = None,
        note: Callable[[StoredObject], None] = unnoted,  # noqa: ARG002  nothing is made on the way
    ) -> StoredObject:
        def fill(made: Path) -> None:
            for source in sources:
                if self._stop.is_set():
                    raise Stopped("stopped while joining; the same command continues")
                with self._opened(source) as fd:
                    _append(made, [(fd, source.size)])

        return self._make(name, fill, Sum.of(sources), over)

    def delete(self, source: StoredObject) -> Deletion:
        with self._alone():
            there = self.stat(source.name)
            if there is None:
                return Deletion.ABSENT
            if there.generation != source.generation:
                return Deletion.CHANGED
            path = self._path(source.name)
            path.unlink()
            system.sync_folder(path.parent)
        self._prune(path.parent)
        return Deletion.DELETED

    def _prune(self, folder: Path) -> None:
        """Remove folders that are left empty, which a bucket would not have."""
        with suppress(OSError):
            while folder != self._root:
                folder.rmdir()
                folder = folder.parent

    def _make(self, name: str, fill: Callable[[Path], None], meant: Sum, over: StoredObject | None) -> StoredObject:
        path = self._path(name)
        with space_errors(path):
            make_folder(path.parent)
            if over is None:
                if not fill_new(path, fill):
                    return self._same(name, meant)
            else:
                with self._alone():
                    there = self.stat(name)
                    if there is None or there.generation != over.generation:
                        return self._same(name, meant)
                    fill_whole(path, fill)
        return self._written(name, meant)

    def _same(self, name: str, meant: Sum) -> StoredObject:
        """
        Return what lies where something was to be written, if it is that already.

        Raises:
            GenerationError: It is something else, or nothing.
        """
        there, path = self.stat(name), self._path(name)
        known = there is not None and there.size == meant.size and meant.crc32c is not None
        if not known or crc32c_text(crc32c_of(path, self._stop)) != meant.crc32c:
            raise GenerationError(f"{path} is not what was to be replaced; it is left as it is")
        return self._written(name, meant)

    def _written(self, name: str, meant: Sum) -> StoredObject:
        there = self.stat(name)
        if there is None or there.size != meant.size:
            raise TransientError(f"{self._path(name)} was written, and is gone or another file's by now")
        return replace(there, crc32c=meant.crc32c)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others of this class from replacing or deleting anything here."""
        with ExitStack() as held:
            for _ in range(_LOCK_TRIES):
                with suppress(LockedError):
                    held.enter_context(exclusive(self._root / _LOCK, f"a change in {self._root}"))
                    break
                if self._stop.wait(_LOCK_SECONDS):
                    raise Stopped("stopped; the same command continues")
            else:
                raise TransientError(f"another process does not finish with {self._root / _LOCK}")
            yield

    def _path(self, name: str) -> Path:
        """
        Raises:
            UserError: The name leads out of the folder, or is one of ours.
        """
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or _is_ours(parts[-1]):
            raise UserError(f"{name!r} can be no object's name in {self._root}")
        return self._root.joinpath(*parts)


def _is_ours(name: str) -> bool:
    return name.startswith(_LOCK) or (name.startswith(".") and name.endswith(".tmp"))


def _described(name: str, found: os.stat_result) -> StoredObject:
    generation = f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"
    return StoredObject(name, found.st_size, generation)


@contextmanager
def _reading(path: Path) -> Iterator[int]:
    fd = system.open_descriptor(path, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def _append(made: Path, pieces: Sequence[tuple[int, int]]) -> None:
    """Copy whole open files, each told with its size, to the end of `made`."""
    target = system.open_descriptor(made, os.O_RDWR)
    try:
        at = os.fstat(target).st_size
        for fd, size in pieces:
            copy_range(fd, 0, target, at, size)
            at += size
    finally:
        os.close(target)


def _chunks(fd: int, size: int, stop: Stop, name: str) -> Iterator[bytes]:
    at = 0
    while at < size:
        if stop.is_set():
            raise Stopped(f"stopped while reading {name}; the same command continues")
        chunk = system.read_at(fd, min(size - at, 4 << 20), at)
        if not chunk:
            raise IntegrityError(f"{name} ends at byte {at}; it was listed with {size}")
        yield chunk
        at += len(chunk)
