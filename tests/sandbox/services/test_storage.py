"""Cloud Storage through the real client."""

from __future__ import annotations

import base64
import io
from urllib.parse import quote

import google_crc32c
import pytest
import requests
from google.api_core.exceptions import BadRequest, Forbidden, NotFound, PreconditionFailed

TEXT = b"0123456789" * 1000


@pytest.fixture
def blob(bucket, prefix):
    made = bucket.blob(f"{prefix}/a b+ü.txt")
    made.upload_from_string(TEXT)
    return made


def test_an_object_comes_back_as_it_went(bucket, blob):
    """Name, size, checksums, type and bytes survive, with a space, a plus and an umlaut in the name."""
    found = bucket.get_blob(blob.name)

    assert found.download_as_bytes(checksum="crc32c") == TEXT
    assert (found.name, found.size, found.content_type) == (blob.name, len(TEXT), "text/plain")
    assert found.metageneration == 1
    assert found.generation > 10**15


def test_the_listing_carries_the_checksum_of_the_bytes(bucket, blob):
    """crc32c of the listing is that of the content."""
    (listed,) = bucket.list_blobs(prefix=blob.name)

    assert int.from_bytes(base64.b64decode(listed.crc32c)) == google_crc32c.value(TEXT)


@pytest.mark.parametrize(
    ("asked", "status", "content", "range_"),
    [
        pytest.param("bytes=10-19", 206, TEXT[10:20], "bytes 10-19/10000", id="a stretch"),
        pytest.param("bytes=9990-", 206, TEXT[9990:], "bytes 9990-9999/10000", id="to the end"),
        pytest.param("bytes=-3", 206, TEXT[-3:], "bytes 9997-9999/10000", id="the last three"),
        pytest.param("bytes=9990-20000", 206, TEXT[9990:], "bytes 9990-9999/10000", id="beyond the end"),
        pytest.param(None, 200, TEXT, None, id="everything"),
    ],
)
def test_ranges_are_served_with_the_whole_objects_checksum(blob, asked, status, content, range_):
    """A range is 206 with Content-Range; the hash header is always that of the whole object."""
    headers = {"Range": asked} if asked else {}

    answer = requests.get(blob.media_link, headers=headers, timeout=20)

    assert (answer.status_code, answer.content, answer.headers.get("Content-Range")) == (status, content, range_)
    assert blob.crc32c in answer.headers["x-goog-hash"]
    assert answer.headers["x-goog-generation"] == str(blob.generation)
    assert answer.headers["x-goog-stored-content-length"] == "10000"


def test_a_range_that_begins_beyond_the_end_is_416(blob):
    """Nothing to send is an error, not an empty success."""
    assert requests.get(blob.media_link, headers={"Range": "bytes=10000-"}, timeout=20).status_code == 416


def test_an_overwritten_generation_is_gone(bucket, blob):
    """Asking for the old generation is 404 although the name lives."""
    old = blob.generation
    bucket.blob(blob.name).upload_from_string(b"new")

    with pytest.raises(NotFound, match="No such object"):
        bucket.blob(blob.name, generation=old).download_as_bytes()


def test_a_generation_precondition_guards_upload_download_and_delete(bucket, blob):
    """412 with Google's sentence, and nothing is changed."""
    for call in (
        lambda: blob.upload_from_string(b"x", if_generation_match=0),
        lambda: blob.download_as_bytes(if_generation_match=1),
        lambda: blob.delete(if_generation_match=1),
        lambda: blob.delete(if_metageneration_match=9),
    ):
        with pytest.raises(PreconditionFailed, match="pre-conditions you specified did not hold"):
            call()

    assert bucket.get_blob(blob.name).generation == blob.generation


def test_a_deleted_object_is_not_found(bucket, blob):
    """Delete by generation, then 404 for everything."""
    blob.delete(if_generation_match=blob.generation)

    assert bucket.get_blob(blob.name) is None
    with pytest.raises(NotFound, match=f"No such object: {bucket.name}/"):
        blob.delete()


def test_listings_are_paged_ordered_and_fold_at_the_delimiter(bucket, prefix):
    """Pages join to the whole list; a delimiter gives prefixes."""
    for name in ("b", "a", "c/1", "c/2", "d"):
        bucket.blob(f"{prefix}/{name}").upload_from_string(name)

    paged = [blob.name.removeprefix(prefix) for blob in bucket.list_blobs(prefix=prefix, page_size=2)]
    folded = bucket.list_blobs(prefix=f"{prefix}/", delimiter="/")

    assert paged == ["/a", "/b", "/c/1", "/c/2", "/d"]
    assert [blob.name.removeprefix(prefix) for blob in folded] == ["/a", "/b", "/d"]
    assert folded.prefixes == {f"{prefix}/c/"}


def test_a_resumable_upload_arrives_whole(bucket, prefix):
    """Chunks of 256 KiB join to the object."""
    data = bytes(range(256)) * 3000
    blob = bucket.blob(f"{prefix}/large", chunk_size=256 * 1024)

    blob.upload_from_file(io.BytesIO(data))

    assert bucket.get_blob(blob.name).download_as_bytes() == data


@pytest.mark.parametrize("data", [b"", b"\r", b"\n", b"a\r\n\r\nb\n\nc", b"--\r\n--"])
def test_bytes_that_look_like_line_ends_survive_an_upload(bucket, prefix, data):
    """The upload's own line ends are not confused with the content's."""
    bucket.blob(f"{prefix}/odd").upload_from_string(data)

    assert bucket.blob(f"{prefix}/odd").download_as_bytes() == data


def test_an_upload_with_a_wrong_checksum_is_refused(sandbox, bucket):
    """Bytes that do not have the declared crc32c make no object."""
    body = (
        b'--x\r\ncontent-type: application/json\r\n\r\n{"name":"wrong","crc32c":"AAAAAA=="}\r\n--x\r\n\r\nabc\r\n--x--'
    )
    url = f"{sandbox.url}/upload/storage/v1/b/{bucket.name}/o?uploadType=multipart"

    answer = requests.post(url, data=body, headers={"Content-Type": "multipart/related; boundary=x"}, timeout=20)

    assert answer.status_code == 400
    assert bucket.get_blob("wrong") is None


def test_a_bucket_shows_its_lifecycle_and_permissions(sandbox, bucket):
    """Rules set on a bucket are in its resource; permissions not granted are not told."""
    order = {"name": "ruled", "lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 7}}]}}
    requests.post(
        sandbox.url + "/sandbox/buckets",
        json={**order, "permissions": ["storage.buckets.get", "storage.objects.get"]},
        timeout=20,
    )

    ruled = bucket.client.get_bucket("ruled")

    assert list(ruled.lifecycle_rules) == order["lifecycle"]["rule"]
    assert ruled.test_iam_permissions(["storage.objects.get", "storage.objects.delete"]) == ["storage.objects.get"]


def test_what_a_bucket_does_not_grant_is_forbidden(sandbox, bucket):
    """403 that names the permission, for a bucket that may only be read."""
    order = {"name": "readable", "permissions": ["storage.objects.get", "storage.objects.list"]}
    requests.post(sandbox.url + "/sandbox/buckets", json=order, timeout=20)
    readable = bucket.client.bucket("readable")

    assert list(readable.list_blobs()) == []
    with pytest.raises(Forbidden, match=r"storage\.objects\.create"):
        readable.blob("x").upload_from_string(b"x")


def test_a_missing_bucket_is_not_found(bucket):
    """404 as Google says it, and the client's lookup is None."""
    assert bucket.client.lookup_bucket("absent") is None
    with pytest.raises(NotFound, match="The specified bucket does not exist"):
        list(bucket.client.bucket("absent").list_blobs())


def test_null_takes_custom_metadata_away(sandbox, bucket, blob):
    """A key that is patched to null is gone; the others stay."""
    blob.metadata = {"a": "1", "b": "2"}
    blob.patch()
    url = f"{sandbox.url}/storage/v1/b/{bucket.name}/o/{quote(blob.name, safe='')}"

    requests.patch(url, json={"metadata": {"a": None}}, timeout=20)

    assert requests.get(url, timeout=20).json()["metadata"] == {"b": "2"}


def test_metadata_can_be_patched_and_raises_the_metageneration(bucket, blob):
    """Custom metadata is kept; the generation stays."""
    blob.metadata = {"owner": "me"}
    blob.patch()

    found = bucket.get_blob(blob.name)
    assert (found.metadata, found.metageneration, found.generation) == ({"owner": "me"}, 2, blob.generation)


def test_a_range_beyond_the_end_tells_the_size(blob):
    """416 with the size in Content-Range, from which a client learns that it has everything."""
    answer = requests.get(blob.media_link, headers={"Range": f"bytes={len(TEXT)}-"}, timeout=20)

    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(TEXT)}")


def test_a_range_that_runs_backwards_is_none(blob):
    """RFC 9110: an invalid range is ignored, the whole object is sent."""
    answer = requests.get(blob.media_link, headers={"Range": "bytes=9-5"}, timeout=20)

    assert (answer.status_code, answer.content) == (200, TEXT)


def test_what_is_said_about_an_object_is_kept_and_shown(bucket, prefix):
    """Cache control, disposition and language come back with the resource, and with the bytes."""
    made = bucket.blob(f"{prefix}/said")
    made.cache_control, made.content_disposition, made.content_language = "max-age=60", "attachment", "de"
    made.upload_from_string(b"x")

    found = bucket.get_blob(made.name)
    headers = requests.get(found.media_link, timeout=20).headers

    assert (found.cache_control, found.content_disposition, found.content_language) == (
        "max-age=60",
        "attachment",
        "de",
    )
    assert (headers["Cache-Control"], headers["Content-Disposition"]) == ("max-age=60", "attachment")


def test_what_is_not_imitated_of_an_object_is_refused(bucket, prefix):
    """A key that would encrypt nothing: said, not dropped."""
    made = bucket.blob(f"{prefix}/held", kms_key_name="projects/p/locations/l/keyRings/r/cryptoKeys/k")

    with pytest.raises(BadRequest, match="does not imitate the parameter 'kmsKeyName'"):
        made.upload_from_string(b"x")


def test_nothing_is_kept_of_what_was_deleted(bucket, blob):
    """A list of soft-deleted objects shows no living one."""
    found = list(bucket.client.list_blobs(bucket, soft_deleted=True))

    assert found == []
    assert bucket.get_blob(blob.name) is not None


def test_a_buckets_own_preconditions_hold(bucket):
    """412 for a metageneration that is not the bucket's."""
    found = bucket.client.get_bucket(bucket.name)

    with pytest.raises(PreconditionFailed):
        bucket.client.get_bucket(bucket.name, if_metageneration_match=found.metageneration + 1)


def test_a_resumable_upload_may_go_on_with_post(sandbox, bucket, prefix):
    """Some clients send the bytes of a session with POST."""
    url = f"{sandbox.url}/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable"
    session = requests.post(url, json={"name": f"{prefix}/posted"}, timeout=20).headers["Location"]

    requests.post(session, data=b"bytes", timeout=20)

    assert bucket.get_blob(f"{prefix}/posted").download_as_bytes() == b"bytes"
