"""The way to Copernicus, made of the settings: who we are, where it is, and what all runs share of the account."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.config import Settings
from orchestrator.core.clock import Clock
from orchestrator.core.retry import RetryPolicy
from orchestrator.core.slots import Slots
from orchestrator.engine.request_limits import RequestLimits
from orchestrator.model.files import FileRoute
from orchestrator.model.ports import Stop

if TYPE_CHECKING:
    from orchestrator.clients.cdse.account import Account
    from orchestrator.clients.cdse.addresses import Addresses
    from orchestrator.clients.cdse.catalogue import ProductCatalogue
    from orchestrator.clients.cdse.tokens import Tokens
    from orchestrator.clients.cdse.wire import Wire

# Requests under way at once for the catalogue and listings; transfers have sessions, which are fewer.
_REQUESTS_AT_ONCE = 8


def account_of(settings: Settings) -> Account:
    """
    Return who we are to Copernicus.

    Raises:
        ConfigError: The key file, or half an account; no secret is in the message.
    """
    from orchestrator.clients.cdse.account import account_for  # noqa: PLC0415

    given = settings.credentials.cdse
    told = {
        "user": given.user,
        "password": given.password.get_secret_value(),
        "totp": given.totp.get_secret_value(),
        "client_id": given.client_id,
        "client_secret": given.client_secret.get_secret_value(),
    }
    key_file = Path(given.key_file).expanduser() if given.key_file else None
    return account_for(told, key_file, url=settings.copernicus.url)


def addresses_of(settings: Settings) -> Addresses:
    """
    Return where Copernicus is.

    Raises:
        ConfigError: What is set is no address.
    """
    from orchestrator.clients.cdse.addresses import Addresses, sandbox_addresses  # noqa: PLC0415

    given = settings.copernicus
    if given.url:
        return sandbox_addresses(given.url)
    hosts = frozenset(host.strip().lower() for host in given.hosts.split(",") if host.strip())
    return Addresses(given.catalogue_url, given.download_url, given.identity_url, hosts)


def sessions_of(settings: Settings) -> Slots:
    """Return the places of transfers, shared with every other process that has the same state folder."""
    folder = settings.state_dir / "copernicus" / settings.services["copernicus"]
    return Slots(folder, settings.copernicus.sessions, "sessions of Copernicus")


@dataclass
class Copernicus:
    """What every run of a process shares of Copernicus: one login, connections, sessions, pauses."""

    settings: Settings
    clock: Clock
    policy: RetryPolicy

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    @cached_property
    def limits(self) -> RequestLimits:
        return RequestLimits(_REQUESTS_AT_ONCE, self.settings.copernicus.per_minute / 60, self.clock)

    @cached_property
    def sessions(self) -> Slots:
        return sessions_of(self.settings)

    @cached_property
    def wire(self) -> Wire:
        from orchestrator.clients.cdse.wire import Wire  # noqa: PLC0415

        return Wire(self.settings.copernicus.sessions)

    @cached_property
    def tokens(self) -> Tokens:
        from orchestrator.clients.cdse.tokens import Tokens  # noqa: PLC0415

        addresses = addresses_of(self.settings)
        return Tokens(account_of(self.settings), addresses.identity, self.wire, self.clock, self.policy)

    def catalogue(self) -> ProductCatalogue:
        from orchestrator.clients.cdse.catalogue import ProductCatalogue  # noqa: PLC0415

        with self._lock:  # `cached_property` may make two otherwise
            wire, turn = self.wire, self.limits.turn
        return ProductCatalogue(addresses_of(self.settings).catalogue, wire, self.policy, turn)

    def route(self, say: Callable[[str], None]) -> FileRoute:
        """Return the way to catalogue and files; `say` is told that a transfer waits for a session."""
        from orchestrator.clients.cdse.files import FileClient  # noqa: PLC0415
        from orchestrator.routes.files import FilesByNode  # noqa: PLC0415
        from orchestrator.transfer.download import DownloadPolicy  # noqa: PLC0415

        addresses = addresses_of(self.settings)
        with self._lock:
            wire, tokens, turn, sessions = self.wire, self.tokens, self.limits.turn, self.sessions

        @contextmanager
        def session(stop: Stop) -> Iterator[None]:
            with sessions.hold(stop, say):
                yield

        return FilesByNode(
            self.catalogue(),
            FileClient(addresses, tokens, wire, self.policy, turn),
            tokens.sign_in,
            session,
            DownloadPolicy(retry=self.policy),
            self.clock,
            wire.close,
        )
