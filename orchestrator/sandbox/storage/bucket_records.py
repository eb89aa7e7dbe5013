"""The buckets themselves, without what lies in them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from orchestrator.sandbox.clock import Clock, rfc3339_millis
from orchestrator.sandbox.records import Records
from orchestrator.sandbox.storage.bucket_settings import checked, merged
from orchestrator.sandbox.storage.values import ALL_PERMISSIONS, Bucket, Preconditions, bucket_of
from orchestrator.sandbox.web import ApiError


class BucketRecords:
    """Keep buckets; every change is whole or not at all, and safe from several threads."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self.clock = clock
        self._records = records
        self._lock = threading.RLock()
        self._buckets = {key: bucket_of(value) for key, value in records.all("bucket").items()}

    def create(self, name: str, *, settings: Mapping[str, Any], permissions: tuple[str, ...] | None = None) -> Bucket:
        """Make a bucket, or merge settings into those of the one that is there."""
        with self._lock:
            old = self._buckets.get(name)
            if old is None:
                now = self.clock.now().isoformat()
                kept = checked(Bucket(name, now), settings, rfc3339_millis(self.clock.now()))
                return self._keep_bucket(
                    Bucket(name, now, 1, kept, ALL_PERMISSIONS if permissions is None else permissions, now)
                )
            made = self.change(name, merged(old.settings, settings), Preconditions())
            return made if permissions is None else self._keep_bucket(replace(made, permissions=permissions))

    def change(self, name: str, settings: Mapping[str, Any], only_if: Preconditions) -> Bucket:
        """
        Replace the settings of a bucket; its metageneration grows.

        Raises:
            ApiError: 404 without the bucket, 412 or 304 if a precondition does not hold, 400 or 403 for settings that
                are none or may not be changed.
        """
        with self._lock:
            old = self.bucket(name)
            only_if.check_metageneration(old.metageneration)
            now = self.clock.now().isoformat()
            kept = checked(old, settings, rfc3339_millis(self.clock.now()))
            return self._keep_bucket(replace(old, settings=kept, metageneration=old.metageneration + 1, updated=now))

    def keep_extra(self, name: str, kind: str, value: Any) -> Bucket:
        """Keep what belongs to a bucket without being in its resource, such as its IAM policy."""
        with self._lock:
            old = self.bucket(name)
            return self._keep_bucket(replace(old, extras={**old.extras, kind: value}))

    def lock_retention(self, name: str) -> Bucket:
        """Lock a bucket's retention policy: from now on it can be prolonged only."""
        with self._lock:
            old = self.bucket(name)
            policy = {**old.settings["retentionPolicy"], "isLocked": True}
            kept = {**old.settings, "retentionPolicy": policy}
            now = self.clock.now().isoformat()
            return self._keep_bucket(replace(old, settings=kept, metageneration=old.metageneration + 1, updated=now))

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

    def _keep_bucket(self, made: Bucket) -> Bucket:
        self._buckets[made.name] = made
        self._records.put("bucket", made.name, asdict(made))
        return made
