"""What comes with a file that is made or changed: its resource and its bytes, in one request or in a session."""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

from orchestrator.sandbox import multipart
from orchestrator.sandbox.web import ApiError, ProtocolViolation, Request, Response

CHUNK_BYTES = 256 * 1024  # every chunk but the last is a multiple of it
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


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
class Session:
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
        size = request.headers.get("x-upload-content-length", "")
        told = request.headers.get("x-upload-content-type")
        known = {name: value for name, value in request.query.items() if name not in ("uploadType", "upload_id")}
        session = Session(number, known, request.json(), told, int(size) if size.isdigit() else None)
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


def add(session: Session, request: Request) -> bool:
    """
    Take a piece, or say how far the upload is; return whether it is complete.

    Raises:
        ApiError: 400 for a piece that does not follow, or is no multiple of 256 KiB and not the last.
    """
    told = request.headers.get("content-range")
    if told is None:  # everything at once
        session.data[:] = request.body
        session.size = len(request.body)
        return True
    found = _RANGE.fullmatch(told.strip())
    if found is None:
        raise ApiError(400, f"Invalid Content-Range: {told}")
    if found[3] != "*":
        session.size = int(found[3])
    if found[1] is not None:
        _append(session, int(found[1]), int(found[2]), request.body)
    return session.size is not None and len(session.data) == session.size


def _append(session: Session, first: int, last: int, body: bytes) -> None:
    if last - first + 1 != len(body) or first > len(session.data):
        raise ApiError(400, f"Invalid request: bytes {first}-{last} do not follow the {len(session.data)} that came.")
    if (session.size is None or last + 1 < session.size) and len(body) % CHUNK_BYTES:
        raise ApiError(400, f"Invalid request: a chunk must be a multiple of {CHUNK_BYTES} bytes, got {len(body)}.")
    session.data[first:] = body


def incomplete(session: Session) -> Response:
    """Answer that more is to come, and how much has."""
    return Response(308, {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {})
