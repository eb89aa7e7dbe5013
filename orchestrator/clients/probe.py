"""Whether anybody is at an address at all, known within seconds instead of after all retries."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from orchestrator.clients.connections import proxy_for
from orchestrator.clients.watch import CallLimits, Watch
from orchestrator.core.errors import UnreachableError
from orchestrator.core.log import one_line
from orchestrator.model.ports import Stop

PROBE_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}


def probe(url: str, what: str, stop: Stop | None) -> None:
    """
    Connect to the host of `url`, or to the proxy on the way to it, and hang up.

    Raises:
        UnreachableError: Nobody answers there within five seconds.
        Stopped: `stop` was set.
    """
    proxy = proxy_for(url)
    parts = urlsplit(proxy or url)
    place = (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443))
    watch = Watch(f"reaching {what}", stop, CallLimits(grace_seconds=0.0))
    try:
        watch.wait_for(lambda: _connect(place), lambda: None, PROBE_SECONDS)
    except OSError as error:
        via = f" through the proxy {one_line(proxy)}" if proxy else ""
        reason = f"no answer within {PROBE_SECONDS:g} s" if isinstance(error, TimeoutError) else _reason(error)
        raise UnreachableError(
            f"{what} cannot be reached at {one_line(url)}{via}: {reason}; look at the address and at the network"
        ) from error


def _connect(place: tuple[str, int]) -> None:
    socket.create_connection(place, PROBE_SECONDS).close()


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known here"
    return one_line(error.strerror or str(error)).lower()
