"""What Keycloak hands out: access and refresh tokens as signed JWTs (RFC 7519), by one key of this process."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

_BITS = 2048
KEY_ID = "sandbox"


def signed(claims: Mapping[str, Any]) -> str:
    """Sign claims with RS256."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415  whoever never logs in waits for no key
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415

    head = _encoded({"alg": "RS256", "typ": "JWT", "kid": KEY_ID})
    body = f"{head}.{_encoded(claims)}"
    return f"{body}.{_base64(_key().sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def certificates() -> dict[str, Any]:
    """Return the public key as a JSON Web Key Set (RFC 7517)."""
    numbers = _key().public_key().public_numbers()
    key = {"kid": KEY_ID, "kty": "RSA", "alg": "RS256", "use": "sig"}
    return {"keys": [{**key, "n": _integer(numbers.n), "e": _integer(numbers.e)}]}


@cache
def _key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    return rsa.generate_private_key(public_exponent=65537, key_size=_BITS)


def _encoded(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _integer(number: int) -> str:
    return _base64(number.to_bytes((number.bit_length() + 7) // 8, "big"))
