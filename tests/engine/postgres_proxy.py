"""Stands between a program and its PostgreSQL server, and cuts the connection at a commit."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

_COMMIT = b"Q\0\0\0\x0bCOMMIT\0"  # "Query", its length, what is asked
_READY = b"Z"  # "ReadyForQuery" ends every answer


class Proxy:
    """
    A port on loopback whose connections go on to a server.

    Attributes:
        port: On 127.0.0.1.
        cuts: How often it has cut.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cuts = 0
        self._armed: bool | None = None
        self._sockets: list[socket.socket] = []

    def cut_at_commit(self, *, is_told: bool) -> None:
        """Cut at the next commit: after the server has done it, or before it hears of it."""
        self._armed = is_told

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._sockets):
            _end(each)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._sockets += [client, server]
                for act in (self._ask, self._answer):
                    threading.Thread(target=act, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while asked := client.recv(65536):
                if self._armed is not None and _COMMIT in asked:
                    self._cut(client, server, asked)
                    return
                server.sendall(asked)
        _end(client, server)

    def _cut(self, client: socket.socket, server: socket.socket, asked: bytes) -> None:
        is_told, self._armed = self._armed, None
        self.cuts += 1
        _end(client)
        if is_told:
            server.sendall(asked)
        else:
            _end(server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while answered := server.recv(65536):
                with contextlib.suppress(OSError):
                    client.sendall(answered)
        _end(client, server)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            each.close()
