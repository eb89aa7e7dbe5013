"""The page on a port: uvicorn, with an end to whatever a client takes its time for."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from orchestrator.core.errors import ConfigError
from orchestrator.core.system import allow_open_files
from orchestrator.faces.listening import Listening, tls_context
from orchestrator.faces.web.joined import make
from orchestrator.faces.web.lingering import Lingering
from orchestrator.faces.web.site import Site

# A browser's request is there in one packet; whoever sends a byte now and then keeps the place of another.
REQUEST_SECONDS = 10.0
KEPT_SECONDS = 20
# A reader that takes nothing of what is written to it.
STUCK_SECONDS = 30.0
# Connections that have not said what they want; the oldest makes way for a new one, but not before its request, which
# may be among what arrived at once, could be read.
MOST_SILENT = 1536
MOST_NEW = 2048
NEW_SECONDS = 1.0
MOST_CONNECTIONS = 4096
STOP_SECONDS = 5
_HEADER_BYTES = 16 << 10
_OPEN_FILES = 2 * MOST_CONNECTIONS


class Serving(uvicorn.Server):
    """Ends every stream before it waits for what is under way."""

    def __init__(self, config: uvicorn.Config, end: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Stop listening, let answers be finished, and end."""
        self._end_streams()
        for connection in list(self.server_state.connections):
            if isinstance(connection, Patient):
                connection.end_if_idle()
        await super().shutdown(sockets)


class Patient(H11Protocol):
    """One connection, with limits of time; see `REQUEST_SECONDS`."""

    silent: ClassVar[OrderedDict[int, Patient]] = OrderedDict()
    _late: asyncio.TimerHandle | None
    _stuck: asyncio.TimerHandle | None
    _since: float
    _ending: Lingering

    def connection_made(self, transport: Any) -> None:
        self._ending = Lingering(transport, self._lingers)
        super().connection_made(cast("asyncio.Transport", self._ending))
        self._stuck = None
        self._say_nothing()

    def _say_nothing(self) -> None:
        """It has some time, and its place until others need it."""
        self._late = self.loop.call_later(REQUEST_SECONDS, self._cut)
        self._since = self.loop.time()
        self.silent[id(self)] = self
        while len(self.silent) > MOST_SILENT:
            oldest = next(iter(self.silent.values()))
            if len(self.silent) <= MOST_NEW and self._since < oldest._since + NEW_SECONDS:  # noqa: SLF001  its own kind
                break
            oldest._cut()  # noqa: SLF001

    def _lingers(self) -> bool:
        """Tell, as it is closed, whether the client is still sending; it then has as much time as for a request."""
        if self.conn.their_state not in (h11.SEND_BODY, h11.ERROR):
            return False
        self._heard()
        self._say_nothing()
        return True

    def data_received(self, data: bytes) -> None:
        if self._ending.is_lingering:
            return
        before = cast("RequestResponseCycle | None", self.cycle)  # the library's type says nothing of the first request
        if self._late is None and (before is None or before.response_complete):
            self._late = self.loop.call_later(REQUEST_SECONDS, self._cut)  # a next request, which may come slowly, too
        super().data_received(data)
        if self.cycle is not before:
            self._heard()

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard()
        self._moves()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(STUCK_SECONDS, self._cut)

    def resume_writing(self) -> None:
        self._moves()
        super().resume_writing()

    def end_if_idle(self) -> None:
        """Be gone at once where no request is under way: to say farewell by TLS would take the reader's answer."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            self._cut()

    def _heard(self) -> None:
        """The request is there; what its answer takes is ours."""
        self.silent.pop(id(self), None)
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _moves(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _cut(self) -> None:
        self.silent.pop(id(self), None)
        self.transport.abort()


def serve_page(site: Site, stop: threading.Event, ready: Callable[[str], None]) -> None:
    """
    Answer until the process is asked to end; `ready` is told the address once it is listened at.

    Raises:
        ConfigError: It cannot be listened there, or the certificate cannot be used.
    """
    where = site.options.where
    config = uvicorn.Config(
        make(site),
        host=where.host,
        port=where.port,
        http=Patient,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEPT_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        ssl_context_factory=(lambda _config, _default: _tls(where)) if where.certificate else None,
    )
    _tls(where)  # refused before anything listens
    allow_open_files(_OPEN_FILES)
    sock = listen(where)
    server = Serving(config, site.live.stop)
    ending = threading.Thread(target=_until, args=(stop, server), daemon=True)
    ending.start()
    ready(address(where, sock.getsockname()[1]))
    gc.collect()
    gc.freeze()  # what is loaded stays: an answer of 40,000 parts is then made in half the time
    server.run([sock])
    stop.set()


def _until(stop: threading.Event, server: uvicorn.Server) -> None:
    stop.wait()
    server.should_exit = True


def listen(where: Listening) -> socket.socket:
    """
    Return a socket that listens there.

    Raises:
        ConfigError: It cannot.
    """
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((where.host, where.port))
        made.listen(1024)
    except OSError as error:
        made.close()
        raise ConfigError(
            f"the page cannot be served at {where.host}:{where.port}: {error.strerror or error}; another page may be "
            "there already: name another port with --port, or `port` under [web]"
        ) from None
    return made


def address(where: Listening, port: int) -> str:
    """Return where a browser finds the page."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(where.host, where.host)  # noqa: S104
    return f"{'https' if where.certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _tls(where: Listening) -> Any:
    try:
        return tls_context(where)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"cert_file {where.certificate} and its key cannot be used: {error}") from None
