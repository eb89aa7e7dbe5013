"""The place where buckets and objects are kept, and what may be done with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from orchestrator.sandbox import bodies
from orchestrator.sandbox.blobs import Blob, Blobs
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.records import Records
from orchestrator.sandbox.storage import lifecycle, protection
from orchestrator.sandbox.storage import settings as fields_of
from orchestrator.sandbox.storage.bucket_records import BucketRecords
from orchestrator.sandbox.storage.generations import Generations
from orchestrator.sandbox.storage.values import ANY, Bucket, Preconditions, StoredObject
from orchestrator.sandbox.web import ApiError

# How often the rules of the lifecycle are carried out, by the sandbox's clock: at Google once in a day or so.
TIDY_EVERY = timedelta(hours=1)


class Buckets(BucketRecords):
    """Keep buckets and objects on disk; every change is whole or not at all, and safe from several threads."""

    def __init__(self, folder: Path, records: Records, clock: Clock) -> None:
        super().__init__(records, clock)
        self.blobs = Blobs(folder)
        self._items = Generations(records)
        self._last_generation = max((each.generation for each in self._items), default=0)
        self._tidied = clock.now()
        self.blobs.sweep({each.blob.name for each in self._items})

    def remove(self, name: str, only_if: Preconditions) -> None:
        """
        Delete a bucket.

        Raises:
            ApiError: 404 without it, 409 if it holds objects, living or noncurrent.
        """
        with self._lock:
            found = self.bucket(name)
            only_if.check_metageneration(found.metageneration)
            if any(not each.deleted for each in self._items.of_bucket(name)):
                raise ApiError(409, "The bucket you tried to delete is not empty.")
            for each in self._items.of_bucket(name):
                self._erase(each)
            del self._buckets[name]
            self._records.delete("bucket", name)

    def objects(
        self, bucket: str, prefix: str = "", *, keep: Callable[[StoredObject], bool] = lambda each: each.live
    ) -> list[StoredObject]:
        """Return the objects whose name begins with `prefix` and that `keep` keeps, by name and generation."""
        self.bucket(bucket)
        with self._lock:
            found = [o for o in self._items.of_bucket(bucket) if o.name.startswith(prefix) and keep(o)]
        return sorted(found, key=lambda each: (each.name.encode(), each.generation))

    def get(self, bucket: str, name: str, generation: int | None, only_if: Preconditions) -> StoredObject:
        """
        Return the living generation, or the one asked for, living or not.

        Raises:
            ApiError: 404 without such an object or generation, 412 or 304 if a precondition does not hold.
        """
        self.bucket(bucket)
        with self._lock:
            items = self._items
            found = items.live(bucket, name) if generation is None else items.one(bucket, name, generation)
            if found is None or found.deleted:
                raise ApiError(404, f"No such object: {bucket}/{name}")
            only_if.check(found)
            return found

    def deleted(self, bucket: str, name: str, generation: int) -> StoredObject:
        """
        Return a softly deleted generation.

        Raises:
            ApiError: 404 if there is none.
        """
        self.bucket(bucket)
        with self._lock:
            found = self._items.one(bucket, name, generation)
            if found is None or not found.deleted or found.gone_at <= self.clock.now().isoformat():
                raise ApiError(404, f"No such object: {bucket}/{name}")
            return found

    def put(
        self,
        bucket: str,
        name: str,
        blob: Blob,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        only_if: Preconditions = ANY,
        components: int = 0,
        acl: tuple[Mapping[str, Any], ...] = (),
    ) -> StoredObject:
        """
        Make `blob` the object `name`, with a new generation; an object of that name is replaced or becomes noncurrent.

        Raises:
            ApiError: 404 without the bucket, 412 if a precondition does not hold, 403 if the old one is protected; the
                blob is then discarded.
        """
        with self._lock:
            try:
                home = self.bucket(bucket)
                kept = fields_of.defaults(home) | dict(settings or {})
                fields_of.check_allowed(home, kept)
                old = self._replaced(home, name, only_if)
            except ApiError:
                self.blobs.discard(blob)
                raise
            now = self.clock.now().isoformat()
            made = StoredObject(
                bucket, name, self._generation(), 1, content_type, now, blob, metadata or {}, kept,
                components=components, acl=acl,
            )  # fmt: skip
            if old is not None:
                self._retire(home, old, archive=True)
            self._items.keep(made)
            return made

    def _replaced(self, home: Bucket, name: str, only_if: Preconditions) -> StoredObject | None:
        """Return the living object that a new one would replace, if both preconditions and protection allow it."""
        old = self._items.live(home.name, name)
        only_if.check(old)
        if old is not None:
            protection.check(home, old, self.clock.now())
        return old

    def move(
        self, bucket: str, name: str, to: str, *, source_if: Preconditions, only_if: Preconditions
    ) -> StoredObject:
        """Give the living object `name` the name `to`, at once and with all that is said about it."""
        with self._lock:
            found = self.get(bucket, name, None, source_if)
            home = self.bucket(bucket)
            protection.check(home, found, self.clock.now())
            if to == name:
                raise ApiError(400, "Source and destination object names must be different.")
            made = self.put(
                bucket,
                to,
                self.bytes_of([found]),
                content_type=found.content_type,
                metadata=found.metadata,
                settings=found.settings,
                only_if=only_if,
                components=found.components,
                acl=found.acl,
            )
            self._retire(home, found, archive=True)
            return made

    def patch(
        self,
        bucket: str,
        name: str,
        changes: Mapping[str, Any],
        generation: int | None,
        only_if: Preconditions,
        *,
        whole: bool = False,
        override: bool = False,
    ) -> StoredObject:
        """Change what is said about an object (with `whole`: all of it); the metageneration grows."""
        with self._lock:
            old = self.get(bucket, name, generation, only_if)
            kept = fields_of.changed(old, changes, whole=whole)
            fields_of.check_allowed(self.bucket(bucket), kept)
            protection.check_retention_change(old, kept, self.clock.now(), override=override)
            released = old.settings.get("eventBasedHold") and not kept.get("eventBasedHold")
            now = self.clock.now().isoformat()
            made = replace(
                old,
                metageneration=old.metageneration + 1,
                content_type=bodies.text(changes, "contentType") or ("" if whole else old.content_type),
                metadata=fields_of.merged_labels({} if whole else old.metadata, changes),
                settings=kept,
                updated=now,
                retained_from=now if released else old.retained_from,
            )
            self._items.keep(made)
            return made

    def keep_acl(self, item: StoredObject, acl: tuple[Mapping[str, Any], ...]) -> StoredObject:
        """Give an object another access list; the metageneration grows."""
        with self._lock:
            now = self.clock.now().isoformat()
            made = replace(item, acl=acl, metageneration=item.metageneration + 1, updated=now)
            self._items.keep(made)
            return made

    def bytes_of(self, items: Sequence[StoredObject]) -> Blob:
        """
        Return the bytes of `items`, one behind the other, as a blob of its own.

        Raises:
            ApiError: 404 if one has been deleted or replaced meanwhile.
        """
        with self._lock:
            for each in items:
                if self._items.one(each.bucket, each.name, each.generation) is None:
                    raise ApiError(404, f"No such object: {each.bucket}/{each.name}")
            return self.blobs.duplicate(items[0].blob) if len(items) == 1 else self.blobs.join(o.blob for o in items)

    def delete(self, bucket: str, name: str, generation: int | None, only_if: Preconditions) -> None:
        """Delete the living object, which becomes noncurrent in a versioned bucket, or one generation for good."""
        with self._lock:
            found = self.get(bucket, name, generation, only_if)
            home = self.bucket(bucket)
            protection.check(home, found, self.clock.now())
            self._retire(home, found, archive=generation is None)

    def report(self) -> dict[str, Any]:
        """Count living objects and their bytes by bucket."""
        with self._lock:
            found = {name: [o for o in self._items.of_bucket(name) if o.live] for name in self._buckets}
        return {name: {"objects": len(each), "bytes": sum(o.blob.size for o in each)} for name, each in found.items()}

    def tidy(self) -> None:
        """Carry out the rules of the lifecycle and end what was softly deleted, at most once in `TIDY_EVERY`."""
        with self._lock:
            now = self.clock.now()
            if now - self._tidied < TIDY_EVERY:
                return
            self._tidied = now
            for item in [each for each in self._items if each.deleted and each.gone_at <= now.isoformat()]:
                self._erase(item)
            for bucket in [each for each in self._buckets.values() if each.rules]:
                self._apply_rules(bucket)

    def _apply_rules(self, bucket: Bucket) -> None:
        now = self.clock.now()
        for name in {each.name for each in self._items.of_bucket(bucket.name)}:
            held = self._items.of_name(bucket.name, name)
            # All are judged before one is touched: what becomes noncurrent now is not deleted in the same pass.
            acts = [(item, lifecycle.due(bucket.rules, item, len(held) - 1 - at, now)) for at, item in enumerate(held)]
            for item, act in acts:
                self._act(bucket, item, act)

    def _act(self, bucket: Bucket, item: StoredObject, act: str | None) -> None:
        if act == lifecycle.DELETE:
            try:
                protection.check(bucket, item, self.clock.now())
            except ApiError:  # a hold outlives the rule: the next pass tries again
                return
            self._retire(bucket, item, archive=item.live)
        elif act is not None:
            now = self.clock.now().isoformat()
            kept = {**item.settings, "storageClass": act}
            grown = item.metageneration + 1
            self._items.keep(replace(item, settings=kept, metageneration=grown, updated=now, class_since=now))

    def _retire(self, bucket: Bucket, item: StoredObject, *, archive: bool) -> None:
        """Make `item` noncurrent or softly deleted, or erase it, as its bucket wants it."""
        now = self.clock.now()
        if archive and bucket.versioned:
            self._items.keep(replace(item, archived=now.isoformat()))
        elif bucket.soft_delete_seconds:
            gone = now + timedelta(seconds=bucket.soft_delete_seconds)
            self._items.keep(replace(item, deleted=now.isoformat(), gone_at=gone.isoformat()))
        else:
            self._erase(item)

    def _erase(self, item: StoredObject) -> None:
        self._items.drop(item)
        self.blobs.discard(item.blob)

    def _generation(self) -> int:
        """Generations are microseconds since 1970, as Google's look, and never repeat."""
        now = int(self.clock.now().timestamp() * 1_000_000)
        self._last_generation = max(now, self._last_generation + 1)
        return self._last_generation
