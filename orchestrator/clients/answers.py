"""Whether an answer is the service's own: anybody between here and there may answer with a page of theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from orchestrator.core.errors import TransientError
from orchestrator.core.log import one_line

# A status that says something final is believed only in the service's own form, and one about us unless it is a page;
# what asks for time needs no proof, and 416 is said in words by whoever sends ranges of a file.
_NO_PAGE = frozenset({401, 403})
_BELIEVED = frozenset({408, 416, 425, 429})
# Reasons under status 403 that mean "slower", not "no" (Drive API: Resolve errors; Cloud Storage: HTTP status codes).
# A daily or storage quota is not among them: waiting a minute does not help there.
SLOWER = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})


def google_error(content: bytes | str) -> Mapping[str, Any] | None:
    """Return the error of Google's form, `{"error": {"code": 404, "message": "..."}}`; None for all else."""
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    known = isinstance(error, dict) and isinstance(error.get("code"), int) and isinstance(error.get("message"), str)
    return error if known else None


def asks_for_fewer(content: bytes | str) -> bool:
    """Tell whether Google's error names a rate as its reason, whatever its status."""
    errors = (google_error(content) or {}).get("errors")
    entries = errors if isinstance(errors, list) else []
    return any(isinstance(entry, dict) and entry.get("reason") in SLOWER for entry in entries)


def is_proof(status: int, content: bytes | str) -> bool:
    """Tell whether a refusal may be believed: by its status alone, or because it has the service's form."""
    if not 400 <= status < 500 or status in _BELIEVED:
        return True
    error = google_error(content)
    if status in _NO_PAGE and error is None:
        return not (content if isinstance(content, bytes) else content.encode()).lstrip().startswith(b"<")
    return error is not None and error["code"] == status


def read_object(content: bytes, what: str) -> dict[str, Any]:
    """
    Return an answer that must be a JSON object.

    Raises:
        TransientError: It is something else: cut, a page, a list.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise TransientError(f"{what}: the answer has not the shape of the service's: {shorten(content)!r}")
    return value


def shorten(text: bytes | str, limit: int = 300) -> str:
    """Return a service's text as one clean line of at most `limit`; a page is told by its title or its first words."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    title = re.search(r"<title>(.*?)</title>", words[:4096], re.IGNORECASE | re.DOTALL)
    return one_line(title.group(1) if title else words, limit) or "no explanation"


def asked_wait(headers: Mapping[str, str]) -> float:
    """
    Return how many seconds an answer asks to wait, 0 where it does not say: `Retry-After`, a number or a date.

    A date is compared with the answer's own, so that a clock that is wrong here neither hurries nor waits for hours.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    asked = str(lower.get("retry-after", "")).strip()
    if re.fullmatch(r"\d{1,6}", asked):
        return float(asked)
    until = _date(asked)
    if until is None:
        return 0.0
    now = _date(lower.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Pages:
    """Checks the pages of one list: each an object with a list in it, none of them seen before, and an end to them."""

    def __init__(self, what: str, key: str, others: frozenset[str], *, entries: int, pages: int) -> None:
        """Take the name of a page's list, the `others` it may have, and how many entries and pages there may be."""
        self._what, self._key, self._known = what, key, others | {key, "nextPageToken"}
        self._most_entries, self._most_pages = entries, pages
        self._entries = self._pages = 0
        self._seen: set[str] = set()

    def check(self, page: Mapping[str, Any]) -> None:
        """
        Take note of one more page.

        Raises:
            TransientError: It is none, or the list goes round in circles, or does not end.
        """
        entries, token = page.get(self._key, []), page.get("nextPageToken", "")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise TransientError(f"{self._what}: the answer's {self._key} are no list of objects")
        if not page.keys() <= self._known or not isinstance(token, str):
            raise TransientError(f"{self._what}: the answer is no page of a list: {one_line(str(sorted(page)), 80)}")
        self._watch_for_circles(token, entries)
        self._entries += len(entries)
        self._pages += 1
        if self._entries > self._most_entries or self._pages > self._most_pages:
            raise TransientError(
                f"{self._what}: the list did not end after {self._entries} entries on {self._pages} pages"
            )

    def _watch_for_circles(self, token: str, entries: list[dict[str, Any]]) -> None:
        first = entries[0].get("id") or entries[0].get("name") if entries else None
        marks = {f"token {token}"} if token else set()
        marks |= {f"entry {first}"} if first else set()
        if marks & self._seen:
            raise TransientError(f"{self._what}: the list goes round in circles, page {self._pages + 1} came before")
        self._seen |= marks
