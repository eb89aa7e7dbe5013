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
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import ee
import google.auth.exceptions

from orchestrator.clients.answers import Pages, asked_wait, asks_for_fewer, google_error, is_proof, read_object, shorten
from orchestrator.clients.operations import read_operation
from orchestrator.clients.probe import probe
from orchestrator.clients.sentences import ALREADY_STARTED, QUEUE_FULL, diagnose
from orchestrator.clients.session import CLIENT, PUBLIC_URL, Session
from orchestrator.clients.transport import Transport
from orchestrator.clients.watch import LIMITS, CallLimits, Watch, watching
from orchestrator.core import log as logs
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
from orchestrator.core.retry import RetryPolicy, retrying
from orchestrator.model.batch import AlreadyStartedError, Operation
from orchestrator.model.ports import Diagnosis, RefusedError, Stop
from orchestrator.model.states import Failure

T = TypeVar("T")
log = logs.get(__name__)

# Operations of one list; the queue holds 3,000 for each user, the history some days of them.
MAX_OPERATIONS = 200_000
_SENTENCE_LIMIT = 2_000
_QUOTA_HEADER = "x-earth-engine-quota-status"


def _answer_of(error: BaseException) -> tuple[int, Mapping[str, Any], bytes]:
    """Return the HTTP status an EEException came from, or 0, the headers and the body."""
    source = error.__context__
    response = getattr(source, "resp", None)
    content = getattr(source, "content", b"")
    headers = response if isinstance(response, Mapping) else {}
    return int(getattr(response, "status", 0) or 0), headers, content if isinstance(content, bytes) else b""


def translate(error: Exception) -> OrchestratorError:
    """Return the error of our tree that says who must act on `error`, with the service's own sentence."""
    sentence = shorten(str(error), _SENTENCE_LIMIT)
    if not isinstance(error, ee.EEException):
        return _without_answer(error, sentence)
    status, headers, content = _answer_of(error)
    if not is_proof(status, content):
        return TransientError(f"an answer with HTTP {status} that is not Earth Engine's: {sentence}")
    if status == 403 and asks_for_fewer(content):
        return _slower(sentence, diagnose(sentence, call=True), asked_wait(headers))
    return _translate_status(status, sentence, asked_wait(headers))


def _without_answer(error: Exception, sentence: str) -> OrchestratorError:
    if "CERTIFICATE_VERIFY_FAILED" in sentence:  # it will not fit in a minute either
        return CredentialError(f"Earth Engine's certificate is not trusted: {sentence}")
    if isinstance(error, google.auth.exceptions.TransportError | ConnectionError | TimeoutError):
        return TransientError(f"Earth Engine cannot be reached: {sentence}")
    if isinstance(error, google.auth.exceptions.GoogleAuthError):
        if error.retryable:
            return TransientError(f"the token for Earth Engine could not be renewed now: {sentence}")
        return CredentialError(f"Earth Engine does not accept the credentials: {sentence}")
    # 200 with a body that is no answer: a captive portal or a broken proxy.
    return TransientError(f"Earth Engine's answer could not be read ({type(error).__name__}: {sentence})")


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
    # 409 is ABORTED or ALREADY_EXISTS: what was sent may have been done, and is looked for before it is sent again.
    passes = status >= 500 or status in {408, 409} or (status == 0 and sentence == "Ok")
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


def _says_absent(error: NotFoundError, name: str) -> bool:
    """Tell whether a refusal is the service's own word, in Google's shape, that there is no operation `name`."""
    status, _, content = _answer_of(error.__cause__) if error.__cause__ else (0, {}, b"")
    said = google_error(content)
    if said is None or (status, said["code"], said.get("status")) != (404, 404, "NOT_FOUND"):
        return False
    # A project that is gone and a path the service does not serve are 404 too, and say nothing about the operation.
    about = str(said["message"]).replace(name, "operation").lower()
    return "method not found" not in about and ("project" not in about or "operation" in about)


def _unheard(_quota_status: str | None) -> None:
    pass


class EarthEngine:
    """
    A connection to one Earth Engine, Google's or another, for one project.

    Attributes:
        restricted: Whether the last answer said that the project is in restricted mode, where tasks hardly start.
        quota_status: The header of the quota as the last answer that had one told it.
    """

    def __init__(
        self,
        *,
        project: str,
        credentials: Any,
        url: str | None,
        stop: Stop,
        policy: RetryPolicy | None = None,
        limits: CallLimits = LIMITS,
        heard: Callable[[str | None], None] = _unheard,
    ) -> None:
        """
        Connect, if nobody in this process has yet.

        Raises:
            UnreachableError: Nobody answers at the address; said within seconds.
        """
        self.project = project
        self.restricted = False
        self.quota_status: str | None = None
        self._stop, self._limits, self._heard = stop, limits, heard
        self._base = (url or PUBLIC_URL).rstrip("/")
        self._call = retrying(policy or RetryPolicy(), stop)
        self._initialise(project, credentials, url)

    def _initialise(self, project: str, credentials: Any, url: str | None) -> None:
        """Initialise the client, whose state is one per process, once for each service."""

        def sign_in() -> None:
            EarthEngine(project=project, credentials=credentials, url=url, stop=threading.Event())

        def initialise(transport: Transport) -> None:
            probe(url or PUBLIC_URL, "Earth Engine", self._stop)
            self.call(
                lambda: ee.Initialize(credentials=credentials, project=project, url=url, http_transport=transport)
            )

        CLIENT.open(Session(url or PUBLIC_URL, project, sign_in), initialise)

    def close(self) -> None:
        """Give up idle connections; the next call would open new ones."""
        CLIENT.transport.close()

    def call(self, function: Callable[[], T]) -> T:
        """Run `function`, with retries while it fails for a reason that passes, in our errors."""
        return self._call(lambda: self.once(function))

    @property
    def address(self) -> str:
        """Where the service is, without a slash at the end."""
        return self._base

    def once(
        self, function: Callable[[], T], *, seconds: float | None = None, pages: Callable[[], Pages] | None = None
    ) -> T:
        """
        Run `function` a single time, in our errors: for effects whose repetition must be decided above.

        It ends within `seconds`, or what the limits give a call, and some seconds after a stop. With `pages`, its
        answers are pages of a list.
        """

        def look(answer: Any) -> None:
            self._look(answer, list_of)

        list_of = pages() if pages else None
        return self.watched(function, Watch("Earth Engine", self._stop, self._limits, seconds=seconds, on_answer=look))

    def watched(self, function: Callable[[], T], watch: Watch) -> T:
        """Run `function` a single time under a watch of the caller's, in our errors."""
        try:
            with watching(watch):
                return function()
        except OrchestratorError:
            raise
        except Exception as error:  # the client raises built-ins too (ConnectionError, TypeError, KeyError)
            raise translate(error) from error

    def _look(self, answer: Any, pages: Pages | None) -> None:
        """Check the shape of an answer before the client takes it for what it expects."""
        if not answer.url.startswith(self._base):  # a token is asked for elsewhere, in the middle of our call
            return
        self.note(answer)
        if answer.status_code == 200:
            content = read_object(answer.content, "Earth Engine")
            if pages is not None and answer.request.method == "GET":
                pages.check(content)

    def note(self, answer: Any) -> None:
        """Take note of what an answer says about the project."""
        said = answer.headers.pop(_QUOTA_HEADER, None)  # the client would warn on standard error, each time
        if said is not None:
            self.quota_status = str(said)
            self._note_restriction("parallelism_restricted=true" in said)
        self._heard(said)

    def _note_restriction(self, restricted: bool) -> None:
        if restricted and not self.restricted:
            log.warning("earthengine.restricted", project=self.project, meaning="tasks start a few a day")
        self.restricted = restricted

    def value(self, computed: Any) -> Any:
        """Return what a computed object is."""
        return self.call(computed.getInfo)

    def export(self, request_id: str, request: Mapping[str, Any]) -> Operation:
        """Start an image export once; no retry here, since a lost answer must be looked up first."""
        return self.once(lambda: read_operation(ee.data.exportImage(request_id, dict(request))))

    def operations(self) -> tuple[Operation, ...]:
        """List every operation of the project, all pages."""

        def every() -> tuple[Operation, ...]:
            return tuple(read_operation(entry) for entry in ee.data.listOperations())

        def pages() -> Pages:
            others, most = frozenset({"unreachable"}), self._limits.pages
            return Pages("listing operations", "operations", others, entries=MAX_OPERATIONS, pages=most)

        return self._call(lambda: self.once(every, seconds=self._limits.list_seconds, pages=pages))

    def slots(self) -> int | None:
        """Return how many export tasks of the project the service runs at once; None where it does not say."""
        config = self.call(ee.data.getProjectConfig)
        found = config.get("maxConcurrentExports") or config.get("planMaxConcurrentExports")
        return int(found) if found else None

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
