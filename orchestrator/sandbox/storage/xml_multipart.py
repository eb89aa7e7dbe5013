"""The methods of the XML API's multipart uploads."""

from __future__ import annotations

from orchestrator.sandbox.clock import rfc3339_millis
from orchestrator.sandbox.storage import access, checksums
from orchestrator.sandbox.storage import xml_headers as headers_of
from orchestrator.sandbox.storage import xml_text as xml
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.storage.settings import given, labels_of
from orchestrator.sandbox.storage.uploads import name_of
from orchestrator.sandbox.storage.xml_parts import Multiparts, Upload
from orchestrator.sandbox.web import ApiError, Request, Response, digits


class MultipartRoutes:
    """Begin, fill, complete, give up and list multipart uploads."""

    def __init__(self, buckets: Buckets, uploads: Multiparts) -> None:
        self._buckets = buckets
        self._uploads = uploads

    def begin(self, request: Request, bucket: str, name: str) -> Response:
        body = headers_of.body_of(request.headers, name)
        name_of(body)
        given(body)
        made = self._uploads.begin(bucket, name, request.headers)
        told = [xml.leaf("Bucket", bucket), xml.leaf("Key", name), xml.leaf("UploadId", made.number)]
        return _document("InitiateMultipartUploadResult", *told)

    def put_part(self, request: Request, bucket: str, name: str) -> Response:
        upload = self._upload(request, bucket, name)
        text = request.query.get("partNumber", "")
        if not digits(text):
            raise ApiError(400, f"Invalid part number: {text!r}", code="InvalidArgument")
        if "x-goog-copy-source" in request.headers:
            raise ApiError(400, "This sandbox does not imitate parts that are copied from objects.")
        blob = self._buckets.blobs.store(request.body)
        try:
            checksums.check(checksums.declared({}, request.headers), blob)
        except ApiError:
            self._buckets.blobs.discard(blob)
            raise
        self._uploads.add(upload, int(text), blob)
        return Response(200, {"ETag": f'"{blob.md5_hex}"', "x-goog-hash": f"crc32c={blob.crc32c},md5={blob.md5}"})

    def complete(self, request: Request, bucket: str, name: str) -> Response:
        upload = self._upload(request, bucket, name)
        parts = self._uploads.chosen(upload, xml.parts_of(request.body))
        body = headers_of.body_of(upload.headers, name)
        made = self._buckets.put(
            bucket,
            name,
            self._buckets.blobs.join(parts),
            content_type=body.get("contentType", "application/octet-stream"),
            metadata=labels_of(body),
            settings=given(body),
            only_if=headers_of.conditions(request.headers),
            components=len(parts),
            acl=access.predefined(headers_of.acl_of(upload.headers), self._buckets.bucket(bucket)),
        )
        self._uploads.end(upload)
        told = [
            xml.leaf("Location", f"{request.base_url}{request.path}"),
            xml.leaf("Bucket", bucket),
            xml.leaf("Key", name),
            xml.leaf("ETag", xml.quoted_etag(made)),
        ]
        answer = _document("CompleteMultipartUploadResult", *told)
        return Response(200, {**answer.headers, **headers_of.stored_headers(made)}, answer.body)

    def abort(self, request: Request, bucket: str, name: str) -> Response:
        self._uploads.end(self._upload(request, bucket, name))
        return Response(204)

    def list_parts(self, request: Request, bucket: str, name: str) -> Response:
        upload = self._upload(request, bucket, name)
        parts = [
            xml.tag(
                "Part",
                xml.leaf("PartNumber", number),
                xml.leaf("LastModified", rfc3339_millis(when)),
                xml.leaf("ETag", f'"{blob.md5_hex}"'),
                xml.leaf("Size", blob.size),
            )
            for number, (blob, when) in sorted(upload.parts.items())
        ]
        told = [xml.leaf("Bucket", bucket), xml.leaf("Key", name), xml.leaf("UploadId", upload.number)]
        return _document("ListPartsResult", *told, xml.leaf("IsTruncated", "false"), *parts)

    def list_uploads(self, request: Request, bucket: str) -> Response:
        prefix = request.query.get("prefix", "")
        self._buckets.bucket(bucket)
        uploads = [
            xml.tag(
                "Upload",
                xml.leaf("Key", each.name),
                xml.leaf("UploadId", each.number),
                xml.leaf("StorageClass", each.headers.get("x-goog-storage-class", "STANDARD")),
                xml.leaf("Initiated", rfc3339_millis(each.begun)),
            )
            for each in self._uploads.of_bucket(bucket)
            if each.name.startswith(prefix)
        ]
        told = [xml.leaf("Bucket", bucket), xml.leaf("Prefix", prefix), xml.leaf("IsTruncated", "false")]
        return _document("ListMultipartUploadsResult", *told, *uploads)

    def _upload(self, request: Request, bucket: str, name: str) -> Upload:
        return self._uploads.get(request.query["uploadId"], bucket, name)


def _document(root: str, *inner: str) -> Response:
    return xml.document(root, *inner, namespace=xml.PARTS_NAMESPACE)
