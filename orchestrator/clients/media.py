"""Bodies of objects, read as fast as the connection brings them, over one authorised and pooled session."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from requests.adapters import HTTPAdapter

from orchestrator.clients.refusals import refusal, refusals
from orchestrator.core.errors import GenerationError, TransientError

CONNECT_SECONDS = 20.0
# The longest silence in the middle of an answer; the whole may take as long as it keeps arriving.
READ_SECONDS = 60.0
TIMEOUT = (CONNECT_SECONDS, READ_SECONDS)


class MediaBody:
    """The bytes of one response; `start` is the offset in the object of its first byte."""

    def __init__(self, response: Any, start: int, what: str) -> None:
        self.start = start
        self._raw, self._what = response.raw, what

    def read(self, most: int) -> bytes:
        """
        Return what one read of the socket brings, at most `most` bytes; empty at the end.

        Raises:
            TransientError: The connection broke or was silent for too long.
        """
        with refusals(self._what):
            # read1 hands on what is there. `read` and the SDK's chunks wait until their buffer is full, so a
            # trickling connection would look like a hanging one; and the SDK reads 8 KiB at a time.
            chunk: bytes = self._raw.read1(most, decode_content=False)
        return chunk


def media_session(credentials: Any, transfers: int, url: str) -> Any:
    """Return an authorised session for the service at `url`, with as many connections as transfers at once."""
    # An authorised session would answer 401 by renewing what nobody has, and hide the service's own sentence.
    nobody = isinstance(credentials, AnonymousCredentials)
    session: Any = requests.Session() if nobody else _authorised(credentials)
    _settle_environment(session, url)
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=max(1, transfers), max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _settle_environment(session: Any, url: str) -> None:
    """
    Take proxies and certificates from the environment once.

    The session would read the whole environment for each request, a sixth of the cost of fetching a small
    object, and a `.netrc` with it, whose password would replace our token.
    """
    session.proxies.update(requests.utils.get_environ_proxies(url))
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    session.trust_env = False


def _authorised(credentials: Any) -> Any:
    return AuthorizedSession(credentials)  # type: ignore[no-untyped-call]  # google-auth is typed in part


@contextmanager
def open_media(
    session: Any,
    url: str,
    *,
    start: int,
    size: int,
    generation: str | None,
    what: str,
    params: Mapping[str, str],
    timeout: tuple[float, float] = TIMEOUT,
) -> Iterator[MediaBody]:
    """
    Open the bytes at `url` from `start` to `size`; the connection goes back to the pool only when all were read.

    `generation` is what the answer's header must say where it says anything.

    Raises:
        GenerationError: The service or its answer speaks of another generation.
        NotFoundError: There is no such object.
        CredentialError: We may not read it.
        TransientError: Anything that passes, an answer that is not the object's among it.
    """
    # identity: what is stored is what is checked; a transparent gunzip would fit neither size nor checksum.
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with refusals(what):
        response = session.get(
            url, params=dict(params), headers=headers, stream=True, timeout=timeout, allow_redirects=False
        )
    try:
        yield _body(response, start=start, size=size, generation=generation, what=what)
    finally:
        response.close()


def _body(response: Any, *, start: int, size: int, generation: str | None, what: str) -> MediaBody:
    if response.status_code not in {200, 206}:
        raise _refused(response, what)
    found = response.headers.get("x-goog-generation")
    if generation is not None and found is not None and found != generation:
        raise GenerationError(f"{what}: listed at generation {generation}, the answer is of generation {found}")
    offered = _offset(response, start) if response.status_code == 206 else 0
    length = response.headers.get("Content-Length")
    if length is not None and int(length) != size - offered:
        kind = response.headers.get("Content-Type", "unknown type")
        raise TransientError(f"{what}: {length} bytes of {kind} offered from {offered}, {size - offered} listed")
    return MediaBody(response, offered, what)


def _offset(response: Any, asked: int) -> int:
    """Return where a partial answer says it begins; a service that does not say is taken at its word."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match.group(1)) if match else asked


def _refused(response: Any, what: str) -> Exception:
    try:
        text, reason = _explanation(response)
    except requests.RequestException as error:
        text, reason = f"{response.reason} (its explanation broke off: {type(error).__name__})", ""
    return refusal(response.status_code, text or str(response.reason), what, reason)


def _explanation(response: Any) -> tuple[str, str]:
    """Return the sentence and the reason of Google's error JSON, or the plain text of anything else."""
    text = response.text
    try:
        error = response.json()["error"]
        return str(error["message"]), str((error.get("errors") or [{}])[0].get("reason", ""))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return text, ""
