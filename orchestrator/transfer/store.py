"""A cloud whose objects arrive verified: a client that lists, opens and deletes, joined with the checked download."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from orchestrator.core import log as logs
from orchestrator.core.clock import Clock, SystemClock
from orchestrator.core.retry import retrying
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.ports import Stop
from orchestrator.transfer.download import Body, DownloadPolicy, download, download_bytes

log = logs.get(__name__)


class ObjectClient(Protocol):
    """What a client must offer for its objects to be fetched: Cloud Storage and Drive do."""

    def find(self, prefix: str) -> list[StoredObject]: ...

    def open_body(self, source: StoredObject, start: int) -> AbstractContextManager[Body]:
        """Open the bytes of the listed generation from offset `start` on."""

    def create(self, name: str, content: bytes, over: StoredObject | None = None) -> StoredObject: ...

    def delete(self, source: StoredObject) -> Deletion: ...

    def look(self, source: StoredObject) -> StoredObject:
        """Return the object as it is now; GenerationError where it was replaced, NotFoundError where it is gone."""

    def renew(self) -> None:
        """Let the next body come over a new connection."""

    def close(self) -> None:
        """Give up every idle connection."""


class CheckedStore:
    """
    The `ObjectStore` port over an `ObjectClient`. Safe to use from several threads when the client is.

    Listing and deleting are repeated while they fail for a reason that passes, until `stop` is set.
    """

    def __init__(
        self,
        client: ObjectClient,
        policy: DownloadPolicy | None = None,
        stop: Stop | None = None,
        *,
        chance: Callable[[], float] = random.random,
        clock: Clock | None = None,
    ) -> None:
        self._client, self._policy = client, policy or DownloadPolicy()
        self._chance, self._clock = chance, clock or SystemClock()
        self._again = retrying(self._policy.retry, stop or threading.Event())

    def find(self, prefix: str) -> list[StoredObject]:
        return self._again(lambda: self._client.find(prefix))

    def create(self, name: str, content: bytes, over: StoredObject | None = None) -> StoredObject:
        """As the port says; with `over` exactly that generation is replaced, where the service can promise so."""
        return self._again(lambda: self._client.create(name, content, over))

    def delete(self, source: StoredObject) -> Deletion:
        return self._again(lambda: self._client.delete(source))

    def close(self) -> None:
        """Give up every idle connection; the next call would open new ones."""
        self._client.close()

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: Stop) -> None:
        """Bring `source` to `target` as the port promises; see `download` for the errors."""
        receipt = download(
            source,
            lambda start: self._client.open_body(source, start),
            target,
            on_bytes=on_bytes,
            stop=stop,
            policy=self._policy,
            chance=self._chance,
            clock=self._clock,
            service=self._client,
        )
        log.debug(
            "object.downloaded",
            name=source.name,
            bytes=source.size,
            resumed_at=receipt.resumed_at,
            failures=receipt.failures,
            restarts=receipt.restarts,
        )

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> bytes:
        """Return the bytes of `source`, verified; see `download_bytes` for the errors."""
        return download_bytes(
            source,
            lambda start: self._client.open_body(source, start),
            on_bytes=on_bytes,
            stop=stop,
            policy=self._policy,
            chance=self._chance,
            clock=self._clock,
            service=self._client,
        )
