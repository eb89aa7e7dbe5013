"""Answers that no client should trust: pages for JSON, cut, slow or inflating bodies, endless lists, bad bytes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import threading
import time
import zlib
from dataclasses import dataclass

import ee
import google_crc32c
import pytest
import requests

from orchestrator.sandbox import inflating
from orchestrator.sandbox.inflating import STEP_BYTES

DATA = bytes(range(256)) * 400
PROJECT = "/v1/projects/ee-sandbox"
BUCKET = "/storage/v1/b/ee-sandbox-bucket/o"


@dataclass(frozen=True)
class Call:
    """One call of a client; `{}` in its path is the thing it is about."""

    api: str
    method: str
    path: str


CALLS = [
    Call("image.export", "POST", PROJECT + "/image:export"),
    Call("operations.list", "GET", PROJECT + "/operations"),
    Call("operations.get", "GET", PROJECT + "/operations/none"),
    Call("objects.list", "GET", BUCKET),
    Call("objects.get", "GET", BUCKET + "/none"),
    Call("objects.media", "GET", BUCKET + "/none?alt=media"),
    Call("objects.delete", "DELETE", BUCKET + "/none"),
    Call("drive.list", "GET", "/drive/v3/files"),
    Call("drive.media", "GET", "/drive/v3/files/none?alt=media"),
    Call("drive.delete", "DELETE", "/drive/v3/files/none"),
]


@pytest.fixture
def blob(bucket, prefix):
    made = bucket.blob(f"{prefix}/data")
    made.upload_from_string(DATA)
    return made


@pytest.fixture
def ask(sandbox):
    """`ask(path)` is the answer to GET."""
    return lambda path, **options: requests.get(sandbox.url + path, timeout=20, **options)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.api)
def test_any_method_can_be_answered_by_a_page_that_claims_success(kit, call):
    """HTML with status 200, as a captive portal or a sign-in page sends it; the method does not run."""
    number = kit.order("http", api=call.api, status=200, html=True)

    answer = requests.request(call.method, kit.sandbox.url + call.path, timeout=20)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    assert answer.text.startswith("<!doctype html>")
    assert kit.consumed(number) == 1


def test_a_page_can_also_hide_what_was_done(kit, bucket, blob):
    """With commit-then-fail the deletion has happened, and the answer is a page with status 200."""
    kit.order("commit_then_fail", api="objects.delete", then=200, html=True)

    answer = requests.delete(f"{kit.sandbox.url}{blob.path.replace('/b/', '/storage/v1/b/', 1)}", timeout=20)

    assert (answer.status_code, answer.text[:15]) == (200, "<!doctype html>")
    assert bucket.get_blob(blob.name) is None


@pytest.mark.parametrize("chunked", [False, True], ids=["of a known length", "in chunks"])
@pytest.mark.parametrize("path", [PROJECT + "/operations", BUCKET, "/drive/v3/files"], ids=["ee", "gcs", "drive"])
def test_an_answer_can_be_cut_in_its_middle(kit, ask, path, chunked):
    """Half the body comes, then the connection ends; no client can take it for whole."""
    number = kit.order("truncate", chunked=chunked)

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask(path)

    assert kit.consumed(number) == 1


def test_a_body_in_chunks_is_the_same_body(kit, ask):
    """Chunked transfer alone changes nothing that a client reads."""
    whole = ask("/drive/v3/files").content
    kit.order("slow", api="drive.list", bytes_per_second=10**6, chunked=True)

    answer = ask("/drive/v3/files")

    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.content == whole


def test_a_trickling_body_ends_at_once_when_released(kit, ask):
    """20 bytes a second of 100 kB would take more than an hour; released, the rest comes at once and is whole."""
    number = kit.order("slow", api="algorithms.list", bytes_per_second=20)
    answers = []
    caller = threading.Thread(target=lambda: answers.append(ask(PROJECT + "/algorithms").content))
    caller.start()
    while not kit.consumed(number):
        time.sleep(0.01)

    kit.sandbox.faults.release(number)
    caller.join(20)

    assert answers == [ask(PROJECT + "/algorithms").content]


def test_a_small_answer_can_inflate_enormously(kit, sandbox, ask):
    """64 MiB of blanks are some 64 kB on the wire, and behind them stands the true answer."""
    whole = ask(BUCKET).json()
    number = kit.order("inflate", api="objects.list", bytes=64 << 20)

    with requests.get(sandbox.url + BUCKET, timeout=20, stream=True) as answer:
        wire = answer.raw.read(decode_content=False)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(wire) == int(answer.headers["Content-Length"]) < 80_000
    inflated = gzip.decompress(wire)
    assert len(inflated) > 64 << 20
    assert requests.models.complexjson.loads(inflated) == whole
    assert kit.consumed(number) == 1


def test_the_real_clients_read_an_inflated_answer_as_the_same(kit, bucket, drive, blob):
    """Blanks before JSON mean nothing, so that only their number can hurt."""
    plain = drive.files().list().execute()
    for api in ("operations.list", "objects.list", "drive.list"):
        kit.order("inflate", api=api, bytes=1 << 20)

    operations, names, files = ee.data.listOperations(), list(bucket.list_blobs(prefix=blob.name)), drive.files().list()

    assert isinstance(operations, list)
    assert [each.name for each in names] == [blob.name]
    assert files.execute() == plain


def test_the_real_clients_walk_into_an_endless_list(kit, bucket, blob):
    """The storage client asks for page after page of the same object until its caller has enough."""
    number = kit.order("endless_pages", api="objects.list", count=None)

    found = list(itertools.islice(bucket.list_blobs(prefix=blob.name), 7))

    assert [each.name for each in found] == [blob.name] * 7
    assert kit.consumed(number) == 7


def test_by_default_a_few_megabytes_become_three_gigabytes(kit, sandbox):
    """The default is more than a machine wants to hold; the client here only looks at the length."""
    kit.order("inflate", api="objects.list")

    with requests.get(sandbox.url + BUCKET, timeout=20, stream=True) as answer:
        length = int(answer.headers["Content-Length"])

    assert length < 4_000_000


@pytest.mark.parametrize("blanks", [0, 1, STEP_BYTES - 1, STEP_BYTES, 2 * STEP_BYTES + 5])
def test_the_blanks_are_exactly_as_many_as_ordered(blanks):
    """One member whose checksum and length are right, however it is put together."""
    found = b"".join(inflating.stream(b"data", blanks))

    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    assert unpacker.decompress(found) == b" " * blanks + b"data"
    assert unpacker.eof
    assert unpacker.unused_data == b""
    assert inflating.length(b"data", blanks) == len(found)


@pytest.mark.parametrize("path", [PROJECT + "/operations", BUCKET, "/drive/v3/files"], ids=["ee", "gcs", "drive"])
def test_a_list_can_be_without_an_end(kit, ask, blob, path):  # noqa: ARG001  the bucket's list has an object
    """Every page names a next one, with a token never seen before; each is the first page again."""
    whole = ask(path).json()
    number = kit.order("endless_pages", count=None)

    pages, token = [], ""
    for _ in range(5):
        pages.append(ask(path, params={"pageToken": token} if token else {}).json())
        token = pages[-1].pop("nextPageToken")

    assert pages == [whole] * 5
    assert kit.consumed(number) == 5


def test_what_is_no_list_has_no_pages(kit, sandbox, blob):
    """Ordered for everything, the fault leaves alone what is no JSON: bytes, and answers without a body."""
    kit.order("endless_pages", count=None)
    session = f"{sandbox.url}/upload{BUCKET}?uploadType=resumable"

    found = [requests.get(blob.media_link, timeout=20), requests.post(session, json={"name": "x"}, timeout=20)]

    assert [each.status_code for each in found] == [200, 200]
    assert found[0].content == DATA


@pytest.mark.parametrize("action", ["truncate", "inflate", "short", "slow"])
def test_an_answer_without_a_body_is_not_spoilt(kit, blob, action):
    """204 has no body (RFC 9110), so that the next answer on the connection is read as it was sent."""
    kit.order(action, api="objects.delete", bytes=1000)
    url = f"{kit.sandbox.url}{blob.path.replace('/b/', '/storage/v1/b/', 1)}"

    with requests.Session() as session:
        found = [session.delete(url, timeout=20).status_code, session.get(url, timeout=20).status_code]

    assert found == [204, 404]


def test_an_endless_list_ends_when_its_acts_are_used_up(kit, ask):
    """After two endless pages the third is the last, and nobody is blamed for the token."""
    kit.order("endless_pages", api="operations.list", count=2)
    violations = kit.violations()

    tokens, token = [], ""
    while not tokens or token:
        token = ask(PROJECT + "/operations", params={"pageToken": token} if token else {}).json().get("nextPageToken")
        tokens.append(token)

    assert (len(tokens), tokens[-1]) == (3, None)
    assert kit.violations() == violations


def crc32c(data):
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


def test_every_download_of_an_object_can_be_wrong(kit, blob):
    """Without end: however often it is read, the bytes differ, while the object's own checksum is that of the truth."""
    number = kit.order("flip", api="objects.media", path=blob.name.rpartition("/")[2], offset=5, count=None)

    found = [requests.get(blob.media_link, timeout=20) for _ in range(4)]

    assert all(each.content != DATA for each in found)
    assert all(crc32c(DATA) in each.headers["x-goog-hash"] for each in found)
    assert kit.consumed(number) == 4
    assert next(r["pending"] for r in kit.sandbox.faults.report() if r["id"] == number) is None


@pytest.mark.parametrize("stale", [False, True], ids=["with its own checksum", "with the checksum of the whole file"])
def test_a_task_can_store_a_damaged_file(kit, bucket, prefix, stale):
    """The second file is no TIFF; its checksum is that of its bytes, or, if ordered, that of what was meant."""
    number = kit.order("task_damage_file", offset=1, stale_checksum=stale)

    status = kit.finish(kit.to_bucket(prefix, fileDimensions=512))

    good, bad = list(bucket.list_blobs(prefix=prefix))[:2]
    bytes_of = [requests.get(each.media_link, timeout=20).content for each in (good, bad)]
    assert status["state"] == "COMPLETED"
    assert [each[:4] for each in bytes_of] == [b"II*\0", bytes(4)]
    assert (crc32c(bytes_of[0]), crc32c(bytes_of[1])) == (good.crc32c, bad.crc32c) or stale
    assert (crc32c(bytes_of[1]) != bad.crc32c) == stale
    assert kit.consumed(number) == 1


def test_a_damaged_file_in_drive_has_the_checksum_of_its_bytes(kit, drive, prefix):
    """The same in Drive, with md5."""
    name = prefix.replace("/", "-")
    kit.order("task_damage_file")
    kit.finish(kit.to_drive(name, None))

    found = drive.files().list(q=f"name = '{name}.tif'", fields="files(id,md5Checksum)").execute()["files"][0]
    data = drive.files().get_media(fileId=found["id"]).execute()

    assert data[:8] == bytes(8)
    assert hashlib.md5(data, usedforsecurity=False).hexdigest() == found["md5Checksum"]


def test_headers_can_be_added_to_answers_beside_other_faults(kit, ask):
    """The quota's header comes on every answer, also on one that another fault spoils."""
    status = {"x-earth-engine-quota-status": "parallelism_restricted=true"}
    number = kit.order("headers", path="/v1/projects/", headers=status, count=None)
    kit.order("http", api="operations.list", status=503)

    found = [ask(PROJECT + "/operations"), ask(PROJECT + "/config")]

    assert [each.headers.get("x-earth-engine-quota-status") for each in found] == ["parallelism_restricted=true"] * 2
    assert [each.status_code for each in found] == [503, 200]
    assert "x-earth-engine-quota-status" not in ask(BUCKET).headers
    assert kit.consumed(number) == 2
