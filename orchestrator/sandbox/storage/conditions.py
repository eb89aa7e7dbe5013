"""The conditions of HTTP that guard reading: ETags and times (RFC 9110, 13)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from orchestrator.sandbox.storage.values import NOT_HELD
from orchestrator.sandbox.web import ApiError


def check_marks(headers: Mapping[str, str], mark: str) -> None:
    """
    Hold `If-Match` and `If-None-Match` against an ETag.

    Raises:
        ApiError: 412 or 304 if one does not hold.
    """
    if (wanted := headers.get("if-match")) is not None and not _names(wanted, mark):
        raise ApiError(412, NOT_HELD)
    if (known := headers.get("if-none-match")) is not None and _names(known, mark):
        raise ApiError(304, "Not Modified")


def check_times(headers: Mapping[str, str], changed: datetime) -> None:
    """
    Hold `If-Unmodified-Since` and `If-Modified-Since` against a time, each unless one about ETags stands for it.

    Raises:
        ApiError: 412 or 304 if one does not hold.
    """
    whole = changed.replace(microsecond=0)
    limit, since = _date(headers.get("if-unmodified-since")), _date(headers.get("if-modified-since"))
    if limit is not None and "if-match" not in headers and whole > limit:
        raise ApiError(412, NOT_HELD)
    if since is not None and "if-none-match" not in headers and whole <= since:
        raise ApiError(304, "Not Modified")


def _names(marks: str, mark: str) -> bool:
    listed = [each.strip().removeprefix("W/") for each in marks.split(",")]
    return "*" in listed or mark in listed or mark.strip('"') in listed


def _date(text: str | None) -> datetime | None:
    """Read a date of HTTP; one that is none counts as absent (RFC 9110)."""
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
