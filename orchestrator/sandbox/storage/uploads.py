"""objects.insert in its three forms: simple, multipart, resumable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox import bodies, multipart
from orchestrator.sandbox.resumable import Piece, add, announced
from orchestrator.sandbox.storage import access, checksums
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.storage.calls import BUCKET, CONDITIONS, Calls, preconditions
from orchestrator.sandbox.storage.sessions import Session, Sessions, cancelled_error
from orchestrator.sandbox.storage.settings import given, labels_of
from orchestrator.sandbox.storage.values import Preconditions, StoredObject
from orchestrator.sandbox.web import ApiError, ProtocolViolation, Request, Response, Route

_UPLOAD = f"name upload_id projection predefinedAcl contentEncoding userProject {CONDITIONS}"
MAX_NAME_BYTES = 1024
PLAIN = "application/octet-stream"


class Uploads(Calls):
    """objects.insert; the requests of a resumable session are counted as objects.resume."""

    def __init__(self, buckets: Buckets, sessions: Sessions) -> None:
        super().__init__(buckets)
        self._sessions = sessions

    def routes(self) -> list[Route]:
        path = r"(?:/resumable)?/upload" + BUCKET + r"/o"
        return [
            self.route("objects.insert", "POST", path, self._insert, _UPLOAD),
            self.route("objects.resume", "PUT", path, self._resume, _UPLOAD),
            self.route("objects.cancel", "DELETE", path, self._cancel, _UPLOAD),
        ]

    def _insert(self, request: Request, bucket: str) -> Response:
        self.buckets.bucket(bucket)
        if "upload_id" in request.query:  # some clients go on with POST
            return self._resume(request, bucket)
        kind = request.query.get("uploadType")
        named = {"name": request.query.get("name"), "contentEncoding": request.query.get("contentEncoding")}
        told = {name: value for name, value in named.items() if value is not None}
        only_if = preconditions(request)
        if kind == "multipart":
            upload = multipart.read(request)
            body = {**upload.metadata, **told}
            _check_types(bodies.text(body, "contentType"), upload.content_type if upload.typed else None)
            return self._stored(request, bucket, body, upload.content_type, upload.data, only_if)
        if kind == "media":
            content_type = request.headers.get("content-type", PLAIN)
            return self._stored(request, bucket, told, content_type, request.body, only_if)
        if kind == "resumable":
            return self._begin(request, bucket, {**request.json(), **told})
        raise ProtocolViolation(f"Invalid upload type: {kind}")

    def _begin(self, request: Request, bucket: str, body: dict[str, Any]) -> Response:
        name_of(body)
        given(body)
        labels_of(body)
        session = Session(
            bucket,
            body,
            request.headers.get("x-upload-content-type", PLAIN),
            preconditions(request),
            request.query,
            request.headers,
            self.buckets.clock.now(),
            announced(request),
        )
        number = self._sessions.begin(session)
        place = f"{request.base_url}{request.path}?uploadType=resumable&upload_id={number}"
        return Response(200, {"Location": place, "X-GUploader-UploadID": number})

    def _resume(self, request: Request, bucket: str) -> Response:
        session = self._sessions.get(request.query.get("upload_id", ""), bucket)
        with session.lock:
            if session.result is None:
                if not add(session, Piece.of(request), request.body):
                    return Response(308, session.range_header)
                session.result = self._finished(request, session)
                session.data.clear()
            return self.object_answer(request, session.result)

    def _finished(self, request: Request, session: Session) -> StoredObject:
        return store(
            self.buckets,
            session.bucket,
            session.metadata,
            session.content_type,
            bytes(session.data),
            session.only_if,
            checksums.declared(session.metadata, _hash({**session.headers, **_hash(request.headers)})),
            session.query.get("predefinedAcl"),
        )

    def _cancel(self, request: Request, bucket: str) -> Response:
        number = request.query.get("upload_id", "")
        self._sessions.get(number, bucket)
        self._sessions.cancel(number)
        raise cancelled_error()

    def _stored(
        self,
        request: Request,
        bucket: str,
        body: dict[str, Any],
        content_type: str,
        data: bytes,
        only_if: Preconditions,
    ) -> Response:
        wanted = checksums.declared(body, _hash(request.headers))
        made = store(
            self.buckets, bucket, body, content_type, data, only_if, wanted, request.query.get("predefinedAcl")
        )
        return self.object_answer(request, made)


def _check_types(told: str | None, sent: str | None) -> None:
    """
    Raises:
        ApiError: 400 if the resource tells another type than its bytes came with.
    """
    if told and sent and told != sent:
        raise ApiError(
            400,
            f"Content-Type specified in the upload ({sent}) does not match Content-Type specified in metadata "
            f"({told}).",
        )


def _hash(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the one header of checksums that the JSON API has."""
    return {name: value for name, value in headers.items() if name == "x-goog-hash"}


def name_of(body: Mapping[str, Any]) -> str:
    """
    Return the name an object is to have.

    Raises:
        ProtocolViolation: If there is none, or it is too long or one that no object may have.
    """
    name = bodies.text(body, "name")
    if not name:
        raise ProtocolViolation("Required parameter: name")
    size = len(name.encode())
    if size > MAX_NAME_BYTES:
        raise ProtocolViolation(f"The object's name has {size} bytes, more than the {MAX_NAME_BYTES} allowed.")
    if name in (".", "..") or "\r" in name or "\n" in name or name.startswith(".well-known/acme-challenge/"):
        raise ProtocolViolation(f"Invalid object name: {name!r}")
    return name


def store(
    buckets: Buckets,
    bucket: str,
    body: Mapping[str, Any],
    content_type: str,
    data: bytes,
    only_if: Preconditions,
    wanted: Mapping[str, str],
    acl: str | None = None,
) -> StoredObject:
    """
    Make an object of `data`.

    Args:
        buckets: Where it goes.
        bucket: Whose name is known to exist.
        body: The object's resource as the caller tells it.
        content_type: What the bytes came with, unless the body tells one.
        data: The whole content.
        only_if: What must hold.
        wanted: Checksums, by `crc32c` and `md5`.
        acl: The name of a predefined access list.

    Raises:
        ApiError: 400 for checksums that do not fit, and whatever `Buckets.put` raises.
    """
    name, labels, settings = name_of(body), labels_of(body), given(body)
    home = buckets.bucket(bucket)
    entries = access.predefined(acl, home) or access.listed(body, "acl", "object", home)
    blob = buckets.blobs.store(data)
    try:
        checksums.check(wanted, blob)
    except ApiError:
        buckets.blobs.discard(blob)
        raise
    return buckets.put(
        bucket,
        name,
        blob,
        content_type=bodies.text(body, "contentType") or content_type,
        metadata=labels,
        settings=settings,
        only_if=only_if,
        acl=entries,
    )
