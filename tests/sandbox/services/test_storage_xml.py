"""The XML API: objects, lists, multipart uploads, signed URLs; its errors are XML."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from google.auth import crypt
from google.oauth2 import service_account

PART = bytes(5 << 20)


class _Signer(crypt.Signer):
    """Signs with nothing: nobody looks."""

    key_id = "none"

    def sign(self, message):  # noqa: ARG002  the interface's name
        return b"signature"


@pytest.fixture
def url(bucket, prefix):
    return f"/{bucket.name}/{prefix}/x y+ü.txt"


def leaves(answer, name):
    root = ET.fromstring(answer.content)  # noqa: S314  from the sandbox
    return [each.text for each in root.iter() if each.tag.rpartition("}")[2] == name]


def test_what_one_api_writes_the_other_reads(web, bucket, prefix, url):
    """The bytes, the type and the metadata."""
    web("PUT", url, data=b"text", headers={"Content-Type": "text/csv", "x-goog-meta-owner": "me"})

    found = bucket.get_blob(f"{prefix}/x y+ü.txt")
    assert (found.download_as_bytes(), found.content_type, found.metadata) == (b"text", "text/csv", {"owner": "me"})


def test_an_answer_tells_of_the_object(web, url):
    """The ETag is the MD5 as hexadecimal digits; HEAD tells what GET does."""
    put = web("PUT", url, data=b"text", headers={"x-goog-meta-owner": "me"})
    get, head = web("GET", url), web("HEAD", url)

    assert get.content == b"text"
    assert get.headers["ETag"] == put.headers["ETag"] == f'"{hashlib.md5(b"text", usedforsecurity=False).hexdigest()}"'
    assert (get.headers["x-goog-meta-owner"], get.headers["x-goog-stored-content-length"]) == ("me", "4")
    assert {k: v for k, v in head.headers.items() if k != "Date"} == {
        k: v for k, v in get.headers.items() if k != "Date"
    }


def test_a_range_is_served_and_one_beyond_is_refused(web, url):
    """206, and 416 in XML with the size."""
    web("PUT", url, data=b"0123456789")

    part, beyond = web("GET", url, headers={"Range": "bytes=2-4"}), web("GET", url, headers={"Range": "bytes=10-"})

    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, "bytes */10")
    assert leaves(beyond, "Code") == ["InvalidRange"]


@pytest.mark.parametrize(
    ("verb", "path", "headers", "status", "code"),
    [
        pytest.param("GET", "/{bucket}/absent", {}, 404, "NoSuchKey", id="no object"),
        pytest.param("DELETE", "/{bucket}/absent", {}, 404, "NoSuchKey", id="nothing to delete"),
        pytest.param("GET", "/absent-bucket/x", {}, 404, "NoSuchBucket", id="no bucket"),
        pytest.param("PUT", "/{bucket}/x", {"x-goog-if-generation-match": "5"}, 412, "PreconditionFailed", id="412"),
        pytest.param("PUT", "/{bucket}/x", {"x-goog-hash": "crc32c=AAAAAQ=="}, 400, "BadDigest", id="hash"),
        pytest.param("PUT", "/{bucket}/x", {"Content-MD5": "A" * 22 + "=="}, 400, "BadDigest", id="md5"),
        pytest.param("GET", "/{bucket}?acl", {}, 400, "NotImplemented", id="not imitated"),
        pytest.param("PUT", "/{bucket}/x?partNumber=1&uploadId=none", {}, 404, "NoSuchUpload", id="no upload"),
        pytest.param("DELETE", "/{bucket}", {}, 409, "BucketNotEmpty", id="not empty"),
    ],
)
def test_errors_are_xml(web, bucket, verb, path, headers, status, code):
    """With the code that the XML API has for it."""
    bucket.blob("something").upload_from_string(b"")

    answer = web(verb, path.format(bucket=bucket.name), headers=headers, data=b"x" if verb == "PUT" else None)

    assert (answer.status_code, leaves(answer, "Code")) == (status, [code])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"If-None-Match": "{etag}"}, 304, id="known"),
        pytest.param({"If-None-Match": '"other"'}, 200, id="another is known"),
        pytest.param({"If-Match": "{etag}"}, 200, id="wanted"),
        pytest.param({"If-Match": '"other"'}, 412, id="another is wanted"),
        pytest.param({"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 304, id="not modified since"),
        pytest.param({"If-Modified-Since": "{changed}"}, 304, id="modified at that very second"),
        pytest.param({"If-Unmodified-Since": "{changed}"}, 200, id="not modified after that second"),
        pytest.param({"If-Unmodified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"}, 412, id="modified since"),
    ],
)
def test_conditions_of_http_guard_reading(web, url, headers, status):
    """RFC 9110, 13.1."""
    web("PUT", url, data=b"text")
    shown = web("GET", url).headers
    told = {"etag": shown["ETag"], "changed": shown["Last-Modified"]}

    answer = web("GET", url, headers={name: value.format(**told) for name, value in headers.items()})

    assert answer.status_code == status


def test_a_copy_is_made_by_a_header(web, url):
    """From `bucket/object`, percent-encoded."""
    web("PUT", url, data=b"text", headers={"Content-Type": "text/csv"})

    copied = web("PUT", url + ".copy", headers={"x-goog-copy-source": url.replace(" ", "%20").replace("ü", "%C3%BC")})
    found = web("GET", url + ".copy")

    assert leaves(copied, "ETag") == [copied.headers["ETag"]]
    assert (found.content, found.headers["Content-Type"]) == (b"text", "text/csv")


@pytest.mark.parametrize("second", [True, False], ids=["version 2", "version 1"])
def test_lists_are_paged_and_folded(web, bucket, prefix, second):
    """Both ways of going on lead to the same list."""
    for name in ("a", "b/1", "b/2", "c&d"):
        bucket.blob(f"{prefix}/{name}").upload_from_string(b"")
    query = {"prefix": f"{prefix}/", "delimiter": "/", "max-keys": "1", **({"list-type": "2"} if second else {})}
    mark, send = ("NextContinuationToken", "continuation-token") if second else ("NextMarker", "marker")

    answers = [web("GET", f"/{bucket.name}", params=query)]
    while leaves(answers[-1], "IsTruncated") == ["true"] and len(answers) < 9:
        answers.append(web("GET", f"/{bucket.name}", params={**query, send: leaves(answers[-1], mark)[0]}))

    assert [key for each in answers for key in leaves(each, "Key")] == [f"{prefix}/a", f"{prefix}/c&d"]
    assert [name for each in answers for name in leaves(each, "Prefix") if name.endswith("b/")] == [f"{prefix}/b/"]


@pytest.fixture
def upload(web, url):
    """The number of a multipart upload."""
    return leaves(web("POST", url + "?uploads", headers={"Content-Type": "image/tiff"}), "UploadId")[0]


def complete(web, url, upload, parts):
    named = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in parts)
    body = f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>"
    return web("POST", f"{url}?uploadId={upload}", data=body)


def test_parts_make_an_object(web, url, upload):
    """In the order of their numbers, whatever came first; it has the type told at the beginning and no MD5."""
    etags = {
        n: web("PUT", f"{url}?partNumber={n}&uploadId={upload}", data=d).headers["ETag"]
        for n, d in ((2, b"end"), (1, PART))
    }
    listed = leaves(web("GET", f"{url}?uploadId={upload}"), "Size")

    done = complete(web, url, upload, sorted(etags.items()))
    found = web("GET", url)

    assert (done.status_code, listed) == (200, [str(len(PART)), "3"])
    assert (found.content == PART + b"end", found.headers["Content-Type"]) == (True, "image/tiff")
    assert "md5" not in found.headers["x-goog-hash"]


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        pytest.param([(1, "{etag}"), (2, "{etag}")], "EntityTooSmall", id="a small part before the last"),
        pytest.param([(2, "{etag}"), (1, "{etag}")], "InvalidPartOrder", id="out of order"),
        pytest.param([(1, '"other"')], "InvalidPart", id="another ETag"),
        pytest.param([(3, "{etag}")], "InvalidPart", id="absent"),
        pytest.param([], "MalformedXML", id="none"),
    ],
)
def test_parts_that_do_not_fit_make_nothing(web, url, upload, parts, code):
    """400, and the upload can be completed otherwise."""
    for number in (1, 2):
        etag = web("PUT", f"{url}?partNumber={number}&uploadId={upload}", data=b"small").headers["ETag"]

    answer = complete(web, url, upload, [(number, mark.format(etag=etag)) for number, mark in parts])

    assert (answer.status_code, leaves(answer, "Code")) == (400, [code])
    assert complete(web, url, upload, [(1, etag)]).status_code == 200


def test_an_upload_that_is_given_up_is_gone(web, bucket, url, upload):
    """It is listed until then."""
    before = leaves(web("GET", f"/{bucket.name}?uploads"), "UploadId")
    web("DELETE", f"{url}?uploadId={upload}")

    assert upload in before
    assert upload not in leaves(web("GET", f"/{bucket.name}?uploads"), "UploadId")


def test_a_session_of_the_xml_api_is_resumed(web, url):
    """Begun with `x-goog-resumable: start`, then as in the JSON API."""
    session = web("POST", url, headers={"x-goog-resumable": "start", "Content-Type": "text/csv"}).headers["Location"]

    asked = web("PUT", session, headers={"Content-Range": "bytes */*"})
    web("PUT", session, data=b"text")

    found = web("GET", url)
    assert (asked.status_code, found.content, found.headers["Content-Type"]) == (308, b"text", "text/csv")


def sign(blob, sandbox, **more):
    credentials = service_account.Credentials(_Signer(), "a@example.com", "none")
    lifetime = timedelta(minutes=10)
    return blob.generate_signed_url(
        lifetime, api_access_endpoint=sandbox.url, credentials=credentials, version=more.pop("version", "v4"), **more
    )


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_a_signed_url_works_until_its_time(bucket, prefix, web, version):
    """As the client signs it; the time is the sandbox's, the signature is not looked at."""
    from orchestrator.sandbox.server import Options, Sandbox  # noqa: PLC0415  its clock is moved

    class Nothing:
        def collections(self):
            return {}

    with Sandbox(Nothing(), Options()) as own:
        address = sign(bucket.blob(f"{prefix}/signed"), own, method="PUT", version=version)
        put = web("PUT", address, data=b"text")
        get = sign(bucket.blob(f"{prefix}/signed"), own, version=version, response_type="text/x")
        read = web("GET", get)
        own.clock.advance(601)
        late = web("GET", get)

    assert (put.status_code, read.content, read.headers["Content-Type"]) == (200, b"text", "text/x")
    assert (late.status_code, leaves(late, "Code")) == (400, ["ExpiredToken"])


@pytest.mark.parametrize(
    ("part", "by"),
    [
        ("X-Goog-Expires=600", "X-Goog-Expires=604801"),
        (r"X-Goog-Date=\w+", "X-Goog-Date=today"),
        ("&X-Goog-Expires=600", ""),
    ],
    ids=["more than a week", "no time", "a part is missing"],
)
def test_a_url_that_is_not_rightly_signed_is_refused(sandbox, bucket, web, prefix, part, by):
    """400 with what is wrong."""
    bucket.blob(f"{prefix}/signed").upload_from_string(b"x")
    address = re.sub(part, by, sign(bucket.blob(f"{prefix}/signed"), sandbox))

    assert web("GET", address).status_code == 400


def test_a_hash_of_the_xml_api_is_base64(web, url):
    """crc32c and md5 in one header, as in the JSON API."""
    digest = base64.b64encode(hashlib.md5(b"text", usedforsecurity=False).digest()).decode()

    assert f"md5={digest}" in web("PUT", url, data=b"text").headers["x-goog-hash"]
