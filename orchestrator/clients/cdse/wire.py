"""Calls to the Copernicus Data Space over watched connections: answers read whole, or a body as it comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from orchestrator.clients.connections import CONNECT_SECONDS, READ_SECONDS, make_pool
from orchestrator.clients.refusals import calling
from orchestrator.clients.watch import CallLimits, Watch, current_watch
from orchestrator.model.ports import Stop

# Waits until one more request may begin; the block around it tells how it went.
Turn = Callable[[Stop], AbstractContextManager[None]]
_PIECE_BYTES = 1 << 16
# Nothing is changed by any call, so a stop need not wait for an answer; what came of a body is kept.
BODY = CallLimits(grace_seconds=0.0)
_TIMEOUT = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)


def at_once(_stop: Stop) -> AbstractContextManager[None]:
    """Let every request begin now."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """A whole answer; names of headers in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Wire:
    """Connections kept open, some for each host. Safe to use from several threads."""

    def __init__(self, connections: int = 4) -> None:
        self._connections = connections
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Any:
        """Return urllib3's answer, its body unread; redirects and retries are left to the caller, within a watch."""
        return self._pool(url).urlopen(
            method,
            url,
            headers=dict(headers),
            body=body,
            timeout=_TIMEOUT,
            preload_content=False,
            decode_content=False,
            redirect=False,
            retries=False,
        )

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], what: str, stop: Stop | None, body: bytes | None = None
    ) -> WholeAnswer:
        """
        Return a whole answer, of any status, its body inflated.

        Raises:
            TransientError: The connection broke, or the answer is none, or is too large.
            Stopped: `stop` was set.
        """
        with calling(what, stop, BODY) as watch:
            response = self.send(method, url, {"Accept-Encoding": "gzip", **headers}, body)
            try:
                return WholeAnswer(response.status, response.headers, _whole(response, watch))
            finally:
                response.release_conn()

    def renew(self) -> None:
        """Give up idle connections: the next call comes over new ones."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.clear()

    close = renew

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            if origin not in self._pools:
                self._pools[origin] = make_pool(self._connections, url)
            return self._pools[origin]


def whole(response: Any, what: str, stop: Stop | None) -> bytes:
    """
    Return the body of an answer, inflated.

    Raises:
        TransientError: It broke off, or is too large.
        Stopped: `stop` was set.
    """
    with calling(what, stop, BODY) as watch:
        return _whole(response, watch)


def explanation(response: Any) -> bytes:
    """Return the beginning of a refusal's body; what of it cannot be read is left out."""
    watch = current_watch()
    try:
        return _whole(response, watch, most=_PIECE_BYTES)
    except (urllib3.exceptions.HTTPError, OSError):
        return b""


def _whole(response: Any, watch: Watch, most: int | None = None) -> bytes:
    """Take a body in piece by piece, so that a bomb is noticed and not swallowed."""
    found = bytearray()
    while piece := response.read(_PIECE_BYTES, decode_content=True):
        found += piece
        watch.count_bytes(len(piece), len(found))
        if most is not None and len(found) >= most:
            break
    return bytes(found)
