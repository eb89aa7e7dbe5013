"""Uploads as Cloud Storage takes them: checksums, sessions that are resumed, asked, cancelled and grown old."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from urllib.parse import quote

import google_crc32c
import pytest

STEP = 256 << 10
DATA = bytes(range(256)) * 1024 + b"the end"  # 256 KiB and seven bytes


def crc32c(data):
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


def md5(data):
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


@pytest.fixture
def place(bucket):
    return f"/upload/storage/v1/b/{bucket.name}/o"


@pytest.fixture
def begin(web, place, prefix):
    """`begin(resource, **headers)` begins a session and returns its address."""

    def start(resource=None, headers=None, query=""):
        body = {"name": f"{prefix}/resumed", **(resource or {})}
        answer = web("POST", f"{place}?uploadType=resumable{query}", json=body, headers=headers)
        return answer.headers["Location"]

    return start


@pytest.fixture
def related(web, place):
    """`related(resource, data, **headers)` uploads both in one body."""

    def send(resource, data, headers=None):
        head = b"--x\r\nContent-Type: application/json\r\n\r\n" + json.dumps(resource).encode()
        body = head + b"\r\n--x\r\nContent-Type: text/plain\r\n\r\n" + data + b"\r\n--x--"
        headers = {"Content-Type": "multipart/related; boundary=x", **(headers or {})}
        return web("POST", f"{place}?uploadType=multipart", data=body, headers=headers)

    return send


@pytest.mark.parametrize(
    ("resource", "headers"),
    [
        pytest.param({"crc32c": crc32c(b"abc"), "md5Hash": md5(b"abc")}, {}, id="in the resource"),
        pytest.param({}, {"x-goog-hash": f"crc32c={crc32c(b'abc')},md5={md5(b'abc')}"}, id="in the header"),
    ],
)
def test_checksums_that_fit_are_taken(related, resource, headers):
    """Both, wherever they stand."""
    assert related({"name": "summed", **resource}, b"abc", headers).status_code == 200


@pytest.mark.parametrize(
    ("resource", "headers"),
    [
        pytest.param({"crc32c": crc32c(b"abd")}, {}, id="crc32c of other bytes"),
        pytest.param({"md5Hash": md5(b"abd")}, {}, id="md5 of other bytes"),
        pytest.param({}, {"x-goog-hash": f"crc32c={crc32c(b'abd')}"}, id="header of other bytes"),
        pytest.param({"crc32c": 5}, {}, id="a number"),
        pytest.param({"crc32c": "not base64"}, {}, id="nonsense"),
    ],
)
def test_checksums_that_do_not_fit_are_refused(related, web, bucket, resource, headers):
    """400, and there is no object."""
    assert related({"name": "unsummed", **resource}, b"abc", headers).status_code == 400
    assert web("GET", f"/storage/v1/b/{bucket.name}/o/unsummed").status_code == 404


def test_a_resumed_upload_is_checked_at_its_end(web, begin):
    """Against the checksum that its beginning told."""
    session = begin({"crc32c": crc32c(b"other bytes")})

    assert web("PUT", session, data=b"bytes").status_code == 400


def test_two_content_types_must_agree(related):
    """The service's own words."""
    answer = related({"name": "typed", "contentType": "text/csv"}, b"abc")

    assert answer.status_code == 400
    assert "Content-Type specified in the upload (text/plain)" in answer.json()["error"]["message"]


@pytest.mark.parametrize("verb", ["PUT", "POST"])
def test_an_upload_goes_on_where_it_stopped(web, begin, bucket, prefix, verb):
    """308 tells what has arrived, the last piece makes the object."""
    session = begin()

    first = web(verb, session, data=DATA[:STEP], headers={"Content-Range": f"bytes 0-{STEP - 1}/*"})
    asked = web(verb, session, headers={"Content-Range": "bytes */*"})
    last = f"bytes {STEP}-{len(DATA) - 1}/{len(DATA)}"
    done = web(verb, session, data=DATA[STEP:], headers={"Content-Range": last})

    assert [each.status_code for each in (first, asked, done)] == [308, 308, 200]
    assert first.headers["Range"] == asked.headers["Range"] == f"bytes=0-{STEP - 1}"
    assert bucket.blob(f"{prefix}/resumed").download_as_bytes() == DATA


def test_a_new_session_holds_nothing(web, begin):
    """308 without a range."""
    answer = web("PUT", begin(), headers={"Content-Range": "bytes */*"})

    assert (answer.status_code, answer.headers.get("Range")) == (308, None)


def test_a_piece_that_came_twice_counts_once(web, begin, bucket, prefix):
    """An answer that was lost makes a client send again."""
    session, piece = begin(), {"Content-Range": f"bytes 0-{STEP - 1}/{len(DATA)}"}

    web("PUT", session, data=DATA[:STEP], headers=piece)
    again = web("PUT", session, data=DATA[:STEP], headers=piece)
    web("PUT", session, data=DATA[STEP:], headers={"Content-Range": f"bytes {STEP}-{len(DATA) - 1}/{len(DATA)}"})

    assert (again.status_code, again.headers["Range"]) == (308, f"bytes=0-{STEP - 1}")
    assert bucket.blob(f"{prefix}/resumed").download_as_bytes() == DATA


def test_of_an_odd_piece_whole_steps_are_kept(web, begin):
    """Multiples of 256 KiB, unless it is the last."""
    data = DATA[: STEP + 5]
    answer = web("PUT", begin(), data=data, headers={"Content-Range": f"bytes 0-{len(data) - 1}/*"})

    assert answer.headers["Range"] == f"bytes=0-{STEP - 1}"


@pytest.mark.parametrize(
    ("asked", "data"),
    [
        pytest.param("bytes 100-109/*", b"x" * 10, id="a gap before the piece"),
        pytest.param("bytes 0-9/5", b"x" * 10, id="beyond the size"),
        pytest.param("bytes 0-9/*", b"x" * 5, id="fewer bytes than told"),
        pytest.param("bytes nonsense", b"x", id="nonsense"),
    ],
)
def test_a_piece_that_does_not_fit_is_refused(web, begin, asked, data):
    """400, and the session holds nothing of it."""
    session = begin()

    assert web("PUT", session, data=data, headers={"Content-Range": asked}).status_code == 400
    assert web("PUT", session, headers={"Content-Range": "bytes */*"}).headers.get("Range") is None


def test_more_than_was_announced_is_refused(web, begin):
    """X-Upload-Content-Length is a promise."""
    session = begin(headers={"X-Upload-Content-Length": "3"})

    assert web("PUT", session, data=b"four").status_code == 400


def test_a_finished_session_answers_as_it_did(web, begin):
    """A client that lost the answer asks again and is told the object."""
    session = begin()
    made = web("PUT", session, data=b"bytes").json()

    asked = web("PUT", session, headers={"Content-Range": "bytes */*"})

    assert (asked.status_code, asked.json()["generation"]) == (200, made["generation"])


def test_an_empty_upload_ends_by_its_size(web, begin):
    """`bytes */0` has no byte to bring."""
    assert web("PUT", begin(), headers={"Content-Range": "bytes */0"}).json()["size"] == "0"


def test_a_whole_upload_may_tell_its_size_alone(web, begin):
    """`bytes */N` with N bytes."""
    assert web("PUT", begin(), data=b"bytes", headers={"Content-Range": "bytes */5"}).json()["size"] == "5"


def test_a_body_may_come_in_chunks(web, begin):
    """RFC 9112, 7.1: as programs send it that do not know the length yet."""
    assert web("PUT", begin(), data=iter([b"one", b"two", b"three" * 10_000])).json()["size"] == str(6 + 50_000)


@pytest.mark.parametrize(
    "body", [b"zz\r\nx\r\n0\r\n\r\n", b"-1\r\n", b"40000000\r\n"], ids=["no number", "negative", "too large"]
)
def test_chunks_that_are_none_are_refused(sandbox, body):
    """411, and the connection ends."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=20) as peer:
        peer.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body)

        assert peer.makefile("rb").readline().startswith(b"HTTP/1.1 411")


def test_a_cancelled_session_is_closed(web, begin):
    """DELETE answers 499, and so does whatever comes later."""
    session = begin()

    assert web("DELETE", session).status_code == 499
    assert web("PUT", session, data=b"x").status_code == 499


def test_a_session_lives_for_a_week(sandbox, web, begin):
    """By the sandbox's clock."""
    session = begin()

    sandbox.clock.advance(7 * 86_400 + 1)

    assert web("PUT", session, data=b"x").status_code == 410


def test_a_session_that_nobody_began_is_not_found(web, place):
    """404, from which a client begins anew."""
    assert web("PUT", f"{place}?uploadType=resumable&upload_id=none", data=b"x").status_code == 404


def test_a_precondition_holds_at_the_end_of_a_session(web, begin, bucket, prefix):
    """Who came first, wins."""
    session = begin(query="&ifGenerationMatch=0")
    bucket.blob(f"{prefix}/resumed").upload_from_string(b"first")

    assert web("PUT", session, data=b"second").status_code == 412
    assert bucket.blob(f"{prefix}/resumed").download_as_bytes() == b"first"


@pytest.mark.parametrize("name", ["", ".", "..", "a\nb", "x" * 1025], ids=["none", "dot", "dots", "line", "long"])
def test_a_name_that_no_object_may_have_is_refused(web, place, name):
    """Guide: 1 to 1024 bytes, no line ends, neither . nor .."""
    assert web("POST", f"{place}?uploadType=media&name={quote(name)}", data=b"x").status_code == 400
