"""What the methods of Cloud Storage have in common: reading their parameters, guarding, answering."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox import fields
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.storage.resources import bucket_resource, object_resource
from orchestrator.sandbox.storage.values import Bucket, Preconditions, StoredObject
from orchestrator.sandbox.web import (
    ApiError,
    Handler,
    ProtocolViolation,
    Request,
    Response,
    Route,
    integer,
    json_response,
    not_imitated,
    route,
)

BUCKET = r"/storage/v1/b/(?P<bucket>[^/]+)"
OBJECT = BUCKET + r"/o/(?P<name>[^/]+)"
CONDITIONS = "ifGenerationMatch ifGenerationNotMatch ifMetagenerationMatch ifMetagenerationNotMatch"
# What a bucket must grant for a method.
PERMISSIONS = {
    "buckets.get": "storage.buckets.get",
    "objects.list": "storage.objects.list",
    "objects.get": "storage.objects.get",
    "objects.media": "storage.objects.get",
    "objects.patch": "storage.objects.update",
    "objects.update": "storage.objects.update",
    "objects.delete": "storage.objects.delete",
    "objects.insert": "storage.objects.create",
    "objects.compose": "storage.objects.create",
    "objects.copy": "storage.objects.get",
    "objects.rewrite": "storage.objects.get",
    "objects.move": "storage.objects.delete",
    "objects.restore": "storage.objects.create",
    "xml.objects.list": "storage.objects.list",
    "xml.objects.get": "storage.objects.get",
    "xml.objects.put": "storage.objects.create",
    "xml.objects.post": "storage.objects.create",
    "xml.objects.delete": "storage.objects.delete",
}
# Headers of keys of the customer, with which nothing would be encrypted here.
_KEYS = ("x-goog-encryption-", "x-goog-copy-source-encryption-")


class Calls:
    """A group of methods over the same buckets."""

    service = "storage"

    def __init__(self, buckets: Buckets) -> None:
        self.buckets = buckets

    def route(
        self, api: str, method: str, pattern: str, handler: Handler, query: str | None = "", media: bool | None = None
    ) -> Route:
        """Make a route whose handler runs only if the bucket grants what Cloud Storage asks for this method."""
        return route(self.service, api, method, pattern, self._guarded(api, handler), query=query, media=media)

    def _guarded(self, api: str, handler: Handler) -> Handler:
        permission = PERMISSIONS.get(api)

        def guarded(request: Request, **names: str) -> Response:
            self.buckets.tidy()
            for header in request.headers:
                if header.startswith(_KEYS):
                    raise not_imitated(f"the header '{header}' of Cloud Storage")
            if permission is not None:
                self.grant(names["bucket"], permission)
            return handler(request, **names)

        return guarded

    def grant(self, bucket: str, permission: str) -> None:
        """
        Raises:
            ApiError: 403 if the bucket does not grant `permission`, 404 without the bucket.
        """
        if permission not in self.buckets.bucket(bucket).permissions:
            raise ApiError(
                403,
                f"sandbox@example.com does not have {permission} access to the Google Cloud Storage bucket. "
                f"Permission '{permission}' denied on resource (or it may not exist).",
            )

    def object_answer(self, request: Request, item: StoredObject, headers: dict[str, str] | None = None) -> Response:
        resource = object_resource(
            item, request.base_url, self.buckets.bucket(item.bucket), full=request.query.get("projection") == "full"
        )
        return answer(request, resource, headers)


def bucket_answer(request: Request, bucket: Bucket) -> Response:
    full = request.query.get("projection") == "full"
    return answer(request, bucket_resource(bucket, request.base_url, full=full))


def answer(request: Request, value: Any, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON, or the part of it that `fields` asks for."""
    return json_response(fields.select(request.query.get("fields"), value), headers=headers)


def optional(request: Request, name: str) -> int | None:
    return integer(request, name, 0) if name in request.query else None


def preconditions(request: Request, prefix: str = "if") -> Preconditions:
    """Read the preconditions of a request; `ifSource` begins those about a source."""
    return Preconditions(
        optional(request, f"{prefix}GenerationMatch"),
        optional(request, f"{prefix}GenerationNotMatch"),
        optional(request, f"{prefix}MetagenerationMatch"),
        optional(request, f"{prefix}MetagenerationNotMatch"),
    )


def page_size(request: Request, name: str, most: int) -> int:
    """
    Read how many items a page may have.

    Raises:
        ProtocolViolation: If it is negative.
    """
    size = integer(request, name, most)
    if size < 0:
        raise ProtocolViolation(f"Invalid value for {name}: {size}; expected a positive number.")
    return min(size or most, most)
