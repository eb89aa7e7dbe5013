"""What every export has: a description, a destination, a priority and a request id, checked as the service does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from orchestrator.sandbox.web import ProtocolViolation, not_imitated

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


@dataclass(frozen=True, slots=True)
class AssetDestination:
    """
    Attributes:
        name: Of the asset.
        overwrite: Whether an asset of the same type may be replaced.
        pyramid: How its pyramid is made, as `Band.pyramid` has it; `pyramids` by band where that differs.
    """

    name: str
    overwrite: bool = False
    pyramid: str = "mean"
    pyramids: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "asset"


FileDestination = BucketDestination | DriveDestination
Destination = FileDestination | AssetDestination
PYRAMIDS = {"MEAN": "mean", "SAMPLE": "sample", "PYRAMIDING_POLICY_UNSPECIFIED": "mean"}


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


def whereto(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """
    Return the options of an asset and those of files; one of both is empty.

    Raises:
        ProtocolViolation: If there is no expression, or not one destination.
    """
    if "expression" not in body:
        raise ProtocolViolation("Expression required.")
    asset, options = body.get("assetExportOptions") or {}, body.get("fileExportOptions") or {}
    if bool(asset) == bool(options):
        raise ProtocolViolation("Exactly one of 'file_export_options' and 'asset_export_options' is required.")
    return asset, options


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


def asset(options: Mapping[str, Any]) -> AssetDestination:
    """
    Read `assetExportOptions`.

    Raises:
        ProtocolViolation: Without a name.
        ApiError: 400 for a pyramid that is not imitated.
    """
    place = options.get("earthEngineDestination") or {}
    if not place.get("name"):
        raise ProtocolViolation("Exactly one destination is required in 'asset_export_options'.")
    overrides = options.get("pyramidingPolicyOverrides") or {}
    return AssetDestination(
        name=place["name"],
        overwrite=bool(place.get("overwrite")),
        pyramid=_pyramid(options.get("pyramidingPolicy", "MEAN")),
        pyramids={band: _pyramid(policy) for band, policy in overrides.items()},
    )


def _pyramid(policy: str) -> str:
    if policy not in PYRAMIDS:
        raise not_imitated(f"the pyramiding policy {policy}")
    return PYRAMIDS[policy]
