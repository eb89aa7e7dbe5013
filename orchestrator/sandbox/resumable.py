"""What Cloud Storage's and Drive's resumable uploads share: what has arrived, and what a request adds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.sandbox.web import ApiError, ProtocolViolation, Request

STEP_BYTES = 256 << 10  # only the last piece may end elsewhere
_SIZE = re.compile(r"[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"bytes (?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18}|\*)")


class Growing:
    """
    An upload under way.

    Attributes:
        data: What has arrived.
        size: How long the caller said that it will be; None if it did not.
    """

    __slots__ = ()
    data: bytearray
    size: int | None

    @property
    def range_header(self) -> dict[str, str]:
        """Tell what has arrived; nothing of nothing."""
        return {"Range": f"bytes=0-{len(self.data) - 1}"} if self.data else {}


@dataclass(frozen=True, slots=True)
class Piece:
    """
    What a request of a session brings.

    Attributes:
        first: Where its bytes belong; None if it only asks how far the upload is.
        total: The size of the whole; None if that is not yet known.
    """

    first: int | None
    total: int | None

    @staticmethod
    def of(request: Request) -> Piece:
        """
        Read `Content-Range`; without one the body is the whole.

        Raises:
            ProtocolViolation: If it is none, or does not fit the body.
        """
        size = len(request.body)
        asked = request.headers.get("content-range")
        if asked is None:
            return Piece(0, size)
        found = _CONTENT_RANGE.fullmatch(asked.strip())
        if found is None:
            raise ProtocolViolation(f"Failed to parse Content-Range header: {asked[:60]}")
        first, last, total = found.groups()
        whole = None if total == "*" else int(total)
        if first is None and not size:
            return Piece(None, whole)
        if first is None:  # a whole upload says nothing but its size
            first, last = "0", str(size - 1)
        if int(last) - int(first) + 1 != size or (whole is not None and int(last) >= whole):
            raise ProtocolViolation(f"Content-Range '{asked}' does not fit a body of {size} bytes.")
        return Piece(int(first), whole)


def announced(request: Request) -> int | None:
    """
    Read how long the whole will be; None if the caller does not say.

    Raises:
        ProtocolViolation: If that is no number of bytes.
    """
    text = request.headers.get("x-upload-content-length")
    if text is None:
        return None
    if _SIZE.fullmatch(text.strip()) is None:
        raise ProtocolViolation(
            f"Invalid X-Upload-Content-Length: {text[:40]!r} is no number of bytes, which has up to 18 digits."
        )
    return int(text)


def add(session: Growing, piece: Piece, body: bytes) -> bool:
    """
    Add what a request brings, and tell whether the upload is whole.

    Bytes that are there already are passed over. Of a piece that is not the last only multiples of 256 KiB are kept,
    which the answer's `Range` tells.

    Raises:
        ApiError: 400 if bytes are missing before the piece, or there are more than were announced.
    """
    if piece.first is None:
        return piece.total is not None and len(session.data) == piece.total
    held = len(session.data)
    if piece.first > held:
        raise ApiError(
            400,
            f"Invalid request. According to the Content-Range header, the upload offset is {piece.first} byte(s), "
            f"which exceeds already uploaded size of {held} byte(s).",
        )
    announced = session.size if session.size is not None else piece.total
    if announced is not None and piece.first + len(body) > announced:
        raise ApiError(400, f"The upload has more than the announced {announced} bytes.")
    session.data += body[held - piece.first :]
    whole = piece.total is not None and len(session.data) == piece.total
    if not whole:
        del session.data[max(held, len(session.data) // STEP_BYTES * STEP_BYTES) :]
    return whole
