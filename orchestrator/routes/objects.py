"""Joins a cloud's objects with checked downloads: listing and deleting with retries, bodies verified."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from orchestrator.core.retry import RetryPolicy, retrying
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.ports import Stop
from orchestrator.transfer.download import Body, Patience, download


class Cloud(Protocol):
    """One bucket or one Drive folder, each call made once."""

    def find(self, prefix: str) -> list[StoredObject]: ...

    def open_body(self, source: StoredObject, start: int) -> AbstractContextManager[Body]: ...

    def delete(self, source: StoredObject) -> Deletion: ...


class CheckedObjects:
    """The engine's `ObjectStore`: calls are repeated while they fail for a reason that passes."""

    def __init__(self, cloud: Cloud, policy: RetryPolicy, stop: Stop) -> None:
        self._cloud = cloud
        self._policy = policy
        self._call = retrying(policy, stop)

    def find(self, prefix: str) -> list[StoredObject]:
        return self._call(lambda: self._cloud.find(prefix))

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: Stop) -> None:
        download(
            source,
            lambda start: self._cloud.open_body(source, start),
            target,
            on_bytes=on_bytes,
            stop=stop,
            patience=Patience(retry=self._policy),
        )

    def delete(self, source: StoredObject) -> Deletion:
        return self._call(lambda: self._cloud.delete(source))
