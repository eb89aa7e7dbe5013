"""Settings of a bucket: what a caller may say about it, merged and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.storage import lifecycle, schema
from orchestrator.sandbox.storage.settings import CLASSES, OLD_CLASSES
from orchestrator.sandbox.storage.values import Bucket
from orchestrator.sandbox.web import ApiError, ProtocolViolation, digits, not_imitated

# What the service tells and a caller may send back without effect.
TOLD = frozenset(
    {
        "kind", "id", "name", "selfLink", "projectNumber", "generation", "metageneration", "etag", "timeCreated",
        "updated", "locationType", "owner", "acl", "defaultObjectAcl", "satisfiesPZI", "satisfiesPZS",
        "softDeleteTime", "hardDeleteTime",
    }
)  # fmt: skip
KEPT = frozenset(
    {
        "billing", "cors", "customPlacementConfig", "defaultEventBasedHold", "iamConfiguration", "labels", "lifecycle",
        "location", "logging", "objectRetention", "retentionPolicy", "rpo", "softDeletePolicy", "storageClass",
        "versioning", "website",
    }
)  # fmt: skip
NOT_IMITATED = ("autoclass", "encryption", "hierarchicalNamespace", "ipFilter")
MAX_RETENTION_SECONDS = 3_155_760_000  # a hundred years
SOFT_DELETE_SECONDS = (604_800, 7_776_000)  # 7 to 90 days; 0 for none


def merged(old: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a merge patch (RFC 7396): null takes a field away, objects merge, lists are replaced."""
    found = dict(old)
    for name, value in changes.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping):
            before = old.get(name)
            found[name] = merged(before if isinstance(before, Mapping) else {}, value)
        else:
            found[name] = value
    return found


def checked(old: Bucket, wanted: Mapping[str, Any], now: str) -> dict[str, Any]:
    """
    Return the settings that a bucket has after `wanted`, with the times from which its policies hold.

    Raises:
        ApiError: If a field is unknown, of another type or not imitated, or a locked policy would be weakened.
    """
    new = {name: value for name, value in wanted.items() if name not in TOLD and value not in (None, {})}
    schema.check("Bucket", new)
    for name in new:
        if name in NOT_IMITATED:
            raise not_imitated(f"the field '{name}' of a bucket in Cloud Storage")
        if name not in KEPT:
            raise ProtocolViolation(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    if (kind := new.get("storageClass", "STANDARD")) not in CLASSES + OLD_CLASSES:
        raise ProtocolViolation(f"Invalid value for field 'storageClass': {kind!r}.")
    if "lifecycle" in new:
        lifecycle.check(new["lifecycle"].get("rule", []))
    if (new.get("versioning") or {}).get("enabled") and "retentionPolicy" in new:
        # One page says that it cannot be, later ones tell how it would behave.
        raise not_imitated("a bucket with object versioning and a retention policy")
    if "retentionPolicy" in new or "retentionPolicy" in old.settings:
        new = _with_retention(old, new, now)
    return _with_soft_delete(old, new, now) if "softDeletePolicy" in new else new


def _with_retention(old: Bucket, new: dict[str, Any], now: str) -> dict[str, Any]:
    before, after = old.settings.get("retentionPolicy"), new.get("retentionPolicy")
    seconds = 0 if after is None else _seconds(after.get("retentionPeriod"), "retentionPolicy.retentionPeriod")
    if before and before.get("isLocked") and seconds < int(before["retentionPeriod"]):
        raise ApiError(403, f"The locked retention policy of bucket '{old.name}' cannot be reduced or removed.")
    if after is None:
        return new
    if not 0 < seconds <= MAX_RETENTION_SECONDS:
        raise ProtocolViolation(f"Invalid value for field 'retentionPolicy.retentionPeriod': {seconds}.")
    same = before and int(before["retentionPeriod"]) == seconds
    since = before["effectiveTime"] if before and same else now
    policy = {"retentionPeriod": str(seconds), "effectiveTime": since}
    return {**new, "retentionPolicy": policy | ({"isLocked": True} if before and before.get("isLocked") else {})}


def _with_soft_delete(old: Bucket, new: dict[str, Any], now: str) -> dict[str, Any]:
    name = "softDeletePolicy.retentionDurationSeconds"
    seconds = _seconds(new["softDeletePolicy"].get("retentionDurationSeconds"), name)
    least, most = SOFT_DELETE_SECONDS
    if seconds and not least <= seconds <= most:
        raise ProtocolViolation(f"Invalid value for field '{name}': {seconds}; expected 0 or {least} to {most}.")
    before = old.settings.get("softDeletePolicy")
    same = before and int(before["retentionDurationSeconds"]) == seconds
    since = before["effectiveTime"] if before and same else now
    return {**new, "softDeletePolicy": {"retentionDurationSeconds": str(seconds), "effectiveTime": since}}


def _seconds(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or not digits(str(value)):
        raise ProtocolViolation(f"Invalid value for field '{name}': {value!r}; expected seconds.")
    return int(value)
