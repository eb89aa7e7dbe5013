"""One try of a request whose answer is the data itself: within a deadline, with the checksums of both sides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.session import PUBLIC_URL
from orchestrator.clients.transport import by_way_of
from orchestrator.clients.watch import LIMITS, CallLimits, Watch
from orchestrator.core.errors import TransientError, UnansweredError
from orchestrator.model.ports import Stop

T = TypeVar("T")

# Earth Engine computes a request for at most five minutes before it says `Computation timed out.`, in silence.
COMPUTING_SECONDS = 330.0
# Beyond them, what 48 MiB take on a slow line.
SENDING_SECONDS = 600.0
PIXEL_LIMITS = replace(LIMITS, call_seconds=COMPUTING_SECONDS + SENDING_SECONDS, first_seconds=COMPUTING_SECONDS)
# The address of the same service for many small requests: less is kept in its caches, the quotas are the same.
HIGH_VOLUME_URL: str = ee.data.HIGH_VOLUME_API_BASE_URL


@dataclass(frozen=True, slots=True)
class AnswerReceipt:
    """
    What is known of an answer besides its content.

    Attributes:
        request_sha256: Of the request as it was sent, in canonical JSON: keys sorted, no blanks.
        reply_sha256: Of the answer's body as it came.
        reply_bytes: Its length.
        at: When it was complete, RFC 3339.
    """

    request_sha256: str
    reply_sha256: str
    reply_bytes: int
    at: str


class Interactive:
    """Asks one Earth Engine for data. Safe to use from several threads."""

    def __init__(self, engine: EarthEngine, *, high_volume: bool, limits: CallLimits) -> None:
        """`high_volume` takes Google's address for many requests; another service has one address only."""
        self._engine = engine
        self._elsewhere = high_volume and engine.address == PUBLIC_URL
        self._limits = limits

    def ask(self, call: Callable[[], T], stop: Stop) -> tuple[T, AnswerReceipt]:
        """
        Return what `call` returns, a single request of the client's, and the receipt of its answer.

        Raises:
            RefusedError, ThrottleError, QuotaError, TransientError, CredentialError, NotFoundError: As the service
                says, with its sentence.
            UnansweredError: It said nothing for longer than it computes a request.
            Stopped: `stop` was set, and the grace is over.
        """
        seen: list[AnswerReceipt] = []

        def look(answer: Any) -> None:
            if answer.request.url.startswith(tuple(self._addresses())):  # a token is asked for elsewhere
                self._engine.note(answer)
                seen[:] = [_receipt(answer)]

        watch = Watch("Earth Engine", stop, self._limits, on_answer=look)
        try:
            with by_way_of(PUBLIC_URL, HIGH_VOLUME_URL) if self._elsewhere else nullcontext():
                value = self._engine.watched(call, watch)
        except TransientError as error:
            if not watch.unanswered:
                raise
            raise UnansweredError(
                f"Earth Engine did not begin to answer within {self._limits.first_seconds:g} s, longer than it computes"
            ) from error
        if not seen:
            raise TransientError("Earth Engine's client answered without asking the service")
        return value, seen[0]

    def _addresses(self) -> Sequence[str]:
        return (self._engine.address, HIGH_VOLUME_URL) if self._elsewhere else (self._engine.address,)

    def close(self) -> None:
        """Give up idle connections; the next call would open new ones."""
        self._engine.close()


def _receipt(answer: Any) -> AnswerReceipt:
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    sent = json.dumps(json.loads(answer.request.body), sort_keys=True, separators=(",", ":"))
    body: bytes = answer.content
    return AnswerReceipt(_sha256(sent.encode()), _sha256(body), len(body), at)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
