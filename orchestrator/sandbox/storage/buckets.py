"""Buckets and objects as values, and the place where they are kept."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.sandbox import bodies
from orchestrator.sandbox.blobs import Blob, Blobs
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.records import Records
from orchestrator.sandbox.web import ApiError, not_imitated

ALL_PERMISSIONS = (
    "storage.buckets.get",
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.list",
    "storage.objects.update",
)

# Fields of an object that are kept and shown as they were given.
SETTINGS = ("cacheControl", "contentDisposition", "contentLanguage", "customTime", "storageClass")
NOT_IMITATED = ("acl", "contentEncoding", "contexts", "eventBasedHold", "kmsKeyName", "retention", "temporaryHold")


@dataclass(frozen=True, slots=True)
class Bucket:
    """
    Attributes:
        settings: What else the resource shows and a patch may change, such as `lifecycle`.
        permissions: What the caller may do, and what `testIamPermissions` tells.
    """

    name: str
    created: str
    metageneration: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    permissions: tuple[str, ...] = ALL_PERMISSIONS


@dataclass(frozen=True, slots=True)
class StoredObject:
    """
    Attributes:
        metadata: The user's own.
        settings: Those of `SETTINGS` that were given.
    """

    bucket: str
    name: str
    generation: int
    metageneration: int
    content_type: str
    created: str
    blob: Blob
    metadata: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What must hold for a call to act; None asks for nothing. A generation of 0 means: no living object."""

    generation: int | None = None
    not_generation: int | None = None
    metageneration: int | None = None
    not_metageneration: int | None = None

    def check(self, found: StoredObject | None) -> None:
        """
        Raises:
            ApiError: 412 if one does not hold; 304 for the two negative ones, as Cloud Storage answers a read.
        """
        generation = 0 if found is None else found.generation
        if self.generation not in (None, generation):
            raise ApiError(412, "At least one of the pre-conditions you specified did not hold.")
        self.check_metageneration(0 if found is None else found.metageneration)
        if self.not_generation == generation:
            raise ApiError(304, "Not Modified")

    def check_metageneration(self, metageneration: int) -> None:
        """
        Raises:
            ApiError: 412 or 304 if one about the metageneration does not hold.
        """
        if self.metageneration not in (None, metageneration):
            raise ApiError(412, "At least one of the pre-conditions you specified did not hold.")
        if self.not_metageneration == metageneration:
            raise ApiError(304, "Not Modified")


class Buckets:
    """Keep buckets and objects on disk; every change is whole or not at all, and safe from several threads."""

    def __init__(self, folder: Path, records: Records, clock: Clock) -> None:
        self.blobs = Blobs(folder)
        self._records = records
        self._clock = clock
        self._lock = threading.RLock()
        self._buckets = {key: _bucket_of(value) for key, value in records.all("bucket").items()}
        objects = (_object_of(value) for value in records.all("object").values())
        self._objects = {(each.bucket, each.name): each for each in objects}
        self._last_generation = max((each.generation for each in self._objects.values()), default=0)
        self.blobs.sweep({each.blob.name for each in self._objects.values()})

    def create(self, name: str, *, settings: Mapping[str, Any], permissions: tuple[str, ...] | None = None) -> Bucket:
        """Make a bucket, or change the settings of the one that is there."""
        with self._lock:
            old = self._buckets.get(name)
            made = Bucket(
                name=name,
                created=old.created if old else self._clock.now().isoformat(),
                metageneration=old.metageneration + 1 if old else 1,
                settings={**(old.settings if old else {}), **settings},
                permissions=permissions if permissions is not None else (old.permissions if old else ALL_PERMISSIONS),
            )
            self._buckets[name] = made
            self._records.put("bucket", name, asdict(made))
            return made

    def bucket(self, name: str) -> Bucket:
        """
        Raises:
            ApiError: 404 if there is none.
        """
        with self._lock:
            if name not in self._buckets:
                raise ApiError(404, "The specified bucket does not exist.")
            return self._buckets[name]

    def exists(self, name: str) -> bool:
        with self._lock:
            return name in self._buckets

    def all(self) -> list[Bucket]:
        with self._lock:
            return sorted(self._buckets.values(), key=lambda each: each.name)

    def objects(self, bucket: str, prefix: str = "") -> list[StoredObject]:
        """Return the living objects whose name begins with `prefix`, by name."""
        self.bucket(bucket)
        with self._lock:
            found = [o for (b, name), o in self._objects.items() if b == bucket and name.startswith(prefix)]
        return sorted(found, key=lambda each: each.name.encode())

    def get(self, bucket: str, name: str, generation: int | None, only_if: Preconditions) -> StoredObject:
        """
        Raises:
            ApiError: 404 without such an object or generation, 412 or 304 if a precondition does not hold.
        """
        self.bucket(bucket)
        with self._lock:
            found = self._objects.get((bucket, name))
            if found is None or generation not in (None, found.generation):
                raise ApiError(404, f"No such object: {bucket}/{name}")
            only_if.check(found)
            return found

    def put(
        self,
        bucket: str,
        name: str,
        blob: Blob,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        only_if: Preconditions | None = None,
    ) -> StoredObject:
        """
        Make `blob` the object `name`, with a new generation; an object of that name is replaced.

        Raises:
            ApiError: 404 without the bucket, 412 if a precondition does not hold.
        """
        self.bucket(bucket)
        with self._lock:
            old = self._objects.get((bucket, name))
            (only_if or Preconditions()).check(old)
            made = StoredObject(
                bucket,
                name,
                self._generation(),
                1,
                content_type,
                self._clock.now().isoformat(),
                blob,
                metadata or {},
                settings or {},
            )
            self._keep(made)
        if old is not None:
            self.blobs.discard(old.blob)
        return made

    def patch(
        self, bucket: str, name: str, changes: Mapping[str, Any], generation: int | None, only_if: Preconditions
    ) -> StoredObject:
        """Change content type or metadata; the metageneration grows."""
        with self._lock:
            old = self.get(bucket, name, generation, only_if)
            made = replace(
                old,
                metageneration=old.metageneration + 1,
                content_type=bodies.text(changes, "contentType") or old.content_type,
                metadata=_changed(old.metadata, changes),
                settings=_merged(old.settings, settings_of(changes)),
            )
            self._keep(made)
            return made

    def delete(self, bucket: str, name: str, generation: int | None, only_if: Preconditions) -> None:
        with self._lock:
            found = self.get(bucket, name, generation, only_if)
            del self._objects[(bucket, name)]
            self._records.delete("object", f"{bucket}/{name}")
        self.blobs.discard(found.blob)

    def report(self) -> dict[str, Any]:
        """Count objects and bytes by bucket."""
        with self._lock:
            return {
                name: {
                    "objects": sum(1 for b, _ in self._objects if b == name),
                    "bytes": sum(o.blob.size for (b, _), o in self._objects.items() if b == name),
                }
                for name in self._buckets
            }

    def _keep(self, made: StoredObject) -> None:
        self._records.put("object", f"{made.bucket}/{made.name}", asdict(made))
        self._objects[(made.bucket, made.name)] = made

    def _generation(self) -> int:
        """Generations are microseconds since 1970, as Google's look, and never repeat."""
        now = int(self._clock.now().timestamp() * 1_000_000)
        self._last_generation = max(now, self._last_generation + 1)
        return self._last_generation


def _changed(old: Mapping[str, str], changes: Mapping[str, Any]) -> dict[str, str]:
    """Merge custom metadata: null takes a key away, null for the whole takes all."""
    if "metadata" in changes and changes["metadata"] is None:
        return {}
    return _merged(old, bodies.labels(changes, "metadata"))


def _merged(old: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    merged: dict[str, str | None] = {**old, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def settings_of(body: Mapping[str, Any]) -> dict[str, str | None]:
    """
    Return the settings that `body` gives an object, null where it takes one away.

    Raises:
        ApiError: If it asks for what is not imitated: nothing is dropped in silence.
    """
    for name in NOT_IMITATED:
        if body.get(name):
            raise not_imitated(f"the field '{name}' of an object in Cloud Storage")
    return {name: bodies.text(body, name) for name in SETTINGS if name in body}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _bucket_of(value: dict[str, Any]) -> Bucket:
    return Bucket(**{**value, "permissions": tuple(value["permissions"])})


def _object_of(value: dict[str, Any]) -> StoredObject:
    return StoredObject(**{**value, "blob": Blob(**value["blob"])})
