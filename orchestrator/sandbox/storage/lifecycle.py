"""Rules of a bucket's lifecycle: which action is due for an object at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.sandbox.storage.settings import CLASSES, OLD_CLASSES
from orchestrator.sandbox.storage.values import StoredObject, moment
from orchestrator.sandbox.web import ProtocolViolation, not_imitated

DELETE, SET_CLASS, ABORT = "Delete", "SetStorageClass", "AbortIncompleteMultipartUpload"
_DAYS = ("age", "daysSinceCustomTime", "daysSinceNoncurrentTime", "numNewerVersions")
_DATES = ("createdBefore", "customTimeBefore", "noncurrentTimeBefore")
_LISTS = ("matchesPrefix", "matchesStorageClass", "matchesSuffix")
_OF_UPLOADS = frozenset({"age", "matchesPrefix", "matchesSuffix"})


def check(rules: Any) -> None:
    """
    Raises:
        ApiError: If a rule has an unknown action or condition, or a value of another type.
    """
    if not isinstance(rules, list):
        raise ProtocolViolation("Invalid value for field 'lifecycle.rule': expected a list.")
    for rule in rules:
        action, condition = _parts(rule)
        kind = action.get("type")
        if kind not in (DELETE, SET_CLASS, ABORT):
            raise ProtocolViolation(f"Invalid lifecycle action: {kind!r}.")
        if kind == SET_CLASS and action.get("storageClass") not in CLASSES + OLD_CLASSES:
            raise ProtocolViolation(f"Invalid storage class of a lifecycle action: {action.get('storageClass')!r}.")
        for name, value in condition.items():
            _check_condition(name, value)
        if kind == ABORT and not condition.keys() <= _OF_UPLOADS:
            raise ProtocolViolation(f"A rule that ends uploads takes the conditions {sorted(_OF_UPLOADS)} only.")


def _parts(rule: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(rule, dict) or not isinstance(rule.get("action"), dict):
        raise ProtocolViolation("A lifecycle rule needs an action.")
    condition = rule.get("condition")
    if not isinstance(condition, dict) or not condition:
        raise ProtocolViolation("A lifecycle rule needs at least one condition.")
    return rule["action"], condition


def _check_condition(name: str, value: Any) -> None:
    if name in _DAYS:
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    elif name in _DATES:
        fits = isinstance(value, str) and _date(value) is not None
    elif name in _LISTS:
        fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
    elif name == "isLive":
        fits = isinstance(value, bool)
    elif name == "matchesPattern":
        raise not_imitated("the lifecycle condition 'matchesPattern'")
    else:
        raise ProtocolViolation(f"Unknown lifecycle condition {name!r}.")
    if not fits:
        raise ProtocolViolation(f"Invalid value of the lifecycle condition {name!r}: {value!r}.")


def due(rules: Iterable[Mapping[str, Any]], item: StoredObject, newer: int, now: datetime) -> str | None:
    """
    Return what is to be done with `item`: `Delete`, the name of a colder storage class, or None.

    A deletion goes before a change of class, of several classes the coldest wins (guide "Object Lifecycle
    Management").

    Args:
        rules: As in the bucket's resource, checked.
        item: A living or a noncurrent generation.
        newer: How many newer generations of its name there are, the living one included.
        now: The sandbox's time.
    """
    acts = [rule["action"] for rule in rules if _fits(rule["condition"], item, newer, now)]
    if any(act["type"] == DELETE for act in acts):
        return DELETE
    colder = [act["storageClass"] for act in acts if act["type"] == SET_CLASS and _colder(item, act["storageClass"])]
    return max(colder, key=CLASSES.index, default=None)


def ends_upload(rules: Iterable[Mapping[str, Any]], name: str, begun: datetime, now: datetime) -> bool:
    """Tell whether an unfinished multipart upload of the XML API is to be given up."""
    return any(
        rule["action"]["type"] == ABORT
        and _named(rule["condition"], name)
        and _after(begun, rule["condition"].get("age"), now)
        for rule in rules
    )


def _colder(item: StoredObject, wanted: str) -> bool:
    warm = item.storage_class if item.storage_class in CLASSES else "STANDARD"
    return wanted in CLASSES and CLASSES.index(wanted) > CLASSES.index(warm)


def _fits(condition: Mapping[str, Any], item: StoredObject, newer: int, now: datetime) -> bool:
    created, custom = moment(item.created), item.settings.get("customTime")
    archived = moment(item.archived) if item.archived else None
    own = moment(custom) if custom else None
    return (
        _named(condition, item.name)
        and condition.get("isLive") in (None, item.live)
        and item.storage_class in condition.get("matchesStorageClass", [item.storage_class])
        and newer >= condition.get("numNewerVersions", 0)
        and _after(created, condition.get("age"), now)
        and _after(own, condition.get("daysSinceCustomTime"), now)
        and _after(archived, condition.get("daysSinceNoncurrentTime"), now)
        and _before(created, condition.get("createdBefore"))
        and _before(own, condition.get("customTimeBefore"))
        and _before(archived, condition.get("noncurrentTimeBefore"))
    )


def _named(condition: Mapping[str, Any], name: str) -> bool:
    return name.startswith(tuple(condition.get("matchesPrefix", [""]))) and name.endswith(
        tuple(condition.get("matchesSuffix", [""]))
    )


def _after(begin: datetime | None, days: int | None, now: datetime) -> bool:
    if days is None:
        return True
    return begin is not None and (now - begin) // timedelta(days=1) >= days


def _before(found: datetime | None, date: str | None) -> bool:
    if date is None:
        return True
    limit = _date(date)
    return found is not None and limit is not None and found < limit


def _date(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
