"""The Copernicus Data Space as a whole: where its parts are joined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.sandbox.cdse.catalogue_routes import ROOT, CatalogueRoutes
from orchestrator.sandbox.cdse.identity import Identity
from orchestrator.sandbox.cdse.identity_routes import TOKEN, IdentityRoutes
from orchestrator.sandbox.cdse.node_routes import DownloadRoutes, RedirectRoutes
from orchestrator.sandbox.cdse.products import Products
from orchestrator.sandbox.cdse.s3_routes import S3Routes
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.cdse.transfers import Transfers
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.web import Route


class CopernicusService:
    """
    Identity and catalogue on one host, downloads on another.

    Attributes:
        identity: Who is logged in.
        transfers: What was sent, and how much of it at once.
    """

    def __init__(self, settings: Copernicus, products: Products, clock: Clock, download_url: Callable[[], str]) -> None:
        self._settings = settings
        self.products = products
        self.identity = Identity(settings, clock)
        self.transfers = Transfers(settings, clock)
        self._download_url = download_url

    def routes(self) -> list[Route]:
        """What the first host answers."""
        return [
            *IdentityRoutes(self.identity).routes(),
            *RedirectRoutes(self.identity, self._download_url).routes(),
            *CatalogueRoutes(self.products).routes(),
        ]

    def download_routes(self) -> list[Route]:
        """What the second host answers."""
        s3 = S3Routes(self.products, self._settings, self.transfers)
        return [*DownloadRoutes(self.products, self.identity, self.transfers).routes(), *s3.routes()]

    def urls(self, base_url: str) -> dict[str, str]:
        """Where everything is, with the first host at `base_url`."""
        download = self._download_url()
        return {
            "catalogue": base_url + ROOT,
            "download": download + ROOT,
            "identity": base_url + TOKEN,
            "s3": download,
        }

    def report(self) -> dict[str, Any]:
        """Show logins and transfers."""
        return {**self.identity.report(), **self.transfers.report()}
