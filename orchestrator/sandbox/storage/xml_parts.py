"""Multipart uploads of the XML API: begun, filled part by part, completed or given up."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.sandbox.blobs import Blob
from orchestrator.sandbox.storage import lifecycle
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.web import ApiError

MAX_PART_NUMBER = 10_000
MIN_PART_BYTES = 5 << 20  # of every part but the last


@dataclass(slots=True)
class Upload:
    """
    A multipart upload under way.

    Attributes:
        headers: What the request that began it told of the object.
        parts: By number, in the state in which they came last.
    """

    number: str
    bucket: str
    name: str
    headers: Mapping[str, str]
    begun: datetime
    parts: dict[int, tuple[Blob, datetime]] = field(default_factory=dict)


class Multiparts:
    """The multipart uploads of the sandbox; they end with the process."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._lock = threading.Lock()
        self._held: dict[str, Upload] = {}

    def begin(self, bucket: str, name: str, headers: Mapping[str, str]) -> Upload:
        made = Upload(uuid.uuid4().hex, bucket, name, headers, self._buckets.clock.now())
        with self._lock:
            self._held[made.number] = made
        return made

    def of_bucket(self, bucket: str) -> list[Upload]:
        """Return the uploads that are neither complete nor given up, by name."""
        with self._lock:
            held = [each for each in self._held.values() if each.bucket == bucket]
        return sorted((each for each in held if not self._ended(each)), key=lambda each: (each.name, each.begun))

    def get(self, number: str, bucket: str, name: str) -> Upload:
        """
        Raises:
            ApiError: 404 without such an upload, or if the bucket's lifecycle has given it up.
        """
        with self._lock:
            found = self._held.get(number)
        if found is None or (found.bucket, found.name) != (bucket, name) or self._ended(found):
            raise ApiError(404, "No such upload.")
        return found

    def add(self, upload: Upload, part: int, blob: Blob) -> None:
        """
        Keep a part; one of that number is replaced.

        Raises:
            ApiError: 400 for a number that no part may have; the blob is then discarded.
        """
        if not 1 <= part <= MAX_PART_NUMBER:
            self._buckets.blobs.discard(blob)
            raise ApiError(
                400, f"Part number must be from 1 to {MAX_PART_NUMBER}, found {part}.", code="InvalidArgument"
            )
        with self._lock:
            old = upload.parts.get(part)
            upload.parts[part] = (blob, self._buckets.clock.now())
        if old is not None:
            self._buckets.blobs.discard(old[0])

    def chosen(self, upload: Upload, named: list[tuple[int, str]]) -> list[Blob]:
        """
        Return the parts that an object is to be made of.

        Raises:
            ApiError: 400 if they are not in order, one is absent or has another ETag, or one but the last is too small.
        """
        numbers = [number for number, _ in named]
        if numbers != sorted(set(numbers)):
            raise ApiError(400, "The parts are not in ascending order.", code="InvalidPartOrder")
        found: list[Blob] = []
        for number, mark in named:
            held = upload.parts.get(number)
            if held is None or held[0].md5_hex != mark:
                raise ApiError(400, f"Part {number} is absent or has another ETag.", code="InvalidPart")
            found.append(held[0])
        if any(each.size < MIN_PART_BYTES for each in found[:-1]):
            raise ApiError(400, f"A part has less than {MIN_PART_BYTES} bytes.", code="EntityTooSmall")
        return found

    def end(self, upload: Upload) -> None:
        """Forget an upload and its parts."""
        with self._lock:
            self._held.pop(upload.number, None)
        for blob, _ in upload.parts.values():
            self._buckets.blobs.discard(blob)

    def _ended(self, upload: Upload) -> bool:
        rules = self._buckets.bucket(upload.bucket).rules
        ended = lifecycle.ends_upload(rules, upload.name, upload.begun, self._buckets.clock.now())
        if ended:
            self.end(upload)
        return ended
