"""Headers of the XML API: what an upload tells of its object, and what an answer tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.storage.resources import NO_CACHE, media_headers
from orchestrator.sandbox.storage.values import Preconditions, StoredObject
from orchestrator.sandbox.storage.xml_text import quoted_etag
from orchestrator.sandbox.web import ApiError, Request, digits, not_imitated

META = "x-goog-meta-"
_FIELDS = {
    "cache-control": "cacheControl",
    "content-disposition": "contentDisposition",
    "content-encoding": "contentEncoding",
    "content-language": "contentLanguage",
    "x-goog-custom-time": "customTime",
    "x-goog-storage-class": "storageClass",
}
_REFUSED = (
    "x-goog-object-lock-mode",
    "x-goog-object-lock-retain-until-date",
)
ACLS = {
    "authenticated-read": "authenticatedRead",
    "bucket-owner-full-control": "bucketOwnerFullControl",
    "bucket-owner-read": "bucketOwnerRead",
    "private": "private",
    "project-private": "projectPrivate",
    "public-read": "publicRead",
    "public-read-write": "publicReadWrite",
}


def body_of(headers: Mapping[str, str], name: str) -> dict[str, Any]:
    """
    Return the resource, as the JSON API has it, that the headers of an upload tell.

    Raises:
        ApiError: If one asks for what is not imitated.
    """
    for each in _REFUSED:
        if each in headers:
            raise not_imitated(f"the header '{each}' of Cloud Storage's XML API")
    body: dict[str, Any] = {"name": name}
    body.update({field: headers[each] for each, field in _FIELDS.items() if each in headers})
    if labels := {each.removeprefix(META): value for each, value in headers.items() if each.startswith(META)}:
        body["metadata"] = labels
    if "content-type" in headers:
        body["contentType"] = headers["content-type"]
    return body


def acl_of(headers: Mapping[str, str]) -> str | None:
    """Return the name of the predefined access list, as the JSON API spells it."""
    wanted = headers.get("x-goog-acl")
    if wanted is not None and wanted not in ACLS:
        raise ApiError(400, f"Unknown value of x-goog-acl: {wanted!r}", code="InvalidArgument")
    return None if wanted is None else ACLS[wanted]


def conditions(headers: Mapping[str, str], prefix: str = "x-goog-if-") -> Preconditions:
    """Read the preconditions about generations; `x-goog-copy-source-if-` begins those about a source."""
    return Preconditions(
        _whole(headers, f"{prefix}generation-match"), None, _whole(headers, f"{prefix}metageneration-match")
    )


def _whole(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    if not digits(text):
        raise ApiError(400, f"Invalid value of {name}: {text[:80]!r}", code="InvalidArgument")
    return int(text)


def stored_headers(item: StoredObject) -> dict[str, str]:
    """What the answer to an upload tells of the new object."""
    shown = media_headers(item)
    kept = ("x-goog-generation", "x-goog-metageneration", "x-goog-hash", "x-goog-storage-class")
    stored = ("x-goog-stored-content-encoding", "x-goog-stored-content-length")
    return {"ETag": quoted_etag(item), **{name: shown[name] for name in kept + stored}}


def read_headers(item: StoredObject, request: Request) -> dict[str, str]:
    """What comes with the bytes of an object; a signed URL may tell another type and disposition."""
    shown = media_headers(item)
    shown["ETag"] = quoted_etag(item)
    if shown["Cache-Control"] == NO_CACHE:
        shown["Cache-Control"] = "private, max-age=0"
    shown.update({META + name: value for name, value in item.metadata.items()})
    if item.components:
        shown["x-goog-component-count"] = str(item.components)
    if custom := item.settings.get("customTime"):
        shown["x-goog-custom-time"] = custom
    told = {
        "Content-Type": request.query.get("response-content-type"),
        "Content-Disposition": request.query.get("response-content-disposition"),
    }
    return {**shown, **{name: value for name, value in told.items() if value is not None}}
