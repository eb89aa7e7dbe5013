"""What a Copernicus Data Space on loopback serves, to whom, and within which limits."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.sandbox.cdse.products import Products

ACCOUNT = {"user": "password"}
CLIENT = {"sandbox": "sandbox"}
PUBLIC_CLIENT = "cdse-public"


class CopernicusError(ValueError):
    """Settings that cannot be; the message names them."""


@dataclass(frozen=True, slots=True)
class Copernicus:
    """
    Attributes:
        folder: SAFE trees that are served; None leaves it to `products`.
        products: A catalogue made by hand; None and no folder is the invented Earth's.
        seed: Of the invented Earth.
        cut: What invented products show of their tile: `ROW,COL,ROWS,COLS` in pixels of 60 m, or `whole`; empty is
            10.8 km in the middle.
        port: Of the download host; 0 lets the system choose.
        accounts: Passwords by user name.
        clients: Secrets by client id, of the grant client_credentials.
        totp_secret: Base32 of the second factor of every account (RFC 6238, six digits, 30 seconds); empty is none.
        client_downloads: Whether a token of client_credentials opens downloads; the service refuses it (DAT-ZIP-609).
        token_seconds: How long an access token lives.
        session_seconds: How long a login lasts, however often it is refreshed.
        sessions: Logins of one user that live at once.
        at_once: Transfers of one user under way at once, beyond which there is 429.
        per_minute: Requests of one user to the download host within a minute; None is without limit.
        s3_keys: Secrets by access key, of the S3 endpoint.
    """

    folder: Path | None = None
    products: Products | None = None
    seed: int = 0
    cut: str = ""
    port: int = 0
    accounts: Mapping[str, str] = field(default_factory=lambda: dict(ACCOUNT))
    clients: Mapping[str, str] = field(default_factory=lambda: dict(CLIENT))
    totp_secret: str = ""
    client_downloads: bool = False
    token_seconds: int = 600
    session_seconds: int = 3600
    sessions: int = 100
    at_once: int = 4
    per_minute: int | None = None
    s3_keys: Mapping[str, str] = field(default_factory=lambda: dict(CLIENT))

    def __post_init__(self) -> None:
        """Refuse what is none of the choices."""
        for name in ("token_seconds", "session_seconds", "sessions", "at_once"):
            if (value := getattr(self, name)) < 1:
                raise CopernicusError(f"{name} is {value!r}; give a positive whole number")
        if self.per_minute is not None and self.per_minute < 1:
            raise CopernicusError(f"per_minute is {self.per_minute!r}; give a positive whole number, or None")
        try:
            base64.b32decode(self.totp_secret, casefold=True)
        except binascii.Error as error:
            raise CopernicusError("the second factor's secret is no base32, such as JBSWY3DPEHPK3PXP") from error
