"""What a test of a program for Copernicus is given: a running sandbox, its addresses, and what was fetched from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

from orchestrator.sandbox.cdse.second_factor import code_at
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.cdse_errors import TOO_MANY_SESSIONS
from orchestrator.sandbox.ordered import OrderedSandbox
from orchestrator.sandbox.server import Options, Sandbox
from orchestrator.sandbox.sources import catalogue

_SETTINGS = tuple(each.name for each in fields(Copernicus))


@dataclass(frozen=True, slots=True)
class Fetched:
    """
    Attributes:
        size: Of the file, in bytes.
        transfers: How often it, or a range of it, was asked for and sent.
        bytes: How many bytes left in all of them.
    """

    size: int
    transfers: int
    bytes: int


class CopernicusSandbox(OrderedSandbox):
    """The Copernicus Data Space on loopback: an identity provider, a catalogue, and a second host with the files."""

    @property
    def catalogue_url(self) -> str:
        """Above `Products`."""
        return self.sandbox.copernicus_urls["catalogue"]

    @property
    def download_url(self) -> str:
        """Above `Products`, on the host that has the files."""
        return self.sandbox.copernicus_urls["download"]

    @property
    def token_url(self) -> str:
        """Where tokens are given."""
        return self.sandbox.copernicus_urls["identity"]

    @property
    def s3_url(self) -> str:
        """The endpoint of S3; the bucket is `eodata`, in the path style."""
        return self.sandbox.copernicus_urls["s3"]

    @property
    def login(self) -> tuple[str, str]:
        """The name and password of an account."""
        return next(iter(self._settings.accounts.items()))

    @property
    def s3_keys(self) -> tuple[str, str]:
        """An access key and its secret."""
        return next(iter(self._settings.s3_keys.items()))

    def second_factor(self) -> str:
        """
        Return the six digits that are good now.

        Raises:
            ValueError: The accounts have no second factor.
        """
        if not self._settings.totp_secret:
            raise ValueError("accounts have no second factor; start the sandbox with a totp_secret")
        return code_at(self._settings.totp_secret, self.clock.now())

    def too_many_sessions(self, call: str = "cdse.nodes.value", **order: Any) -> int:
        """Let the next calls be refused as those of too many connections are: 429, DAT-ZIP-100. More as of `fail`."""
        return self.fail(call, http=429, message=TOO_MANY_SESSIONS[1], **order)

    def log_out(self) -> None:
        """End every login: access and refresh tokens are good for nothing from here on."""
        self.sandbox.copernicus.identity.end_all()

    @property
    def logins(self) -> int:
        """How often somebody logged in with a password."""
        return int(self._report()["grants"].get("password", 0))

    @property
    def fetched(self) -> Mapping[str, Fetched]:
        """What was sent, by `NAME.SAFE/path`, once nothing is under way."""
        return {name: Fetched(**told) for name, told in self._report()["files"].items()}

    @property
    def most_at_once(self) -> int:
        """The greatest number of one user's transfers at once."""
        return int(self._report()["mostAtOnce"])

    @property
    def _settings(self) -> Copernicus:
        return self.sandbox.options.copernicus

    def _report(self) -> Mapping[str, Any]:
        self.sandbox.copernicus.transfers.wait_idle()
        return self.sandbox.copernicus.report()


def settings_of(usual: Copernicus, changes: Mapping[str, Any]) -> Copernicus:
    """
    Return settings after a marker's word.

    Raises:
        ValueError: A name is unknown, or its value is none that can be had.
    """
    if unknown := sorted(set(changes) - set(_SETTINGS)):
        raise ValueError(f"Copernicus has no setting {unknown[0]!r}; it has {', '.join(_SETTINGS)}")
    folder = changes.get("folder", usual.folder)
    path = Path(folder) if isinstance(folder, (str, PathLike)) else folder
    return replace(usual, **{**changes, "folder": path})


@contextmanager
def running(settings: Copernicus) -> Iterator[CopernicusSandbox]:
    """
    Run a sandbox; its Earth Engine is there, too, and nobody is pointed at it.

    Raises:
        ValueError: The folder cannot be served.
    """
    sandbox = Sandbox(catalogue(None, settings.seed), Options(copernicus=settings))
    with sandbox:
        yield CopernicusSandbox(sandbox)
