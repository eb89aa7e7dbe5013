"""Bodies of objects, read as fast as the connection brings them, over one authorised and pooled session."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import requests
import urllib3
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import Request

from orchestrator.clients.answers import is_proof
from orchestrator.clients.connections import TIMEOUT, make_pool, make_session
from orchestrator.clients.refusals import calling, refusal
from orchestrator.clients.watch import CallLimits
from orchestrator.core.errors import GenerationError, TransientError
from orchestrator.model.ports import Stop

# Of one read of a body, or of its beginning; what came of it is kept, so a stop need not wait for more.
_BODY = CallLimits(grace_seconds=0.0)
_EXPLANATION_BYTES = 1 << 16


class MediaBody:
    """The bytes of one response; `start` is the offset in the object of its first byte."""

    def __init__(self, response: Any, start: int, what: str, stop: Stop | None = None) -> None:
        self.start = start
        self._raw, self._what, self._stop = response, what, stop

    def read(self, most: int) -> bytes:
        """
        Return what one read of the socket brings, at most `most` bytes; empty at the end.

        Raises:
            TransientError: The connection broke or was silent for too long.
            Stopped: The process was asked to stop while nothing came.
        """
        with calling(self._what, self._stop, _BODY):
            # read1 hands on what is there. `read` and the SDK's chunks wait until their buffer is full, so a
            # trickling connection would look like a hanging one; and the SDK reads 8 KiB at a time.
            chunk: bytes = self._raw.read1(most, decode_content=False)
        return chunk


class MediaSession:
    """
    Authorised connections to one service, kept open. Safe to use from several threads.

    urllib3 underneath, not requests: half of what a small object costs was spent in requests, which reads the whole
    environment for each call, and a `.netrc` with it, whose password would replace our token.
    """

    def __init__(self, credentials: Any, transfers: int, url: str, stop: Stop | None = None) -> None:
        self.pool = make_pool(transfers, url)
        self.stop = stop
        self._credentials = credentials
        # Not over the pool: what renews a token is read whole, and so needs a cap.
        self._tokens = make_session(1)
        self._renewals: Any = _token_request(self._tokens)

    def get(self, url: str, headers: Mapping[str, str], timeout: tuple[float, float]) -> Any:
        """
        Return the response, its body unread; redirects and retries are left to the caller.

        A token the service does not take any more is renewed once.
        """
        response = self._send(url, headers, timeout)
        # Somebody without credentials has nothing to renew; an attempt would hide the service's own sentence.
        if response.status != 401 or isinstance(self._credentials, AnonymousCredentials):
            return response
        response.close()
        self._credentials.refresh(self._renewals)
        return self._send(url, headers, timeout)

    def _send(self, url: str, headers: Mapping[str, str], timeout: tuple[float, float]) -> Any:
        signed = dict(headers)
        self._credentials.before_request(self._renewals, "GET", url, signed)
        return self.pool.urlopen(
            "GET",
            url,
            headers=signed,
            timeout=urllib3.Timeout(connect=timeout[0], read=timeout[1]),
            preload_content=False,
            decode_content=False,
            redirect=False,
            retries=False,
        )

    def close(self) -> None:
        """Give up idle connections; the next call opens new ones, so this also is how to come another way."""
        self.pool.clear()
        self._tokens.close()


def _token_request(session: requests.Session) -> Any:
    return Request(session)


@contextmanager
def open_media(
    session: MediaSession,
    url: str,
    *,
    start: int,
    size: int,
    generation: str | None,
    what: str,
    params: Mapping[str, str],
    timeout: tuple[float, float] = TIMEOUT,
    part: bool = False,
) -> Iterator[MediaBody]:
    """
    Open the bytes at `url` from `start` to `size`; the connection goes back to the pool only when all were read.

    `generation` is what the answer's header must say where it says anything. `part` says that the object goes on
    behind `size`.

    Raises:
        GenerationError: The service or its answer speaks of another generation.
        NotFoundError: There is no such object.
        CredentialError: We may not read it.
        TransientError: Anything that passes, an answer that is not the object's among it.
    """
    # identity: what is stored is what is checked; a transparent gunzip would fit neither size nor checksum.
    # no-cache, no-transform: nobody in between shall answer from memory, or with other bytes.
    headers = {"Accept-Encoding": "identity", "Cache-Control": "no-cache, no-transform"}
    if start or part:
        headers["Range"] = f"bytes={start}-{size - 1 if part else ''}"
    with calling(what, session.stop, _BODY):
        response = session.get(f"{url}?{urlencode(params)}", headers, timeout)
    try:
        yield _body(response, start=start, size=size, generation=generation, what=what, stop=session.stop)
    finally:
        response.close()


def _body(response: Any, *, start: int, size: int, generation: str | None, what: str, stop: Stop | None) -> MediaBody:
    if response.status not in {200, 206}:
        raise _refused(response, what, stop)
    found = response.headers.get("x-goog-generation")
    if generation is not None and found is not None and found != generation:
        raise GenerationError(f"{what}: listed at generation {generation}, the answer is of generation {found}")
    return offered_body(response, start=start, size=size, what=what, stop=stop)


def offered_body(response: Any, *, start: int, size: int, what: str, stop: Stop | None) -> MediaBody:
    """
    Return the body of a success, of an object of `size` bytes that was asked for from `start` on.

    Raises:
        TransientError: The answer says that it is longer or shorter than what is left of the object.
    """
    offered = _offset(response, start) if response.status == 206 else 0
    length = response.headers.get("Content-Length")
    if length is not None and length != str(size - offered):
        kind = response.headers.get("Content-Type", "unknown type")
        raise TransientError(f"{what}: {length} bytes of {kind} offered from {offered}, {size - offered} listed")
    return MediaBody(response, offered, what, stop)


def _offset(response: Any, asked: int) -> int:
    """Return where a partial answer says it begins; a service that does not say is taken at its word."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match.group(1)) if match else asked


def _refused(response: Any, what: str, stop: Stop | None) -> Exception:
    try:
        with calling(what, stop, _BODY):
            content = response.read(_EXPLANATION_BYTES).decode("utf-8", "replace")
    except TransientError as error:
        content = f"its explanation broke off: {error}"
    text, reason = _explanation(content)
    proved = is_proof(response.status, content) or _says_itself(response, content)
    retry_after = str(response.headers.get("retry-after", ""))
    return refusal(response.status, text or str(response.reason), what, reason, proved=proved, retry_after=retry_after)


def _says_itself(response: Any, content: str) -> bool:
    """Tell whether a refusal without Google's JSON is Cloud Storage's all the same: bodies it refuses in words."""
    known = re.match(r"No such object: |.*pre-?conditions? ", content, re.IGNORECASE)
    return "<" not in content and ("x-guploader-uploadid" in response.headers or known is not None)


def _explanation(text: str) -> tuple[str, str]:
    """Return the sentence and the reason of Google's error JSON, or the plain text of anything else."""
    try:
        error = json.loads(text)["error"]
        return str(error["message"]), str((error.get("errors") or [{}])[0].get("reason", ""))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return text, ""
