"""What every export has: a description, a destination, a priority and a request id, checked as the service does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from orchestrator.sandbox.web import ProtocolViolation

DEFAULT_PRIORITY = 100
MAX_PRIORITY = 9999
MAX_DESCRIPTION = 100
MAX_REQUEST_ID = 60


@dataclass(frozen=True, slots=True)
class BucketDestination:
    bucket: str
    prefix: str
    kind: ClassVar[str] = "bucket"


@dataclass(frozen=True, slots=True)
class DriveDestination:
    folder: str | None
    prefix: str
    kind: ClassVar[str] = "drive"


Destination = BucketDestination | DriveDestination


class Order(Protocol):
    """An export that has been checked."""

    @property
    def description(self) -> str: ...
    @property
    def destination(self) -> Destination: ...
    @property
    def priority(self) -> int: ...
    @property
    def request_id(self) -> str: ...


def wrapped(body: Mapping[str, Any], name: str, default: int) -> int:
    return int((body.get(name) or {}).get("value", default))


def description(text: str) -> str:
    if len(text) > MAX_DESCRIPTION or not re.fullmatch(r"[A-Za-z0-9.,:;_-]*", text):
        raise ProtocolViolation(
            'The description must contain only the following characters: a..z, A..Z, 0..9, ".", ",", ":", ";", "_" '
            f'or "-". The description must be at most {MAX_DESCRIPTION} characters long. Found "{text[:200]}".'
        )
    return text


def request_id(text: str) -> str:
    if len(text) > MAX_REQUEST_ID or not re.fullmatch(r"[A-Za-z0-9-]*", text):
        raise ProtocolViolation(
            f'Invalid request_id "{text}": at most {MAX_REQUEST_ID} characters of a..z, A..Z, 0-9 or "-".'
        )
    return text


def priority(body: Mapping[str, Any]) -> int:
    found = wrapped(body, "priority", DEFAULT_PRIORITY)
    if not 0 <= found <= MAX_PRIORITY:
        raise ProtocolViolation(f"Task priority must be between 0 and {MAX_PRIORITY}, got {found}.")
    return found


def destination(options: Mapping[str, Any]) -> BucketDestination | DriveDestination:
    bucket: Any = options.get("cloudStorageDestination")
    drive: Any = options.get("driveDestination")
    if (bucket is None) == (drive is None):
        raise ProtocolViolation(
            "Exactly one of 'cloud_storage_destination' and 'drive_destination' is required in 'file_export_options'."
        )
    place = bucket if bucket is not None else drive
    prefix = place.get("filenamePrefix", "")
    if not prefix or len(prefix.encode()) > 900 or any(ord(each) < 32 for each in prefix):
        raise ProtocolViolation(f'Invalid file name prefix "{prefix}".')
    if bucket is not None:
        if not bucket.get("bucket"):
            raise ProtocolViolation("Cloud Storage destination requires a bucket.")
        return BucketDestination(bucket["bucket"], prefix)
    if "/" in prefix:
        raise ProtocolViolation(f'Invalid file name prefix "{prefix}": Drive file names contain no "/".')
    return DriveDestination(place.get("folder") or None, prefix)
