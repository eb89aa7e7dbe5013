"""The transport under `googleapiclient`, and so under Earth Engine's client and Drive's: watched, no redirects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httplib2  # type: ignore[import-untyped]  # ships no types; only its answer is used
import requests

from orchestrator.clients.connections import TIMEOUT, make_session, silence_in
from orchestrator.clients.watch import current_watch

_local = threading.local()


@contextmanager
def by_way_of(address: str, other: str) -> Iterator[None]:
    """
    Send this thread's calls inside the block to `other` where they are meant for `address`.

    Earth Engine's client knows one address for each process; the same service has a second one for many requests.
    """
    before = getattr(_local, "way", None)
    _local.way = (address, other)
    try:
        yield
    finally:
        _local.way = before


def _address_of(uri: str) -> str:
    way: tuple[str, str] | None = getattr(_local, "way", None)
    return way[1] + uri.removeprefix(way[0]) if way is not None and uri.startswith(way[0] + "/") else uri


class Transport:
    """
    An `httplib2.Http` by shape, over a pooled session. Safe to use from several threads, which httplib2's own is not.

    Earth Engine's client has one like it, whose calls end only when the other side wishes.
    """

    def __init__(self, connections: int = 10) -> None:
        self._session = make_session(connections)
        self.timeout = TIMEOUT[1]
        self.redirect_codes: frozenset[int] = frozenset()
        self.follow_redirects = False

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
        redirections: int | None = None,  # noqa: ARG002  none is followed
        connection_type: Any = None,  # noqa: ARG002  httplib2's
    ) -> tuple[Any, bytes]:
        """Send one request; return the answer's headers, with the status among them, and its body."""
        current_watch().ask()
        try:
            answer = self._session.request(
                method,
                _address_of(uri),
                data=body,
                headers=headers,
                timeout=(TIMEOUT[0], self.timeout),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            if said := silence_in(error):
                raise TimeoutError(f"{urlsplit(uri).hostname}: {said}") from error
            if isinstance(error, requests.Timeout):
                raise TimeoutError(str(error)) from error
            raise ConnectionError(str(error)) from error
        found = {name.lower(): value for name, value in answer.headers.items()}
        return httplib2.Response(found | {"status": str(answer.status_code)}), answer.content

    def close(self) -> None:
        """Give up every connection; the next call would open new ones."""
        self._session.close()
