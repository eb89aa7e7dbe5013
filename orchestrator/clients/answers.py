"""Whether an answer is the service's own: anybody between here and there may answer with a page of theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.core.errors import TransientError
from orchestrator.core.log import clean

# A status that says something final about the thing asked for is believed only in the service's own form, and one
# about us unless it is a page. 407 is a proxy's by its meaning.
_NEEDS_FORM = frozenset({404, 407, 410, 412})
_NO_PAGE = frozenset({401, 403})


def google_error(content: bytes | str) -> Mapping[str, Any] | None:
    """Return the error of Google's form, `{"error": {"code": 404, "message": "..."}}`; None for all else."""
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    known = isinstance(error, dict) and isinstance(error.get("code"), int) and isinstance(error.get("message"), str)
    return error if known else None


def is_proof(status: int, content: bytes | str) -> bool:
    """Tell whether a refusal may be believed: by its status alone, or because it has the service's form."""
    if status not in _NEEDS_FORM | _NO_PAGE:
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
    return clean(title.group(1) if title else words, limit) or "no explanation"


class Pages:
    """Checks the pages of one list: each an object with a list in it, and each token a new one."""

    def __init__(self, what: str, key: str, others: frozenset[str], most: int) -> None:
        self._what, self._key, self._known = what, key, others | {key, "nextPageToken"}
        self._most, self._count = most, 0
        self._tokens: set[str] = set()

    def check(self, page: Mapping[str, Any]) -> None:
        """
        Take note of one more page.

        Raises:
            TransientError: It is none, or the list goes round in circles, or does not end.
        """
        entries = page.get(self._key, [])
        token = page.get("nextPageToken", "")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise TransientError(f"{self._what}: the answer's {self._key} are no list of objects")
        if not page.keys() <= self._known:
            raise TransientError(f"{self._what}: the answer is no page of a list: {sorted(page)[:5]}")
        if not isinstance(token, str) or (token and token in self._tokens):
            raise TransientError(f"{self._what}: the list goes round in circles, page {clean(str(token), 40)!r} again")
        self._tokens.add(token)
        self._count += len(entries)
        if self._count > self._most:
            raise TransientError(f"{self._what}: the list has more than {self._most} entries")
