"""Signed URLs: their times are looked at, their signatures are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orchestrator.sandbox.clock import rfc3339
from orchestrator.sandbox.web import ApiError, Request, digits

MAX_SECONDS = 604_800  # seven days
_END_OF_TIME = 253_402_300_799  # the last second of the year 9999
_PARTS = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")


def check(request: Request, now: datetime) -> None:
    """
    Let a request through that is not signed in its URL, or whose URL has not expired by the sandbox's clock.

    Raises:
        ApiError: 400 for a URL that has expired or lacks what a signed one has.
    """
    query = request.query
    for vendor in ("X-Goog", "X-Amz"):
        if f"{vendor}-Signature" in query or f"{vendor}-Algorithm" in query:
            _check_v4(request, vendor, now)
    if "GoogleAccessId" in query and "Signature" in query:
        text = query.get("Expires", "")
        if not digits(text):
            raise _malformed(f"Expires must be a number of seconds, found {text!r}.")
        _check_end(datetime.fromtimestamp(min(int(text), _END_OF_TIME), UTC), now)


def _check_v4(request: Request, vendor: str, now: datetime) -> None:
    query = request.query
    if missing := [f"{vendor}-{part}" for part in _PARTS if f"{vendor}-{part}" not in query]:
        raise _malformed(f"The signed URL lacks {', '.join(missing)}.")
    try:
        begun = datetime.strptime(query[f"{vendor}-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise _malformed(f"The signed URL has no valid time: {error}") from error
    told = query[f"{vendor}-Expires"]
    seconds = int(told) if digits(told) else 0
    if not 0 < seconds <= MAX_SECONDS:
        raise _malformed(f"{vendor}-Expires must be from 1 to {MAX_SECONDS} seconds, found {told[:40]!r}.")
    _check_end(begun + timedelta(seconds=seconds), now)


def _check_end(end: datetime, now: datetime) -> None:
    if end < now:
        raise ApiError(400, f"Request signature expired at: {rfc3339(end)}", code="ExpiredToken")


def _malformed(message: str) -> ApiError:
    return ApiError(400, message, code="InvalidArgument")
