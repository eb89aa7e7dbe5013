"""A bucket of Cloud Storage, or a prefix in one, as a place of whole objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from orchestrator.clients.gcs import CHUNK_UNIT, MAX_SOURCES, NEEDED_PERMISSIONS, GcsObjects
from orchestrator.core import crash
from orchestrator.core.crc32c import crc32c_of, crc32c_text
from orchestrator.core.errors import CredentialError, GenerationError, IntegrityError, NoBucketError, NotFoundError
from orchestrator.core.retry import RetryPolicy, retrying
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.places import unnoted
from orchestrator.model.ports import Stop
from orchestrator.places.joining import JOINING, Sum, groups, inner_name
from orchestrator.transfer.download import DownloadPolicy
from orchestrator.transfer.store import CheckedStore

# Above, an object is sent in pieces, of which a broken connection loses one. A multiple of what the service takes.
_PIECE_BYTES = 32 * CHUNK_UNIT
_READ_BYTES = 1 << 18


class BucketPlace:
    """See `model.places.ObjectPlace`. Joined objects are composed inside the service, 32 at a time, in a tree."""

    def __init__(self, client: GcsObjects, url: str, prefix: str, policy: RetryPolicy, stop: Stop) -> None:
        """Take the bucket's client, what people call the place, and what all its names begin with in the bucket."""
        self._client = client
        self._url = url
        self._prefix = f"{prefix}/" if prefix else ""
        self._stop = stop
        self._store = CheckedStore(client, DownloadPolicy(retry=policy), stop)
        self._policy = policy

    @property
    def url(self) -> str:
        return self._url

    def close(self) -> None:
        self._store.close()

    def check_access(self) -> None:
        try:
            granted = retrying(self._policy, self._stop)(self._client.granted)
        except NotFoundError as error:
            raise NoBucketError(self._url.split("/")[2], str(error)) from None
        if missing := [permission for permission in NEEDED_PERMISSIONS if permission not in granted]:
            raise CredentialError(
                f"{self._url}: we may not {', '.join(missing)} there; give the account the role Storage Object User "
                "(roles/storage.objectUser) on the bucket"
            )

    # ------------------------------------------------------------------ looking

    def find(self, prefix: str) -> list[StoredObject]:
        return [self._short(found) for found in self._store.find(self._prefix + prefix)]

    def stat(self, name: str) -> StoredObject | None:
        def look() -> StoredObject | None:
            return self._client.stat(self._prefix + name)

        found = retrying(self._policy, self._stop)(look)
        return None if found is None else self._short(found)

    # ------------------------------------------------------------------ reading

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> bytes:
        return self._store.read(self._full(source), on_bytes, stop)

    def read_range(self, source: StoredObject, offset: int, size: int) -> bytes:
        if offset + size > source.size:
            raise IntegrityError(f"{source.name} has {source.size} bytes; {size} were expected at {offset}")
        return retrying(self._policy, self._stop)(lambda: self._range(self._full(source), offset, size))

    def _range(self, source: StoredObject, offset: int, size: int) -> bytes:
        content = bytearray()
        if not size:
            return b""
        with self._client.open_body(source, offset, offset + size) as body:
            while chunk := body.read(_READ_BYTES):
                content += chunk
        if len(content) != size:
            raise IntegrityError(f"{source.name}: {len(content)} bytes came from {offset}, {size} were asked for")
        return bytes(content)

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: Stop) -> None:
        self._store.fetch(self._full(source), target, on_bytes, stop)

    # ------------------------------------------------------------------ writing

    def create(self, name: str, content: bytes | Path, over: StoredObject | None = None) -> StoredObject:
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        meant = Sum(size, crc32c_text(crc32c_of(content, self._stop)))
        before = None if over is None else self._full(over)
        try:
            if isinstance(content, Path) and size > _PIECE_BYTES:
                made = self._sent(self._prefix + name, content, meant, before)
            else:
                small = content if isinstance(content, bytes) else content.read_bytes()
                made = self._store.create(self._prefix + name, small, before)
        except (GenerationError, NotFoundError):
            return self._same(name, meant)
        return self._checked(made, meant)

    def _sent(self, name: str, path: Path, meant: Sum, over: StoredObject | None) -> StoredObject:
        """Send a file in pieces; each is tried again from where the service has it."""
        again, at, sure = retrying(self._policy, self._stop), 0, True
        session = again(lambda: self._client.begin_upload(name, meant.size, meant.crc32c or "", over))

        def step() -> int | StoredObject:
            nonlocal at, sure
            if not sure:
                found = self._client.send(session, b"", 0, meant.size)
                if isinstance(found, StoredObject):
                    return found
                at = found
            sure = False
            file.seek(at)
            answer = self._client.send(session, file.read(_PIECE_BYTES), at, meant.size)
            sure = True
            return answer

        with path.open("rb", buffering=0) as file:
            while True:
                answer = again(step)
                if isinstance(answer, StoredObject):
                    return answer
                at = answer
                crash.point("place.sent")

    def delete(self, source: StoredObject) -> Deletion:
        return self._store.delete(self._full(source))

    def join(
        self,
        name: str,
        sources: Sequence[StoredObject],
        over: StoredObject | None = None,
        note: Callable[[StoredObject], None] = unnoted,
    ) -> StoredObject:
        if not sources:
            return self.create(name, b"", over)
        meant, parts = Sum.of(sources), [self._full(source) for source in sources]
        try:
            while len(parts) > MAX_SOURCES:
                parts = [self._inner(name, group, note) for group in groups(parts, MAX_SOURCES)]
            made = self._composed(self._prefix + name, parts, None if over is None else self._full(over))
        except (GenerationError, NotFoundError) as error:
            # Another joined the same, or we did before a crash: then what it was made of may be gone by now.
            made = self._there(name, meant, error)
        joined = self._checked(made, meant)
        crash.point("place.joined")
        for inner in self._store.find(f"{self._prefix}{name}{JOINING}"):
            self._store.delete(inner)
        return joined

    def _inner(self, name: str, group: Sequence[StoredObject], note: Callable[[StoredObject], None]) -> StoredObject:
        """Return what a few sources are together, made now or before a crash."""
        if len(group) == 1:
            return group[0]
        inner, meant = inner_name(self._prefix + name, group), Sum.of(group)
        try:
            made = self._composed(inner, group, None)
        except GenerationError:
            found = self._client.stat(inner)
            if found is None or not meant.is_of(found):
                raise
            made = found
        note(self._short(self._checked_full(made, meant)))
        crash.point("place.composed")
        return made

    def _composed(self, name: str, sources: Sequence[StoredObject], over: StoredObject | None) -> StoredObject:
        return retrying(self._policy, self._stop)(lambda: self._client.compose(name, sources, over))

    # ------------------------------------------------------------------ checking

    def _same(self, name: str, meant: Sum) -> StoredObject:
        """
        Return what lies where something was to be written, if it is that already.

        Raises:
            GenerationError: It is something else, or nothing.
        """
        found = self.stat(name)
        if found is None or not meant.is_of(found):
            raise GenerationError(f"{self._url}/{name} is not what was to be replaced; it is left as it is")
        return found

    def _there(self, name: str, meant: Sum, error: Exception) -> StoredObject:
        found = self.stat(name)
        if found is None or not meant.is_of(found):
            raise error
        return self._full(found)

    def _checked(self, made: StoredObject, meant: Sum) -> StoredObject:
        return self._short(self._checked_full(made, meant))

    def _checked_full(self, made: StoredObject, meant: Sum) -> StoredObject:
        """
        Return what was made; where it is not what was meant, it is deleted.

        Raises:
            IntegrityError: It is not.
        """
        if meant.is_of(made):
            return made
        with suppress(Exception):
            self._store.delete(made)
        raise IntegrityError(
            f"gs://…/{made.name} has {made.size} bytes and checksum {made.crc32c}; {meant.size} and {meant.crc32c} "
            "were written: what arrived is deleted"
        )

    def _full(self, source: StoredObject) -> StoredObject:
        return replace(source, name=self._prefix + source.name)

    def _short(self, source: StoredObject) -> StoredObject:
        return replace(source, name=source.name.removeprefix(self._prefix))
