"""Requests, responses, routes: the small web framework that the imitated services share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from orchestrator.sandbox import cdse_errors, xml_errors
from orchestrator.sandbox.parsing import parsed
from orchestrator.sandbox.streams import FileBody

# Query parameters that every Google API accepts.
STANDARD_QUERY = frozenset(
    {
        "$.xgafv", "$alt", "$prettyPrint", "access_token", "alt", "callback", "fields", "key", "oauth_token",
        "prettyPrint", "quotaUser", "uploadType", "upload_protocol", "userIp",
    }
)  # fmt: skip

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

REASONS = {
    400: "invalid",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    412: "conditionNotMet",
    416: "requestedRangeNotSatisfiable",
    429: "rateLimitExceeded",
}


class ApiError(Exception):
    """An answer other than success, in Google's JSON form."""

    def __init__(
        self, status: int, message: str, *, status_name: str | None = None, reason: str | None = None, code: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code  # of the XML form, where status and message do not tell it
        self.status = status
        self.message = message
        self.status_name = status_name or STATUS_NAMES.get(status, "UNKNOWN")
        self.reason = reason or REASONS.get(status, "backendError")


class ProtocolViolation(ApiError):  # noqa: N818  it is answered as an error and counted as a violation
    """A request that the real service would refuse as malformed; it is also counted in `/sandbox/state`."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(status, message)


class UnknownParameter(ProtocolViolation):
    """A query parameter that a method does not know."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
            f"Field '{name}' could not be found in request message."
        )
        self.name = name


@dataclass(frozen=True, slots=True)
class Request:
    """
    One HTTP request, read completely.

    Attributes:
        path: As it came, still percent-encoded, without the query.
        query: The first value of each parameter.
        queries: Every value of each parameter.
        base_url: Scheme and host the client used, without a trailing slash.
    """

    method: str
    path: str
    query: Mapping[str, str]
    queries: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    base_url: str

    @staticmethod
    def of(method: str, target: str, headers: Mapping[str, str], body: bytes, base_url: str) -> Request:
        parts = urlsplit(target)
        queries = parse_qs(parts.query, keep_blank_values=True)
        first = {name: values[0] for name, values in queries.items()}
        return Request(method, parts.path, first, queries, headers, body, base_url)

    @property
    def wants_media(self) -> bool:
        return self.query.get("alt") == "media"

    def json(self) -> dict[str, Any]:
        """
        Read the body as a JSON object; an empty body is an empty object.

        Raises:
            ProtocolViolation: If the body is no JSON object.
        """
        return json_object(self.body) if self.body else {}


_LONE = re.compile(rb"\\u[dD][89a-fA-F]")  # half a character, if its other half is not beside it


def json_object(data: bytes) -> dict[str, Any]:
    """
    Read a JSON object.

    Raises:
        ProtocolViolation: If `data` is none, or has a text that is no Unicode.
    """
    try:
        value = parsed(data)
        if _LONE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError as error:
        raise ProtocolViolation(f"Invalid JSON payload received. {error}") from error
    if not isinstance(value, dict):
        raise ProtocolViolation("Invalid JSON payload received. Unexpected root value, expected an object.")
    return value


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FileBody = b""

    @property
    def length(self) -> int:
        return self.body.length if isinstance(self.body, FileBody) else len(self.body)

    def close(self) -> None:
        """Let go what was opened for the body; it is sent, or will not be."""
        if isinstance(self.body, FileBody):
            self.body.close()


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(status, {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}, body)


def error_response(error: ApiError, *, service: str) -> Response:
    """Render `error` as the service does: Earth Engine names a status, the older APIs list reasons, one is XML."""
    if error.status == 304:  # carries no body
        return Response(304)
    if service == "xml":
        body = xml_errors.document(error.status, error.message, error.code)
        return Response(error.status, {"Content-Type": "application/xml; charset=UTF-8"}, body)
    if service in cdse_errors.FORMS:
        return json_response(cdse_errors.FORMS[service](error.status, error.message, error.code), error.status)
    inner: dict[str, Any] = {"code": error.status, "message": error.message}
    if service == "earthengine":
        inner["status"] = error.status_name
    else:
        inner["errors"] = [{"message": error.message, "domain": "global", "reason": error.reason}]
    return json_response({"error": inner}, error.status)


def not_imitated(what: str) -> ApiError:
    """Say that the real service has `what` and this sandbox does not."""
    # Not 501: real clients repeat a 5xx for up to a minute.
    return ApiError(400, f"This sandbox does not imitate {what} yet; the real service does.", reason="notImplemented")


Handler = Callable[..., Response]
MOST_DIGITS = 18
HEADED = ("storage", "xml", *cdse_errors.FORMS)


@dataclass(frozen=True, slots=True)
class Route:
    """
    One method of one service.

    Attributes:
        api: Name under which calls are counted and faults ordered, such as `image.export`.
        pattern: Regular expression over the raw path; named groups become keyword arguments, percent-decoded.
        query: Parameters the method knows besides Google's standard ones; None for whatever comes.
        media: True serves only `alt=media`, False only the rest, None both.
    """

    service: str
    api: str
    method: str
    pattern: re.Pattern[str]
    handler: Handler
    query: frozenset[str] | None = frozenset()
    media: bool | None = None

    def answers(self, method: str) -> bool:
        """Tell whether this is the route of `method`: some services answer HEAD as they answer GET."""
        return method == self.method or (method == "HEAD" and self.method == "GET" and self.service in HEADED)


def route(
    service: str,
    api: str,
    method: str,
    pattern: str,
    handler: Handler,
    *,
    query: str | None = "",
    media: bool | None = None,
) -> Route:
    """Make a route; `query` is a space-separated list."""
    known = None if query is None else frozenset(query.split())
    return Route(service, api, method, re.compile(pattern), handler, known, media)


@dataclass(frozen=True, slots=True)
class Match:
    route: Route
    arguments: Mapping[str, str]

    def call(self, request: Request, **extra: Any) -> Response:
        """
        Check the query and run the handler, with `extra` arguments.

        Raises:
            ApiError: Whatever the method answers other than success.
        """
        known = self.route.query
        for name in request.query:
            if known is not None and name not in STANDARD_QUERY | known:
                raise UnknownParameter(name)
        return self.route.handler(request, **self.arguments, **extra)


class Router:
    """Find the route of a request; the first that fits wins."""

    def __init__(self, routes: list[Route]) -> None:
        self.routes = routes

    def match(self, request: Request) -> Match | None:
        for candidate in self.routes:
            if not candidate.answers(request.method):
                continue
            if candidate.media is not None and candidate.media != request.wants_media:
                continue
            found = candidate.pattern.fullmatch(request.path)
            if found is not None:
                return Match(candidate, {k: unquote(v) for k, v in found.groupdict().items()})
        return None


def service_of(path: str) -> str:
    """Name the service a path belongs to, for the form of its errors."""
    below = path.removeprefix("/resumable").removeprefix("/upload").removeprefix("/download").removeprefix("/batch")
    if below.startswith("/storage/"):
        return "storage"
    if below.startswith(("/drive/", "/discovery/")):
        return "drive"
    if path.startswith(("/odata/", "/auth/")):
        return cdse_errors.CATALOGUE if path.startswith("/odata/") else cdse_errors.IDENTITY
    return "control" if path.startswith("/sandbox/") else "earthengine"


def reason_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def truth(request: Request, name: str) -> bool:
    """Read a parameter that is true or false, as some clients spell it: `True`."""
    return request.query.get(name, "").lower() == "true"


def integer(request: Request, name: str, default: int) -> int:
    """
    Read an integer parameter.

    Raises:
        ProtocolViolation: If the parameter is there and no integer.
    """
    text = request.query.get(name)
    if text is None:
        return default
    if not digits(text.removeprefix("-")):
        raise ProtocolViolation(f"Invalid value at '{name}' (TYPE_INT32), \"{text[:80]}\"")
    return int(text)


def digits(text: str) -> bool:
    """Tell whether `text` is a whole number that fits into 64 bits, in the digits of ASCII."""
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
