"""
Connections whose every wait looks at the call's watch, for urllib3 and for requests, which all of Google's clients use.

A read that waits is a loop of short waits; connecting, which the system does not let go of, happens in a thread that
can be left behind. Answers are read whole here, counted after inflation, before an SDK sees them.
"""

from __future__ import annotations

import io
import os
import ssl
import time
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import requests
import requests.adapters
import urllib3
import urllib3.connection
import urllib3.connectionpool

from orchestrator.clients.watch import SLICE_SECONDS, current_watch

CONNECT_SECONDS = 10.0
# The longest silence in the middle of an answer.
READ_SECONDS = 60.0
TIMEOUT = (CONNECT_SECONDS, READ_SECONDS)
_PIECE_BYTES = 1 << 16


class SilenceError(TimeoutError):
    """Nothing moved for as long as the call's watch allows, which its sentence says."""


def silence_in(error: BaseException) -> str:
    """
    Return how long was waited in vain, where that is behind an error of urllib3's or requests'; empty elsewhere.

    Their own sentences name the timeout that they were given, which is not what the watch allowed.
    """
    found: BaseException | None = error
    while found is not None and not isinstance(found, SilenceError):
        found = found.__cause__ or found.__context__
    return str(found or "")


class _Reader(io.RawIOBase):
    """The reading end of a watched socket, as the standard library's HTTP wants it."""

    def __init__(self, owner: WatchedSocket, held: Any) -> None:
        super().__init__()
        # `held` keeps the socket open after the connection has let go of it, for the rest of an answer.
        self._owner, self._held = owner, held

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._owner.recv_into(buffer)

    def close(self) -> None:
        self._held.close()
        super().close()


class WatchedSocket:
    """A connected socket, plain or TLS, whose waits are short, and repeated while the call's watch allows."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._silence: float | None = sock.gettimeout()
        sock.settimeout(SLICE_SECONDS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def settimeout(self, seconds: float | None) -> None:
        """Set the longest silence; the socket's own timeout stays a slice."""
        self._silence = seconds

    def gettimeout(self) -> float | None:
        return self._silence

    def makefile(self, mode: str = "rb", buffering: int | None = None) -> io.BufferedReader:
        if mode != "rb":
            raise ValueError(f"an answer is read as bytes, not in mode {mode}")
        held = self._sock.makefile("rb", buffering=0)
        return io.BufferedReader(_Reader(self, held), buffering if buffering and buffering > 0 else _PIECE_BYTES)

    def recv_into(self, buffer: Any) -> int:
        try:
            count = int(self._patiently(lambda: self._sock.recv_into(buffer)))
        except TimeoutError:
            current_watch().miss()
            raise
        current_watch().hear()
        return count

    def sendall(self, data: Any) -> None:
        left = memoryview(data).cast("B")
        while left:
            count = self._patiently(lambda piece=left: self._sock.send(piece))
            left = left[count:]

    def _patiently(self, act: Any) -> int:
        """
        Repeat `act` while it only waits.

        Raises:
            SilenceError: Nothing moved for longer than the silence allowed.
            Stopped, TransientError: The watch gave the call up.
        """
        watch, since = current_watch(), time.monotonic()
        while True:
            watch.check()
            try:
                return int(act())
            except (TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                allowed = watch.silence(self._silence)
                if allowed is not None and time.monotonic() - since > allowed:
                    raise SilenceError(f"nothing came for {allowed:g} s") from None


class _Watched:
    """What both kinds of connection do otherwise than urllib3's."""

    sock: Any

    def connect(self) -> None:
        # Names are looked up and connections made by the system, which knows no stop.
        current_watch().wait_for(super().connect, self.close)  # type: ignore[misc]  # of the class this is mixed into
        self.sock = WatchedSocket(self.sock)

    def close(self) -> None:
        super().close()  # type: ignore[misc]  # of the class this is mixed into


class WatchedHttp(_Watched, urllib3.connection.HTTPConnection):
    pass


class WatchedHttps(_Watched, urllib3.connection.HTTPSConnection):
    pass


class _HttpPool(urllib3.connectionpool.HTTPConnectionPool):
    ConnectionCls = WatchedHttp


class _HttpsPool(urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = WatchedHttps


_POOLS = {"http": _HttpPool, "https": _HttpsPool}


def bundle() -> str:
    """Return the file of certificates that are trusted."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for `url`."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def make_pool(connections: int, url: str) -> urllib3.PoolManager:
    """Return room for watched connections; proxies and certificates come from the environment, read once."""
    options: dict[str, Any] = {
        "maxsize": max(1, connections),
        "ca_certs": bundle(),
        # Of the calls that renew the token; bodies say their own.
        "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        "retries": False,
    }
    proxy = proxy_for(url)
    pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
    pool.pool_classes_by_scheme = _POOLS
    return pool


class WatchedAdapter(requests.adapters.HTTPAdapter):
    """The way of every call of requests: watched connections, one try, and the answer read whole within its cap."""

    def __init__(self, connections: int = 10) -> None:
        super().__init__(pool_connections=4, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):  # those connect in a way of their own
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002  an answer is always read here
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        response = super().send(
            request, stream=True, timeout=timeout or TIMEOUT, verify=verify, cert=cert, proxies=proxies
        )
        try:
            _read_whole(response)
        finally:
            response.close()
        current_watch().take(response)
        return response


def _read_whole(response: requests.Response) -> None:
    """Take the body in, inflated piece by piece, so that a bomb is noticed and not swallowed."""
    watch, body = current_watch(), io.BytesIO()  # which gives its bytes away without a second copy of them
    for piece in response.iter_content(_PIECE_BYTES):
        body.write(piece)
        watch.count_bytes(len(piece), body.tell())
    response._content = body.getvalue()  # noqa: SLF001  what `content` would have put there, without a cap


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Sign nothing: requests would otherwise put a password of `.netrc` in the place of our token."""
    return request


class SettledSession(requests.Session):
    """
    A session that looks for proxies and certificates in the environment once for each host.

    requests goes through all variables for every call, which costs as much as the rest of a call.
    """

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        if proxies or (stream, verify, cert) != (None, None, None):
            return super().merge_environment_settings(url, proxies, stream, verify, cert)
        settled: dict[Any, Any] = self.__dict__.setdefault("_settled", {})
        place = urlsplit(url)[:2]
        if place not in settled:
            settled[place] = super().merge_environment_settings(url, {}, None, None, None)
        return {**settled[place], "proxies": dict(settled[place]["proxies"])}


def mount(session: requests.Session, connections: int = 10) -> None:
    """Make every call of `session` a watched one."""
    session.auth = _as_it_is
    session.max_redirects = 0
    for scheme in ("https://", "http://"):
        session.get_adapter(scheme).close()
        session.mount(scheme, WatchedAdapter(connections))


def make_session(connections: int = 10) -> requests.Session:
    """Return a session of watched calls."""
    session = SettledSession()
    mount(session, connections)
    return session
