"""The methods that make an object of others: copy, rewrite, compose, move."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestrator.sandbox import bodies
from orchestrator.sandbox.storage import access
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.storage.calls import BUCKET, CONDITIONS, OBJECT, Calls, answer, optional, preconditions
from orchestrator.sandbox.storage.resources import object_resource
from orchestrator.sandbox.storage.settings import given, labels_of
from orchestrator.sandbox.storage.values import Preconditions, StoredObject
from orchestrator.sandbox.web import ApiError, ProtocolViolation, Request, Response, Route, digits, not_imitated

MAX_SOURCES = 32
STEP_BYTES = 1 << 20  # maxBytesRewrittenPerCall is a multiple of it
TOKEN_LIFE = timedelta(days=7)
_SOURCE = (
    "ifSourceGenerationMatch ifSourceGenerationNotMatch ifSourceMetagenerationMatch ifSourceMetagenerationNotMatch"
)
_COPY = f"projection userProject sourceGeneration destinationPredefinedAcl {CONDITIONS} {_SOURCE}"
_REWRITE = f"{_COPY} rewriteToken maxBytesRewrittenPerCall"
# What a caller may say about a copy; whoever says one of them says all of them.
_TOLD = frozenset(
    {
        "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType", "customTime",
        "eventBasedHold", "metadata", "retention", "temporaryHold",
    }
)  # fmt: skip
# What a copy takes from its source where nothing is told: not its class, its holds and its retention.
_CARRIED = ("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "customTime")


@dataclass(frozen=True, slots=True)
class _Rewrite:
    """A rewrite under way: from which generation to where, how far, and since when."""

    source: StoredObject
    target: tuple[str, str]
    step: int
    written: int
    begun: datetime


class RewriteRoutes(Calls):
    """objects: copy, rewrite, compose, move."""

    def __init__(self, buckets: Buckets) -> None:
        super().__init__(buckets)
        self._rewrites: dict[str, _Rewrite] = {}
        self._lock = threading.Lock()

    def routes(self) -> list[Route]:
        to = r"/b/(?P<to_bucket>[^/]+)/o/(?P<to>[^/]+)"
        return [
            self.route("objects.copy", "POST", f"{OBJECT}/copyTo{to}", self._copy, _COPY),
            self.route("objects.rewrite", "POST", f"{OBJECT}/rewriteTo{to}", self._rewrite, _REWRITE),
            self.route("objects.move", "POST", f"{OBJECT}/moveTo/o/(?P<to>[^/]+)", self._move, _COPY),
            self.route(
                "objects.compose",
                "POST",
                BUCKET + r"/o/(?P<name>[^/]+)/compose",
                self._compose,
                "destinationPredefinedAcl ifGenerationMatch ifMetagenerationMatch userProject",
            ),
        ]

    def _copy(self, request: Request, bucket: str, name: str, to_bucket: str, to: str) -> Response:
        found = self._source(request, bucket, name)
        self.grant(to_bucket, "storage.objects.create")
        return self.object_answer(request, self._put_copy(request, found, to_bucket, to))

    def _source(self, request: Request, bucket: str, name: str) -> StoredObject:
        return self.buckets.get(bucket, name, optional(request, "sourceGeneration"), preconditions(request, "ifSource"))

    def _put_copy(self, request: Request, found: StoredObject, bucket: str, name: str) -> StoredObject:
        body = request.json()
        content_type, labels, settings = told_of_copy(body, found)
        return self.buckets.put(
            bucket,
            name,
            self.buckets.bytes_of([found]),
            content_type=content_type,
            metadata=labels,
            settings=settings,
            only_if=preconditions(request),
            components=found.components,
            acl=access.predefined(request.query.get("destinationPredefinedAcl"), self.buckets.bucket(bucket)),
        )

    def _rewrite(self, request: Request, bucket: str, name: str, to_bucket: str, to: str) -> Response:
        self.grant(to_bucket, "storage.objects.create")
        under_way = self._under_way(request, bucket, name, (to_bucket, to))
        size = under_way.source.blob.size
        written = min(size, under_way.written + under_way.step)
        told: dict[str, Any] = {
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": str(written),
            "objectSize": str(size),
            "done": written == size,
        }
        if written < size:
            token = request.query.get("rewriteToken") or uuid.uuid4().hex
            with self._lock:
                self._rewrites[token] = _Rewrite(
                    under_way.source, under_way.target, under_way.step, written, under_way.begun
                )
            return answer(request, {**told, "rewriteToken": token})
        made = self._put_copy(request, under_way.source, to_bucket, to)
        with self._lock:
            self._rewrites.pop(request.query.get("rewriteToken", ""), None)
        full = request.query.get("projection") == "full"
        told["resource"] = object_resource(made, request.base_url, self.buckets.bucket(to_bucket), full=full)
        return answer(request, told)

    def _under_way(self, request: Request, bucket: str, name: str, target: tuple[str, str]) -> _Rewrite:
        """
        Return the rewrite that the request begins or goes on with.

        Raises:
            ApiError: 400 for a token of another rewrite, 410 for one that is older than a week.
        """
        found = self._source(request, bucket, name)
        now = self.buckets.clock.now()
        step = _step(request) if self._spans(request, found, target[0]) else found.blob.size
        token = request.query.get("rewriteToken")
        if not token:
            return _Rewrite(found, target, step, 0, now)
        with self._lock:
            known = self._rewrites.get(token)
        if known is None or known.source.key != found.key or known.target != target or known.step != step:
            raise ApiError(400, "The rewriteToken is invalid.")
        if known.begun + TOKEN_LIFE < now:
            raise ApiError(410, "The rewriteToken has expired.", reason="gone")
        return known

    def _spans(self, request: Request, found: StoredObject, bucket: str) -> bool:
        """Tell whether a rewrite leads to another location or storage class: only then it may take several calls."""
        source, target = self.buckets.bucket(found.bucket).settings, self.buckets.bucket(bucket).settings
        kind = bodies.text(request.json(), "storageClass") or target.get("storageClass", "STANDARD")
        return bool(kind != found.storage_class or source.get("location", "US") != target.get("location", "US"))

    def _compose(self, request: Request, bucket: str, name: str) -> Response:
        body = request.json()
        self.grant(bucket, "storage.objects.get")
        sources = self._sources(bucket, body)
        told = body.get("destination") or {}
        if not isinstance(told, dict):
            raise ProtocolViolation("Invalid value at 'destination': expected an object.")
        if bodies.boolean(body, "deleteSourceObjects"):
            raise not_imitated("the field 'deleteSourceObjects' of a compose request")
        only_if = Preconditions(
            optional(request, "ifGenerationMatch"), None, optional(request, "ifMetagenerationMatch")
        )
        made = self.buckets.put(
            bucket,
            name,
            self.buckets.bytes_of(sources),
            content_type=bodies.text(told, "contentType") or "",
            metadata=labels_of(told),
            settings=given(told),
            only_if=only_if,
            components=sum(each.components or 1 for each in sources),
            acl=access.predefined(request.query.get("destinationPredefinedAcl"), self.buckets.bucket(bucket)),
        )
        return self.object_answer(request, made)

    def _sources(self, bucket: str, body: Mapping[str, Any]) -> list[StoredObject]:
        named = body.get("sourceObjects")
        if not isinstance(named, list) or not named:
            raise ProtocolViolation("You must provide at least one source component.")
        if len(named) > MAX_SOURCES:
            raise ApiError(
                400, f"The number of source components provided ({len(named)}) exceeds the maximum ({MAX_SOURCES})."
            )
        found = [self._component(bucket, each) for each in named]
        if len({each.storage_class for each in found}) > 1:
            raise ApiError(400, "All source objects must have the same storage class.")
        return found

    def _component(self, bucket: str, told: Any) -> StoredObject:
        if not isinstance(told, dict) or not bodies.text(told, "name"):
            raise ProtocolViolation("Required parameter: sourceObjects.name")
        wanted = told.get("objectPreconditions") or {}
        if not isinstance(wanted, dict):
            raise ProtocolViolation("Invalid value at 'sourceObjects.objectPreconditions': expected an object.")
        generation, match = _whole(told.get("generation")), _whole(wanted.get("ifGenerationMatch"))
        return self.buckets.get(bucket, str(told["name"]), generation, Preconditions(match))

    def _move(self, request: Request, bucket: str, name: str, to: str) -> Response:
        self.grant(bucket, "storage.objects.create")
        made = self.buckets.move(
            bucket, name, to, source_if=preconditions(request, "ifSource"), only_if=preconditions(request)
        )
        return self.object_answer(request, made)


def told_of_copy(body: Mapping[str, Any], found: StoredObject) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Return content type, custom metadata and settings of a copy: the body's if it tells any, else the source's."""
    settings = given(body)
    if not _TOLD & body.keys():
        kept = {name: value for name, value in found.settings.items() if name in _CARRIED}
        return found.content_type, dict(found.metadata), kept | settings
    return bodies.text(body, "contentType") or "", labels_of(body), settings


def _step(request: Request) -> int:
    step = optional(request, "maxBytesRewrittenPerCall")
    if step is None:
        return 1 << 62
    if step <= 0 or step % STEP_BYTES:
        raise ProtocolViolation(f"maxBytesRewrittenPerCall must be a multiple of {STEP_BYTES}, found {step}.")
    return step


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str) or not digits(str(value)):
        raise ProtocolViolation(f"Invalid value {str(value)[:80]!r}; expected a whole number.")
    return int(value)
