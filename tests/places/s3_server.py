"""
A server that speaks the S3 of one bucket, as far as places ask it, in memory.

After the reference of the API: PutObject and CompleteMultipartUpload with `If-None-Match: *` and `If-Match`
(412 PreconditionFailed), GetObject with `Range` and `If-Match`, HeadObject, DeleteObjects, ListObjectsV2,
CreateMultipartUpload, UploadPart. An ETag is the MD5 of the content; of one that came in parts, the MD5 of their MD5s
and how many there were.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

md5 = partial(hashlib.md5, usedforsecurity=False)  # S3's own, against accidents
WHEN = "Tue, 02 Jan 2024 03:04:05 GMT"


@dataclass
class Kept:
    content: bytes
    etag: str
    metadata: dict[str, str]


@dataclass
class S3Bucket:
    """What lies in the bucket, and what goes wrong: `lose_answers` puts in a row are done, and their answer is lost."""

    objects: dict[str, Kept] = field(default_factory=dict)
    uploads: dict[str, tuple[dict[str, str], dict[int, bytes]]] = field(default_factory=dict)
    lose_answers: int = 0
    refuse: str = ""  # a method that is answered with 403
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class S3Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bucket = S3Bucket()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: S3Server

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", headers.pop("length", str(len(body))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _do(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        _, _, key = unquote(parts.path).removeprefix("/").partition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        bucket = self.server.bucket
        with bucket.lock:
            bucket.asked.append(f"{self.command} {key}")
            if bucket.refuse == self.command:
                self._refuse(403, "AccessDenied")
            elif self.command in ("GET", "HEAD"):
                self._get(key) if key else self._list(query)
            elif "delete" in query:
                self._delete(re.findall(r"<Key>(.*?)</Key>", body.decode()))
            elif "uploads" in query or ("uploadId" in query and self.command == "PUT"):
                self._upload(query, body)
            else:
                self._put(key, query, body)

    def _delete(self, keys: list[str]) -> None:
        for key in keys:
            self.server.bucket.objects.pop(unescape(key), None)
        told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{told}</DeleteResult>".encode(), Content_Type="application/xml")

    def _upload(self, query: dict[str, str], body: bytes) -> None:
        uploads = self.server.bucket.uploads
        if "uploads" in query:
            number = f"upload{len(uploads)}"
            uploads[number] = (self._metadata(), {})
            told = f"<InitiateMultipartUploadResult><UploadId>{number}</UploadId></InitiateMultipartUploadResult>"
            return self._answer(200, told.encode())
        uploads[query["uploadId"]][1][int(query["partNumber"])] = body
        return self._answer(200, ETag=f'"{md5(body).hexdigest()}"')

    do_GET = do_HEAD = do_PUT = do_POST = _do  # noqa: N815  http.server's names

    def _metadata(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta-")}

    def _put(self, key: str, query: dict[str, str], body: bytes) -> None:
        bucket, there = self.server.bucket, self.server.bucket.objects.get(key)
        if self.headers.get("If-None-Match") == "*" and there is not None:
            return self._refuse(412, "PreconditionFailed")
        wanted = self.headers.get("If-Match")
        if wanted is not None and there is None:
            return self._refuse(404, "NoSuchKey")
        if wanted is not None and there is not None and wanted != f'"{there.etag}"':
            return self._refuse(412, "PreconditionFailed")
        metadata, etag = self._metadata(), md5(body).hexdigest()
        if "uploadId" in query:
            metadata, parts = bucket.uploads.pop(query["uploadId"])
            digests = b"".join(md5(part).digest() for _, part in sorted(parts.items()))
            body, etag = b"".join(part for _, part in sorted(parts.items())), md5(digests).hexdigest()
            etag = f"{etag}-{len(parts)}"
        bucket.objects[key] = Kept(body, etag, metadata)
        if bucket.lose_answers:
            bucket.lose_answers -= 1
            self.close_connection = True
            self.connection.close()
            return None
        done = f'<CompleteMultipartUploadResult><ETag>"{etag}"</ETag></CompleteMultipartUploadResult>'
        told = done.encode() if "uploadId" in query else b""
        return self._answer(200, told, ETag=f'"{etag}"')

    def _get(self, key: str) -> None:
        there = self.server.bucket.objects.get(key)
        if there is None:
            return self._refuse(404, "NoSuchKey")
        if self.headers.get("If-Match", f'"{there.etag}"') != f'"{there.etag}"':
            return self._refuse(412, "PreconditionFailed")
        told = {"ETag": f'"{there.etag}"', "Last-Modified": WHEN, **there.metadata}
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            return self._answer(200, there.content, length=str(len(there.content)), **told)
        first, last = int(asked[1]), min(int(asked[2]), len(there.content) - 1)
        body = there.content[first : last + 1]
        return self._answer(206, body, **told, Content_Range=f"bytes {first}-{last}/{len(there.content)}")

    def _list(self, query: dict[str, str]) -> None:
        prefix = query.get("prefix", "")
        found = sorted((key, kept) for key, kept in self.server.bucket.objects.items() if key.startswith(prefix))
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(kept.content)}</Size><ETag>&quot;{kept.etag}&quot;</ETag>"
            f"<LastModified>2024-01-02T03:04:05.000Z</LastModified></Contents>"
            for key, kept in found
        )
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>"
        return self._answer(200, body.encode(), Content_Type="application/xml")
