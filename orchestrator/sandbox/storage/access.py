"""Access lists as values: kept and shown, never enforced. Buckets with uniform access, the default, have none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from orchestrator.sandbox import bodies
from orchestrator.sandbox.storage.values import Bucket, StoredObject
from orchestrator.sandbox.web import ApiError, ProtocolViolation

OWNER = "project-owners-1"
_EDITORS, _VIEWERS = "project-editors-1", "project-viewers-1"
_OF_BUCKET = (
    {"entity": OWNER, "role": "OWNER"},
    {"entity": _EDITORS, "role": "OWNER"},
    {"entity": _VIEWERS, "role": "READER"},
)
_OF_OBJECTS = _OF_BUCKET
PREDEFINED = {
    "private": ({"entity": OWNER, "role": "OWNER"},),
    "projectPrivate": _OF_BUCKET,
    "bucketOwnerFullControl": ({"entity": OWNER, "role": "OWNER"},),
    "bucketOwnerRead": ({"entity": OWNER, "role": "READER"},),
    "publicRead": ({"entity": OWNER, "role": "OWNER"}, {"entity": "allUsers", "role": "READER"}),
    "publicReadWrite": ({"entity": OWNER, "role": "OWNER"}, {"entity": "allUsers", "role": "WRITER"}),
    "authenticatedRead": ({"entity": OWNER, "role": "OWNER"}, {"entity": "allAuthenticatedUsers", "role": "READER"}),
}
ROLES = {"bucket": ("OWNER", "READER", "WRITER"), "object": ("OWNER", "READER")}
_ENTITY = ("user-", "group-", "domain-", "project-")

Entry = Mapping[str, Any]


def of_bucket(bucket: Bucket) -> tuple[Entry, ...]:
    return tuple(bucket.extras.get("acl", _OF_BUCKET))


def defaults_of(bucket: Bucket) -> tuple[Entry, ...]:
    """Return the list that new objects get."""
    return tuple(bucket.extras.get("defaultObjectAcl", _OF_OBJECTS))


def predefined(name: str | None, bucket: Bucket) -> tuple[Entry, ...]:
    """
    Return the list that a predefined one stands for; empty for none.

    Raises:
        ApiError: 400 if there is no such list, or the bucket has uniform access.
    """
    if not name:
        return ()
    if bucket.uniform_access:
        raise ApiError(
            400,
            "Cannot insert legacy ACL for an object when uniform bucket-level access is enabled. "
            "Read more at https://cloud.google.com/storage/docs/uniform-bucket-level-access",
        )
    if name not in PREDEFINED:
        raise ProtocolViolation(f"Invalid value for predefinedAcl: {name!r}; expected one of {sorted(PREDEFINED)}.")
    return PREDEFINED[name]


def check_lists(bucket: Bucket, what: str) -> None:
    """
    Raises:
        ApiError: 400 if the bucket has uniform access and so no lists.
    """
    if bucket.uniform_access:
        raise ApiError(
            400,
            f"Cannot use ACL API to {what} when uniform bucket-level access is enabled. "
            "Read more at https://cloud.google.com/storage/docs/uniform-bucket-level-access",
        )


def entry_of(body: Mapping[str, Any], kind: str, entity: str | None = None) -> Entry:
    """
    Read an entry from a body.

    Raises:
        ProtocolViolation: If its entity or role is none.
    """
    named = entity or bodies.text(body, "entity")
    if not named or not (named.startswith(_ENTITY) or named in ("allUsers", "allAuthenticatedUsers")):
        raise ProtocolViolation(f"Invalid value for field 'entity': {named!r}.")
    role = bodies.text(body, "role")
    if role not in ROLES[kind]:
        raise ProtocolViolation(f"Invalid value for field 'role': {role!r}; expected one of {ROLES[kind]}.")
    return {"entity": named, "role": role}


def listed(body: Mapping[str, Any], name: str, kind: str, bucket: Bucket) -> tuple[Entry, ...]:
    """
    Read the list that a resource brings in the field `name`; empty for none.

    Raises:
        ApiError: 400 if an entry is none, or the bucket has uniform access.
    """
    found = body.get(name)
    if not found:
        return ()
    check_lists(bucket, f"set {name}")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ProtocolViolation(f"Invalid value at '{name}': expected a list of entries.")
    return tuple(entry_of(each, kind) for each in found)


def with_entry(entries: Iterable[Entry], entry: Entry) -> tuple[Entry, ...]:
    kept = [each for each in entries if each["entity"] != entry["entity"]]
    return (*kept, entry)


def without(entries: Iterable[Entry], entity: str) -> tuple[Entry, ...]:
    """
    Raises:
        ApiError: 404 if the list has no such entity.
    """
    held = tuple(entries)
    found(held, entity)
    return tuple(each for each in held if each["entity"] != entity)


def found(entries: Iterable[Entry], entity: str) -> Entry:
    """
    Raises:
        ApiError: 404 if the list has no such entity.
    """
    for each in entries:
        if each["entity"] == entity:
            return each
    raise ApiError(404, f"The specified ACL entry does not exist: {entity}")


def shown(
    entries: Iterable[Entry], bucket: Bucket, base_url: str, item: StoredObject | None = None
) -> list[dict[str, Any]]:
    """Return the entries as the resources that the API tells."""
    path = f"/b/{bucket.name}" + ("" if item is None else f"/o/{quote(item.name, safe='')}")
    kind = "bucket" if item is None else "object"
    return [
        {
            "kind": f"storage#{kind}AccessControl",
            "id": f"{path.removeprefix('/b/').replace('/o/', '/')}/{each['entity']}",
            "selfLink": f"{base_url}/storage/v1{path}/acl/{each['entity']}",
            "bucket": bucket.name,
            **({} if item is None else {"object": item.name, "generation": str(item.generation)}),
            **each,
            "etag": "CAE=",
        }
        for each in entries
    ]
