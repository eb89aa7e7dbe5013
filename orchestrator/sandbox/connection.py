"""One HTTP/1.1 connection: reads requests, lets a dispatcher answer, and spoils what a fault wants spoilt."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from orchestrator.sandbox.faults import Fault
from orchestrator.sandbox.web import FileBody, Request, Response, reason_phrase

MAX_BODY_BYTES = 512 << 20
SLOW_STEP_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What goes back.

    Attributes:
        response: None breaks the connection with a reset.
        fault: What to do to the body on its way out, or None.
    """

    response: Response | None
    fault: Fault | None = None


Dispatch = Callable[[Request], Answer]


class BrokenOnPurpose(Exception):  # noqa: N818  no error: a fault did its work, the connection ends here
    pass


class Connection(BaseHTTPRequestHandler):
    """Serve one keep-alive connection; the server carries `dispatch`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # answers are small and many; waiting for an ACK would cost 40 ms each
    rbufsize = 1 << 16
    timeout = 600

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except BrokenOnPurpose:
            self.close_connection = True
        except OSError:  # the peer went away, a timeout, or bytes deleted while they were asked for
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):  # the peer, or a fault, closed the socket first
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the standard library's name
        """Stay quiet; the journal knows."""

    def answer(self) -> None:
        request = self._read()
        if request is None:
            return
        dispatch: Dispatch = self.server.dispatch  # type: ignore[attr-defined]  # the server is ours
        reply = dispatch(request)
        if reply.response is None:
            self._reset()
        elif reply.fault is None or self.command == "HEAD":
            self._send(reply.response)
        else:
            self._send_spoilt(reply.response, reply.fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815  standard names

    def _read(self) -> Request | None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        size = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not size.isdigit() or int(size) > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(Response(411, {"Connection": "close"}, b"A Content-Length of at most 512 MiB is required."))
            return None
        body = self.rfile.read(int(size))
        if len(body) < int(size):
            raise ConnectionResetError
        return Request.of(self.command, self.path, headers, body, f"http://{self._host(headers)}")

    def _host(self, headers: dict[str, str]) -> str:
        address: Any = self.server.server_address
        return headers.get("host") or f"{address[0]}:{address[1]}"

    def _head(self, response: Response, length: int) -> bytes:
        lines = [f"HTTP/1.1 {response.status} {reason_phrase(response.status)}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send(self, response: Response) -> None:
        head = self._head(response, response.length)
        if self.command == "HEAD":
            self.connection.sendall(head)
        elif isinstance(response.body, bytes):
            self.connection.sendall(head + response.body)
        else:
            self.connection.sendall(head)
            self._send_file(response.body)

    def _send_file(self, body: FileBody) -> None:
        if body.length:
            with body.path.open("rb") as source:
                self.connection.sendfile(source, body.offset, body.length)

    def _send_spoilt(self, response: Response, fault: Fault) -> None:
        rule, data = fault.rule, bytearray(_bytes_of(response))
        if rule.action == "short":
            data = data[: max(0, len(data) - (rule.bytes or 0))]
        elif rule.action == "flip" and data:
            data[min(rule.offset, len(data) - 1)] ^= 0x01
        self.connection.sendall(self._head(response, len(data)))
        if rule.action == "slow":
            self._trickle(bytes(data), rule.bytes_per_second)
        elif rule.action in ("truncate", "stall"):
            self._send_part(data, fault)
        else:
            self.connection.sendall(data)

    def _send_part(self, data: bytearray, fault: Fault) -> None:
        cut = min(fault.rule.bytes or 0, len(data))
        self.connection.sendall(data[:cut])
        if fault.rule.action == "truncate":
            self.connection.shutdown(socket.SHUT_RDWR)
            raise BrokenOnPurpose
        fault.hold()
        self.connection.sendall(data[cut:])

    def _trickle(self, data: bytes, bytes_per_second: int) -> None:
        step = max(1, int(bytes_per_second * SLOW_STEP_SECONDS))
        for start in range(0, len(data), step):
            self.connection.sendall(data[start : start + step])
            time.sleep(SLOW_STEP_SECONDS)

    def _reset(self) -> None:
        # With a linger time of zero, closing sends RST instead of FIN: the client sees "connection reset by peer".
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise BrokenOnPurpose


def _bytes_of(response: Response) -> bytes:
    if isinstance(response.body, bytes):
        return response.body
    with response.body.path.open("rb") as source:
        source.seek(response.body.offset)
        return source.read(response.body.length)
