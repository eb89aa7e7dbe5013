"""Bodies on the wire: an HTTP server that answers what real networks answer."""

from __future__ import annotations

import http.server
import os
import socket
import struct
import threading
from contextlib import suppress

import pytest
from google.auth.credentials import AnonymousCredentials
from google.oauth2.credentials import Credentials

from orchestrator.clients.gcs import connect_gcs
from orchestrator.clients.media import MediaSession, open_media
from orchestrator.core.errors import (
    CredentialError,
    GenerationError,
    NotFoundError,
    PermanentError,
    ThrottleError,
    TransientError,
)

CONTENT = os.urandom(200_000)
PORTAL = b"<html><title>Please log in</title></html>"


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers each request with `server.script(handler)`; keeps quiet."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with suppress(ConnectionError):
            self.server.script(self)
        self.close_connection = True

    def log_message(self, *_args):
        pass

    def answer(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def session():
    made = MediaSession(AnonymousCredentials(), 2, "http://127.0.0.1")
    yield made
    made.close()


def read_all(server, session, script, *, start=0, timeout=(5.0, 5.0)):
    """Run one body through `open_media` and return its offset and bytes."""
    server.script = script
    url = f"http://127.0.0.1:{server.server_port}/object"
    with open_media(
        session,
        url,
        start=start,
        size=len(CONTENT),
        generation="17",
        what="gs://b/o",
        params={"alt": "media"},
        timeout=timeout,
    ) as body:
        return body.start, b"".join(iter(lambda: body.read(1 << 20), b""))


def test_a_whole_body_comes_as_it_was_sent(server, session):
    """Nothing is decoded, nothing is added."""
    start, found = read_all(server, session, lambda handler: handler.answer(200, CONTENT, x_goog_generation="17"))

    assert (start, found) == (0, CONTENT)


def test_a_range_begins_where_the_answer_says(server, session):
    """The offset is taken from Content-Range, and the request asked for it."""
    asked = []

    def script(handler):
        asked.append(handler.headers["Range"])
        handler.answer(206, CONTENT[100:], Content_Range=f"bytes 100-{len(CONTENT) - 1}/{len(CONTENT)}")

    start, found = read_all(server, session, script, start=100)

    assert (start, found) == (100, CONTENT[100:])
    assert asked == ["bytes=100-"]


def test_a_whole_body_in_answer_to_a_range_says_that_it_begins_at_zero(server, session):
    """A service that ignores ranges is recognised."""
    start, _ = read_all(server, session, lambda handler: handler.answer(200, CONTENT), start=100)

    assert start == 0


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        pytest.param(408, b"try again", TransientError, id="408"),
        pytest.param(401, b'{"error": {"code": 401, "message": "Invalid Credentials"}}', CredentialError, id="401"),
        pytest.param(
            403,
            b'{"error": {"code": 403, "message": "no access", "errors": [{"reason": "forbidden"}]}}',
            CredentialError,
            id="403 no right",
        ),
        pytest.param(
            403,
            b'{"error": {"code": 403, "message": "too many", "errors": [{"reason": "userRateLimitExceeded"}]}}',
            ThrottleError,
            id="403 too many calls",
        ),
        pytest.param(404, b"No such object: b/o", NotFoundError, id="404"),
        pytest.param(412, b"At least one of the pre-conditions did not hold.", GenerationError, id="412"),
        pytest.param(404, b"<html><title>Not here</title></html>", TransientError, id="404 as a page"),
        pytest.param(404, b"", TransientError, id="404 without a word"),
        pytest.param(403, b"<html><title>Log in</title></html>", TransientError, id="403 as a page"),
        pytest.param(412, b"<html></html>", TransientError, id="412 as a page"),
        pytest.param(404, b'{"error": {"code": 404, "message": "No such object"}}', NotFoundError, id="404 in JSON"),
        pytest.param(416, b"Range not satisfiable", PermanentError, id="416"),
        pytest.param(429, b"", ThrottleError, id="429"),
        pytest.param(302, b"", TransientError, id="a redirect to a login page"),
        pytest.param(500, b"", TransientError, id="500"),
        pytest.param(502, b"<html><title>Bad Gateway</title></html>", TransientError, id="502 in HTML"),
        pytest.param(503, b'{"error": []}', TransientError, id="503 in strange JSON"),
        pytest.param(200, PORTAL, TransientError, id="a login page with status 200"),
    ],
)
def test_every_refusal_has_its_class_and_names_the_object(server, session, status, body, error):
    """Who must act is read from the class; what it was about, from the message."""
    with pytest.raises(error, match="gs://b/o") as caught:
        read_all(server, session, lambda handler: handler.answer(status, body, Location="http://127.0.0.1:9/"))

    assert type(caught.value) is error


def test_the_services_own_sentence_is_passed_on(server, session):
    """A person reads what Google said, not only a number."""
    body = b'{"error": {"code": 403, "message": "me@example.com does not have storage.objects.get access."}}'

    with pytest.raises(CredentialError, match=r"does not have storage\.objects\.get access"):
        read_all(server, session, lambda handler: handler.answer(403, body))


def test_an_answer_of_another_generation_is_not_taken(server, session):
    """Even with status 200 the header decides."""
    with pytest.raises(GenerationError, match="generation 18"):
        read_all(server, session, lambda handler: handler.answer(200, CONTENT, x_goog_generation="18"))


def reset(handler):
    """Send the head and some bytes, then a TCP reset."""
    handler.answer(200, CONTENT[:1000], length=len(CONTENT))
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(reset, id="a reset in the body"),
        pytest.param(
            lambda handler: handler.answer(200, CONTENT[:1000], length=len(CONTENT)), id="a close in the body"
        ),
        pytest.param(lambda handler: handler.connection.shutdown(socket.SHUT_RDWR), id="a close before the answer"),
        pytest.param(lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n"), id="not HTTP at all"),
    ],
)
def test_a_broken_connection_passes(server, session, script):
    """Whatever the layer that noticed it, a broken connection is worth another try."""
    with pytest.raises(TransientError, match="gs://b/o"):
        read_all(server, session, script)


def test_silence_ends_at_the_read_deadline(server, session):
    """A stalled server costs the deadline and no more."""
    release = threading.Event()

    def stall(handler):
        handler.answer(200, CONTENT[:1000], length=len(CONTENT))
        release.wait(10)

    try:
        with pytest.raises(TransientError, match=r"[Tt]imed out"):
            read_all(server, session, stall, timeout=(5.0, 0.2))
    finally:
        release.set()


def test_a_trickle_is_handed_on_as_it_comes(server, session):
    """A read returns with the first bytes, so that a slow connection can be measured, and stopped."""
    release = threading.Event()

    def trickle(handler):
        handler.answer(200, CONTENT[:10], length=len(CONTENT))
        release.wait(10)

    server.script = trickle
    url = f"http://127.0.0.1:{server.server_port}/object"
    try:
        with open_media(
            session, url, start=0, size=len(CONTENT), generation="17", what="gs://b/o", params={}, timeout=(5.0, 0.5)
        ) as body:
            assert body.read(1 << 20) == CONTENT[:10]
    finally:
        release.set()


def test_nobody_listening_is_transient(session):
    """A service that is down comes back."""
    with (
        pytest.raises(TransientError, match="gs://b/o"),
        open_media(session, "http://127.0.0.1:9/o", start=0, size=1, generation=None, what="gs://b/o", params={}),
    ):
        pass


def test_proxies_and_certificates_come_from_the_environment(monkeypatch):
    """Who sits behind a proxy is served as by any other program, exceptions included."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "internal.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/certificates.pem")

    outside = MediaSession(AnonymousCredentials(), 1, "https://storage.googleapis.com")
    inside = MediaSession(AnonymousCredentials(), 1, "https://internal.example")

    assert outside.pool.proxy.host == "proxy"
    assert inside.pool.proxy is None
    assert outside.pool.connection_pool_kw["ca_certs"] == "/certificates.pem"


def test_every_request_carries_the_token(server):
    """Whose bytes they are is said with each request."""
    asked = []

    def script(handler):
        asked.append(handler.headers["Authorization"])
        handler.answer(200, CONTENT)

    session = MediaSession(Credentials("hunter2"), 1, "http://127.0.0.1")
    read_all(server, session, script)
    session.close()

    assert asked == ["Bearer hunter2"]


def test_an_expired_token_is_renewed_once(server):
    """The second request carries the new token."""

    class Renewable(Credentials):
        def refresh(self, request):  # noqa: ARG002  google-auth's signature
            self.token = "fresh"  # noqa: S105  not a secret

    asked = []

    def script(handler):
        asked.append(handler.headers["Authorization"])
        handler.answer(401) if len(asked) == 1 else handler.answer(200, CONTENT)

    session = MediaSession(Renewable("stale"), 1, "http://127.0.0.1")
    _, found = read_all(server, session, script)
    session.close()

    assert found == CONTENT
    assert asked == ["Bearer stale", "Bearer fresh"]


def test_a_token_that_cannot_be_renewed_is_a_matter_of_credentials(server):
    """401 with nothing to renew it by: somebody has to log in again; the token is not in the message."""
    session = MediaSession(Credentials("hunter2"), 1, "http://127.0.0.1")

    with pytest.raises(CredentialError) as caught:
        read_all(server, session, lambda handler: handler.answer(401))

    session.close()
    assert "hunter2" not in str(caught.value)


def test_a_body_read_to_its_end_gives_its_connection_back(cloud):
    """Many small objects share few connections."""
    gcs = connect_gcs(cloud.url, "ee-sandbox", AnonymousCredentials(), cloud.bucket, transfers=1)
    probe = gcs.create("probe", b"x" * 100_000)

    for _ in range(5):
        with gcs.open_body(probe, 0) as body:
            left = probe.size
            while left:
                left -= len(body.read(left))

    connections = gcs._session.pool.connection_from_url(cloud.url).num_connections
    gcs.close()
    assert connections == 1
