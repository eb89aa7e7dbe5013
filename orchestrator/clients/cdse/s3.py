"""Files of products from the bucket `eodata`, by keys of S3 instead of a login (AWS Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from orchestrator.clients.answers import asked_wait, shorten
from orchestrator.clients.cdse.wire import Wire
from orchestrator.core.errors import (
    CredentialError,
    NotFoundError,
    OrchestratorError,
    PermanentError,
    ThrottleError,
    TransientError,
)
from orchestrator.core.log import one_line
from orchestrator.model.files import Asset
from orchestrator.model.ports import Stop

REGION = "default"  # CDSE documentation, S3
_EMPTY = hashlib.sha256(b"").hexdigest()
_UNKNOWN_KEYS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"})


@dataclass(frozen=True, slots=True)
class S3Keys:
    """A pair of keys; the secret is not shown by `repr`."""

    access: str
    secret: str = field(repr=False)


def signed(url: str, headers: Mapping[str, str], keys: S3Keys, now: datetime) -> dict[str, str]:
    """Return the headers of a GET with its signature (AWS Signature Version 4, "Authenticating Requests")."""
    parts, stamp = urlsplit(url), now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    named = {"host": parts.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
    names = ";".join(named)
    canonical = "\n".join(
        ["GET", parts.path, parts.query, *(f"{name}:{value}" for name, value in named.items()), "", names, _EMPTY]
    )
    scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys.secret}".encode()
    for word in scope.split("/"):
        key = _hmac(key, word)
    signature = _hmac(key, text).hex()
    told = f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    sent = {name: value for name, value in named.items() if name != "host"}
    return {**headers, **sent, "Authorization": told}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class S3Way:
    """
    The way of files by S3. Safe to use from several threads.

    Where a product lies in the bucket is asked of the catalogue, once: products that were processed anew lie elsewhere
    than their name would say.
    """

    def __init__(
        self, url: str, keys: S3Keys, wire: Wire, path_of: Callable[[str, Stop], str], now: Callable[[], datetime]
    ) -> None:
        self._url, self._keys, self._wire = url.rstrip("/"), keys, wire
        self._path_of, self._now = path_of, now
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def sign_in(self, stop: Stop) -> str:
        """Ask for the first name in the bucket, and return as whom."""
        what, url = "looking at the bucket of Copernicus", f"{self._url}/eodata?list-type=2&max-keys=1"
        answer = self._wire.ask("GET", url, signed(url, {}, self._keys, self._now()), what, stop)
        if answer.status != 200:
            raise self.refused(answer.status, answer.headers, answer.content, what)
        return f"S3 key {self._keys.access}"

    def prepare(self, asset: Asset, stop: Stop) -> str:
        """Return the address of a file."""
        with self._lock:
            path = self._known.get(asset.product_id)
        if path is None:
            path = self._path_of(asset.product_id, stop)
            with self._lock:
                self._known[asset.product_id] = path
        return f"{self._url}{quote(f'{path}/{asset.path}', safe='/')}"

    def send(self, address: str, headers: Mapping[str, str], what: str, stop: Stop) -> Any:  # noqa: ARG002  as by nodes
        """Return the answer to a GET, its body unread; no redirect is followed."""
        return self._wire.send("GET", address, signed(address, headers, self._keys, self._now()))

    def refused(self, status: int, headers: Mapping[str, str], content: bytes, what: str) -> OrchestratorError:
        """Return the error for an answer that is no success, in S3's XML."""
        text = content.decode("utf-8", "replace")
        code, said = (_element(text, name) for name in ("Code", "Message"))
        message = one_line(f"{what}: HTTP {status} {code}: {shorten(said or content)}", 500)
        if status in (429, 503) or code == "SlowDown":
            return ThrottleError(message, asked_wait(headers))
        if not code or not 400 <= status < 500:
            return TransientError(message)
        if code in _UNKNOWN_KEYS:
            return CredentialError(
                f"{message}; correct `access_key` and `secret_key` under [credentials.cdse], or look at the clock"
            )
        return NotFoundError(message) if status == 404 else PermanentError(message)


def _element(text: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
    return found.group(1) if found else ""
