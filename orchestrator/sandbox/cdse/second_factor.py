"""Codes of a second factor by time (RFC 6238), each of them good for one login."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from datetime import datetime

STEP_SECONDS = 30
DIGITS = 6
STEPS_KEPT = 1  # Keycloak's look-around: a clock may be half a minute off


def code_at(secret: str, moment: datetime, steps: int = 0) -> str:
    """Return the code of a base32 secret at a time, or so many steps after it."""
    counter = struct.pack(">Q", int(moment.timestamp()) // STEP_SECONDS + steps)
    digest = hmac.new(base64.b32decode(secret, casefold=True), counter, hashlib.sha1).digest()
    at = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


class SecondFactor:
    """Accept codes of one secret, each once; not for several threads at a time."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._used: set[tuple[str, str]] = set()

    def accepts(self, user: str, code: str, now: datetime) -> bool:
        """Tell whether a user's code is good now; it will not be a second time. Without a secret, none is needed."""
        if not self._secret:
            return True
        good = {code_at(self._secret, now, step) for step in range(-STEPS_KEPT, STEPS_KEPT + 1)}
        if code not in good or (user, code) in self._used:
            return False
        self._used.add((user, code))
        return True
