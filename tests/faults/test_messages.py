"""Whatever the receiver of a notification answers, or does not: it is not taken for delivered, and holds nobody up."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from test_way import self_signed

from orchestrator.clients.messages import Letter, deliver, targets_in

STATUSES = {
    "HTTP 401": 401,
    "HTTP 403 permission": 403,
    "HTTP 403 rate": 403,
    "HTTP 404": 404,
    "HTTP 409": 409,
    "HTTP 412": 412,
    "HTTP 429": 429,
    "HTTP 500": 500,
    "HTTP 503": 503,
    "expired token": 401,
    "revoked/rotated key": 401,
}
BROKEN = (
    "conn reset before reply (op committed)",
    "conn reset mid-body",
    "truncated body",
    "stall (no bytes)",
    "slow trickle",
)


class Receiver(BaseHTTPRequestHandler):
    """Does to a message what its path says."""

    heard: list[str]
    over: threading.Event

    def do_POST(self):
        fault = self.path.removeprefix("/").replace("_", " ")
        self.heard.append(fault)
        if fault.isdigit():
            self.send_response(int(fault))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault == "reset":
            self._reset()
        elif fault == "cut":
            self.wfile.write(b"HTTP/1.1 50")
            self._reset()
        elif fault == "short":
            self.wfile.write(b"HTTP/1.1 500 Internal")
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault == "trickle":
            while not self.over.wait(0.2):
                self.wfile.write(b"H")
        else:
            self.over.wait(60)
        self.close_connection = True

    def _reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What became of a message for each fault, all of them sent at once; and what was heard."""
    heard, over = [], threading.Event()
    handler = type("Handler", (Receiver,), {"heard": heard, "over": over})
    plain, secure = (ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2))
    context: ssl.SSLContext = self_signed(tmp_path_factory.mktemp("certificate"))
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    for server in (plain, secure):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"json://127.0.0.1:{plain.server_port}"
    urls = {fault: f"{here}/{status}" for fault, status in STATUSES.items()}
    urls |= dict(zip(BROKEN, (f"{here}/{what}" for what in ("reset", "cut", "short")), strict=False))
    urls |= {"stall (no bytes)": f"{here}/stall?rto=2", "slow trickle": f"{here}/trickle?rto=2"}
    urls |= {"DNS failure": "jsons://no-such-receiver.invalid/hook"}
    urls |= {"TLS/cert error": f"jsons://127.0.0.1:{secure.server_port}/200"}
    letters = [Letter(n, targets_in(url)[0], fault, "text") for n, (fault, url) in enumerate(urls.items())]
    receipts = {receipt.id: receipt for receipt in deliver(letters, 12)}
    over.set()
    for server in (plain, secure):
        server.shutdown()
        server.server_close()
    return {letter.title: receipts[letter.id] for letter in letters if letter.id in receipts}, heard


@pytest.mark.parametrize("fault", [*STATUSES, *BROKEN, "DNS failure", "TLS/cert error"])
def test_a_message_that_was_not_taken_is_known_to_be_so(told, fault):
    """It stays in the outbox; the reason is told. What can be heard by the receiver was."""
    receipts, heard = told
    asked = {"conn reset before reply (op committed)": "reset", "conn reset mid-body": "cut", "truncated body": "short"}
    asked |= {"stall (no bytes)": "stall", "slow trickle": "trickle"} | {f: str(s) for f, s in STATUSES.items()}

    assert not receipts[fault].ok
    assert receipts[fault].why
    assert fault not in asked or asked[fault] in heard
    assert "200" not in heard
