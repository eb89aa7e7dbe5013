"""Buckets and objects as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.sandbox.blobs import Blob
from orchestrator.sandbox.web import ApiError

ALL_PERMISSIONS = (
    "storage.buckets.get",
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.list",
    "storage.objects.update",
)
STANDARD = "STANDARD"
NOT_HELD = "At least one of the pre-conditions you specified did not hold."


@dataclass(frozen=True, slots=True)
class Bucket:
    """
    Attributes:
        settings: What else the resource shows and a patch may change, such as `lifecycle`.
        permissions: What the caller may do, and what `testIamPermissions` tells.
        extras: What belongs to the bucket without being in its resource: `iam`, `acl`, `defaultObjectAcl`,
            `notifications`.
    """

    name: str
    created: str
    metageneration: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    permissions: tuple[str, ...] = ALL_PERMISSIONS
    updated: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def versioned(self) -> bool:
        return bool((self.settings.get("versioning") or {}).get("enabled"))

    @property
    def soft_delete_seconds(self) -> int:
        """How long deleted objects are kept; 0 for not at all, the sandbox's default (Google's is seven days)."""
        return int((self.settings.get("softDeletePolicy") or {}).get("retentionDurationSeconds", 0))

    @property
    def retention_seconds(self) -> int:
        return int((self.settings.get("retentionPolicy") or {}).get("retentionPeriod", 0))

    @property
    def uniform_access(self) -> bool:
        """Whether access lists are switched off, as they are in new buckets."""
        uniform = (self.settings.get("iamConfiguration") or {}).get("uniformBucketLevelAccess") or {}
        return bool(uniform.get("enabled", True))

    @property
    def rules(self) -> list[dict[str, Any]]:
        return list((self.settings.get("lifecycle") or {}).get("rule") or [])


@dataclass(frozen=True, slots=True)
class StoredObject:
    """
    One generation of an object.

    Attributes:
        metadata: The user's own.
        settings: Fields that were given and are shown as they were, see `settings.py`.
        updated: Since when the metadata are what they are; empty for since its creation.
        class_since: Since when it has its storage class; empty for since its creation.
        components: How many objects it was composed of; 0 for an upload.
        acl: Its access list, where the bucket has such lists.
        archived: Since when it is noncurrent; empty for a living one.
        deleted: Since when it is softly deleted; empty if it is not.
        gone_at: When a softly deleted one ends.
        retained_from: From when its bucket's retention counts; empty for from its creation.
    """

    bucket: str
    name: str
    generation: int
    metageneration: int
    content_type: str
    created: str
    blob: Blob
    metadata: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    updated: str = ""
    class_since: str = ""
    components: int = 0
    acl: tuple[Mapping[str, Any], ...] = ()
    archived: str = ""
    deleted: str = ""
    gone_at: str = ""
    retained_from: str = ""

    @property
    def live(self) -> bool:
        return not self.archived and not self.deleted

    @property
    def storage_class(self) -> str:
        return str(self.settings.get("storageClass", STANDARD))

    @property
    def key(self) -> str:
        """Where it is kept among the records."""
        return f"{self.bucket}/{self.name}#{self.generation}"


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
            ApiError: 412 if one does not hold; 304 for the two negative ones, whatever the method.
        """
        generation = 0 if found is None else found.generation
        if self.generation not in (None, generation):
            raise ApiError(412, NOT_HELD)
        self.check_metageneration(0 if found is None else found.metageneration)
        if self.not_generation == generation:
            raise ApiError(304, "Not Modified")

    def check_metageneration(self, metageneration: int) -> None:
        """
        Raises:
            ApiError: 412 or 304 if one about the metageneration does not hold.
        """
        if self.metageneration not in (None, metageneration):
            raise ApiError(412, NOT_HELD)
        if self.not_metageneration == metageneration:
            raise ApiError(304, "Not Modified")


ANY = Preconditions()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def bucket_of(value: dict[str, Any]) -> Bucket:
    return Bucket(**{**value, "permissions": tuple(value["permissions"])})


def object_of(value: dict[str, Any]) -> StoredObject:
    return StoredObject(**{**value, "blob": Blob(**value["blob"]), "acl": tuple(value.get("acl", ()))})
