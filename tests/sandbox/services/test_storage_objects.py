"""What is said about an object: replaced, patched, decompressed, answered to HEAD."""

from __future__ import annotations

import gzip
from urllib.parse import quote

import pytest
import requests
from google.api_core.exceptions import BadRequest, Forbidden

TEXT = b"0123456789" * 100


@pytest.fixture
def blob(bucket, prefix):
    made = bucket.blob(f"{prefix}/x")
    made.content_type, made.cache_control, made.metadata = "text/csv", "max-age=60", {"a": "1"}
    made.upload_from_string(TEXT, content_type="text/csv")
    return made


@pytest.fixture
def path(bucket, blob):
    return f"/storage/v1/b/{bucket.name}/o/{quote(blob.name, safe='')}"


def test_an_update_replaces_all_that_was_said(web, path):
    """PUT, as against PATCH: what the body does not tell is gone."""
    found = web("PUT", path, json={"contentLanguage": "de"}).json()

    assert (found["contentLanguage"], found["metageneration"]) == ("de", "2")
    assert {"metadata", "cacheControl", "contentType"} & found.keys() == set()


def test_the_client_updates(bucket, blob):
    """Its `update` sends everything back as it was."""
    blob.reload()
    blob.content_language = "de"
    blob.update()

    found = bucket.get_blob(blob.name)
    assert (found.content_language, found.cache_control, found.metadata) == ("de", "max-age=60", {"a": "1"})


def test_null_takes_a_field_away(web, path):
    """As it does with a key of the metadata."""
    found = web("PATCH", path, json={"cacheControl": None, "metadata": {"a": None, "b": "2"}}).json()

    assert (found.get("cacheControl"), found["metadata"], found["contentType"]) == (None, {"b": "2"}, "text/csv")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"customTime": "yesterday"}, id="a time that is none"),
        pytest.param({"storageClass": "LUKEWARM"}, id="a class that is none"),
        pytest.param({"temporaryHold": "yes"}, id="a hold that is a text"),
        pytest.param({"retention": {"mode": "Locked", "retainUntilTime": "2999-01-01T00:00:00Z"}}, id="no such bucket"),
        pytest.param({"storageClass": "NEARLINE"}, id="a class that only a rewrite gives"),
    ],
)
def test_what_cannot_be_said_is_refused(web, path, body):
    """400, and nothing changed."""
    assert web("PATCH", path, json=body).status_code == 400
    assert web("GET", path).json()["metageneration"] == "1"


def test_a_custom_time_only_grows(web, path):
    """Guide "Object metadata": neither removed nor set back."""
    web("PATCH", path, json={"customTime": "2026-01-02T00:00:00Z"})

    found = [web("PATCH", path, json={"customTime": each}).status_code for each in (None, "2026-01-01T00:00:00Z")]

    assert found == [400, 400]
    assert web("PATCH", path, json={"customTime": "2026-01-03T00:00:00Z"}).status_code == 200


def test_an_objects_own_retention_is_kept(web, home):
    """In a bucket made for it: 403 until its time; an unlocked one yields to whoever says so."""
    bucket = home(objectRetention={"mode": "Enabled"})
    bucket.blob("x").upload_from_string(b"x")
    one = f"/storage/v1/b/{bucket.name}/o/x"
    until = {"mode": "Unlocked", "retainUntilTime": "2999-01-01T00:00:00Z"}

    web("PATCH", one, json={"retention": until})
    found = [
        web("DELETE", one).status_code,
        web("PATCH", one, json={"retention": None}).status_code,
        web("PATCH", f"{one}?overrideUnlockedRetention=true", json={"retention": None}).status_code,
        web("DELETE", one).status_code,
    ]

    assert found == [403, 403, 200, 204]


@pytest.mark.parametrize("query", ["", "?alt=media"])
def test_head_tells_what_get_would_send(web, path, query):
    """The same headers, no body."""
    head, get = web("HEAD", path + query), web("GET", path + query)

    assert (head.status_code, head.content) == (200, b"")
    assert {k: v for k, v in head.headers.items() if k != "Date"} == {
        k: v for k, v in get.headers.items() if k != "Date"
    }


@pytest.mark.parametrize(
    ("headers", "cache", "body", "encoding"),
    [
        pytest.param({"Accept-Encoding": "gzip"}, None, "packed", "gzip", id="accepted: as it is stored"),
        pytest.param({"Accept-Encoding": "identity"}, None, "plain", None, id="not accepted: decompressed"),
        pytest.param({"Accept-Encoding": "identity"}, "no-transform", "packed", "gzip", id="no-transform"),
        pytest.param(
            {"Accept-Encoding": "identity", "Range": "bytes=0-3"}, None, "plain", None, id="a range is ignored"
        ),
    ],
)
def test_what_is_stored_with_gzip_is_decompressed(bucket, prefix, headers, cache, body, encoding):
    """Guide "Transcoding of gzip-compressed files"."""
    packed = gzip.compress(TEXT, mtime=0)
    made = bucket.blob(f"{prefix}/packed")
    made.content_encoding, made.cache_control = "gzip", cache
    made.upload_from_string(packed)

    with requests.get(made.media_link, headers=headers, stream=True, timeout=20) as answer:
        raw = answer.raw.read(decode_content=False)

    assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, encoding)
    assert raw == {"packed": packed, "plain": TEXT}[body]
    assert answer.headers["x-goog-stored-content-encoding"] == "gzip"
    assert answer.headers["x-goog-stored-content-length"] == str(len(packed))


def test_the_client_reads_what_is_stored_with_gzip(bucket, prefix):
    """It accepts gzip and decompresses; raw, it gets what is stored."""
    made = bucket.blob(f"{prefix}/packed")
    made.content_encoding = "gzip"
    made.upload_from_string(gzip.compress(TEXT, mtime=0))

    assert made.download_as_bytes() == TEXT
    assert made.download_as_bytes(raw_download=True) == gzip.compress(TEXT, mtime=0)


def test_what_says_gzip_and_is_none_is_refused(bucket, prefix):
    """What the service would send is told nowhere."""
    made = bucket.blob(f"{prefix}/unpacked")
    made.content_encoding = "gzip"
    made.upload_from_string(b"plain")

    answer = requests.get(made.media_link, headers={"Accept-Encoding": "identity"}, timeout=20)

    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, "notImplemented")


def test_a_storage_class_is_changed_by_a_rewrite(bucket, blob):
    """As the client does it, which sends along what it knows."""
    blob.reload()
    blob.update_storage_class("NEARLINE")

    found = bucket.get_blob(blob.name)
    assert (found.storage_class, found.metadata, found.download_as_bytes()) == ("NEARLINE", {"a": "1"}, TEXT)


def test_an_access_list_needs_a_bucket_that_has_them(bucket, prefix):
    """400 with uniform access, which the sandbox's own buckets have."""
    with pytest.raises(BadRequest, match="uniform bucket-level access"):
        bucket.blob(f"{prefix}/public").upload_from_string(b"x", predefined_acl="publicRead")


def test_an_objects_access_list_is_kept_and_shown(home):
    """Kept, not enforced."""
    blob = home().blob("x")
    blob.upload_from_string(b"x", predefined_acl="private")

    blob.acl.all().grant_read()
    blob.acl.save()
    blob.acl.reload()

    assert {(each["entity"], each["role"]) for each in blob.acl} == {
        ("project-owners-1", "OWNER"),
        ("allUsers", "READER"),
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"If-None-Match": "{etag}"}, 304, id="known"),
        pytest.param({"If-Match": "other"}, 412, id="another is wanted"),
        pytest.param({"If-Match": "{etag}"}, 200, id="wanted"),
    ],
)
@pytest.mark.parametrize("query", ["", "?alt=media"])
def test_etags_guard_reading(web, path, query, headers, status):
    """Guide "Request preconditions": headers of requests that retrieve data."""
    etag = web("GET", path).json()["etag"]

    answer = web("GET", path + query, headers={name: value.format(etag=etag) for name, value in headers.items()})

    assert answer.status_code == status


def test_a_key_of_the_customer_is_refused(web, path):
    """Nothing would be encrypted with it."""
    answer = web("GET", path, headers={"x-goog-encryption-algorithm": "AES256"})

    assert (answer.status_code, "x-goog-encryption-algorithm" in answer.text) == (400, True)


def test_a_bucket_may_grant_nothing(sandbox, bucket):
    """An empty list of permissions is one."""
    requests.post(sandbox.url + "/sandbox/buckets", json={"name": "closed", "permissions": []}, timeout=20)

    with pytest.raises(Forbidden, match=r"storage\.objects\.list"):
        list(bucket.client.bucket("closed").list_blobs())
