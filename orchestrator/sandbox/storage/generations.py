"""Every generation of every object, by bucket and name: what is kept, and which of them lives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from orchestrator.sandbox.records import Records
from orchestrator.sandbox.storage.values import StoredObject, object_of


class Generations:
    """An index over the records; whoever uses it holds a lock."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._buckets: dict[str, dict[str, dict[int, StoredObject]]] = {}
        for key, value in records.all("object").items():
            found = object_of(value)
            if key != found.key:  # written by an edition that kept one generation of a name
                records.delete("object", key)
                records.put("object", found.key, value)
            self._names(found.bucket).setdefault(found.name, {})[found.generation] = found

    def __iter__(self) -> Iterator[StoredObject]:
        for bucket in self._buckets:
            yield from self.of_bucket(bucket)

    def of_bucket(self, bucket: str) -> list[StoredObject]:
        return [item for held in self._names(bucket).values() for item in held.values()]

    def of_name(self, bucket: str, name: str) -> list[StoredObject]:
        """Return the generations of `name` that are not deleted, oldest first."""
        held = self._names(bucket).get(name, {})
        return sorted((each for each in held.values() if not each.deleted), key=lambda each: each.generation)

    def live(self, bucket: str, name: str) -> StoredObject | None:
        return next((each for each in self._names(bucket).get(name, {}).values() if each.live), None)

    def one(self, bucket: str, name: str, generation: int) -> StoredObject | None:
        """Return this generation, be it living, noncurrent or softly deleted."""
        return self._names(bucket).get(name, {}).get(generation)

    def keep(self, item: StoredObject) -> None:
        self._records.put("object", item.key, asdict(item))
        self._names(item.bucket).setdefault(item.name, {})[item.generation] = item

    def drop(self, item: StoredObject) -> None:
        self._records.delete("object", item.key)
        held = self._names(item.bucket).get(item.name, {})
        held.pop(item.generation, None)
        if not held:
            self._names(item.bucket).pop(item.name, None)

    def _names(self, bucket: str) -> dict[str, dict[int, StoredObject]]:
        return self._buckets.setdefault(bucket, {})
