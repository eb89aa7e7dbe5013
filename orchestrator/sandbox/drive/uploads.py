"""What comes with a file that is made or changed: its resource and its bytes, in one request or in a session."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

from orchestrator.sandbox import multipart
from orchestrator.sandbox.resumable import Growing, announced
from orchestrator.sandbox.web import ApiError, ProtocolViolation, Request, Response


@dataclass(frozen=True, slots=True)
class Content:
    """
    Attributes:
        data: The bytes; None if none came.
        mime_type: What they came as.
    """

    metadata: dict[str, Any]
    data: bytes | None = None
    mime_type: str | None = None


@dataclass(slots=True)
class Session(Growing):
    """
    An upload in pieces.

    Attributes:
        number: The file that gets the content; None for a new one.
        query: The parameters of the request that began it.
        size: Bytes of the whole, as far as known.
    """

    number: str | None
    query: dict[str, str]
    metadata: dict[str, Any]
    mime_type: str | None
    size: int | None
    data: bytearray = field(default_factory=bytearray)
    lock: threading.Lock = field(default_factory=threading.Lock)
    result: dict[str, Any] | None = None


def read(request: Request) -> Content:
    """
    Read what one request carries.

    Raises:
        ProtocolViolation: If it is of none of the forms.
    """
    kind = request.query.get("uploadType")
    if kind is None:
        return Content(request.json())
    if kind == "media":
        return Content({}, request.body, request.headers.get("content-type"))
    if kind == "multipart":
        upload = multipart.read(request)
        return Content(upload.metadata, upload.data, upload.content_type)
    raise ProtocolViolation(f"Invalid upload type: {kind}")


class Sessions:
    """The uploads under way; they end with the process."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, request: Request, number: str | None) -> Response:
        """Answer with the address that takes the bytes."""
        told = request.headers.get("x-upload-content-type")
        known = {name: value for name, value in request.query.items() if name not in ("uploadType", "upload_id")}
        session = Session(number, known, request.json(), told, announced(request))
        name = secrets.token_urlsafe(40)
        with self._lock:
            self._sessions[name] = session
        place = f"{request.base_url}{request.path}?uploadType=resumable&upload_id={name}"
        return Response(200, {"Location": place, "X-GUploader-UploadID": name})

    def get(self, request: Request) -> Session:
        """
        Raises:
            ApiError: 404 if there is none.
        """
        with self._lock:
            found = self._sessions.get(request.query.get("upload_id", ""))
        if found is None:
            raise ApiError(404, "The upload session was not found: it has ended, or there never was one.")
        return found
