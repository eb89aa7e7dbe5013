"""Fields of an object that a caller gives and the sandbox keeps: read by their type, changed as a patch or whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.sandbox import bodies
from orchestrator.sandbox.storage.values import Bucket, StoredObject
from orchestrator.sandbox.web import ApiError, ProtocolViolation, not_imitated

TEXTS = ("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "customTime", "storageClass")
HOLDS = ("eventBasedHold", "temporaryHold")
NOT_IMITATED = ("contexts", "kmsKeyName", "customerEncryption")
CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE")  # from warm to cold
OLD_CLASSES = ("MULTI_REGIONAL", "REGIONAL", "DURABLE_REDUCED_AVAILABILITY")
MODES = ("Locked", "Unlocked")


def settings_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the settings that `body` gives an object, null where it takes one away.

    Raises:
        ApiError: If one is of another type, or asks for what is not imitated: nothing is dropped in silence.
    """
    for name in NOT_IMITATED:
        if body.get(name):
            raise not_imitated(f"the field '{name}' of an object in Cloud Storage")
    found: dict[str, Any] = {name: bodies.text(body, name) for name in TEXTS if name in body}
    found.update({name: bodies.boolean(body, name) or None for name in HOLDS if name in body})
    if "retention" in body:
        found["retention"] = _retention(body["retention"])
    if found.get("customTime"):
        instant(found["customTime"], "customTime")
    if (wanted := found.get("storageClass")) and wanted not in CLASSES + OLD_CLASSES:
        raise ProtocolViolation(f"Invalid value for field 'storageClass': {wanted!r}; expected one of {CLASSES}.")
    return found


def given(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a new object gets from `body`."""
    return {name: value for name, value in settings_of(body).items() if value is not None}


def labels_of(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the custom metadata that a new object gets from `body`."""
    return {name: value for name, value in bodies.labels(body, "metadata").items() if value is not None}


def defaults(bucket: Bucket) -> dict[str, Any]:
    """What an object gets from its bucket unless it is told otherwise."""
    found: dict[str, Any] = {}
    if (kind := bucket.settings.get("storageClass")) not in (None, "STANDARD"):
        found["storageClass"] = kind
    if bucket.settings.get("defaultEventBasedHold"):
        found["eventBasedHold"] = True
    return found


def check_allowed(bucket: Bucket, settings: Mapping[str, Any]) -> None:
    """
    Raises:
        ApiError: If the object asks for a retention of its own in a bucket that has not been made for it.
    """
    if settings.get("retention") is None:
        return
    if not bucket.settings.get("objectRetention"):
        raise ApiError(400, f"Object retention is not enabled for the bucket {bucket.name}.")
    if settings.get("eventBasedHold"):
        raise ApiError(400, "An object cannot have an event-based hold and a retention configuration.")


def changed(old: StoredObject, body: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """
    Return the settings of `old` after a patch with `body`, or, with `whole`, after an update that replaces all.

    Raises:
        ApiError: If the custom time would go back, or the storage class would change, which a rewrite does.
    """
    told = settings_of(body)
    kept = {"customTime", "storageClass", "retention"} if whole else set(old.settings)
    new = {name: value for name, value in old.settings.items() if name in kept} | told
    before, after = old.settings.get("customTime"), new.get("customTime")
    if before and (not after or instant(after, "customTime") < instant(before, "customTime")):
        raise ApiError(400, "The custom time of an object cannot be removed or set to an earlier time.")
    if (new.get("storageClass") or "STANDARD") != old.storage_class:
        raise not_imitated("another storage class by patch or update (objects.rewrite gives one)")
    return {name: value for name, value in new.items() if value is not None}


def merged_labels(old: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, str]:
    """Merge custom metadata: null takes a key away, null for the whole takes all."""
    if "metadata" in body and body["metadata"] is None:
        return {}
    merged: dict[str, str | None] = {**old, **bodies.labels(body, "metadata")}
    return {name: value for name, value in merged.items() if value is not None}


def instant(text: str, name: str) -> datetime:
    """
    Read a time in RFC 3339.

    Raises:
        ProtocolViolation: If it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ProtocolViolation(f"Invalid value for field '{name}': {text!r}; expected a time as in RFC 3339.")
    return found


def _retention(value: Any) -> dict[str, Any] | None:
    if value is None or value == {}:
        return None
    if not isinstance(value, dict) or value.get("mode") not in MODES:
        raise ProtocolViolation(f"Invalid value for field 'retention.mode'; expected one of {MODES}.")
    until = bodies.text(value, "retainUntilTime")
    if not until:
        raise ProtocolViolation("Required parameter: retention.retainUntilTime")
    instant(until, "retention.retainUntilTime")
    return {"mode": value["mode"], "retainUntilTime": until}
