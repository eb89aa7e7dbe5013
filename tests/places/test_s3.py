"""A bucket that speaks S3 as a place: what is written in pieces, lost answers, rights that are missing."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from orchestrator.clients.s3 import S3Connection, S3Objects, check_identity
from orchestrator.core.errors import CredentialError, GenerationError, IntegrityError

QUIET = threading.Event()
LARGE = bytes(range(256)) * (9 << 12)  # 9 MiB: two parts of an upload


@pytest.fixture
def pieces(monkeypatch, tmp_path):
    """A file that is too large for one request."""
    monkeypatch.setattr("orchestrator.places.s3.CONDITION_BYTES", 1 << 20)
    file = tmp_path / "large.bin"
    file.write_bytes(LARGE)
    return file


def test_a_large_file_is_sent_in_parts_and_is_the_file(s3_place, s3_server, pieces):
    """The ETag is that of an upload in parts; the bytes are the file's."""
    made = s3_place.create("large.bin", pieces)

    assert made.generation.endswith("-2")
    assert s3_place.read(made, lambda _bytes: None, QUIET) == LARGE
    assert s3_server.bucket.uploads == {}


def test_a_large_file_replaces_nothing_that_was_not_named(s3_place, pieces):
    """That is looked at before the first part is sent."""
    theirs = s3_place.create("large.bin", b"theirs")

    with pytest.raises(GenerationError):
        s3_place.create("large.bin", pieces)

    assert s3_place.read(theirs, lambda _bytes: None, QUIET) == b"theirs"


def test_a_large_file_again_is_done(s3_place, s3_server, pieces):
    """No part is sent again."""
    first = s3_place.create("large.bin", pieces)
    before = len(s3_server.bucket.asked)

    assert s3_place.create("large.bin", pieces).generation == first.generation
    assert [said for said in s3_server.bucket.asked[before:] if not said.startswith("HEAD")] == []


@pytest.mark.usefixtures("pieces")
def test_a_large_join_is_sent_in_parts(s3_place):
    """The payload comes and goes: this service is not asked to join."""
    sources = [s3_place.create(f"s/{number}", bytes([number]) * 900_000) for number in range(3)]

    made = s3_place.join("whole", sources)

    assert s3_place.read(made, lambda _bytes: None, QUIET) == b"".join(bytes([n]) * 900_000 for n in range(3))


def test_a_lost_answer_is_no_conflict_with_oneself(s3_place, s3_server):
    """The object that is there is what was to be written."""
    s3_server.bucket.lose_answers = 2

    made = s3_place.create("name", b"content")

    assert s3_place.read(made, lambda _bytes: None, QUIET) == b"content"


def test_bytes_that_are_not_the_stated_ones_are_refused(s3_place, s3_server):
    """Whoever changed them in the bucket, or on the way."""
    made = s3_place.create("name", b"content")
    s3_server.bucket.objects["work/name"].content = b"CONTENT"

    with pytest.raises(IntegrityError, match="checksum"):
        s3_place.read(made, lambda _bytes: None, QUIET)


def test_rights_that_are_missing_are_said_before_anything_is_made(s3_place, s3_server):
    """A writing is tried, since S3 answers no question about rights; nothing is left of it."""
    s3_place.check_access()
    assert s3_server.bucket.objects == {}

    s3_server.bucket.refuse = "PUT"

    with pytest.raises(CredentialError, match="s3://results/work/"):
        s3_place.check_access()


@pytest.fixture
def machine():
    """`machine(status)` answers where a machine has its role, and returns the address."""
    servers = []

    def begin(status):
        class Answer(BaseHTTPRequestHandler):
            def do_PUT(self):
                self.send_response(status if self.path == "/latest/api/token" else HTTPStatus.NOT_FOUND)
                self.end_headers()

            def log_message(self, *_words):
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Answer))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def test_who_names_nobody_is_told_what_to_set_before_anything_is_sent(machine, monkeypatch):
    """Also on another cloud's machine, which answers at the same address and has no role for S3."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SKIP_SIGNATURE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", machine(HTTPStatus.NOT_FOUND))

    with pytest.raises(CredentialError) as refused:
        S3Objects(S3Connection("results"))

    named = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL")
    assert [name for name in named if name not in str(refused.value)] == []


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}, id="keys"),
        pytest.param({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, id="a token's file"),
        pytest.param({"AWS_SKIP_SIGNATURE": "true"}, id="a bucket for everybody"),
    ],
)
def test_who_is_named_is_not_looked_for(environment):
    """Nobody is asked, nor waited for."""
    check_identity("results", environment | {"AWS_METADATA_ENDPOINT": "http://127.0.0.1:9"})


def test_a_machine_with_a_role_needs_no_keys(machine):
    """As the service's own machines have it."""
    check_identity("results", {"AWS_METADATA_ENDPOINT": machine(HTTPStatus.OK)})
