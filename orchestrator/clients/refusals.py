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

from orchestrator.core.errors import (
    CredentialError,
    GenerationError,
    NotFoundError,
    OrchestratorError,
    PermanentError,
    ThrottleError,
    TransientError,
)

# Reasons under status 403 that mean "slower", not "no" (Drive API: Resolve errors; Cloud Storage: HTTP status codes).
# A daily or storage quota is not among them: waiting a minute does not help there.
_SLOWER = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"})
_TEXT_LIMIT = 300


def refusal(status: int, sentence: str, what: str, reason: str = "") -> OrchestratorError:
    """
    Return the error for an HTTP status; `sentence` is the service's own, `what` names the thing asked for.

    `reason` is the machine-readable word that tells a missing right from too many calls, both of them 403.
    """
    message = f"{what}: HTTP {status}: {_shorten(sentence)}"
    return _class_of(status, reason)(message)


def _class_of(status: int, reason: str) -> type[OrchestratorError]:
    if status == 429 or (status == 403 and reason in _SLOWER):
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


def _shorten(text: str) -> str:
    """Return a service's text as one line; an HTML page is told by its title or its first words."""
    title = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    line = " ".join((title.group(1) if title else text).split())
    return line[:_TEXT_LIMIT] or "no explanation"


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
        raise refusal(int(error.code or 0), str(error.message), what, _api_reason(error)) from error
    except googleapiclient.errors.HttpError as error:
        raise refusal(int(error.resp.status), str(error.reason), what, _drive_reason(error)) from error
    except auth.GoogleAuthError as error:
        raise _unknown_person(error, what) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, httplib2.HttpLib2Error, OSError) as error:
        raise _broken_way(error, what) from error
    except ValueError as error:
        # Status 200 with something else than the service's JSON in it: a captive portal, a proxy's page.
        raise TransientError(f"{what}: the answer has not the shape of the service's: {error!r}") from error


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
        return TransientError(f"{what}: the token could not be renewed now: {_shorten(str(error))}")
    return CredentialError(f"{what}: Google does not accept our credentials: {_shorten(str(error))}")


def _broken_way(error: Exception, what: str) -> OrchestratorError:
    text = _shorten(f"{type(error).__name__}: {error}")
    # A certificate that does not fit will not fit in a minute either; somebody has to look at it.
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return PermanentError(f"{what}: the server's certificate is not trusted: {text}")
    return TransientError(f"{what}: {text}")
