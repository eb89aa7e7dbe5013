"""The methods that the real services have and this sandbox does not: each is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

from orchestrator.sandbox import parameters
from orchestrator.sandbox.documents import Method, bundled, methods
from orchestrator.sandbox.earthengine import discovery
from orchestrator.sandbox.web import ApiError, Match, Request, Response, Route, not_imitated

SERVICES = {"earthengine": "Earth Engine", "storage": "Cloud Storage", "drive": "Drive"}
# How the ids of the documents become the names under which calls are counted and faults ordered.
# Versions of Earth Engine's API that have the same methods under another path.
_OLDER = re.compile(r"/(v1alpha|v1beta)/(?=projects/)")
_SHORT = (("earthengine.projects.", ""), ("storage.", ""), ("drive.files.", "drive."))


def match(request: Request) -> Match | None:
    """
    Find the method of a real service that `request` calls.

    Its handler answers HTTP 400: real clients repeat a 5xx for up to a minute, and read a 404 as "no such object".
    """
    method = _method(request)
    return None if method is None else Match(_refusal(method), {})


def parameter(request: Request, name: str) -> ApiError | None:
    """Refuse a parameter that the real service's method has; None if it has no such parameter either."""
    method = _method(request)
    if method is None or name not in method.query:
        return None
    return not_imitated(f"the parameter '{name}' of {_service(method)}'s method {method.id}")


def check(request: Request) -> None:
    """
    Hold the query against what the real service's method promises of it.

    Raises:
        ApiError: 400 for a value of another type.
    """
    method = _method(request) if request.query else None
    if method is not None:
        parameters.check(request, method.query)


def apis() -> set[str]:
    """Return the names under which the calls of every real method are counted."""
    return {api_of(each.id) for each in _known()}


def _method(request: Request) -> Method | None:
    path = _OLDER.sub("/v1/", request.path, count=1)
    fitting = [each for each in _known() if each.verb == request.method and each.pattern.fullmatch(path)]
    return max(fitting, key=lambda each: each.literals, default=None)


def api_of(number: str) -> str:
    """Shorten a method's id, such as `storage.objects.rewrite`, to `objects.rewrite`."""
    for long, short in _SHORT:
        if number.startswith(long):
            return short + number.removeprefix(long)
    return number


@cache
def _known() -> tuple[Method, ...]:
    return tuple(_all())


def _all() -> Iterator[Method]:
    documents = [discovery.document("")]
    with suppress(FileNotFoundError):  # without the client that ships them, their methods have no names here
        documents += [bundled("storage.v1"), bundled("drive.v3")]
    for document in documents:
        yield from methods(document)
        yield Method(f"{document['name']}.batch", "POST", re.compile(f"/{document['batchPath']}"), 0, {})


def _service(method: Method) -> str:
    return SERVICES[method.id.partition(".")[0]]


def _refusal(method: Method) -> Route:
    def refuse(request: Request) -> Response:
        raise not_imitated(f"{_service(method)}'s method {method.id} ({request.method} {request.path})")

    return Route(method.id.partition(".")[0], api_of(method.id), method.verb, method.pattern, refuse, query=None)
