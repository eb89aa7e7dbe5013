"""Signatures of S3 requests (AWS Signature Version 4), as a server checks them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote

from orchestrator.sandbox.web import ApiError, Request, not_imitated

ALGORITHM = "AWS4-HMAC-SHA256"
_HEADER = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<key>[^/,]+)/(?P<scope>\d{{8}}/[^/,]+/s3/aws4_request),\s*"
    r"SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


def signer(request: Request, keys: Mapping[str, str]) -> str:
    """
    Return the access key that a request is signed with.

    Raises:
        ApiError: 403 if it is not signed, by an unknown key, or wrongly.
    """
    if "X-Amz-Signature" in request.query:
        raise not_imitated("S3 links that are signed beforehand")
    found = _HEADER.fullmatch(request.headers.get("authorization", "").strip())
    if found is None:
        raise ApiError(403, "Access Denied", code="AccessDenied")
    if found["key"] not in keys:
        raise ApiError(403, f"The access key {found['key']} does not exist", code="InvalidAccessKeyId")
    wanted = signature(request, found["headers"].split(";"), found["scope"], keys[found["key"]])
    if not hmac.compare_digest(wanted, found["signature"]):
        raise ApiError(403, "The signature does not match the request", code="SignatureDoesNotMatch")
    return found["key"]


def signature(request: Request, headers: list[str], scope: str, secret: str) -> str:
    """Sign a request with its own headers and time."""
    digest = hashlib.sha256(_canonical(request, headers).encode()).hexdigest()
    text = "\n".join((ALGORITHM, request.headers.get("x-amz-date", ""), scope, digest))
    key = f"AWS4{secret}".encode()
    for each in scope.split("/"):
        key = hmac.digest(key, each.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _canonical(request: Request, headers: list[str]) -> str:
    queries = sorted((_quoted(name), _quoted(each)) for name, values in request.queries.items() for each in values)
    lines = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in headers]
    payload = request.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    query = "&".join(f"{name}={value}" for name, value in queries)
    return "\n".join((request.method, request.path, query, "".join(lines), ";".join(headers), payload))


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
