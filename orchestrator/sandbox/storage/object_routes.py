"""The methods of objects that read, list, describe and delete them."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.storage import access
from orchestrator.sandbox.storage.calls import (
    BUCKET,
    CONDITIONS,
    OBJECT,
    Calls,
    answer,
    optional,
    page_size,
    preconditions,
)
from orchestrator.sandbox.storage.conditions import check_marks
from orchestrator.sandbox.storage.listing import Query, page, place_of
from orchestrator.sandbox.storage.media import media
from orchestrator.sandbox.storage.resources import media_headers, object_resource
from orchestrator.sandbox.storage.values import StoredObject
from orchestrator.sandbox.streams import steadily
from orchestrator.sandbox.web import (
    ProtocolViolation,
    Request,
    Response,
    Route,
    not_imitated,
    truth,
)

MAX_PAGE = 1000
_OBJECT = f"generation projection userProject {CONDITIONS}"
_CHANGE = f"{_OBJECT} overrideUnlockedRetention predefinedAcl"
_LIST = (
    "prefix delimiter maxResults pageToken projection userProject versions startOffset endOffset "
    "includeTrailingDelimiter includeFoldersAsPrefixes matchGlob softDeleted"
)


class ObjectRoutes(Calls):
    """objects: get, list, patch, update, delete, restore, and the media."""

    def routes(self) -> list[Route]:
        return [
            self.route("objects.list", "GET", BUCKET + "/o", self._list, _LIST),
            self.route("objects.media", "GET", r"(?:/download)?" + OBJECT, self._media, _OBJECT, media=True),
            self.route("objects.media", "GET", r"/download" + OBJECT, self._media, _OBJECT),
            self.route("objects.get", "GET", OBJECT, self._get, _OBJECT + " softDeleted", media=False),
            self.route("objects.patch", "PATCH", OBJECT, self._patch, _CHANGE),
            self.route("objects.update", "PUT", OBJECT, self._update, _CHANGE),
            self.route("objects.delete", "DELETE", OBJECT, self._delete, _OBJECT),
            self.route("objects.restore", "POST", OBJECT + "/restore", self._restore, _OBJECT + " copySourceAcl"),
        ]

    def _list(self, request: Request, bucket: str) -> Response:
        found = self.buckets.objects(bucket, request.query.get("prefix", ""), keep=self._wanted(request))
        token = request.query.get("pageToken")
        shown = page(
            found, _query(request), page_size(request, "maxResults", MAX_PAGE), place_of(token) if token else None
        )
        home, full = self.buckets.bucket(bucket), request.query.get("projection") == "full"
        told: dict[str, Any] = {"kind": "storage#objects"}
        if shown.token is not None:
            told["nextPageToken"] = shown.token
        if shown.prefixes:
            told["prefixes"] = shown.prefixes
        if shown.items:
            told["items"] = [object_resource(each, request.base_url, home, full=full) for each in shown.items]
        return answer(request, told)

    def _wanted(self, request: Request) -> Any:
        versions, gone = truth(request, "versions"), truth(request, "softDeleted")
        if versions and gone:
            raise ProtocolViolation("softDeleted and versions cannot both be true.")
        now = self.buckets.clock.now().isoformat()

        def wanted(item: StoredObject) -> bool:
            if gone:
                return bool(item.deleted) and item.gone_at > now
            return not item.deleted and (versions or item.live)

        return wanted

    def _get(self, request: Request, bucket: str, name: str) -> Response:
        generation = optional(request, "generation")
        if truth(request, "softDeleted"):
            if generation is None:
                raise ProtocolViolation("The generation of a soft-deleted object must be given.")
            return self.object_answer(request, self.buckets.deleted(bucket, name, generation))
        found = self.buckets.get(bucket, name, generation, preconditions(request))
        check_marks(request.headers, media_headers(found)["ETag"])
        return self.object_answer(request, found, {"ETag": media_headers(found)["ETag"]})

    def _media(self, request: Request, bucket: str, name: str) -> Response:
        return steadily(lambda: self._opened(request, bucket, name))

    def _opened(self, request: Request, bucket: str, name: str) -> Response:
        found = self.buckets.get(bucket, name, optional(request, "generation"), preconditions(request))
        check_marks(request.headers, media_headers(found)["ETag"])
        return media(found, self.buckets.blobs, request, media_headers(found))

    def _patch(self, request: Request, bucket: str, name: str) -> Response:
        return self._change(request, bucket, name, whole=False)

    def _update(self, request: Request, bucket: str, name: str) -> Response:
        return self._change(request, bucket, name, whole=True)

    def _change(self, request: Request, bucket: str, name: str, *, whole: bool) -> Response:
        body = request.json()
        home = self.buckets.bucket(bucket)
        acl = access.predefined(request.query.get("predefinedAcl"), home) or access.listed(body, "acl", "object", home)
        made = self.buckets.patch(
            bucket,
            name,
            body,
            optional(request, "generation"),
            preconditions(request),
            whole=whole,
            override=truth(request, "overrideUnlockedRetention"),
        )
        return self.object_answer(request, self.buckets.keep_acl(made, acl) if acl else made)

    def _delete(self, request: Request, bucket: str, name: str) -> Response:
        self.buckets.delete(bucket, name, optional(request, "generation"), preconditions(request))
        return Response(204)

    def _restore(self, request: Request, bucket: str, name: str) -> Response:
        generation = optional(request, "generation")
        if generation is None:
            raise ProtocolViolation("Required parameter: generation")
        found = self.buckets.deleted(bucket, name, generation)
        made = self.buckets.put(
            bucket,
            name,
            self.buckets.bytes_of([found]),
            content_type=found.content_type,
            metadata=found.metadata,
            settings=found.settings,
            only_if=preconditions(request),
            components=found.components,
            acl=found.acl if truth(request, "copySourceAcl") else (),
        )
        return self.object_answer(request, made)


def _query(request: Request) -> Query:
    if request.query.get("matchGlob") and request.query.get("delimiter", "/") != "/":
        raise ProtocolViolation("A list with matchGlob takes the delimiter '/' only.")
    if truth(request, "includeFoldersAsPrefixes"):
        raise not_imitated("folders of buckets with a hierarchical namespace in lists")
    return Query(
        prefix=request.query.get("prefix", ""),
        delimiter=request.query.get("delimiter", ""),
        trailing=truth(request, "includeTrailingDelimiter"),
        start=request.query.get("startOffset", ""),
        end=request.query.get("endOffset", ""),
        glob=request.query.get("matchGlob", ""),
    )
