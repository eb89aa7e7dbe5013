"""Buckets and objects as Cloud Storage's JSON shows them, and the headers of their bytes."""

from __future__ import annotations

import base64
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from orchestrator.sandbox.clock import rfc3339_millis
from orchestrator.sandbox.storage import access, protection
from orchestrator.sandbox.storage.values import Bucket, StoredObject, moment

NO_CACHE = "no-cache, no-store, max-age=0, must-revalidate"


def bucket_resource(bucket: Bucket, base_url: str, *, full: bool = False) -> dict[str, Any]:
    """Return the resource; `full` adds the access lists, where there are any."""
    settings = dict(bucket.settings)
    access_settings = {
        "uniformBucketLevelAccess": {"enabled": True},
        "publicAccessPrevention": "enforced",
        **settings.pop("iamConfiguration", {}),
    }
    resource = {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "selfLink": f"{base_url}/storage/v1/b/{bucket.name}",
        "projectNumber": "1",
        "generation": "1",
        "metageneration": str(bucket.metageneration),
        "location": "US",
        "locationType": "multi-region",
        "storageClass": "STANDARD",
        "etag": etag(1, bucket.metageneration),
        "timeCreated": _shown(bucket.created),
        "updated": _shown(bucket.updated or bucket.created),
        "softDeletePolicy": {"retentionDurationSeconds": "0"},
        "iamConfiguration": access_settings,
        **settings,
    }
    if full and not bucket.uniform_access:
        resource["acl"] = access.shown(access.of_bucket(bucket), bucket, base_url)
        resource["defaultObjectAcl"] = access.defaults_of(bucket)
    return resource


def object_resource(item: StoredObject, base_url: str, bucket: Bucket, *, full: bool = False) -> dict[str, Any]:
    """Return the resource; `full` adds the access list, where there is one."""
    path = f"/b/{item.bucket}/o/{quote(item.name, safe='')}"
    resource: dict[str, Any] = {
        "kind": "storage#object",
        "id": f"{item.bucket}/{item.name}/{item.generation}",
        "selfLink": f"{base_url}/storage/v1{path}",
        "mediaLink": f"{base_url}/download/storage/v1{path}?generation={item.generation}&alt=media",
        "name": item.name,
        "bucket": item.bucket,
        "generation": str(item.generation),
        "metageneration": str(item.metageneration),
        "contentType": item.content_type,
        "storageClass": "STANDARD",
        "size": str(item.blob.size),
        "crc32c": item.blob.crc32c,
        "etag": etag(item.generation, item.metageneration),
        "timeCreated": _shown(item.created),
        "updated": _shown(item.updated or item.created),
        "timeStorageClassUpdated": _shown(item.class_since or item.created),
        "timeFinalized": _shown(item.created),
        **item.settings,
    }
    if not item.content_type:
        del resource["contentType"]
    if item.metadata:
        resource["metadata"] = dict(item.metadata)
    if item.components:
        resource["componentCount"] = item.components
    else:
        resource["md5Hash"] = item.blob.md5
    resource.update(_times(item, bucket))
    if full and not bucket.uniform_access:
        resource["owner"] = {"entity": access.OWNER}
        resource["acl"] = access.shown(item.acl or access.defaults_of(bucket), bucket, base_url, item)
    return resource


def _times(item: StoredObject, bucket: Bucket) -> dict[str, str]:
    until = protection.retained_until(bucket, item)
    stamps = {
        "timeDeleted": item.archived,
        "softDeleteTime": item.deleted,
        "hardDeleteTime": item.gone_at,
        "retentionExpirationTime": "" if until is None else until.isoformat(),
    }
    return {name: _shown(text) for name, text in stamps.items() if text}


def media_headers(item: StoredObject) -> dict[str, str]:
    """The headers Cloud Storage sends with an object's bytes; a range carries the whole object's checksums too."""
    shown = {
        "Cache-Control": item.settings.get("cacheControl"),
        "Content-Disposition": item.settings.get("contentDisposition"),
        "Content-Encoding": item.settings.get("contentEncoding"),
        "Content-Language": item.settings.get("contentLanguage"),
    }
    return {
        "Content-Type": item.content_type or "application/octet-stream",
        "ETag": etag(item.generation, item.metageneration),
        "Last-Modified": http_date(item.created),
        "Cache-Control": NO_CACHE,
        "x-goog-generation": str(item.generation),
        "x-goog-metageneration": str(item.metageneration),
        "x-goog-hash": hashes(item),
        "x-goog-stored-content-encoding": item.settings.get("contentEncoding", "identity"),
        "x-goog-stored-content-length": str(item.blob.size),
        "x-goog-storage-class": item.storage_class,
        **{name: value for name, value in shown.items() if value is not None},
    }


def hashes(item: StoredObject) -> str:
    """The checksums as `x-goog-hash` has them; a composed object has no MD5."""
    return f"crc32c={item.blob.crc32c}" + ("" if item.components else f",md5={item.blob.md5}")


def http_date(text: str) -> str:
    return format_datetime(moment(text), usegmt=True)


def etag(generation: int, metageneration: int) -> str:
    return base64.b64encode(f"{generation}/{metageneration}".encode()).decode()


def _shown(text: str) -> str:
    return rfc3339_millis(moment(text))
