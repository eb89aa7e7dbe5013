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
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import ee
import google.auth.exceptions

from orchestrator.clients.operations import read_operation
from orchestrator.clients.sentences import ALREADY_STARTED, QUEUE_FULL, diagnose
from orchestrator.core.clock import quota_returns
from orchestrator.core.errors import (
    CredentialError,
    NotFoundError,
    OrchestratorError,
    PermanentError,
    QueueFullError,
    QuotaError,
    ThrottleError,
    TransientError,
)
from orchestrator.core.retry import RetryPolicy, Waiter, retrying
from orchestrator.model.ports import AlreadyStartedError, Diagnosis, Operation, RefusedError
from orchestrator.model.states import Failure

T = TypeVar("T")

DEADLINE_MS = 60_000  # without one the client waits on a dead connection for ever
_initialised: dict[str, str] = {}
_initialising = threading.Lock()


def _answer_of(error: BaseException) -> tuple[int, Mapping[str, Any], bytes]:
    """Return the HTTP status an EEException came from, or 0, the headers and the body."""
    source = error.__context__
    response = getattr(source, "resp", None)
    content = getattr(source, "content", b"")
    headers = response if isinstance(response, Mapping) else {}
    return int(getattr(response, "status", 0) or 0), headers, content if isinstance(content, bytes) else b""


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
    status, headers, _ = _answer_of(error)
    return _translate_status(status, sentence, _seconds(headers.get("retry-after")))


def _translate_status(status: int, sentence: str, retry_after: float = 0.0) -> OrchestratorError:
    """Return the error for a refused call: the sentence decides where it is known, otherwise the status."""
    if re.search(ALREADY_STARTED, sentence):
        return AlreadyStartedError(sentence)
    diagnosis = diagnose(sentence, call=True)
    if status == 401:
        return CredentialError(f"Earth Engine refuses (HTTP 401): {sentence}")
    if status == 404:
        return NotFoundError(f"Earth Engine does not know it: {_advised(sentence, diagnosis)}")
    if diagnosis.failure is Failure.UNKNOWN:
        return _by_status(status, sentence, diagnosis, retry_after)
    if diagnosis.failure in (Failure.THROTTLE, Failure.QUOTA):
        return _slower(sentence, diagnosis, retry_after)
    return _refused(status, sentence, diagnosis)


def _by_status(status: int, sentence: str, diagnosis: Diagnosis, retry_after: float) -> OrchestratorError:
    if status == 429:
        return _slower(sentence, diagnosis, retry_after)
    if status == 403:
        return CredentialError(f"Earth Engine refuses (HTTP 403): {sentence}")
    passes = status >= 500 or status == 408 or (status == 0 and sentence == "Ok")
    return _refused(status, sentence, replace(diagnosis, failure=Failure.TRANSIENT) if passes else diagnosis)


def _refused(status: int, sentence: str, diagnosis: Diagnosis) -> OrchestratorError:
    if diagnosis.failure is Failure.TRANSIENT:
        return TransientError(f"Earth Engine failed for now (HTTP {status}): {sentence}")
    return RefusedError(f"Earth Engine says: {_advised(sentence, diagnosis)}", diagnosis)


def _slower(sentence: str, diagnosis: Diagnosis, retry_after: float) -> OrchestratorError:
    if diagnosis.failure is Failure.QUOTA:
        message = f"Earth Engine's quota is used up: {_advised(sentence, diagnosis)}"
        return QuotaError(message, quota_returns(datetime.now(UTC)))
    kind = QueueFullError if re.search(QUEUE_FULL, sentence, re.IGNORECASE) else ThrottleError
    message = f"Earth Engine asks for fewer calls: {_advised(sentence, diagnosis)}"
    return kind(message, max(diagnosis.wait_seconds, retry_after))


def _advised(sentence: str, diagnosis: Diagnosis) -> str:
    return f"{sentence} ({diagnosis.advice})" if diagnosis.advice else sentence


def _seconds(retry_after: object) -> float:
    """Read a Retry-After in seconds; a date, or nonsense, counts as not said."""
    text = str(retry_after or "").strip()
    return float(text) if re.fullmatch(r"\d{1,6}", text) else 0.0


def _says_absent(error: NotFoundError, name: str) -> bool:
    """Tell whether a refusal is the service's own word, in Google's shape, that there is no operation `name`."""
    status, _, content = _answer_of(error.__cause__) if error.__cause__ else (0, {}, b"")
    try:
        said = json.loads(content)["error"]
        code, word, sentence = said["code"], said["status"], str(said["message"])
    except (ValueError, KeyError, TypeError):
        return False
    # A project that is gone and a path the service does not serve are 404 too, and say nothing about the operation.
    about = sentence.replace(name, "operation").lower()
    other = "method not found" in about or ("project" in about and "operation" not in about)
    return status == 404 and code == 404 and word == "NOT_FOUND" and not other


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
        return self.once(lambda: read_operation(ee.data.exportImage(request_id, dict(request))))

    def operations(self) -> tuple[Operation, ...]:
        """List every operation of the project, all pages."""
        return self.call(lambda: tuple(read_operation(entry) for entry in ee.data.listOperations()))

    def operation(self, name: str) -> Operation | None:
        """Return the operation called `name`; None only when the service itself says that there is none."""
        try:
            found = self.call(lambda: read_operation(ee.data.getOperation(name)))
        except NotFoundError as error:
            if _says_absent(error, name):
                return None
            raise TransientError(f"whether there is an operation {name} cannot be told: {error}") from error
        if found.name.rpartition("/")[2] != name.rpartition("/")[2]:
            raise TransientError(f"asked for operation {name}, Earth Engine answered about {found.name}")
        return found

    def cancel(self, name: str) -> None:
        """Ask for an operation to end; one that has ended or is unknown is left alone."""
        try:
            self.call(lambda: ee.data.cancelOperation(name))
        except (NotFoundError, PermanentError) as error:
            if isinstance(error, CredentialError):
                raise


def serialise(image: Any) -> str:
    """Return the expression of a computed object as compact JSON, the same for the same object."""
    encoded: dict[str, Any] = ee.serializer.encode(image, for_cloud_api=True)
    return json.dumps(encoded, sort_keys=True, separators=(",", ":"))


def deserialise(text: str) -> Any:
    """Return the computed image that `serialise` wrote."""
    return ee.Image(ee.deserializer.decodeCloudApi(json.loads(text)))
