"""Checksums that a caller sends with its bytes, held against those of what arrived."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.blobs import Blob
from orchestrator.sandbox.web import ApiError, ProtocolViolation


def declared(body: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, str]:
    """
    Return the checksums that a body (`crc32c`, `md5Hash`) and headers (`x-goog-hash`, `Content-MD5`) declare.

    Raises:
        ProtocolViolation: If one is no checksum in base64.
    """
    found = {name: body[field] for name, field in (("crc32c", "crc32c"), ("md5", "md5Hash")) if body.get(field)}
    for part in headers.get("x-goog-hash", "").split(","):
        name, _, value = part.strip().partition("=")
        if value:
            found[name] = value
    if "content-md5" in headers:
        found["md5"] = headers["content-md5"].strip()
    for name, value in found.items():
        _check_form(name, value)
    return found


def check(wanted: Mapping[str, str], blob: Blob) -> None:
    """
    Raises:
        ApiError: 400 if the bytes have another checksum than was declared.
    """
    for name, found in (("crc32c", blob.crc32c), ("md5", blob.md5)):
        if wanted.get(name, found) != found:
            raise ApiError(
                400,
                f'Provided {name} hash "{wanted[name]}" doesn\'t match calculated {name} hash "{found}".',
                code="BadDigest",
            )


def _check_form(name: str, value: Any) -> None:
    size = {"crc32c": 4, "md5": 16}.get(name)
    try:
        fits = size is not None and len(base64.b64decode(value, validate=True)) == size
    except (TypeError, ValueError, binascii.Error):
        fits = False
    if not fits:
        raise ProtocolViolation(f"Invalid value for the checksum {name}: {value!r}; expected base64 of {size} bytes.")
