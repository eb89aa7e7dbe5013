"""The methods of access lists: of a bucket, of the objects it will get, of one object. Kept, shown, never enforced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.sandbox.storage import access
from orchestrator.sandbox.storage.access import Entry
from orchestrator.sandbox.storage.calls import BUCKET, OBJECT, Calls, answer, optional, preconditions
from orchestrator.sandbox.storage.values import ANY, Bucket, StoredObject
from orchestrator.sandbox.web import Request, Response, Route

_OF_LIST = {"acl": "bucketAccessControls", "defaultObjectAcl": "defaultObjectAccessControls"}
# Verb, name of the method, whether the path names an entity.
_METHODS = (
    ("list", "GET", False),
    ("insert", "POST", False),
    ("get", "GET", True),
    ("patch", "PATCH", True),
    ("update", "PUT", True),
    ("delete", "DELETE", True),
)


class AclRoutes(Calls):
    """bucketAccessControls, defaultObjectAccessControls, objectAccessControls."""

    def routes(self) -> list[Route]:
        entity = "/(?P<entity>[^/]+)"
        found: list[Route] = []
        for method, verb, named in _METHODS:
            end = entity if named else ""
            for extra, api in _OF_LIST.items():
                query = (
                    "userProject ifMetagenerationMatch ifMetagenerationNotMatch" if extra != "acl" else "userProject"
                )
                handler = self._of_bucket(method, extra)
                found.append(self.route(f"{api}.{method}", verb, f"{BUCKET}/{extra}{end}", handler, query))
            handler = self._of_object(method)
            found.append(
                self.route(
                    f"objectAccessControls.{method}", verb, f"{OBJECT}/acl{end}", handler, "generation userProject"
                )
            )
        return found

    def _of_bucket(self, method: str, extra: str) -> Callable[..., Response]:
        def handle(request: Request, bucket: str, entity: str | None = None) -> Response:
            home = self.buckets.bucket(bucket)
            preconditions(request).check_metageneration(home.metageneration)
            access.check_lists(home, "get or change the lists of a bucket")
            held = access.of_bucket(home) if extra == "acl" else access.defaults_of(home)
            kind = "bucket" if extra == "acl" else "object"
            kept, told = _done(method, request, held, kind, entity)
            if kept != held:
                self.buckets.keep_extra(bucket, extra, list(kept))
            return _answer(request, told, kind, home, None)

        return handle

    def _of_object(self, method: str) -> Callable[..., Response]:
        def handle(request: Request, bucket: str, name: str, entity: str | None = None) -> Response:
            home = self.buckets.bucket(bucket)
            item = self.buckets.get(bucket, name, optional(request, "generation"), ANY)
            access.check_lists(home, "get or change the list of an object")
            held = item.acl or access.defaults_of(home)
            kept, told = _done(method, request, held, "object", entity)
            if kept != held:
                item = self.buckets.keep_acl(item, kept)
            return _answer(request, told, "object", home, item)

        return handle


def _done(
    method: str, request: Request, held: tuple[Entry, ...], kind: str, entity: str | None
) -> tuple[tuple[Entry, ...], tuple[Entry, ...] | Entry | None]:
    """Return the list after `method`, and what is told: all, one entry, or nothing."""
    if method == "list":
        return held, held
    if method == "delete":
        return access.without(held, entity or ""), None
    if method == "get":
        return held, access.found(held, entity or "")
    if method == "insert":
        made = access.entry_of(request.json(), kind)
        return access.with_entry(held, made), made
    old = access.found(held, entity or "")
    body = request.json()
    made = access.entry_of({**old, **body} if method == "patch" else body, kind, entity)
    return access.with_entry(held, made), made


def _answer(
    request: Request, told: tuple[Entry, ...] | Entry | None, kind: str, bucket: Bucket, item: StoredObject | None
) -> Response:
    if told is None:
        return Response(204)
    if isinstance(told, tuple):
        items: list[dict[str, Any]] = access.shown(told, bucket, request.base_url, item)
        return answer(request, {"kind": f"storage#{kind}AccessControls", "items": items})
    return answer(request, access.shown((told,), bucket, request.base_url, item)[0])
