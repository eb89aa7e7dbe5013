"""The port of the metrics page: who may read it, and what somebody who means ill can do there."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
from contextlib import ExitStack

import pytest

from orchestrator.core.errors import ConfigError
from orchestrator.faces import listening as room
from orchestrator.faces.listening import Listening, listening, parse_address, read_token

TOKEN = "0123456789abcdef"  # noqa: S105  nobody's
PAGES = {"/metrics": lambda: ("text/plain", "runs 1\n")}


def ask(url, path="/metrics", method="GET", context=None, **headers):
    kind, address = url.split("://")
    connection = (
        http.client.HTTPSConnection(address, timeout=5, context=context)
        if kind == "https"
        else http.client.HTTPConnection(address, timeout=5)
    )
    with_names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=with_names)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), answer.headers
    connection.close()
    return found


@pytest.fixture
def url():
    with listening(Listening("127.0.0.1", 0), PAGES, lambda: True) as address:
        yield address


def test_the_page_is_read(url):
    status, text, headers = ask(url)

    assert (status, text) == (200, "runs 1\n")
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_done_there(url, method):
    """There is only reading."""
    assert ask(url, method=method)[0] == 501


def test_another_path_is_told_which_there_is(url):
    assert ask(url, "/etc/passwd")[:2] == (404, "there is /metrics\n")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9464", "127.0.0.1.evil.example", "[::2]:80"])
def test_a_name_that_was_made_to_point_here_reads_nothing(url, host):
    """A browser that was led here says whom it believes to speak to."""
    assert ask(url, Host=host)[0] == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:9464"])
def test_its_own_names_are_good(url, host):
    assert ask(url, Host=host)[0] == 200


def test_health_says_one_word_and_needs_no_token():
    """200 while the daemon is heard of, 503 when it is not; no other fact."""
    alive = [True]
    with listening(Listening("127.0.0.1", 0, token=TOKEN), PAGES, lambda: alive[0]) as url:
        well = ask(url, "/healthz")[:2]
        alive[0] = False
        ill = ask(url, "/healthz")[:2]

    assert (well, ill) == ((200, "ok\n"), (503, "not ok\n"))


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer 0123456789abcdeF", "Basic x", "Bearer ü"])
def test_a_page_with_a_token_is_shown_to_who_has_it(given):
    with listening(Listening("127.0.0.1", 0, token=TOKEN), PAGES, lambda: True) as url:
        refused = ask(url, Authorization=given.encode("utf-8").decode("latin-1"))[0]
        read = ask(url, Authorization=f"Bearer {TOKEN}")[0]

    assert (refused, read) == (401, 200)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "metrics.example", "169.254.1.1"])  # noqa: S104  refused
@pytest.mark.parametrize("given", [{}, {"token": TOKEN}, {"certificate": "c.pem"}], ids=["bare", "token", "tls"])
def test_others_than_this_machine_are_not_listened_to_by_accident(host, given):
    """A token would be read on its way, and without one everybody reads."""
    with pytest.raises(ConfigError, match="--behind-proxy"):
        Listening(host, 9464, **given)


@pytest.mark.parametrize(
    "given", [{"behind_proxy": True}, {"token": TOKEN, "certificate": "c.pem"}], ids=["proxy", "both"]
)
def test_they_are_where_that_is_said(given):
    assert not Listening("0.0.0.0", 9464, **given).is_local  # noqa: S104  said


def test_a_certificate_makes_it_https(tmp_path):
    certificate = str(tmp_path / "c.pem")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    words += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    words += ["-keyout", certificate, "-out", certificate + ".crt"]
    subprocess.run(words, check=True, capture_output=True)
    where = Listening("127.0.0.1", 0, certificate=certificate + ".crt", key=certificate)
    trusting = ssl.create_default_context(cafile=certificate + ".crt")

    with listening(where, PAGES, lambda: True) as url:
        assert (url.split(":")[0], ask(url, context=trusting)[0]) == ("https", 200)


@pytest.fixture
def silent(url, monkeypatch):
    """As many connections as there are places, each of which says half a word."""
    monkeypatch.setattr(room, "MOST_CONNECTIONS", 3)
    monkeypatch.setattr(room, "REQUEST_SECONDS", 60.0)  # what ends them is not that they are silent
    host, port = url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection((host, int(port)), timeout=10)) for _ in range(3)]
        for one in held:
            one.sendall(b"GET /metr")
        yield held


@pytest.mark.usefixtures("silent")
def test_more_connections_than_places_are_turned_away(url):
    """At once and without a word: threads and memory are bounded whoever calls."""
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(url)


def test_who_takes_too_long_is_cut_off(url, silent, monkeypatch):
    """Then others have the place."""
    monkeypatch.setattr(room, "LONGEST_SECONDS", -1.0)

    ends = [one.recv(1) for one in silent]  # returns when the other side has ended it

    assert ends == [b"", b"", b""]
    monkeypatch.undo()
    assert ask(url)[0] == 200


@pytest.mark.parametrize(
    ("text", "found"),
    [("127.0.0.1:9464", ("127.0.0.1", 9464)), ("[::1]:1", ("::1", 1)), ("localhost:0", ("localhost", 0))],
)
def test_an_address_has_a_host_and_a_port(text, found):
    assert parse_address(text) == found


@pytest.mark.parametrize("text", ["9464", ":9464", "127.0.0.1", "::1:9464", "a:99999", "http://a:1", ""])
def test_what_is_no_address_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match=r"write ADDRESS:PORT, as 127\.0\.0\.1:9464"):
        parse_address(text)


@pytest.mark.parametrize(
    ("mode", "content", "word"),
    [(0o644, TOKEN, "chmod 0400"), (0o600, "short", "16 random"), (0o600, "ü" * 20, "read")],
)
def test_a_token_is_secret_and_long(tmp_path, mode, content, word):
    path = tmp_path / "token"
    path.write_text(content)
    path.chmod(mode)

    with pytest.raises(ConfigError, match=word):
        read_token(str(path))


def test_a_port_that_is_taken_is_named(url):
    port = int(url.rsplit(":", 1)[1])

    with (
        pytest.raises(ConfigError, match=f"127.0.0.1:{port}.*name another"),
        listening(Listening("127.0.0.1", port), PAGES, lambda: True),
    ):
        pass
