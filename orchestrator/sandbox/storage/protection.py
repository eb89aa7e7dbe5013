"""What keeps an object from being deleted or replaced: holds, its bucket's retention and its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.sandbox.clock import rfc3339
from orchestrator.sandbox.storage.values import Bucket, StoredObject, moment
from orchestrator.sandbox.web import ApiError


def retained_until(bucket: Bucket, item: StoredObject) -> datetime | None:
    """Return when the bucket's retention lets `item` go; None if it does not hold it at all or does not know yet."""
    if not bucket.retention_seconds or item.settings.get("eventBasedHold"):
        return None
    return moment(item.retained_from or item.created) + timedelta(seconds=bucket.retention_seconds)


def check(bucket: Bucket, item: StoredObject, now: datetime) -> None:
    """
    Raises:
        ApiError: 403 if `item` may not be deleted, replaced or archived at the time `now`.
    """
    for field, words in (("temporaryHold", "Temporary"), ("eventBasedHold", "Event-Based")):
        if item.settings.get(field):
            raise ApiError(
                403,
                f"Object '{item.bucket}/{item.name}' is under active {words} hold and cannot be deleted, overwritten "
                "or archived until hold is removed.",
                reason="objectUnderActiveHold",
            )
    own = item.settings.get("retention")
    ends = [each for each in (retained_until(bucket, item), moment(own["retainUntilTime"]) if own else None) if each]
    if ends and max(ends) > now:
        raise ApiError(
            403,
            f"Object '{item.bucket}/{item.name}' is subject to bucket's retention policy or object retention and "
            f"cannot be deleted or overwritten until {rfc3339(max(ends))}",
            reason="retentionPolicyNotMet",
        )


def check_retention_change(old: StoredObject, new: dict[str, object], now: datetime, *, override: bool) -> None:
    """
    Raises:
        ApiError: 403 if a retention that still holds would be shortened or taken away: a locked one never, an
            unlocked one only with `overrideUnlockedRetention`.
    """
    before, after = old.settings.get("retention"), new.get("retention")
    if not before or before == after or moment(before["retainUntilTime"]) <= now:
        return
    longer = isinstance(after, dict) and moment(after["retainUntilTime"]) >= moment(before["retainUntilTime"])
    keeps_lock = isinstance(after, dict) and (before["mode"] == "Unlocked" or after["mode"] == "Locked")
    if longer and keeps_lock:
        return
    if before["mode"] == "Locked" or not override:
        raise ApiError(403, f"The retention of '{old.bucket}/{old.name}' cannot be reduced or removed.")
