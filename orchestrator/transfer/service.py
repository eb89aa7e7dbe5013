"""Who keeps an object, as far as a transfer asks."""

from __future__ import annotations

from typing import Protocol

from orchestrator.model.objects import StoredObject


class ObjectService(Protocol):
    """Who keeps the object, asked when its bytes arrive wrong."""

    def look(self, source: StoredObject) -> StoredObject:
        """
        Return the object as it is now, not from a list.

        Raises:
            GenerationError: It was replaced.
            NotFoundError: It is gone.
        """

    def renew(self) -> None:
        """Let the next body come over a new connection."""


class SilentService:
    """A service that knows no more than it listed."""

    def look(self, source: StoredObject) -> StoredObject:
        return source

    def renew(self) -> None:
        pass
