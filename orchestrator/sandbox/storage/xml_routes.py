"""Cloud Storage's XML API, in its path style: `/bucket/object`."""

from __future__ import annotations

from urllib.parse import unquote

from orchestrator.sandbox.clock import rfc3339_millis
from orchestrator.sandbox.resumable import Piece, add
from orchestrator.sandbox.storage import access, checksums, conditions, signed
from orchestrator.sandbox.storage import xml_headers as headers_of
from orchestrator.sandbox.storage import xml_text as xml
from orchestrator.sandbox.storage.bucket_routes import OPEN_ACCESS
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.storage.calls import Calls
from orchestrator.sandbox.storage.listing import Page, Query, page, place_of
from orchestrator.sandbox.storage.media import media
from orchestrator.sandbox.storage.rewrite_routes import told_of_copy
from orchestrator.sandbox.storage.sessions import Session, Sessions, cancelled_error
from orchestrator.sandbox.storage.settings import given, labels_of
from orchestrator.sandbox.storage.uploads import name_of, store
from orchestrator.sandbox.storage.values import Preconditions, StoredObject, moment
from orchestrator.sandbox.storage.xml_multipart import MultipartRoutes
from orchestrator.sandbox.storage.xml_parts import Multiparts
from orchestrator.sandbox.streams import steadily
from orchestrator.sandbox.web import ApiError, Handler, Request, Response, Route, digits, not_imitated

# First names of paths that belong to other services and can be no bucket's here.
_OTHERS = "batch|discovery|download|drive|resumable|sandbox|storage|token|upload|v1alpha|v1beta"
_INNER = "(?:[a-z0-9._-]|%2[DdEe]|%5[Ff])"  # one client encodes dashes and dots, too
BUCKET = rf"/(?!(?:{_OTHERS})(?:/|$))(?P<bucket>[a-z0-9]{_INNER}{{1,220}}[a-z0-9])"
OBJECT = BUCKET + "/(?P<name>.+)"
MAX_KEYS = 1000
_REFUSED = (
    "acl", "billing", "compose", "cors", "delete", "encryption", "encryptionConfig", "generation-marker", "lifecycle",
    "location", "logging", "object-lock", "policy", "requestPayment", "restore", "retention", "storageClass", "tagging",
    "versioning", "versions", "website",
)  # fmt: skip


class XmlRoutes(Calls):
    """GET, HEAD, PUT, POST and DELETE of buckets and objects."""

    service = "xml"

    def __init__(self, buckets: Buckets, sessions: Sessions) -> None:
        super().__init__(buckets)
        self._sessions = sessions
        self._multipart = MultipartRoutes(buckets, Multiparts(buckets))

    def routes(self) -> list[Route]:
        return [
            self._one("xml.objects.list", "GET", BUCKET + "/?", self._list),
            self._one("xml.buckets.put", "PUT", BUCKET + "/?", self._create),
            self._one("xml.buckets.delete", "DELETE", BUCKET + "/?", self._remove),
            self._one("xml.objects.get", "GET", OBJECT, self._get),
            self._one("xml.objects.put", "PUT", OBJECT, self._put),
            self._one("xml.objects.post", "POST", OBJECT, self._post),
            self._one("xml.objects.delete", "DELETE", OBJECT, self._delete),
        ]

    def _one(self, api: str, method: str, pattern: str, handler: Handler) -> Route:
        def checked(request: Request, **names: str) -> Response:
            signed.check(request, self.buckets.clock.now())
            for each in _REFUSED:
                if each in request.query:
                    raise not_imitated(f"the parameter '{each}' of Cloud Storage's XML API")
            return handler(request, **names)

        return self.route(api, method, pattern, checked, query=None)

    # Buckets

    def _list(self, request: Request, bucket: str) -> Response:
        if "uploads" in request.query:
            return self._multipart.list_uploads(request, bucket)
        query, second = request.query, request.query.get("list-type") == "2"
        size = _max_keys(query.get("max-keys"))
        after = _after(request, second=second)
        wanted = Query(prefix=query.get("prefix", ""), delimiter=query.get("delimiter", ""))
        found = page(self.buckets.objects(bucket, wanted.prefix), wanted, size, after)
        form = query.get("encoding-type", "")
        told = [
            xml.leaf("Name", bucket),
            xml.leaf("Prefix", xml.encoded(wanted.prefix, form)),
            *([xml.leaf("Delimiter", wanted.delimiter)] if wanted.delimiter else []),
            xml.leaf("MaxKeys", size),
            *([xml.leaf("EncodingType", form)] if form else []),
            *_paging(request, found, second=second),
            xml.leaf("IsTruncated", "true" if found.token else "false"),
            xml.contents(found.items, form),
            xml.prefixes(found.prefixes, form),
        ]
        return xml.document("ListBucketResult", *told)

    def _create(self, request: Request, bucket: str) -> Response:
        if request.body.strip():
            raise not_imitated("the body of a bucket's creation in Cloud Storage's XML API (buckets.insert has one)")
        if self.buckets.exists(bucket):
            raise ApiError(409, "Your previous request to create the named bucket succeeded and you already own it.")
        self.buckets.create(bucket, settings={"iamConfiguration": OPEN_ACCESS})
        return Response(200)

    def _remove(self, request: Request, bucket: str) -> Response:
        self.buckets.remove(bucket, headers_of.conditions(request.headers))
        return Response(204)

    # Objects

    def _get(self, request: Request, bucket: str, name: str) -> Response:
        if "uploadId" in request.query:
            return self._multipart.list_parts(request, bucket, name)
        return steadily(lambda: self._opened(request, bucket, name))

    def _opened(self, request: Request, bucket: str, name: str) -> Response:
        found = self.buckets.get(bucket, name, _generation(request), headers_of.conditions(request.headers))
        conditions.check_marks(request.headers, xml.quoted_etag(found))
        conditions.check_times(request.headers, moment(found.created))
        return media(found, self.buckets.blobs, request, headers_of.read_headers(found, request), service=self.service)

    def _put(self, request: Request, bucket: str, name: str) -> Response:
        if "uploadId" in request.query:
            return self._multipart.put_part(request, bucket, name)
        if "upload_id" in request.query:
            return self._resume(request, bucket)
        if "x-goog-copy-source" in request.headers:
            return self._copy(request, bucket, name)
        body = headers_of.body_of(request.headers, name)
        made = store(
            self.buckets,
            bucket,
            body,
            "application/octet-stream",
            request.body,
            headers_of.conditions(request.headers),
            checksums.declared({}, request.headers),
            headers_of.acl_of(request.headers),
        )
        return Response(200, headers_of.stored_headers(made))

    def _copy(self, request: Request, bucket: str, name: str) -> Response:
        headers = request.headers
        path = unquote(headers["x-goog-copy-source"]).removeprefix("/")
        home, _, source = path.partition("/")
        self.grant(home, "storage.objects.get")
        generation = headers.get("x-goog-copy-source-generation")
        if generation is not None and not digits(generation):
            raise ApiError(400, f"Invalid value of x-goog-copy-source-generation: {generation!r}")
        only_if = headers_of.conditions(headers, "x-goog-copy-source-if-")
        found = self.buckets.get(home, source, None if generation is None else int(generation), only_if)
        name_of({"name": name})
        made = self._put_copy(request, found, bucket, name)
        stamp = rfc3339_millis(self.buckets.clock.now())
        answer = xml.document(
            "CopyObjectResult", xml.leaf("ETag", xml.quoted_etag(made)), xml.leaf("LastModified", stamp)
        )
        return Response(200, {**answer.headers, **headers_of.stored_headers(made)}, answer.body)

    def _put_copy(self, request: Request, found: StoredObject, bucket: str, name: str) -> StoredObject:
        headers = request.headers
        replaces = headers.get("x-goog-metadata-directive", "COPY").upper() == "REPLACE"
        body = headers_of.body_of(headers, name)
        if replaces:
            content_type, labels, settings = body.get("contentType", ""), labels_of(body), given(body)
        else:
            told = {"storageClass": body["storageClass"]} if "storageClass" in body else {}
            content_type, labels, settings = told_of_copy(told, found)
        return self.buckets.put(
            bucket,
            name,
            self.buckets.bytes_of([found]),
            content_type=content_type,
            metadata=labels,
            settings=settings,
            only_if=headers_of.conditions(headers),
            components=found.components,
            acl=access.predefined(headers_of.acl_of(headers), self.buckets.bucket(bucket)),
        )

    def _post(self, request: Request, bucket: str, name: str) -> Response:
        if "uploads" in request.query:
            return self._multipart.begin(request, bucket, name)
        if "uploadId" in request.query:
            return self._multipart.complete(request, bucket, name)
        if request.headers.get("x-goog-resumable") != "start":
            raise not_imitated("uploads by HTML forms of Cloud Storage's XML API")
        body = headers_of.body_of(request.headers, name)
        given(body)
        session = Session(
            bucket,
            {**body, "name": name_of(body)},
            "application/octet-stream",
            headers_of.conditions(request.headers),
            request.query,
            request.headers,
            self.buckets.clock.now(),
        )
        number = self._sessions.begin(session)
        place = f"{request.base_url}{request.path}?upload_id={number}"
        return Response(201, {"Location": place, "X-GUploader-UploadID": number})

    def _resume(self, request: Request, bucket: str) -> Response:
        session = self._sessions.get(request.query["upload_id"], bucket)
        with session.lock:
            if session.result is None:
                if not add(session, Piece.of(request), request.body):
                    return Response(308, session.range_header)
                wanted = checksums.declared({}, {**session.headers, **request.headers})
                acl = headers_of.acl_of(session.headers)
                session.result = store(
                    self.buckets, bucket, session.metadata, session.content_type, bytes(session.data),
                    session.only_if, wanted, acl,
                )  # fmt: skip
                session.data.clear()
            return Response(200, headers_of.stored_headers(session.result))

    def _delete(self, request: Request, bucket: str, name: str) -> Response:
        if "uploadId" in request.query:
            return self._multipart.abort(request, bucket, name)
        if number := request.query.get("upload_id"):
            self._sessions.get(number, bucket)
            self._sessions.cancel(number)
            raise cancelled_error()
        only_if: Preconditions = headers_of.conditions(request.headers)
        self.buckets.delete(bucket, name, _generation(request), only_if)
        return Response(204)


def _generation(request: Request) -> int | None:
    text = request.query.get("generation")
    if text is None:
        return None
    if not digits(text):
        raise ApiError(400, f"Invalid generation: {text!r}", code="InvalidArgument")
    return int(text)


def _max_keys(text: str | None) -> int:
    if text is None:
        return MAX_KEYS
    if not digits(text):
        raise ApiError(400, f"Invalid max-keys: {text!r}", code="InvalidArgument")
    return min(int(text), MAX_KEYS)


def _after(request: Request, *, second: bool) -> tuple[bytes, int] | None:
    """Return behind which name and generation a list begins."""
    if second and "continuation-token" in request.query:
        return place_of(request.query["continuation-token"])
    name = request.query.get("start-after" if second else "marker", "")
    return (name.encode(), 1 << 62) if name else None


def _paging(request: Request, found: Page, *, second: bool) -> list[str]:
    if not second:
        marks = [xml.leaf("Marker", request.query.get("marker", ""))]
        return marks if found.last is None else [*marks, xml.leaf("NextMarker", found.last.name)]
    told = [xml.leaf("KeyCount", len(found.items) + len(found.prefixes))]
    if "continuation-token" in request.query:
        told.append(xml.leaf("ContinuationToken", request.query["continuation-token"]))
    if "start-after" in request.query:
        told.append(xml.leaf("StartAfter", request.query["start-after"]))
    return told if found.token is None else [*told, xml.leaf("NextContinuationToken", found.token)]
