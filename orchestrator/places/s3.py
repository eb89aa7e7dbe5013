"""
A bucket that speaks S3, or a prefix in one, as a place of whole objects.

Two things are weaker than in a folder or in Cloud Storage, and are so because the way there cannot say them: an object
of more than `CONDITION_BYTES` is written in pieces, whose end has no condition, so that what somebody writes at the
same name in the seconds between the last look and the end is replaced; and deleting has none, likewise. Joining moves
the payload through this machine: the parts are read and sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from orchestrator.clients.s3 import S3Objects
from orchestrator.core.crc32c import crc32c_of, crc32c_text
from orchestrator.core.errors import GenerationError, IntegrityError, NotFoundError, Stopped
from orchestrator.core.files import fill_whole
from orchestrator.core.retry import RetryPolicy, retrying
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.places import unnoted
from orchestrator.model.ports import Stop
from orchestrator.places.joining import Sum

CONDITION_BYTES = 64 << 20  # in one request, held in memory
_READ_BYTES = 8 << 20
_PROBE = ".orchestrator-access"
T = TypeVar("T")


class S3Place:
    """See `model.places.ObjectPlace`, and the module for what is weaker here."""

    def __init__(self, client: S3Objects, url: str, prefix: str, policy: RetryPolicy, stop: Stop) -> None:
        """Take the bucket's client, what people call the place, and what all its names begin with in the bucket."""
        self._client, self._url, self._stop = client, url, stop
        self._prefix = f"{prefix}/" if prefix else ""
        self._policy = policy

    @property
    def url(self) -> str:
        return self._url

    def close(self) -> None:
        """Connections are given up with the object."""

    def _again(self, call: Callable[[], T]) -> T:
        return retrying(self._policy, self._stop)(call)

    def check_access(self) -> None:
        """As the port says; S3 answers no such question, so an object is listed, looked at, written and deleted."""
        self.find(_PROBE)
        there = self.stat(_PROBE)
        made = self.create(_PROBE, b"whether we may write here", there)
        self.delete(made)

    # ------------------------------------------------------------------ looking

    def find(self, prefix: str) -> list[StoredObject]:
        return [self._short(found) for found in self._again(lambda: self._client.find(self._prefix + prefix))]

    def stat(self, name: str) -> StoredObject | None:
        found = self._again(lambda: self._client.stat(self._prefix + name))
        return None if found is None else self._short(found)

    # ------------------------------------------------------------------ reading

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> bytes:
        content = b"".join(self._pieces(source, on_bytes, stop))
        self._check_sum(source, crc32c_text(crc32c_of(content)))
        return content

    def read_range(self, source: StoredObject, offset: int, size: int) -> bytes:
        if offset + size > source.size:
            raise IntegrityError(f"{source.name} has {source.size} bytes; {size} were expected at {offset}")
        if not size:
            return b""
        content = self._again(lambda: self._client.read(self._full(source), offset, size))
        if len(content) != size:
            raise IntegrityError(f"{source.name}: {len(content)} bytes came from {offset}, {size} were asked for")
        return content

    def _pieces(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> Iterator[bytes]:
        for offset in range(0, source.size, _READ_BYTES):
            if stop.is_set():
                raise Stopped(f"stopped while reading {source.name}; the same command continues")
            piece = self.read_range(source, offset, min(_READ_BYTES, source.size - offset))
            on_bytes(len(piece))
            yield piece

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: Stop) -> None:
        def fill(made: Path) -> None:
            with made.open("wb") as file:
                for piece in self._pieces(source, on_bytes, stop):
                    file.write(piece)
            self._check_sum(source, crc32c_text(crc32c_of(made, stop)))

        fill_whole(target, fill)

    def _check_sum(self, source: StoredObject, found: str) -> None:
        if source.crc32c is not None and found != source.crc32c:
            raise IntegrityError(f"{self._url}/{source.name}: checksum {found} came, {source.crc32c} was stated")

    # ------------------------------------------------------------------ writing

    def create(self, name: str, content: bytes | Path, over: StoredObject | None = None) -> StoredObject:
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        meant = Sum(size, crc32c_text(crc32c_of(content, self._stop)))
        if size <= CONDITION_BYTES:
            small = content if isinstance(content, bytes) else content.read_bytes()
            return self._put(name, small, meant, over)
        return self._sent(name, lambda: _read(content, self._stop), meant, over)

    def _put(self, name: str, content: bytes, meant: Sum, over: StoredObject | None) -> StoredObject:
        before = None if over is None else self._full(over)
        try:
            self._again(lambda: self._client.put(self._prefix + name, content, meant.crc32c or "", before))
        except (GenerationError, NotFoundError):
            return self._same(name, meant)
        return self._same(name, meant)

    def _sent(
        self, name: str, content: Callable[[], Iterator[bytes]], meant: Sum, over: StoredObject | None
    ) -> StoredObject:
        there = self.stat(name)
        if there is not None and meant.is_of(there) and there.crc32c == meant.crc32c:
            return there
        if (there and there.generation) != (over and over.generation):
            raise GenerationError(f"{self._url}/{name} is not what was to be replaced; it is left as it is")
        self._again(lambda: self._client.send(self._prefix + name, content(), meant.crc32c or ""))
        return self._same(name, meant)

    def delete(self, source: StoredObject) -> Deletion:
        there = self.stat(source.name)
        if there is None:
            return Deletion.ABSENT
        if there.generation != source.generation:
            return Deletion.CHANGED
        self._again(lambda: self._client.delete(self._prefix + source.name))
        return Deletion.DELETED

    def join(
        self,
        name: str,
        sources: Sequence[StoredObject],
        over: StoredObject | None = None,
        note: Callable[[StoredObject], None] = unnoted,  # noqa: ARG002  nothing is made on the way
    ) -> StoredObject:
        meant = Sum.of([self._summed(source) for source in sources])

        def pieces() -> Iterator[bytes]:
            for source in sources:
                yield from self._pieces(source, lambda _bytes: None, self._stop)

        if meant.size <= CONDITION_BYTES:
            return self._put(name, b"".join(pieces()), meant, over)
        return self._sent(name, pieces, meant, over)

    def _summed(self, source: StoredObject) -> StoredObject:
        """Return a source with its checksum, which a list does not have."""
        if source.crc32c is not None:
            return source
        there = self.stat(source.name)
        return there if there is not None and there.generation == source.generation else source

    def _same(self, name: str, meant: Sum) -> StoredObject:
        """
        Return what lies where something was written, if it is that.

        Raises:
            GenerationError: It is something else, or nothing.
        """
        found = self.stat(name)
        if found is None or not meant.is_of(found) or found.crc32c is None:
            raise GenerationError(f"{self._url}/{name} is not what was to be replaced; it is left as it is")
        return found

    def _full(self, source: StoredObject) -> StoredObject:
        return replace(source, name=self._prefix + source.name)

    def _short(self, source: StoredObject) -> StoredObject:
        return replace(source, name=source.name.removeprefix(self._prefix))


def _read(content: bytes | Path, stop: Stop) -> Iterator[bytes]:
    """Yield bytes, or those of a file, in pieces."""
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb", buffering=0) as file:
        while piece := file.read(_READ_BYTES):
            if stop.is_set():
                raise Stopped(f"stopped while sending {content}; the same command begins with it anew")
            yield piece
