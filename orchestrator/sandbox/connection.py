"""One HTTP/1.1 connection: reads requests, lets a dispatcher answer, and spoils what a fault wants spoilt."""

from __future__ import annotations

import math
import selectors
import socket
import struct
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from orchestrator.sandbox import inflating
from orchestrator.sandbox.faults import Fault
from orchestrator.sandbox.streams import FileBody
from orchestrator.sandbox.web import Request, Response, reason_phrase

MAX_BODY_BYTES = 512 << 20
MAX_LINE_BYTES = 1 << 16
SLOW_STEP_SECONDS = 0.05
WATCH_STEP_SECONDS = 0.05
BODILESS = (204, 304)  # RFC 9110: there is nothing to spoil
INFLATED_BYTES = 3 << 30
MAX_JOINED_BYTES = 1 << 16  # a small body leaves in one packet with its head; a large one is not copied for that


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
            return
        with closing(reply.response) as response:
            if reply.fault is None or self.command == "HEAD" or response.status in BODILESS:
                self._send(response)
            else:
                self._send_spoilt(response, reply.fault)

    def __getattr__(self, name: str) -> Any:
        """Answer every verb, `do_GET` and the rest: the standard library answers an odd one with 501."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def _read(self) -> Request | None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            body = self._body(headers)
        except ValueError:
            self.close_connection = True
            self._send(Response(411, {"Connection": "close"}, b"A Content-Length, or chunks, of at most 512 MiB."))
            return None
        return Request.of(self.command, self.path, headers, body, f"http://{self._host(headers)}")

    def _body(self, headers: dict[str, str]) -> bytes:
        """
        Read the body, of a length that is told or in chunks (RFC 9112, 7.1).

        Raises:
            ValueError: If it is too large, or its length is none.
            ConnectionResetError: If it ends too early.
        """
        if headers.get("transfer-encoding", "").strip().lower() == "chunked":
            return self._chunks()
        size = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not size.isdigit() or int(size) > MAX_BODY_BYTES:
            raise ValueError(size)
        return self._exactly(int(size))

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := int(self._line().partition(b";")[0], 16):
            if size < 0 or len(body) + size > MAX_BODY_BYTES:
                raise ValueError(size)
            body += self._exactly(size)
            self._line()
        while self._line():  # trailers tell nothing that we heed
            pass
        return bytes(body)

    def _line(self) -> bytes:
        line = self.rfile.readline(MAX_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise ConnectionResetError
        return line.strip()

    def _exactly(self, size: int) -> bytes:
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionResetError
        return body

    def _host(self, headers: dict[str, str]) -> str:
        address: Any = self.server.server_address
        return headers.get("host") or f"{address[0]}:{address[1]}"

    def _head(self, response: Response, length: int, *, chunked: bool = False) -> bytes:
        lines = [f"HTTP/1.1 {response.status} {reason_phrase(response.status)}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send(self, response: Response) -> None:
        head = self._head(response, response.length)
        if self.command == "HEAD":
            self.connection.sendall(head)
        elif isinstance(response.body, bytes) and len(response.body) <= MAX_JOINED_BYTES:
            self.connection.sendall(head + response.body)
        elif isinstance(response.body, bytes):
            self.connection.sendall(head)
            self.connection.sendall(response.body)
        else:
            self.connection.sendall(head)
            self._send_file(response.body)

    def _send_file(self, body: FileBody) -> None:
        if body.gzipped:
            for each in body.pieces():
                self.connection.sendall(each)
        elif body.length:  # without passing through Python's memory
            try:
                self._send_stretch(body)
            finally:
                body.delivered(max(0, body.source.tell() - body.offset))

    def _send_stretch(self, body: FileBody) -> None:
        last = 1 if body.watched else 0
        if body.length > last:
            self.connection.sendfile(body.source, body.offset, body.length - last)
        body.ending()
        if last:
            self.connection.sendfile(body.source, body.offset + body.length - last, last)

    def _send_spoilt(self, response: Response, fault: Fault) -> None:
        rule, data = fault.rule, bytearray(_bytes_of(response))
        self._wired = 0  # bytes of the body that have left, with what frames its chunks
        if rule.action == "inflate":
            self._send_inflating(response, bytes(data), INFLATED_BYTES if rule.bytes is None else rule.bytes)
            return
        if rule.action == "short":
            data = data[: max(0, len(data) - (rule.bytes or 0))]
        elif rule.action == "flip" and data:
            data[min(rule.offset, len(data) - 1)] ^= 0x01
        lead, tail = _chunk(len(data)) if rule.chunked else (b"", b"")
        wire = lead + data + tail
        self.connection.sendall(self._head(response, len(data), chunked=rule.chunked))
        body = response.body if isinstance(response.body, FileBody) else None
        if body is not None and rule.action not in ("slow", "stall"):
            body.ending()
        try:
            if rule.action == "slow":
                self._trickle(wire, fault)
            elif rule.action in ("truncate", "reset_inside", "stall"):
                cut = len(data) // 2 if rule.bytes is None else min(rule.bytes, len(data))
                self._send_part(wire, len(lead) + cut, fault, watch=body is not None and body.watched)
            else:
                self._put(wire)
        finally:
            if body is not None:
                body.delivered(self._wired)

    def _put(self, wire: bytes) -> None:
        self.connection.sendall(wire)
        self._wired += len(wire)

    def _send_part(self, wire: bytes, cut: int, fault: Fault, *, watch: bool) -> None:
        self._put(wire[:cut])
        if fault.rule.action == "truncate":
            self.connection.shutdown(socket.SHUT_RDWR)
            raise BrokenOnPurpose
        if fault.rule.action == "reset_inside":
            self._reset()
        if watch:
            self._hold(fault)
        else:
            fault.hold()
        self._put(wire[cut:])

    def _hold(self, fault: Fault) -> None:
        """Hold until the fault is over, or the peer is gone: then its place is free for another."""
        left = math.inf if fault.seconds is None else fault.seconds
        while left > 0 and not fault.pause(min(left, WATCH_STEP_SECONDS)):
            left -= WATCH_STEP_SECONDS
            if self._has_left():
                raise ConnectionResetError

    def _has_left(self) -> bool:
        """Tell whether the peer has closed its end: then there is something to read, and it is nothing."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            return bool(selector.select(0)) and not self.connection.recv(1, socket.MSG_PEEK)

    def _trickle(self, wire: bytes, fault: Fault) -> None:
        step = max(1, int(fault.rule.bytes_per_second * SLOW_STEP_SECONDS))
        for start in range(0, len(wire), step):
            self._put(wire[start : start + step])
            if fault.pause(step / fault.rule.bytes_per_second):
                self._put(wire[start + step :])  # at once, not in a million steps without a pause
                return

    def _send_inflating(self, response: Response, data: bytes, blanks: int) -> None:
        """Send `data` behind `blanks` blanks, which leave JSON what it is, as one gzip stream."""
        encoded = Response(response.status, {**response.headers, "Content-Encoding": "gzip"})
        self.connection.sendall(self._head(encoded, inflating.length(data, blanks)))
        for each in inflating.stream(data, blanks):
            self.connection.sendall(each)

    def _reset(self) -> None:
        # With a linger time of zero, closing sends RST instead of FIN: the client sees "connection reset by peer".
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise BrokenOnPurpose


def _bytes_of(response: Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b"".join(response.body.pieces())


def _chunk(length: int) -> tuple[bytes, bytes]:
    """Return what stands before and after a body that is sent as one chunk."""
    return (b"%x\r\n" % length, b"\r\n0\r\n\r\n") if length else (b"", b"0\r\n\r\n")
