"""
Earth Engine, met here and nowhere else: one session per process, with deadlines, our retries and our errors.

The client's own retries are switched off, so that there is one layer of them; its messages lose the HTTP status,
which is taken from the exception's context instead.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import ee
import google.auth.exceptions

from orchestrator.core.errors import (
    CredentialError,
    NotFoundError,
    OrchestratorError,
    PermanentError,
    ThrottleError,
    TransientError,
)
from orchestrator.core.retry import RetryPolicy, Waiter, retrying
from orchestrator.model.ports import AlreadyStartedError, Operation
from orchestrator.model.states import Failure

T = TypeVar("T")

DEADLINE_MS = 60_000  # without one the client waits on a dead connection for ever
_initialised: dict[str, str] = {}
_initialising = threading.Lock()

# Sentences of failed tasks, from Google's pages "Debugging guide", "Processing environments" and from public
# reports; the first pattern that is found decides.
_FAILURES: tuple[tuple[str, Failure], ...] = (
    (r"memory limit exceeded|out of memory|memory capacity", Failure.MEMORY),
    (r"timed out", Failure.TIMEOUT),
    (r"too many pixels|export too large|file dimensions are too large|total request size|too large", Failure.SIZE),
    (r"too many concurrent|quota exceeded|rate limit|too many requests", Failure.THROTTLE),
    (r"internal (server )?error|please try again|try again later", Failure.TRANSIENT),
    (r"unavailable|backend|deadline exceeded", Failure.TRANSIENT),
    (r"^cancelled\b|^canceled\b", Failure.CANCELLED),
)


def classify(sentence: str) -> Failure:
    """Tell what a failed task's own sentence asks for; what is not recognised is permanent."""
    for pattern, failure in _FAILURES:
        if re.search(pattern, sentence, re.IGNORECASE):
            return failure
    return Failure.PERMANENT


def _status_of(error: BaseException) -> int:
    """Return the HTTP status an EEException came from, or 0."""
    response = getattr(error.__context__, "resp", None)
    return int(getattr(response, "status", 0) or 0)


def translate(error: Exception) -> OrchestratorError:
    """Return the error of our tree that says who must act on `error`, with the service's own sentence."""
    sentence = str(error)
    if isinstance(error, google.auth.exceptions.TransportError | ConnectionError | TimeoutError):
        return TransientError(f"Earth Engine cannot be reached: {sentence}")
    if isinstance(error, google.auth.exceptions.GoogleAuthError):
        return CredentialError(f"Earth Engine does not accept the credentials: {sentence}")
    if not isinstance(error, ee.EEException):
        # 200 with a body that is no answer: a captive portal or a broken proxy.
        return TransientError(f"Earth Engine's answer could not be read ({type(error).__name__}: {sentence})")
    return _translate_status(_status_of(error), sentence)


def _translate_status(status: int, sentence: str) -> OrchestratorError:
    if "already started with the given request_id" in sentence:
        return AlreadyStartedError(sentence)
    if status == 429 or re.search(r"quota exceeded|rate ?limit ?exceeded|too many tasks", sentence, re.IGNORECASE):
        return ThrottleError(f"Earth Engine asks for fewer calls: {sentence}")
    if status in (401, 403):
        return CredentialError(f"Earth Engine refuses (HTTP {status}): {sentence}")
    if status == 404:
        return NotFoundError(f"Earth Engine does not know it: {sentence}")
    if status >= 500 or status == 408 or (status == 0 and sentence == "Ok"):
        return TransientError(f"Earth Engine failed for now (HTTP {status}): {sentence}")
    return PermanentError(f"Earth Engine says: {sentence}")


class EarthEngine:
    """A connection to one Earth Engine, Google's or another, for one project."""

    def __init__(
        self, *, project: str, credentials: Any, url: str | None, stop: Waiter, policy: RetryPolicy | None = None
    ) -> None:
        self.project = project
        self._call = retrying(policy or RetryPolicy(), stop)
        self._initialise(project, credentials, url)

    def _initialise(self, project: str, credentials: Any, url: str | None) -> None:
        """Initialise the client, whose state is one per process, once for each service."""
        key = f"{url or 'google'} {project}"
        with _initialising:
            if _initialised.get("key") == key:
                return
            ee.Reset()  # algorithms of another service would be kept otherwise
            ee.data.setMaxRetries(0)
            # Before there is a session the client stores the deadline and then trips over its own assertion;
            # stored it is, and discovery honours it.
            with suppress(AssertionError):
                ee.data.setDeadline(DEADLINE_MS)
            self.call(lambda: ee.Initialize(credentials=credentials, project=project, url=url))
            _initialised["key"] = key

    def call(self, function: Callable[[], T]) -> T:
        """Run `function`, with retries while it fails for a reason that passes, in our errors."""
        return self._call(lambda: self.once(function))

    def once(self, function: Callable[[], T]) -> T:
        """Run `function` a single time, in our errors: for effects whose repetition must be decided above."""
        try:
            return function()
        except OrchestratorError:
            raise
        except Exception as error:  # the client raises built-ins too (ConnectionError, TypeError, KeyError)
            raise translate(error) from error

    def value(self, computed: Any) -> Any:
        """Return what a computed object is."""
        return self.call(computed.getInfo)

    def export(self, request_id: str, request: Mapping[str, Any]) -> Operation:
        """Start an image export once; no retry here, since a lost answer must be looked up first."""
        return read_operation(self.once(lambda: ee.data.exportImage(request_id, dict(request))))

    def operations(self) -> tuple[Operation, ...]:
        """List every operation of the project, all pages."""
        return tuple(read_operation(entry) for entry in self.call(ee.data.listOperations))

    def cancel(self, name: str) -> None:
        """Ask for an operation to end; one that has ended or is unknown is left alone."""
        try:
            self.call(lambda: ee.data.cancelOperation(name))
        except (NotFoundError, PermanentError) as error:
            if isinstance(error, CredentialError):
                raise


def read_operation(entry: Mapping[str, Any]) -> Operation:
    """Read an operation tolerantly: any field but the name may be missing."""
    metadata = entry.get("metadata") or {}
    error = (entry.get("error") or {}).get("message", "")
    state = metadata.get("state") or _state_from(entry)
    failure = Failure.CANCELLED if state == "CANCELLED" else classify(error) if error else None
    return Operation(
        name=entry["name"],
        state=state,
        description=metadata.get("description", ""),
        error=error,
        progress=float(metadata.get("progress", 0.0) or 0.0),
        attempt=int(metadata.get("attempt", 1) or 1),
        eecu_seconds=float(metadata.get("batchEecuUsageSeconds", 0.0) or 0.0),
        created=metadata.get("createTime", ""),
        failure=failure,
    )


def _state_from(entry: Mapping[str, Any]) -> str:
    """Right after submission the state may be missing; `done`, `error` and `response` say enough."""
    if not entry.get("done"):
        return "PENDING"
    return "FAILED" if entry.get("error") else "SUCCEEDED"


def serialise(image: Any) -> str:
    """Return the expression of a computed object as compact JSON, the same for the same object."""
    encoded: dict[str, Any] = ee.serializer.encode(image, for_cloud_api=True)
    return json.dumps(encoded, sort_keys=True, separators=(",", ":"))


def deserialise(text: str) -> Any:
    """Return the computed image that `serialise` wrote."""
    return ee.Image(ee.deserializer.decodeCloudApi(json.loads(text)))
