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
from orchestrator.engine.request_limits import RequestLimits
from orchestrator.engine.standing import CATALOGUE, SESSIONS
from orchestrator.engine.stores.contract_limits import SharedLimits
from orchestrator.model.files import FileRoute
from orchestrator.model.ports import Stop

if TYPE_CHECKING:
    from orchestrator.clients.cdse.account import Account
    from orchestrator.clients.cdse.addresses import Addresses
    from orchestrator.clients.cdse.catalogue import ProductCatalogue
    from orchestrator.clients.cdse.nodes import Way
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
        "access_key": given.access_key,
        "secret_key": given.secret_key.get_secret_value(),
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


@dataclass
class Copernicus:
    """What every run of a process shares of Copernicus: one login, connections, sessions, pauses."""

    settings: Settings
    clock: Clock
    policy: RetryPolicy
    store: Callable[[], SharedLimits]
    scope: str = ""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    @cached_property
    def limits(self) -> RequestLimits:
        per_second = self.settings.copernicus.per_minute / 60
        return RequestLimits(
            CATALOGUE + self.scope, _REQUESTS_AT_ONCE, per_second, store=self.store(), clock=self.clock
        )

    @cached_property
    def sessions(self) -> RequestLimits:
        """Places of transfers, shared with every other process of the same state."""
        places = self.settings.copernicus.sessions
        return RequestLimits(SESSIONS + self.scope, places, float("inf"), store=self.store(), clock=self.clock)

    def close(self) -> None:
        """Give up what is shared with other processes."""
        for name in ("limits", "sessions"):
            if name in self.__dict__:
                getattr(self, name).close()

    @cached_property
    def wire(self) -> Wire:
        from orchestrator.clients.cdse.wire import Wire  # noqa: PLC0415

        return Wire(self.settings.copernicus.sessions)

    @cached_property
    def way(self) -> Way:
        """How files are asked for: by S3 where we have its keys, else with a token."""
        from orchestrator.clients.cdse.nodes import NodeWay  # noqa: PLC0415
        from orchestrator.clients.cdse.s3 import S3Keys, S3Way  # noqa: PLC0415
        from orchestrator.clients.cdse.tokens import Tokens  # noqa: PLC0415

        account, addresses = account_of(self.settings), addresses_of(self.settings)
        if account.access_key:
            keys, where = S3Keys(account.access_key, account.secret_key), self.settings.copernicus.s3_url
            return S3Way(where, keys, self.wire, self._made_catalogue().s3_path, self.clock.now)
        return NodeWay(addresses, Tokens(account, addresses.identity, self.wire, self.clock, self.policy), self.wire)

    def catalogue(self) -> ProductCatalogue:
        with self._lock:  # `cached_property` may make two otherwise
            return self._made_catalogue()

    def _made_catalogue(self) -> ProductCatalogue:
        from orchestrator.clients.cdse.catalogue import ProductCatalogue  # noqa: PLC0415

        return ProductCatalogue(addresses_of(self.settings).catalogue, self.wire, self.policy, self.limits.turn)

    def route(self, say: Callable[[str], None]) -> FileRoute:
        """Return the way to catalogue and files; `say` is told that a transfer waits for a session."""
        from orchestrator.clients.cdse.files import FileClient  # noqa: PLC0415
        from orchestrator.routes.files import FilesByNode  # noqa: PLC0415
        from orchestrator.transfer.download import DownloadPolicy  # noqa: PLC0415

        with self._lock:
            wire, way, turn, sessions = self.wire, self.way, self.limits.turn, self.sessions

        @contextmanager
        def session(stop: Stop) -> Iterator[None]:
            with sessions.hold(stop, say):
                yield

        return FilesByNode(
            self.catalogue(),
            FileClient(addresses_of(self.settings), way, wire, self.policy, turn),
            way.sign_in,
            session,
            DownloadPolicy(retry=self.policy),
            self.clock,
            wire.close,
        )
