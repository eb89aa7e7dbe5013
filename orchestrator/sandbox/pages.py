"""Answers that a fault turns into other ones of the same kind: pages without an end, empty ones, shuffled rows."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from orchestrator.sandbox.web import ProtocolViolation, Request, Response

# How a page token begins that a fault made. The first leads to the first page again, whatever follows it; the second
# to the page that was due when it was given.
ENDLESS, EMPTY = "endless-", "empty-"
_LISTS = ("features", "images", "assets", "operations", "items", "files")
ODATA, NEXT_LINK = "@odata.context", "@odata.nextLink"
_REGION_COLUMNS = ["id", "longitude", "latitude", "time"]


def restored(request: Request) -> Request:
    """Give the request with the page token that it would have without faults, in its query or its body."""
    token = page_token(request)
    if not token.startswith((ENDLESS, EMPTY)):
        return request
    due = token.removeprefix(EMPTY) if token.startswith(EMPTY) else ""
    if "pageToken" in request.query:
        rest = {name: value for name, value in request.query.items() if name != "pageToken"}
        return replace(request, query={**rest, "pageToken": due} if due else rest)
    body = {**request.json(), "pageToken": due}
    return replace(request, body=json.dumps(body).encode())


def page_token(request: Request) -> str:
    """Give the page token of a request, or nothing."""
    if "pageToken" in request.query or b"pageToken" not in request.body:
        return request.query.get("pageToken", "")
    try:
        token = request.json().get("pageToken")
    except ProtocolViolation:
        return ""
    return token if isinstance(token, str) else ""


def endless(response: Response, number: int, request: Request) -> Response:
    """Name a next page, which is the first again."""

    def more(page: dict[str, Any]) -> dict[str, Any]:
        if ODATA in page:
            return {**page, NEXT_LINK: _address(request, {"$skip": "0"})}
        return {**page, "nextPageToken": f"{ENDLESS}{number}"}

    return _changed(response, more)


def emptied(response: Response, request: Request) -> Response:
    """Leave out the elements of a page, and name it as the next one."""
    token = page_token(request)

    def empty(page: dict[str, Any]) -> dict[str, Any]:
        if ODATA in page:
            return {**page, "value": [], NEXT_LINK: _address(request, {})}
        kept = {name: value for name, value in page.items() if name not in _LISTS}
        return {**kept, "nextPageToken": f"{EMPTY}{token}"}

    return _changed(response, empty)


def _address(request: Request, changes: Mapping[str, str]) -> str:
    return f"{request.base_url}{request.path}?{urlencode({**request.query, **changes})}"


def shuffled(response: Response, seed: int) -> Response:
    """Bring the rows of an answer of getRegion into another order; the header stays first."""

    def shuffle(answer: dict[str, Any]) -> dict[str, Any]:
        match answer.get("result"):
            case [[*header], *rows] if header[:4] == _REGION_COLUMNS:
                random.Random(seed).shuffle(rows)  # noqa: S311  no secret
                return {**answer, "result": [header, *rows]}
        return answer

    return _changed(response, shuffle)


def _changed(response: Response, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Response:
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    if response.status != 200 or not is_json or not isinstance(response.body, bytes):
        return response
    return replace(response, body=json.dumps(change(json.loads(response.body)), separators=(",", ":")).encode())
