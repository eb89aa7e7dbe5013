"""The methods of Cloud Storage's JSON API that the client calls."""

from __future__ import annotations

import re
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from orchestrator.sandbox import bodies, fields, multipart
from orchestrator.sandbox.storage.buckets import Bucket, Buckets, Preconditions, StoredObject, settings_of
from orchestrator.sandbox.storage.resources import bucket_resource, media_headers, object_resource
from orchestrator.sandbox.web import (
    ApiError,
    Handler,
    ProtocolViolation,
    Request,
    Response,
    Route,
    integer,
    json_response,
    media_response,
    not_imitated,
    route,
    truth,
)

_PRECONDITIONS = "ifGenerationMatch ifGenerationNotMatch ifMetagenerationMatch ifMetagenerationNotMatch"
_OBJECT = f"generation projection userProject softDeleted {_PRECONDITIONS}"
_LIST = (
    "prefix delimiter maxResults pageToken projection userProject versions startOffset endOffset "
    "includeTrailingDelimiter includeFoldersAsPrefixes matchGlob softDeleted filter"
)
_UPLOAD = f"name upload_id projection predefinedAcl contentEncoding userProject {_PRECONDITIONS}"
MAX_PAGE = 1000
_PERMISSIONS = {
    "buckets.get": "storage.buckets.get",
    "objects.list": "storage.objects.list",
    "objects.get": "storage.objects.get",
    "objects.media": "storage.objects.get",
    "objects.patch": "storage.objects.update",
    "objects.delete": "storage.objects.delete",
    "objects.insert": "storage.objects.create",
}


@dataclass(slots=True)
class _Session:
    """A resumable upload under way."""

    bucket: str
    metadata: dict[str, Any]
    content_type: str
    only_if: Preconditions
    data: bytearray = field(default_factory=bytearray)


class StorageRoutes:
    """Answer for Cloud Storage."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    def routes(self) -> list[Route]:
        b, o = r"/storage/v1/b", r"/storage/v1/b/(?P<bucket>[^/]+)"
        item = o + r"/o/(?P<name>[^/]+)"
        upload = r"/upload" + o + r"/o"

        def one(api: str, method: str, pattern: str, handler: Any, query: str = "", media: bool | None = None) -> Route:
            return route("storage", api, method, pattern, self._guarded(api, handler), query=query, media=media)

        bucket = "projection userProject ifMetagenerationMatch ifMetagenerationNotMatch softDeleted generation"
        return [
            one("buckets.list", "GET", b, self._list_buckets, "project prefix maxResults pageToken projection"),
            one("buckets.insert", "POST", b, self._insert_bucket, "project projection"),
            one("buckets.get", "GET", o, self._get_bucket, bucket),
            one("buckets.patch", "PATCH", o, self._patch_bucket, bucket),
            one("buckets.testIamPermissions", "GET", o + "/iam/testPermissions", self._test, "permissions userProject"),
            one("objects.list", "GET", o + "/o", self._list, _LIST),
            one("objects.media", "GET", r"(?:/download)?" + item, self._media, _OBJECT, media=True),
            one("objects.get", "GET", item, self._get, _OBJECT, media=False),
            one("objects.patch", "PATCH", item, self._patch, _OBJECT),
            one("objects.delete", "DELETE", item, self._delete, _OBJECT),
            one("objects.insert", "POST", upload, self._insert, _UPLOAD),
            one("objects.resume", "PUT", upload, self._resume, _UPLOAD),
        ]

    def _guarded(self, api: str, handler: Handler) -> Handler:
        """Let `handler` run only if the bucket grants what Cloud Storage asks for this method."""
        permission = _PERMISSIONS.get(api)
        if permission is None:
            return handler

        def guarded(request: Request, bucket: str, **names: str) -> Response:
            if permission not in self._buckets.bucket(bucket).permissions:
                raise ApiError(
                    403,
                    f"sandbox@example.com does not have {permission} access to the Google Cloud Storage bucket. "
                    f"Permission '{permission}' denied on resource (or it may not exist).",
                )
            return handler(request, bucket=bucket, **names)

        return guarded

    def _list_buckets(self, request: Request) -> Response:
        items = [bucket_resource(each, request.base_url) for each in self._buckets.all()]
        return _json(request, {"kind": "storage#buckets", "items": items})

    def _insert_bucket(self, request: Request) -> Response:
        body = request.json()
        name = bodies.text(body, "name")
        body.pop("name", None)
        if not name:
            raise ProtocolViolation("Required parameter: name")
        if self._buckets.exists(name):
            raise ApiError(409, "Your previous request to create the named bucket succeeded and you already own it.")
        return _json(request, bucket_resource(self._buckets.create(name, settings=body), request.base_url))

    def _get_bucket(self, request: Request, bucket: str) -> Response:
        found = self._guarded_bucket(request, bucket)
        return _json(request, bucket_resource(found, request.base_url))

    def _guarded_bucket(self, request: Request, name: str) -> Bucket:
        found = self._buckets.bucket(name)
        _preconditions(request).check_metageneration(found.metageneration)
        return found

    def _patch_bucket(self, request: Request, bucket: str) -> Response:
        self._guarded_bucket(request, bucket)
        return _json(request, bucket_resource(self._buckets.create(bucket, settings=request.json()), request.base_url))

    def _test(self, request: Request, bucket: str) -> Response:
        granted = self._buckets.bucket(bucket).permissions
        asked = request.queries.get("permissions", [])
        answer: dict[str, Any] = {"kind": "storage#testIamPermissionsResponse"}
        if held := [each for each in asked if each in granted]:
            answer["permissions"] = held
        return _json(request, answer)

    def _list(self, request: Request, bucket: str) -> Response:
        if truth(request, "versions") or request.query.get("matchGlob"):
            raise not_imitated("listing versions or globs")
        gone = truth(request, "softDeleted")  # nothing is kept of what was deleted
        found = [] if gone else self._buckets.objects(bucket, request.query.get("prefix", ""))
        size = min(integer(request, "maxResults", MAX_PAGE), MAX_PAGE)
        entries = _entries(found, request.query.get("prefix", ""), request.query.get("delimiter", ""))
        after, start, end = (request.query.get(name) for name in ("pageToken", "startOffset", "endOffset"))
        kept = [
            (name, item)
            for name, item in entries
            if (after is None or name > after) and (not start or name >= start) and (not end or name < end)
        ]
        page = kept[:size]
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if len(kept) > size and page:
            answer["nextPageToken"] = page[-1][0]
        if prefixes := [name for name, item in page if item is None]:
            answer["prefixes"] = prefixes
        if items := [object_resource(item, request.base_url) for _, item in page if item is not None]:
            answer["items"] = items
        return _json(request, answer)

    def _get(self, request: Request, bucket: str, name: str) -> Response:
        if truth(request, "softDeleted"):
            raise ApiError(404, f"No such object: {bucket}/{name}")
        found = self._buckets.get(bucket, name, _generation(request), _preconditions(request))
        return _json(request, object_resource(found, request.base_url), {"ETag": media_headers(found)["ETag"]})

    def _media(self, request: Request, bucket: str, name: str) -> Response:
        found = self._buckets.get(bucket, name, _generation(request), _preconditions(request))
        return media_response(self._buckets.blobs.path(found.blob), found.blob.size, request, media_headers(found))

    def _patch(self, request: Request, bucket: str, name: str) -> Response:
        made = self._buckets.patch(bucket, name, request.json(), _generation(request), _preconditions(request))
        return _json(request, object_resource(made, request.base_url))

    def _delete(self, request: Request, bucket: str, name: str) -> Response:
        self._buckets.delete(bucket, name, _generation(request), _preconditions(request))
        return Response(204)

    def _insert(self, request: Request, bucket: str) -> Response:
        self._buckets.bucket(bucket)
        if "upload_id" in request.query:  # some clients go on with POST
            return self._resume(request, bucket)
        kind = request.query.get("uploadType")
        if kind == "multipart":
            upload = multipart.read(request)
            metadata = {"name": request.query.get("name"), **upload.metadata}
            return self._store(request, bucket, metadata, upload.content_type, upload.data, _preconditions(request))
        if kind == "media":
            content_type = request.headers.get("content-type", "application/octet-stream")
            return self._store(
                request,
                bucket,
                {"name": request.query.get("name")},
                content_type,
                request.body,
                _preconditions(request),
            )
        if kind == "resumable":
            return self._begin(request, bucket)
        raise ProtocolViolation(f"Invalid upload type: {kind}")

    def _begin(self, request: Request, bucket: str) -> Response:
        metadata = {"name": request.query.get("name"), **request.json()}
        content_type = request.headers.get("x-upload-content-type", "application/octet-stream")
        number = uuid.uuid4().hex
        with self._lock:
            self._sessions[number] = _Session(bucket, metadata, content_type, _preconditions(request))
        place = f"{request.base_url}{request.path}?uploadType=resumable&upload_id={number}"
        return Response(200, {"Location": place, "X-GUploader-UploadID": number})

    def _resume(self, request: Request, bucket: str) -> Response:
        with self._lock:
            session = self._sessions.get(request.query.get("upload_id", ""))
        if session is None or session.bucket != bucket:
            raise ApiError(404, "No such upload.")
        asked = request.headers.get("content-range", f"bytes 0-{len(request.body) - 1}/{len(request.body)}")
        found = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", asked)
        if found is None:
            raise ProtocolViolation(f"Invalid Content-Range: {asked}")
        if found.group(1) is not None and int(found.group(1)) <= len(session.data):
            session.data[int(found.group(1)) :] = request.body
        if found.group(3) == "*" or len(session.data) < int(found.group(3)):
            held = {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}
            return Response(308, held)
        with self._lock:
            self._sessions.pop(request.query["upload_id"], None)
        return self._store(
            request, bucket, session.metadata, session.content_type, bytes(session.data), session.only_if
        )

    def _store(
        self,
        request: Request,
        bucket: str,
        metadata: dict[str, Any],
        content_type: str,
        data: bytes,
        only_if: Preconditions,
    ) -> Response:
        name = bodies.text(metadata, "name")
        kept = {key: value for key, value in bodies.labels(metadata, "metadata").items() if value is not None}
        settings = {key: value for key, value in settings_of(metadata).items() if value is not None}
        if not name or len(name.encode()) > 1024:
            raise ProtocolViolation("Required parameter: name")
        blob = self._buckets.blobs.store(data)
        if metadata.get("crc32c", blob.crc32c) != blob.crc32c or metadata.get("md5Hash", blob.md5) != blob.md5:
            self._buckets.blobs.discard(blob)
            raise ApiError(400, "Provided checksum doesn't match calculated checksum.")
        try:
            made = self._buckets.put(
                bucket,
                name,
                blob,
                content_type=bodies.text(metadata, "contentType") or content_type,
                metadata=kept,
                settings=settings,
                only_if=only_if,
            )
        except ApiError:
            self._buckets.blobs.discard(blob)
            raise
        return _json(request, object_resource(made, request.base_url))


def _json(request: Request, value: Any, headers: dict[str, str] | None = None) -> Response:
    return json_response(fields.select(request.query.get("fields"), value), headers=headers)


def _generation(request: Request) -> int | None:
    return integer(request, "generation", 0) if "generation" in request.query else None


def _preconditions(request: Request) -> Preconditions:
    def read(name: str) -> int | None:
        return integer(request, name, 0) if name in request.query else None

    return Preconditions(
        read("ifGenerationMatch"),
        read("ifGenerationNotMatch"),
        read("ifMetagenerationMatch"),
        read("ifMetagenerationNotMatch"),
    )


def _entries(found: list[StoredObject], prefix: str, delimiter: str) -> list[tuple[str, StoredObject | None]]:
    """Fold names that go on after a `delimiter` into one entry without an object."""
    entries: dict[str, StoredObject | None] = {}
    for item in found:
        cut = item.name.find(delimiter, len(prefix)) if delimiter else -1
        if cut < 0:
            entries[item.name] = item
        else:
            entries[item.name[: cut + len(delimiter)]] = None
    return sorted(entries.items())
