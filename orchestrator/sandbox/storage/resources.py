"""Buckets and objects as Cloud Storage's JSON shows them."""

from __future__ import annotations

import base64
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from orchestrator.sandbox.clock import rfc3339_millis
from orchestrator.sandbox.storage.buckets import Bucket, StoredObject, moment


def bucket_resource(bucket: Bucket, base_url: str) -> dict[str, Any]:
    created = rfc3339_millis(moment(bucket.created))
    return {
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
        "etag": _etag(1, bucket.metageneration),
        "timeCreated": created,
        "updated": created,
        "iamConfiguration": {
            "uniformBucketLevelAccess": {"enabled": True},
            "publicAccessPrevention": "enforced",
        },
        **bucket.settings,
    }


def object_resource(item: StoredObject, base_url: str) -> dict[str, Any]:
    path = f"/b/{item.bucket}/o/{quote(item.name, safe='')}"
    created = rfc3339_millis(moment(item.created))
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
        "md5Hash": item.blob.md5,
        "crc32c": item.blob.crc32c,
        "etag": _etag(item.generation, item.metageneration),
        "timeCreated": created,
        "updated": created,
        "timeStorageClassUpdated": created,
        "timeFinalized": created,
    }
    if item.metadata:
        resource["metadata"] = dict(item.metadata)
    return {**resource, **item.settings}


def media_headers(item: StoredObject) -> dict[str, str]:
    """The headers Cloud Storage sends with an object's bytes; a range carries the whole object's checksums too."""
    shown = {
        "Cache-Control": item.settings.get("cacheControl"),
        "Content-Disposition": item.settings.get("contentDisposition"),
        "Content-Language": item.settings.get("contentLanguage"),
    }
    return {
        "Content-Type": item.content_type,
        "ETag": _etag(item.generation, item.metageneration),
        "Last-Modified": format_datetime(moment(item.created), usegmt=True),
        "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate",
        "x-goog-generation": str(item.generation),
        "x-goog-metageneration": str(item.metageneration),
        "x-goog-hash": f"crc32c={item.blob.crc32c},md5={item.blob.md5}",
        "x-goog-stored-content-encoding": "identity",
        "x-goog-stored-content-length": str(item.blob.size),
        "x-goog-storage-class": item.settings.get("storageClass", "STANDARD"),
        **{name: value for name, value in shown.items() if value is not None},
    }


def _etag(generation: int, metageneration: int) -> str:
    return base64.b64encode(f"{generation}/{metageneration}".encode()).decode()
