"""The page on a port, before clients that take their time: each is cut off, and nobody waits for it."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from collections import deque
from contextlib import closing, contextmanager
from ipaddress import ip_address
from itertools import repeat
from pathlib import Path

import pytest
import requests
from asking import TOKEN
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestrator.app import Application
from orchestrator.config import Settings
from orchestrator.faces.listening import Listening
from orchestrator.faces.web import serving
from orchestrator.faces.web.gate import Options
from orchestrator.faces.web.site import make_site

BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Port:
    """A page that is served in a thread of the test."""

    def __init__(self, address):
        self.address = address
        self.host, _, number = address.rpartition("//")[2].rpartition(":")
        self.number = int(number)

    def connected(self, sent=b""):
        made = socket.create_connection((self.host, self.number), timeout=60)
        made.sendall(sent)
        return made

    def is_connected_to(self, client):
        """Tell whether its end of a connection is open, as the kernel has it (proc(5), /proc/net/tcp)."""
        ends = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        ports = [(int(here[-4:], 16), int(there[-4:], 16), state) for here, there, state in ends]
        return (self.number, client, "01") in ports

    def status(self, path="/runs"):
        return requests.get(self.address + path, headers=BEARER, timeout=60).status_code


@contextmanager
def served(folder, host="127.0.0.1", **where):
    stop, told = threading.Event(), []
    app = Application(Settings.model_validate({"local": {"state_dir": str(folder / "state")}}), stop=stop)
    site = make_site(app, Options(Listening(host, 0, token=TOKEN, section="web", **where)))
    known = threading.Event()

    def ready(address):
        told.append(address)
        known.set()

    thread = threading.Thread(target=serving.serve_page, args=(site, stop, ready))
    thread.start()
    assert known.wait(60)
    try:
        yield Port(told[0])
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1, signed by itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "us")])
    now, address = dt.datetime.now(dt.UTC), x509.IPAddress(ip_address("127.0.0.1"))
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(1)
    ).add_extension(x509.SubjectAlternativeName([address]), critical=False)
    secret = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signed = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    file = tmp_path / "both.pem"
    file.write_bytes(key.private_bytes(*secret) + signed)
    return file


@pytest.fixture
def port(tmp_path, monkeypatch):
    """A page that is less patient than usual, so that a test need not be."""
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(serving, "MOST_SILENT", 8)
    monkeypatch.setattr(serving, "MOST_NEW", 8)
    monkeypatch.setattr(serving, "STUCK_SECONDS", 0.5)
    with served(tmp_path) as port:
        yield port


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="that says nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", id="that is in the middle of a header"),
    ],
)
def test_a_connection_is_cut_off_when_its_time_is_over(port, sent):
    """By the page: its reader is at the end."""
    with closing(port.connected(sent)) as slow:
        while slow.recv(65536):
            pass


def test_a_second_request_has_no_more_time_than_the_first(port):
    """On a connection that is kept, of which the first was answered."""
    with closing(port.connected(b"HEAD /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")) as slow:
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
        slow.sendall(b"GET / HT")

        assert slow.recv(1) == b""


LONG = 4 << 20  # more than the kernel takes for a reader that does not read
REFUSED = f"POST /runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {LONG}\r\n\r\n".encode()


def test_whoever_is_refused_while_sending_reads_why(port):
    """The answer is there before the body was sent: what still comes is dropped, and answered with no reset."""
    with closing(port.connected(REFUSED)) as sending:
        answer = sending.recv(1)
        sending.sendall(bytes(LONG))
        while more := sending.recv(65536):
            answer += more

    assert answer.startswith(b"HTTP/1.1 401")
    assert answer.endswith(b"`orchestrator web --link` shows it\n")


def test_whoever_goes_on_sending_after_the_answer_is_cut_off(port):
    """When the time of a request is over."""
    with closing(port.connected(REFUSED)) as sending, pytest.raises((ConnectionResetError, BrokenPipeError)):
        deque(map(sending.sendall, repeat(b"more")), maxlen=0)


def test_of_many_that_say_nothing_the_oldest_makes_way(port, monkeypatch):
    """Long before its time is over."""
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 3600.0)
    silent = [port.connected() for _ in range(9)]

    assert silent[0].recv(1) == b""

    for one in silent:
        one.close()


def test_a_request_that_came_with_a_crowd_is_answered(port, monkeypatch):
    """It was the oldest of many that came at once, before any of them could be read."""
    monkeypatch.setattr(serving, "MOST_NEW", 1000)
    asked = b"HEAD /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with closing(port.connected()) as first:
        others = [port.connected() for _ in range(20)]
        first.sendall(asked)

        assert first.recv(65536).startswith(b"HTTP/1.1 200")

    for one in others:
        one.close()


def test_readers_are_answered_while_a_crowd_says_nothing(port, monkeypatch):
    """Three times as many as may be silent, none of whom goes by itself."""
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 3600.0)
    silent = [port.connected(b"GET /") for _ in range(24)]

    assert [port.status() for _ in range(3)] == [200, 200, 200]

    for one in silent:
        one.close()


def test_whoever_takes_nothing_of_a_long_answer_is_cut_off(port):
    """The file of maps is more than any buffer between here and there, and is asked for again and again."""
    asked = b"GET /static/vendor/maplibre-gl.mjs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\n\r\n"
    with closing(port.connected(asked % TOKEN.encode() * 8)) as stuck:
        ours = stuck.getsockname()[1]
        assert port.is_connected_to(ours)

        while port.is_connected_to(ours):
            threading.Event().wait(0.02)


def test_the_page_ends_while_pages_are_open(tmp_path):
    """Their streams end first; nobody waits for readers who would stay for months."""
    with served(tmp_path) as port:
        stream = requests.get(f"{port.address}/live", headers=BEARER, stream=True, timeout=60)
        lines = stream.iter_lines()
        next(lines)

    assert [line for line in lines if line and not line.startswith(b"data: ")] == []


def test_it_is_served_by_tls_where_there_is_a_certificate(tmp_path, certificate):
    """With whose name it is called."""
    with served(tmp_path, certificate=str(certificate)) as port:
        answer = requests.get(f"{port.address}/runs", headers=BEARER, timeout=60, verify=str(certificate))

    assert (answer.status_code, answer.url[:8]) == (200, "https://")


def test_a_port_that_is_taken_is_said_in_one_sentence(tmp_path):
    """With what to do, and nothing is begun."""
    with served(tmp_path) as port, pytest.raises(serving.ConfigError, match=r"another page .* --port"):
        serving.listen(Listening("127.0.0.1", port.number, token=TOKEN, section="web"))
