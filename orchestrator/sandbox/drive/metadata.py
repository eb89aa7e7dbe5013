"""What a caller may write of a file's resource, read by type as Drive reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from orchestrator.sandbox import bodies
from orchestrator.sandbox.clock import rfc3339_millis
from orchestrator.sandbox.documents import bundled
from orchestrator.sandbox.drive.values import is_id
from orchestrator.sandbox.web import ApiError, ProtocolViolation, not_imitated

# Fields of the resource that the reference does not call output only, and that nothing else depends on.
_TEXTS = ("description", "folderColorRgb", "originalFilename")
_FLAGS = ("starred", "copyRequiresWriterPermission", "writersCanShare")
_LABELS = ("properties", "appProperties")
_OWN = ("id", "name", "mimeType", "parents", "createdTime", "modifiedTime", "viewedByMeTime", "trashed")
_IGNORED = ("kind", "contentHints")  # what helps Google's search changes nothing here
_REFUSED = ("contentRestrictions", "downloadRestrictions", "inheritedPermissionsDisabled", "shortcutDetails")
MAX_PROPERTY_BYTES = 124  # of key and value together


def check(body: Mapping[str, Any], *, new: bool) -> None:
    """
    Refuse what cannot be written.

    Raises:
        ApiError: 403 for fields that the service writes itself, 400 for what is not imitated.
        ProtocolViolation: For names that no file has.
    """
    known = {*_TEXTS, *_FLAGS, *_LABELS, *_OWN, *_IGNORED, *_REFUSED}
    if unwritable := sorted((set(body) - known) & _fields()):
        raise _not_writable(f"The resource body includes fields which are not directly writable: {unwritable}.")
    if refused := sorted(set(body) & set(_REFUSED)):
        raise not_imitated(f"{refused} of a Drive file")
    if unknown := sorted(set(body) - known):
        raise ProtocolViolation(f"Invalid JSON payload received. Unknown name '{unknown[0]}': Cannot find field.")
    number = bodies.text(body, "id")
    if number is not None and not is_id(number):
        raise ApiError(400, f"The provided file ID is not usable: {number[:80]!r}; `files.generateIds` gives such.")
    if not new and "parents" in body:
        raise _not_writable(
            "The parents field is not directly writable in update requests. Use the addParents and removeParents "
            "parameters instead."
        )
    if not new and "id" in body:
        raise _not_writable("The resource body includes fields which are not directly writable: ['id'].")


@cache
def _fields() -> frozenset[str]:
    """Name every field that a file has."""
    return frozenset(bundled("drive.v3")["schemas"]["File"]["properties"])


def _not_writable(message: str) -> ApiError:
    return ApiError(403, message, reason="fieldNotWritable")


def details(body: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """
    Put what `body` tells over what was told before; a property that is null is taken away.

    Raises:
        ProtocolViolation: For a value of the wrong type.
        ApiError: 403 for a property that is too long.
    """
    told: dict[str, Any] = {name: bodies.text(body, name) for name in _TEXTS if name in body}
    told |= {name: bodies.boolean(body, name) for name in _FLAGS if name in body}
    if "viewedByMeTime" in body:
        told["viewedByMeTime"] = moment(body, "viewedByMeTime")
    for name in _LABELS:
        if name in body:
            told[name] = _labels(old.get(name, {}), bodies.labels(body, name))
    return {name: value for name, value in {**old, **told}.items() if value not in (None, {})}


def _labels(old: Mapping[str, str], told: Mapping[str, str | None]) -> dict[str, str]:
    for key, value in told.items():
        if len(key.encode()) + len((value or "").encode()) > MAX_PROPERTY_BYTES:
            raise ApiError(403, f"Properties and app properties are limited to {MAX_PROPERTY_BYTES} bytes, UTF-8.")
    return {key: value for key, value in {**old, **told}.items() if value is not None}


def moment(body: Mapping[str, Any], name: str) -> str | None:
    """
    Read a time, with any offset, as Drive shows it: in UTC, with milliseconds.

    Raises:
        ProtocolViolation: If it is none.
    """
    text = bodies.text(body, name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ProtocolViolation(f'Invalid value for: Invalid format: "{text}"') from error
    return rfc3339_millis(found if found.tzinfo else found.replace(tzinfo=UTC))
