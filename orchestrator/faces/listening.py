"""
A page for machines over HTTP, on loopback unless asked otherwise. It only answers GET, and acts on nothing.

Whoever reaches the port can do no more than read: no verb, no cookie, no script. Elsewhere than on loopback it is
refused without a token and TLS, or the word that a proxy before it has both.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any

from orchestrator.core.errors import ConfigError

MOST_CONNECTIONS = 64
# A request of ours is one short line and a few headers; whoever takes longer keeps the place of another.
REQUEST_SECONDS = 5.0
# The longest life of a connection, its answer included.
LONGEST_SECONDS = 30.0
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<name>[^\s:\[\]/]+)):(?P<port>\d{1,5})")

_OPEN_TO_ALL = (
    "could be read by others than this machine: listen on 127.0.0.1, or set `token_file`, `cert_file` and `key_file` "
    "under [{section}], or say --behind-proxy where a proxy before it has TLS and asks who reads"
)

# Path to what makes its content type and its text.
PageTexts = Mapping[str, Callable[[], tuple[str, str]]]
Alive = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Listening:
    """
    Where a page is, and who may read it.

    Attributes:
        host: Address or name.
        port: 0 lets the system choose.
        token: What readers must send (`Authorization: Bearer ...`); empty for none.
        certificate: PEM file of a certificate with its chain; empty: no TLS.
        key: PEM file of its key; empty where the certificate's file has it.
        behind_proxy: Whether a proxy before it has TLS and asks who reads.
        section: Where it is set, which is what it is called.

    Raises:
        ConfigError: Others than this machine could read it without a token and TLS.
    """

    host: str
    port: int
    token: str = field(default="", repr=False)
    certificate: str = ""
    key: str = ""
    behind_proxy: bool = False
    section: str = "metrics"

    def __post_init__(self) -> None:
        guarded = self.token and self.certificate
        if not (self.is_local or guarded or self.behind_proxy):
            sentence = _OPEN_TO_ALL.format(section=self.section)
            raise ConfigError(f"{self.section} at {self.host}:{self.port} {sentence}")

    @property
    def is_local(self) -> bool:
        return _is_loopback(self.host)

    @property
    def hosts(self) -> frozenset[str]:
        """The names that a browser may have called it by: another was made to point here (DNS rebinding)."""
        return frozenset({self.host, "localhost", "127.0.0.1", "::1"})


def parse_address(text: str) -> tuple[str, int]:
    """
    Return host and port of `ADDRESS:PORT`.

    Raises:
        ConfigError: It is none.
    """
    match = _ADDRESS.fullmatch(text.strip())
    if match is None or int(match["port"]) > 65535:
        raise ConfigError(f"{text!r} is no address to listen on; write ADDRESS:PORT, as 127.0.0.1:9464 or [::1]:9464")
    return match["six"] or match["name"], int(match["port"])


def read_token(path: str) -> str:
    """
    Return what stands in a file, without blanks around it.

    Raises:
        ConfigError: It cannot be read, everybody may read it, or it is too short to be no guess.
    """
    if not path:
        return ""
    file = Path(path).expanduser()
    try:
        # Not the group's bits: systemd's credentials and Kubernetes' secrets are 0440.
        open_to_all, token = file.stat().st_mode & 0o007, file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"token_file {file} cannot be read: {error}") from None
    if open_to_all:
        raise ConfigError(f"token_file {file} may be read by everybody; chmod 0400 it")
    if len(token) < 16:
        raise ConfigError(f"token_file {file} holds {len(token)} characters; put at least 16 random ones there")
    return token


@contextmanager
def listening(where: Listening, pages: PageTexts, alive: Alive) -> Iterator[str]:
    """
    Answer in threads of its own for the time of the block; yield the address, with the port that the system chose.

    Whoever asks for /healthz is told whether `alive`, and nothing else, without a token.

    Raises:
        ConfigError: It cannot be listened there, or the certificate cannot be used.
    """
    server = _serving(where, pages, alive)
    thread = threading.Thread(target=server.serve_forever, args=(0.25,), name="metrics", daemon=True)
    thread.start()
    try:
        yield f"{'https' if where.certificate else 'http'}://{_bracketed(where.host)}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _serving(where: Listening, pages: PageTexts, alive: Alive) -> _Server:
    try:
        return _Server(where, pages, alive)
    except ssl.SSLError as error:
        raise ConfigError(f"cert_file {where.certificate} and its key cannot be used: {error}") from None
    except OSError as error:
        raise ConfigError(
            f"metrics cannot be served at {where.host}:{where.port}: {error.strerror or error}; name another place"
        ) from None


class _Server(ThreadingMixIn, HTTPServer):
    """At most so many connections, none for long."""

    daemon_threads = True
    block_on_close = False  # a reader that dawdles must not keep the daemon from its end
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, where: Listening, pages: PageTexts, alive: Alive) -> None:
        self.where, self.pages, self.alive = where, pages, alive
        self.address_family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
        self._open: dict[Any, tuple[float, Any]] = {}  # as accepted: since when, and what is read from
        self._guard = threading.Lock()
        self._tls = tls_context(where)
        super().__init__((where.host, where.port), _Reader)

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        # No look-up of the machine's name, which may take seconds.
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.where.host, self.server_address[1]

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002  the library's signature
        with self._guard:
            if len(self._open) >= MOST_CONNECTIONS:
                return False
            self._open[request] = time.monotonic(), request
        return True

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(REQUEST_SECONDS)
        with suppress(OSError):  # whoever asked is gone, or does not speak as agreed
            if self._tls is None:
                super().finish_request(request, client_address)
                return
            with self._tls.wrap_socket(request, server_side=True) as secured:
                with self._guard:
                    self._open[request] = self._open[request][0], secured
                super().finish_request(secured, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut off who takes too long, a byte at a time or not."""
        too_old = time.monotonic() - LONGEST_SECONDS
        with self._guard:
            late = [request for since, request in self._open.values() if since < too_old]
        for request in late:
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what a stranger sends is no news of ours."""


class _Reader(BaseHTTPRequestHandler):
    """One request, one answer."""

    server: _Server
    server_version = "orchestrator"
    sys_version = ""
    protocol_version = "HTTP/1.0"
    error_content_type = "text/plain"
    error_message_format = "%(code)d\n"

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0]
        if path == "/healthz":
            healthy = self.server.alive()
            self._answer(200 if healthy else 503, "text/plain", "ok\n" if healthy else "not ok\n")
        elif not self._is_called_rightly():
            self._answer(421, "text/plain", "this is another host\n")
        elif not self._may_read():
            self._answer(401, "text/plain", "a token is needed\n", {"WWW-Authenticate": "Bearer"})
        elif path not in self.server.pages:
            self._answer(404, "text/plain", f"there is {', '.join(self.server.pages)}\n")
        else:
            self._answer(200, *self.server.pages[path]())

    do_HEAD = do_GET  # noqa: N815  the library's name

    def _is_called_rightly(self) -> bool:
        """On loopback, where a browser could be led by a name that points here, it must be called by its own."""
        where = self.server.where
        if where.behind_proxy or not where.is_local:
            return True
        return re.sub(r":\d+$", "", self.headers.get("Host", "")).strip("[]") in where.hosts

    def _may_read(self) -> bool:
        token = self.server.where.token
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return not token or hmac.compare_digest(given.encode("utf-8", "replace"), token.encode("ascii"))

    def _answer(self, status: int, kind: str, text: str, more: Mapping[str, str] | None = None) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in {**_HEADERS, **(more or {}), "Content-Type": kind, "Content-Length": len(content)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Write no line for each look."""


def tls_context(where: Listening) -> ssl.SSLContext | None:
    """Return how it is encrypted; None where there is no certificate. Raises what `ssl` raises."""
    if not where.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(where.certificate, where.key or None)
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
