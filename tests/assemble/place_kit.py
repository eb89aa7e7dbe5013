"""A place that is a dictionary: what strips and their join ask of one, and how many bytes go through who asks."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path

import google_crc32c

from orchestrator.core.errors import GenerationError, IntegrityError, NotFoundError
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.places import unnoted
from orchestrator.model.ports import Stop


class DictionaryPlace:
    """See `ObjectPlace`."""

    url = "memory"

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.read_bytes = 0
        self.written_bytes = 0

    def _stored(self, name: str) -> StoredObject:
        content = self.contents[name]
        crc = google_crc32c.value(content)
        return StoredObject(name, len(content), f"{crc}", base64.b64encode(crc.to_bytes(4, "big")).decode())

    def find(self, prefix: str) -> list[StoredObject]:
        return [self._stored(name) for name in sorted(self.contents) if name.startswith(prefix)]

    def stat(self, name: str) -> StoredObject | None:
        return self._stored(name) if name in self.contents else None

    def create(self, name: str, content: bytes | Path, over: StoredObject | None = None) -> StoredObject:
        data = content.read_bytes() if isinstance(content, Path) else content
        if self.contents.get(name, data) != data and self.stat(name) != over:
            raise GenerationError(f"{name} is there")
        self.written_bytes += len(data)
        self.contents[name] = data
        return self._stored(name)

    def _content(self, source: StoredObject) -> bytes:
        if source.name not in self.contents:
            raise NotFoundError(f"{source.name} is gone")
        return self.contents[source.name]

    def read_range(self, source: StoredObject, offset: int, size: int) -> bytes:
        data = self._content(source)[offset : offset + size]
        if len(data) != size:
            raise IntegrityError(f"{source.name} is too short")
        self.read_bytes += size
        return data

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> bytes:  # noqa: ARG002
        return self._content(source)

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: Stop) -> None:  # noqa: ARG002
        target.write_bytes(self._content(source))

    def join(
        self,
        name: str,
        sources: Sequence[StoredObject],
        over: StoredObject | None = None,  # noqa: ARG002
        note: Callable[[StoredObject], None] = unnoted,  # noqa: ARG002
    ) -> StoredObject:
        self.contents[name] = b"".join(self._content(source) for source in sources)
        return self._stored(name)

    def delete(self, source: StoredObject) -> Deletion:
        return Deletion.ABSENT if self.contents.pop(source.name, None) is None else Deletion.DELETED

    def close(self) -> None:
        """Nothing is open."""
