"""The calls that `storage_calls.py` sends to both services, and why some are answered otherwise."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

TEXT = b"0123456789" * 100
PIECE = b"x" * (256 << 10)
ITEMS = "/storage/v1/b/{b}/o"
INSERT = "/upload/storage/v1/b/{b}/o"


@dataclass(frozen=True)
class Call:
    """
    Attributes:
        show: Facts to compare: a field of the JSON (`a.b`), `h:Header`, `names` of a list, `body`, `bytes`.
        keep: Names under which fields are kept for the paths of later calls.
    """

    name: str
    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    show: tuple[str, ...] = ()
    keep: dict[str, str] = field(default_factory=dict)


def insert(name: str, data: bytes = TEXT, query: str = "", **more: Any) -> Call:
    more.setdefault("show", ("name", "size", "md5Hash", "crc32c", "metageneration"))
    label = more.pop("label", f"insert {name} {query}".strip())
    return Call(label, "POST", f"{INSERT}?uploadType=media&name={name}{query}", data, **more)


def related(label: str, resource: dict[str, Any], data: bytes = TEXT, query: str = "", **more: Any) -> Call:
    head = b"--x\r\nContent-Type: application/json\r\n\r\n" + json.dumps(resource).encode()
    body = head + b"\r\n--x\r\nContent-Type: text/plain\r\n\r\n" + data + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/related; boundary=x", **more.pop("headers", {})}
    return Call(label, "POST", f"{INSERT}?uploadType=multipart{query}", body, headers, **more)


def chunk(label: str, session: str, data: bytes, content_range: str, **more: Any) -> Call:
    headers = {"Content-Range": content_range, **more.pop("headers", {})}
    return Call(label, more.pop("method", "PUT"), f"{{{session}}}", data, headers, **more)


def begin(label: str, session: str, name: str, **more: Any) -> Call:
    return Call(label, "POST", f"{INSERT}?uploadType=resumable", {"name": name}, keep={session: "h:Location"}, **more)


def buckets() -> Iterator[Call]:
    shown = ("name", "metageneration", "storageClass")
    yield Call("bucket insert", "POST", "/storage/v1/b?project=p", {"name": "{b}"}, show=shown)
    yield Call("bucket insert again", "POST", "/storage/v1/b?project=p", {"name": "{b}"})
    yield Call("bucket insert without a name", "POST", "/storage/v1/b?project=p", {})
    yield Call("bucket get", "GET", "/storage/v1/b/{b}", show=shown)
    yield Call("bucket get, absent", "GET", "/storage/v1/b/absent-bucket")
    yield Call("bucket get, metageneration fits", "GET", "/storage/v1/b/{b}?ifMetagenerationMatch=1")
    yield Call("bucket get, metageneration does not fit", "GET", "/storage/v1/b/{b}?ifMetagenerationMatch=9")
    yield Call("bucket get, not this metageneration", "GET", "/storage/v1/b/{b}?ifMetagenerationNotMatch=1")
    yield Call("bucket list", "GET", "/storage/v1/b?project=p&prefix={b}", show=("names",))
    yield Call("bucket patch labels", "PATCH", "/storage/v1/b/{b}", {"labels": {"a": "1", "b": "2"}}, show=("labels",))
    yield Call("bucket patch label to null", "PATCH", "/storage/v1/b/{b}", {"labels": {"a": None}}, show=("labels",))
    rule = {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 7}}]}
    yield Call("bucket patch lifecycle", "PATCH", "/storage/v1/b/{b}", {"lifecycle": rule}, show=("lifecycle",))
    yield Call("bucket patch nonsense lifecycle", "PATCH", "/storage/v1/b/{b}", {"lifecycle": {"rule": 5}})
    yield Call("bucket update", "PUT", "/storage/v1/b/{b}", {"labels": {"c": "3"}}, show=("labels", "lifecycle"))
    yield Call("bucket patch, metageneration does not fit", "PATCH", "/storage/v1/b/{b}?ifMetagenerationMatch=99", {})
    yield Call("iam get", "GET", "/storage/v1/b/{b}/iam", show=("kind",), keep={"iam": "etag"})
    policy = {"bindings": [{"role": "roles/storage.objectViewer", "members": ["allUsers"]}]}
    yield Call("iam set", "PUT", "/storage/v1/b/{b}/iam", policy, show=("bindings",))
    yield Call("iam get after set", "GET", "/storage/v1/b/{b}/iam", show=("bindings",))
    yield Call("iam set, stale etag", "PUT", "/storage/v1/b/{b}/iam", {**policy, "etag": "{iam}"})
    yield Call(
        "iam test",
        "GET",
        "/storage/v1/b/{b}/iam/testPermissions?permissions=storage.objects.get",
        show=("permissions",),
    )
    yield Call("notification insert", "POST", "/storage/v1/b/{b}/notificationConfigs",
               {"topic": "//pubsub.googleapis.com/projects/p/topics/t", "payload_format": "NONE"},
               show=("topic", "payload_format"), keep={"note": "id"})  # fmt: skip
    yield Call("notification list", "GET", "/storage/v1/b/{b}/notificationConfigs", show=("count",))
    yield Call("notification get", "GET", "/storage/v1/b/{b}/notificationConfigs/{note}", show=("topic",))
    yield Call("notification delete", "DELETE", "/storage/v1/b/{b}/notificationConfigs/{note}")
    yield Call("notification get, deleted", "GET", "/storage/v1/b/{b}/notificationConfigs/{note}")
    for extra in ("acl", "defaultObjectAcl"):
        path = f"/storage/v1/b/{{b}}/{extra}"
        yield Call(f"{extra} insert", "POST", path, {"entity": "user-a@example.com", "role": "READER"}, show=("role",))
        yield Call(f"{extra} get", "GET", f"{path}/user-a@example.com", show=("entity", "role"))
        yield Call(f"{extra} patch", "PATCH", f"{path}/user-a@example.com", {"role": "OWNER"}, show=("role",))
        yield Call(f"{extra} delete", "DELETE", f"{path}/user-a@example.com")
        yield Call(f"{extra} get, deleted", "GET", f"{path}/user-a@example.com")
        yield Call(f"{extra} list", "GET", path, show=("kind",))


def uploads() -> Iterator[Call]:
    yield insert("a", keep={"a": "generation"})
    yield insert("empty", b"")
    yield insert("a", b"x", "&ifGenerationMatch=0", label="insert over what is there, ifGenerationMatch=0")
    yield insert("a", b"x", "&ifGenerationMatch=5", label="insert, another generation")
    yield insert("new", b"x", "&ifGenerationNotMatch=0", label="insert, ifGenerationNotMatch=0 without an object")
    yield Call("insert without a name", "POST", f"{INSERT}?uploadType=media", b"x")
    yield Call("insert of an unknown type", "POST", f"{INSERT}?uploadType=other&name=x", b"x")
    yield Call("insert into no bucket", "POST", "/upload/storage/v1/b/absent-bucket/o?uploadType=media&name=x", b"x")
    told = {
        "name": "told", "cacheControl": "max-age=60", "contentDisposition": "inline", "contentLanguage": "de",
        "contentType": "text/plain", "metadata": {"k": "v"}, "customTime": "2026-01-02T03:04:05Z",
        "storageClass": "NEARLINE", "temporaryHold": False,
    }  # fmt: skip
    fields = ("cacheControl", "contentDisposition", "contentLanguage", "contentType", "metadata", "storageClass")
    yield related("multipart with everything told", told, show=fields)
    yield related("multipart with two types", {"name": "w", "contentType": "text/csv"})
    yield related("multipart with a wrong crc32c", {"name": "w", "crc32c": "AAAAAA=="})
    yield related("multipart with a wrong md5", {"name": "w", "md5Hash": "AAAAAAAAAAAAAAAAAAAAAA=="})
    yield related("multipart with a wrong x-goog-hash", {"name": "w"}, headers={"x-goog-hash": "crc32c=AAAAAA=="})
    yield related("multipart with the name in the query", {}, query="&name=q", show=("name",))
    yield begin("resumable, begun", "s1", "r1")
    yield chunk("resumable, asked for its state", "s1", b"", "bytes */*", show=("h:Range",))
    yield chunk("resumable, a piece", "s1", PIECE, f"bytes 0-{len(PIECE) - 1}/*", show=("h:Range",))
    yield chunk("resumable, state after a piece", "s1", b"", "bytes */*", show=("h:Range",))
    yield chunk("resumable, the last piece", "s1", b"end", f"bytes {len(PIECE)}-{len(PIECE) + 2}/{len(PIECE) + 3}",
                show=("name", "size"))  # fmt: skip
    yield chunk("resumable, state when done", "s1", b"", "bytes */*", show=("size",))
    yield begin("resumable, at once", "s2", "r2")
    yield Call("resumable, whole without a range", "PUT", "{s2}", TEXT, show=("size", "crc32c"))
    yield begin("resumable, empty", "s3", "r3")
    yield chunk("resumable, zero bytes", "s3", b"", "bytes */0", show=("size",))
    yield begin("resumable, to be cancelled", "s4", "r4")
    yield Call("resumable, cancelled", "DELETE", "{s4}")
    yield chunk("resumable, state when cancelled", "s4", b"", "bytes */*")
    yield begin("resumable, with POST", "s5", "r5")
    yield Call("resumable, bytes with POST", "POST", "{s5}", TEXT, show=("size",))
    yield begin("resumable, an odd piece", "s6", "r6")
    yield chunk("resumable, a piece of 10 bytes", "s6", b"0123456789", "bytes 0-9/*", show=("h:Range",))
    yield chunk("resumable, a piece behind a gap", "s6", PIECE, f"bytes 1000-{len(PIECE) + 999}/*")
    yield chunk("resumable, a nonsense range", "s6", b"x", "bytes nonsense")
    yield chunk("resumable, unknown session", "unknown", b"", "bytes */*")
    yield begin("resumable, ifGenerationMatch=0", "s7", "a")
    yield insert("gz", gzip.compress(TEXT, mtime=0), "&contentEncoding=gzip", show=("contentEncoding", "name"))


def reading() -> Iterator[Call]:
    a, media = f"{ITEMS}/a", f"{ITEMS}/a?alt=media"
    yield Call("get", "GET", a, show=("name", "size", "crc32c", "contentType"))
    yield Call("get, absent", "GET", f"{ITEMS}/absent")
    yield Call("get, generation", "GET", f"{a}?generation={{a}}", show=("size",))
    yield Call("get, another generation", "GET", f"{a}?generation=5")
    for name, value in (("GenerationMatch", 5), ("GenerationNotMatch", "{a}"), ("MetagenerationMatch", 5),
                        ("MetagenerationNotMatch", 1)):  # fmt: skip
        yield Call(f"get, if{name} fails", "GET", f"{a}?if{name}={value}")
    yield Call("get with fields", "GET", f"{a}?fields=name,size", show=("keys",))
    yield Call("get with projection=full", "GET", f"{a}?projection=full", show=("kind",))
    yield Call("HEAD", "HEAD", a)
    yield Call("media", "GET", media, show=("bytes", "h:Content-Type"))
    yield Call("media of /download", "GET", "/download/storage/v1/b/{b}/o/a?alt=media", show=("bytes",))
    for asked in ("bytes=10-19", "bytes=990-", "bytes=-3", "bytes=990-2000", "bytes=9-5", "bytes=1000-", "bytes=-2000"):
        yield Call(f"media, {asked}", "GET", media, headers={"Range": asked}, show=("bytes", "h:Content-Range"))
    yield Call("media of gzip, accepted", "GET", f"{ITEMS}/gz?alt=media", headers={"Accept-Encoding": "gzip"},
               show=("bytes", "h:Content-Encoding"))  # fmt: skip
    yield Call("media of gzip, not accepted", "GET", f"{ITEMS}/gz?alt=media", headers={"Accept-Encoding": "identity"},
               show=("bytes", "h:Content-Encoding"))  # fmt: skip
    yield Call("media, precondition fails", "GET", f"{media}&ifGenerationMatch=5")
    for query in ("", "prefix=r", "prefix=r&maxResults=2", "delimiter=/", "startOffset=r2&endOffset=r5",
                  "matchGlob=r[12]", "prefix=none", "maxResults=0"):  # fmt: skip
        yield Call(f"list {query}".strip(), "GET", f"{ITEMS}?{query}", show=("names",))
    yield insert("d/1", show=("name",))
    yield insert("d/2", show=("name",))
    yield insert("d/", show=("name",))
    yield Call("list, folded", "GET", f"{ITEMS}?prefix=d&delimiter=/", show=("names", "prefixes"))
    yield Call("list, folded, trailing", "GET", f"{ITEMS}?prefix=d&delimiter=/&includeTrailingDelimiter=true",
               show=("names", "prefixes"))  # fmt: skip
    yield Call("list, no bucket", "GET", "/storage/v1/b/absent-bucket/o")


def changing() -> Iterator[Call]:
    a = f"{ITEMS}/a"
    yield Call("patch", "PATCH", a, {"metadata": {"a": "1", "b": "2"}}, show=("metadata", "metageneration"))
    yield Call("patch to null", "PATCH", a, {"metadata": {"a": None}}, show=("metadata", "metageneration"))
    yield Call("patch, precondition fails", "PATCH", f"{a}?ifMetagenerationMatch=99", {})
    yield Call("update", "PUT", a, {"contentType": "text/x"}, show=("metadata", "contentType", "metageneration"))
    yield Call("object acl list", "GET", f"{a}/acl", show=("kind",))
    entry = {"entity": "allUsers", "role": "READER"}
    yield Call("object acl insert", "POST", f"{a}/acl", entry, show=("entity", "role"))
    yield Call("object acl delete", "DELETE", f"{a}/acl/allUsers")
    to = "/b/{b}/o/"
    yield Call("copy", "POST", f"{a}/copyTo{to}c", {}, show=("name", "size", "md5Hash", "contentType"))
    yield Call("copy, telling a type", "POST", f"{a}/copyTo{to}c", {"contentType": "text/y"}, show=("contentType",))
    yield Call("copy, source absent", "POST", f"{ITEMS}/absent/copyTo{to}c", {})
    yield Call("copy, source precondition fails", "POST", f"{a}/copyTo{to}c?ifSourceGenerationMatch=5", {})
    yield Call("copy, target precondition fails", "POST", f"{a}/copyTo{to}c?ifGenerationMatch=0", {})
    yield Call("rewrite", "POST", f"{a}/rewriteTo{to}w", {}, show=("done", "totalBytesRewritten", "resource.name"))
    yield Call("rewrite, odd step", "POST", f"{a}/rewriteTo{to}w?maxBytesRewrittenPerCall=5", {})
    yield insert("large", PIECE * 10, show=("size",))
    step = f"{ITEMS}/large/rewriteTo{to}w?maxBytesRewrittenPerCall={1 << 20}"
    colder = {"storageClass": "COLDLINE"}
    yield Call(
        "rewrite in steps, 1", "POST", step, colder, show=("done", "totalBytesRewritten"), keep={"t": "rewriteToken"}
    )
    yield Call("rewrite in steps, 2", "POST", step + "&rewriteToken={t}", colder, show=("done", "totalBytesRewritten"))
    yield Call("rewrite in steps, 3", "POST", step + "&rewriteToken={t}", colder, show=("done", "objectSize"))
    yield Call("rewrite, nonsense token", "POST", step + "&rewriteToken=nonsense", colder)
    sources = {"sourceObjects": [{"name": "a"}, {"name": "r2"}], "destination": {"contentType": "text/z"}}
    shown = ("size", "componentCount", "md5Hash", "contentType", "crc32c")
    yield Call("compose", "POST", f"{ITEMS}/j/compose", sources, show=shown)
    yield Call("compose of 33", "POST", f"{ITEMS}/j/compose", {"sourceObjects": [{"name": "a"}] * 33})
    yield Call("compose of none", "POST", f"{ITEMS}/j/compose", {"sourceObjects": []})
    yield Call("compose, source absent", "POST", f"{ITEMS}/j/compose", {"sourceObjects": [{"name": "absent"}]})
    fails = [{"name": "a", "objectPreconditions": {"ifGenerationMatch": "5"}}]
    yield Call("compose, source precondition fails", "POST", f"{ITEMS}/j/compose", {"sourceObjects": fails})
    yield Call("compose, target precondition fails", "POST", f"{ITEMS}/j/compose?ifGenerationMatch=0", sources)
    yield Call("move", "POST", f"{ITEMS}/c/moveTo/o/m", show=("name", "size"))
    yield Call("get, moved away", "GET", f"{ITEMS}/c")
    yield Call("move, source absent", "POST", f"{ITEMS}/absent/moveTo/o/m")
    yield Call("delete, precondition fails", "DELETE", f"{a}?ifGenerationMatch=5")
    yield Call("delete", "DELETE", a)
    yield Call("delete, absent", "DELETE", a)


def generations() -> Iterator[Call]:
    versioned = {"name": "{b}-v", "versioning": {"enabled": True}}
    v = "/storage/v1/b/{b}-v/o"
    put = "/upload/storage/v1/b/{b}-v/o?uploadType=media&name=x"
    yield Call("versioned bucket", "POST", "/storage/v1/b?project=p", versioned, show=("versioning",))
    yield Call("versioned insert 1", "POST", put, b"1", keep={"v1": "generation"})
    yield Call("versioned insert 2", "POST", put, b"22", keep={"v2": "generation"})
    yield Call("versioned get old", "GET", f"{v}/x?generation={{v1}}", show=("size",))
    yield Call("versioned media old", "GET", f"{v}/x?alt=media&generation={{v1}}", show=("bytes",))
    yield Call("versioned list", "GET", v, show=("names",))
    yield Call("versioned list of versions", "GET", f"{v}?versions=true", show=("names",))
    yield Call("versioned delete", "DELETE", f"{v}/x")
    yield Call("versioned get, deleted", "GET", f"{v}/x")
    yield Call("versioned list of versions, deleted", "GET", f"{v}?versions=true", show=("names",))
    yield Call("versioned delete one", "DELETE", f"{v}/x?generation={{v1}}")
    yield Call("versioned get one, deleted", "GET", f"{v}/x?generation={{v1}}")
    yield Call("bucket delete, noncurrent left", "DELETE", "/storage/v1/b/{b}-v")
    soft = {"name": "{b}-s", "softDeletePolicy": {"retentionDurationSeconds": "604800"}}
    s = "/storage/v1/b/{b}-s/o"
    yield Call("soft-delete bucket", "POST", "/storage/v1/b?project=p", soft,
               show=("softDeletePolicy.retentionDurationSeconds",))  # fmt: skip
    yield Call(
        "soft insert", "POST", "/upload/storage/v1/b/{b}-s/o?uploadType=media&name=x", b"1", keep={"g": "generation"}
    )
    yield Call("soft delete", "DELETE", f"{s}/x")
    yield Call("soft get", "GET", f"{s}/x")
    yield Call("soft get, softDeleted", "GET", f"{s}/x?softDeleted=true&generation={{g}}", show=("size",))
    yield Call("soft list, softDeleted", "GET", f"{s}?softDeleted=true", show=("names",))
    yield Call("soft restore", "POST", f"{s}/x/restore?generation={{g}}", show=("name", "metageneration"))
    yield Call("soft media, restored", "GET", f"{s}/x?alt=media", show=("bytes",))


def protection() -> Iterator[Call]:
    held = "/storage/v1/b/{b}/o/held"
    yield related("hold, temporary", {"name": "held", "temporaryHold": True}, show=("temporaryHold",))
    yield Call("hold, delete", "DELETE", held)
    yield Call("hold, released", "PATCH", held, {"temporaryHold": False}, show=("metageneration",))
    yield Call("hold, delete after release", "DELETE", held)
    kept = {"name": "{b}-r", "retentionPolicy": {"retentionPeriod": "3600"}}
    yield Call("retention bucket", "POST", "/storage/v1/b?project=p", kept, show=("retentionPolicy.retentionPeriod",))
    yield Call("retention insert", "POST", "/upload/storage/v1/b/{b}-r/o?uploadType=media&name=x", b"1")
    yield Call("retention delete", "DELETE", "/storage/v1/b/{b}-r/o/x")
    yield Call("retention lock, stale", "POST", "/storage/v1/b/{b}-r/lockRetentionPolicy?ifMetagenerationMatch=9")
    yield Call("retention lock", "POST", "/storage/v1/b/{b}-r/lockRetentionPolicy?ifMetagenerationMatch=1",
               show=("retentionPolicy.isLocked",))  # fmt: skip
    yield Call("bucket delete, not empty", "DELETE", "/storage/v1/b/{b}")
    yield Call("empty bucket", "POST", "/storage/v1/b?project=p", {"name": "{b}-e"}, show=("metageneration",))
    yield Call("empty bucket delete", "DELETE", "/storage/v1/b/{b}-e")
    yield Call("empty bucket delete again", "DELETE", "/storage/v1/b/{b}-e")


def xml() -> Iterator[Call]:
    x = "/{b}/xml.txt"
    yield Call("XML put", "PUT", x, TEXT, show=("h:x-goog-metageneration", "h:x-goog-hash"))
    yield Call("XML get", "GET", x, show=("bytes",))
    yield Call("XML get, range", "GET", x, headers={"Range": "bytes=0-3"}, show=("bytes", "h:Content-Range"))
    yield Call("XML head", "HEAD", x, show=("h:x-goog-stored-content-length",))
    yield Call("XML get, absent", "GET", "/{b}/absent", show=("h:Content-Type",))
    yield Call("XML put, precondition fails", "PUT", x, b"x", {"x-goog-if-generation-match": "0"})
    yield Call("XML put, wrong hash", "PUT", x, b"x", {"x-goog-hash": "crc32c=AAAAAA=="})
    yield Call("XML get of what JSON put", "GET", "/{b}/r2", show=("bytes",))
    yield Call("XML list", "GET", "/{b}?list-type=2&prefix=xml")
    yield Call("XML copy", "PUT", "/{b}/copied", b"", {"x-goog-copy-source": "/{b}/xml.txt"})
    yield Call("XML multipart begin", "POST", "/{b}/parts?uploads", b"")
    yield Call("XML delete", "DELETE", x)
    yield Call("hmac key create", "POST", "/storage/v1/projects/p/hmacKeys?serviceAccountEmail=a@example.com")
    yield Call("service account get", "GET", "/storage/v1/projects/p/serviceAccount")
    yield Call("folder insert", "POST", "/storage/v1/b/{b}/folders", {"name": "f/"})
    batch = b"--x\r\nContent-Type: application/http\r\n\r\nGET /storage/v1/b/{b}/o/r2 HTTP/1.1\r\n\r\n\r\n--x--\r\n"
    yield Call("batch", "POST", "/batch/storage/v1", batch, {"Content-Type": "multipart/mixed; boundary=x"})


GROUPS = (buckets, uploads, reading, changing, generations, protection, xml)
NO_CONTENT = "an empty answer is 204"
BAD_HASH = "hashes that do not fit are 400 (guide: hashes and ETags)"
CUT = "the testbench does not cut pages"
NOT_LEFT = "follows from the deletion that the testbench allowed"
XML = "the testbench has no such part of the XML API"
# Why ours is what the reference says, where the testbench answers otherwise.
WHY = {
    "bucket patch nonsense lifecycle": "the testbench fails",
    "iam set, stale etag": "an etag that is not the policy's is refused (IAM policies: etag)",
    "insert a": "a simple upload without a type is application/octet-stream (guide: object metadata)",
    "insert empty": "a size of zero is told, too",
    "multipart with two types": "the service's own words are HTTP 400",
    "multipart with a wrong crc32c": BAD_HASH,
    "multipart with a wrong md5": BAD_HASH,
    "multipart with a wrong x-goog-hash": BAD_HASH,
    "resumable, zero bytes": "a size of zero is told, too",
    "resumable, state when cancelled": "guide: any 4xx; ours is again 499",
    "resumable, a piece of 10 bytes": "of a piece that is not the last, multiples of 256 KiB are kept",
    "resumable, a piece behind a gap": "the service's own words are an error",
    "resumable, a nonsense range": "the testbench fails",
    "get": "a simple upload without a type is application/octet-stream (guide: object metadata)",
    "media, bytes=9-5": "RFC 9110, 14.1.1: a range that runs backwards is none",
    "media, bytes=-2000": "RFC 9110, 14.1.2: more than there is means everything",
    "list prefix=r&maxResults=2": CUT,
    "rewrite, nonsense token": "reference: an error that the token is invalid",
    "compose": "reference: componentCount; a composed object has no MD5",
    "compose of none": "reference: sourceObjects is required",
    "versioned list of versions, deleted": "guide: a deletion makes the living version noncurrent",
    "bucket delete, noncurrent left": "reference: only an empty bucket can be deleted",
    "hold, delete": "guide: a held object cannot be deleted",
    "hold, released": NOT_LEFT,
    "hold, delete after release": NOT_LEFT,
    "retention delete": "guide: an object cannot be deleted before its retention ends",
    "bucket delete, not empty": "reference: 409",
    "XML put": "reference of the XML API: headers of a new object",
    "XML put, wrong hash": BAD_HASH,
    "XML list": XML,
    "XML multipart begin": XML,
    "XML delete": XML,
    "batch": "guide: batch requests",
}
_EMPTY = ("notification", "acl", "defaultObjectAcl", "object acl", "versioned", "soft", "empty bucket")
WHY |= dict.fromkeys(["delete", "versioned delete one", *(f"{each} delete" for each in _EMPTY)], NO_CONTENT)
WHY |= dict.fromkeys(
    ["list", "list delimiter=/", "list maxResults=0"], "the testbench kept an upload whose hash is wrong"
)
