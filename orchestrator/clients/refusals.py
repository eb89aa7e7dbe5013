"""What a Google service or the way to it refused, said as an error of the house."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import google.api_core.exceptions as api
import google.auth.exceptions as auth
import googleapiclient.errors
import httplib2  # type: ignore[import-untyped]  # ships no types; only its error class is used
import requests
import urllib3.exceptions

from orchestrator.clients.answers import SLOWER, asked_wait, is_proof, shorten
from orchestrator.clients.watch import LIMITS, CallLimits, Watch, watching
from orchestrator.core.errors import (
    CredentialError,
    GenerationError,
    NotFoundError,
    OrchestratorError,
    PermanentError,
    ThrottleError,
    TransientError,
)
from orchestrator.core.log import one_line
from orchestrator.model.ports import Stop

# What the client puts before the service's sentence: who asks has said what for.
_ASKED = re.compile(r"^(?:GET|PUT|POST|PATCH|DELETE) https?://\S+: ")


def refusal(
    status: int, sentence: str, what: str, reason: str = "", *, proved: bool = True, retry_after: str = ""
) -> OrchestratorError:
    """
    Return the error for an HTTP status; `sentence` is the service's own, `what` names the thing asked for.

    `reason` is the machine-readable word that tells a missing right from too many calls, both of them 403. `proved`
    tells whether the answer is the service's: a proxy's page must not say that a thing is gone.
    """
    message = one_line(f"{what}: HTTP {status}: {shorten(sentence)}")
    if not proved:
        return TransientError(f"{message} (the answer is not the service's)")
    kind = _class_of(status, reason)
    if kind is ThrottleError:
        return ThrottleError(message, asked_wait({"retry-after": retry_after}))
    return kind(message)


def _class_of(status: int, reason: str) -> type[OrchestratorError]:
    if status == 429 or (status == 403 and reason in SLOWER):
        return ThrottleError
    if status in {401, 403}:
        return CredentialError
    if status in {404, 410}:
        return NotFoundError
    if status == 412:
        return GenerationError
    # 3xx: we ask for no redirects, so it is a proxy's or a hotel's. 408, 409: the service says to try again.
    if status >= 500 or status in {408, 409} or status < 400:
        return TransientError
    return PermanentError


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """
    Turn every failure of the SDKs and the connection inside the block into an error of the house.

    Raises:
        OrchestratorError: With `what`, the thing asked for, in its message.
    """
    try:
        yield
    except api.GoogleAPICallError as error:
        raise _of_storage(error, what) from error
    except googleapiclient.errors.HttpError as error:
        raise _of_drive(error, what) from error
    except auth.GoogleAuthError as error:
        raise _unknown_person(error, what) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, httplib2.HttpLib2Error, OSError) as error:
        raise _broken_way(error, what) from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # Status 200 with something else than the service's JSON in it: a captive portal, a proxy's page. The SDKs
        # trip over it in as many ways as there are shapes.
        text = one_line(f"{type(error).__name__}: {error}", 200)
        raise TransientError(one_line(f"{what}: the answer has not the shape of the service's: {text}")) from error


@contextmanager
def calling(
    what: str, stop: Stop | None, limits: CallLimits = LIMITS, *, seconds: float | None = None
) -> Iterator[Watch]:
    """
    Watch the calls inside the block as one and turn their failures into errors of the house.

    Raises:
        Stopped: `stop` was set, and the grace is over.
        OrchestratorError: As `refusals`.
    """
    with refusals(what), watching(Watch(what, stop, limits, seconds=seconds)) as watch:
        yield watch


def _of_storage(error: Any, what: str) -> OrchestratorError:
    status, answer = int(error.code or 0), error.response
    proved = answer is None or is_proof(status, answer.content)
    retry_after = "" if answer is None else str(answer.headers.get("retry-after", ""))
    sentence = _ASKED.sub("", str(error.message))
    return refusal(status, sentence, what, _api_reason(error), proved=proved, retry_after=retry_after)


def _of_drive(error: Any, what: str) -> OrchestratorError:
    status = int(error.resp.status)
    proved, retry_after = is_proof(status, error.content), str(error.resp.get("retry-after", ""))
    return refusal(status, str(error.reason), what, _drive_reason(error), proved=proved, retry_after=retry_after)


def _api_reason(error: Any) -> str:
    for entry in error.errors or ():
        if isinstance(entry, dict) and "reason" in entry:
            return str(entry["reason"])
    return ""


def _drive_reason(error: Any) -> str:
    for entry in error.error_details if isinstance(error.error_details, list) else ():
        if isinstance(entry, dict) and "reason" in entry:
            return str(entry["reason"])
    return ""


def _unknown_person(error: Any, what: str) -> OrchestratorError:
    if isinstance(error, auth.TransportError) or error.retryable:
        return TransientError(f"{what}: the token could not be renewed now: {shorten(str(error))}")
    return CredentialError(f"{what}: Google does not accept our credentials: {shorten(str(error))}")


def _broken_way(error: Exception, what: str) -> OrchestratorError:
    text = shorten(f"{type(error).__name__}: {error}")
    # A certificate that does not fit will not fit in a minute either; somebody has to look at it.
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return CredentialError(f"{what}: the server's certificate is not trusted: {text}")
    return TransientError(one_line(f"{what}: {text}"))
