"""What becomes of a call when the way to the service, or what signs it, is out of order: its class, by step."""

from __future__ import annotations

import datetime as dt
import itertools
import socket
import ssl
import threading
from contextlib import suppress
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import ee
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import service_account

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.gcs import connect_gcs
from orchestrator.clients.session import CLIENT
from orchestrator.clients.watch import CallLimits
from orchestrator.core.errors import CredentialError, PermanentError, TransientError
from orchestrator.core.retry import RetryPolicy
from orchestrator.sandbox.server import Options, Sandbox

PROJECT, BUCKET = "ee-sandbox", "way"
EXPORT = {"expression": {"result": "0", "values": {"0": {"constantValue": 1}}}}
_numbers = itertools.count()
HASTY = CallLimits(call_seconds=0.3, list_seconds=0.3)


class Clients:
    """Both clients of one service, and an object to ask about."""

    def __init__(self, url, credentials, blob, limits=HASTY):
        self._signing = {"project": PROJECT, "credentials": credentials, "url": url}
        self.gcs = connect_gcs(url, PROJECT, credentials, BUCKET, stop=threading.Event())
        self.blob = blob
        self.limits = limits

    @cached_property
    def engine(self):
        return EarthEngine(**self._signing, stop=threading.Event(), policy=RetryPolicy(attempts=1))

    def hasten(self):
        self.engine._limits = self.gcs._limits = self.limits  # of what follows, not of signing in

    def close(self):
        self.gcs.close()


def body_of(clients):
    with clients.gcs.open_body(clients.blob, 0) as body:
        while body.read(1 << 16):
            pass


# The method a step calls, and the call; a body has the read deadline of its own, tests/clients_storage/test_media.py.
STEPS = {
    "plan": ("value.compute", lambda c: c.engine.value(ee.Number(1))),
    "submit": ("image.export", lambda c: c.engine.export("id-1", EXPORT)),
    "poll": ("operations.list", lambda c: c.engine.operations()),
    "download": ("objects.media", body_of),
    "del_cloud": ("objects.delete", lambda c: c.gcs.delete(c.blob)),
}
EVERY_STEP = pytest.mark.parametrize("step", STEPS)
WATCHED = pytest.mark.parametrize("step", [step for step in STEPS if step != "download"])


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(None, Options(), evaluator=object()) as running:
        requests.post(f"{running.url}/sandbox/buckets", json={"name": BUCKET}, timeout=30).raise_for_status()
        running.operations.add(project=PROJECT, request={"description": "a list has something in it"}, priority=100)
        yield running
    ee.Reset()


@pytest.fixture
def order(sandbox):
    """`order(fault)` orders one; afterwards every one must have acted."""

    def order(**fault):
        requests.post(f"{sandbox.url}/sandbox/faults", json=fault, timeout=30).raise_for_status()

    requests.delete(f"{sandbox.url}/sandbox/requests", timeout=30)
    yield order
    faults = requests.get(f"{sandbox.url}/sandbox/state", timeout=30).json()["faults"]
    requests.delete(f"{sandbox.url}/sandbox/faults", timeout=30)
    assert [fault["rule"] for fault in faults if fault["pending"]] == []


@pytest.fixture
def connect(sandbox):
    """`connect(credentials)` makes both clients, signed in, with an object in the bucket."""
    opened = []

    def connect(credentials=None):
        nobody = AnonymousCredentials()
        probe = connect_gcs(sandbox.url, PROJECT, nobody, BUCKET)
        made = Clients(sandbox.url, credentials or nobody, probe.create(f"probe-{next(_numbers)}", b"x" * 100_000))
        probe.close()
        opened.append(made)
        if credentials:
            CLIENT.close()  # it is signed in once for each service, as whoever came first
        made.engine.operations()
        made.gcs.find("")
        made.hasten()
        return made

    yield connect
    for each in opened:
        each.close()
    if any(not isinstance(each._signing["credentials"], AnonymousCredentials) for each in opened):
        CLIENT.close()


def signed(sandbox):
    """Return credentials of a service account that ask the sandbox for their token."""

    class Signer:
        key_id = "1"

        def sign(self, _message):
            return b"signature"

    return service_account.Credentials(Signer(), "runner@example.com", f"{sandbox.url}/token", scopes=["a"])


def asked(sandbox, api):
    return len(requests.get(f"{sandbox.url}/sandbox/requests?api={api}", timeout=30).json()["requests"])


@WATCHED
def test_a_service_that_says_nothing_is_left_at_the_deadline(order, connect, step):
    """No byte comes; the call ends all the same, as one that may be made again."""
    api, call = STEPS[step]
    made = connect()
    order(api=api, action="stall", seconds=60)

    with pytest.raises(TransientError):
        call(made)


@pytest.mark.parametrize("step", [step for step in STEPS if step not in ("download", "del_cloud")])
def test_a_service_that_trickles_is_left_at_the_deadline(order, connect, step):
    """Four bytes a second are never silent, and never enough. A deletion is answered without a byte."""
    api, call = STEPS[step]
    made = connect()
    order(api=api, action="slow", bytes_per_second=4)

    with pytest.raises(TransientError, match=r"no complete answer within 0.3 s"):
        call(made)


@EVERY_STEP
def test_a_name_that_is_not_resolved_for_now_is_asked_for_again(connect, monkeypatch, step):
    """The network went away in the middle of a run: that passes."""
    made, asked = connect(), []
    CLIENT.transport.close()
    made.gcs.close()

    def unknown(*_where, **_how):
        asked.append(1)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(TransientError):
        STEPS[step][1](made)

    assert asked


@EVERY_STEP
def test_an_expired_token_is_renewed_once_and_the_call_goes_through(sandbox, order, connect, step):
    """401, a new token, the same call; what the service then says of it is another matter."""
    api, call = STEPS[step]
    made = connect(signed(sandbox))
    before = asked(sandbox, "oauth.token"), asked(sandbox, api)
    order(api=api, action="http", status=401)

    with suppress(PermanentError, TransientError):  # this sandbox computes nothing
        call(made)

    assert (asked(sandbox, "oauth.token"), asked(sandbox, api)) == (before[0] + 1, before[1] + 2)


@EVERY_STEP
def test_a_key_that_was_revoked_is_a_matter_of_credentials(sandbox, order, connect, step):
    """The token's endpoint says invalid_grant: nobody tries that again and again."""
    api, call = STEPS[step]
    made = connect(signed(sandbox))
    order(api=api, action="http", status=401)
    order(api="oauth.token", action="http", status=400, body='{"error": "invalid_grant"}')

    with pytest.raises(CredentialError):
        call(made)


@pytest.fixture(scope="module")
def impostor(tmp_path_factory):
    """A server whose certificate nobody trusts; whether anything but the handshake reached it."""
    heard = []

    class Listening(BaseHTTPRequestHandler):
        def handle(self):
            heard.append(1)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listening)
    server.socket = self_signed(tmp_path_factory.mktemp("impostor")).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    server.server_close()


def self_signed(folder):
    """Return what a server of 127.0.0.1 has that signed its own certificate."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "us")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(1)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    secret = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*secret))
    (folder / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@EVERY_STEP
def test_a_certificate_that_nobody_trusts_is_for_a_person(connect, impostor, step):
    """It will not fit in a minute either; nothing was said to whoever showed it."""
    url, heard = impostor
    blob = connect().blob
    made = Clients(url, AnonymousCredentials(), blob)

    with pytest.raises(CredentialError, match="certificate"):
        STEPS[step][1](made)

    made.close()
    assert heard == []
