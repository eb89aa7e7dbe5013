"""Files of Copernicus: searched in the catalogue, listed by their product's manifest, brought one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from orchestrator.clients.cdse.catalogue import ProductCatalogue
from orchestrator.clients.cdse.files import FileClient, Opener, describe
from orchestrator.core import log as logs
from orchestrator.core.clock import Clock
from orchestrator.core.digests import ALGORITHMS
from orchestrator.core.errors import TransientError, UserError
from orchestrator.core.files import sha256_of
from orchestrator.model.files import Asset, CatalogueProduct, Checksum, FilePiece, ProductQuery
from orchestrator.model.objects import StoredObject
from orchestrator.model.ports import Stop
from orchestrator.safe.manifest import read_manifest
from orchestrator.transfer.download import DownloadPolicy, Receipt, download
from orchestrator.transfer.unfinished import part_path

log = logs.get(__name__)

MANIFEST = "manifest.safe"
# Waits until a transfer may begin, and holds its place until the block ends.
HeldSession = Callable[[Stop], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class FilesByNode:
    """
    The `FileRoute` of the Copernicus Data Space: each file by its node of the product's tree, never a whole archive.

    Attributes:
        catalogue: Which products there are.
        client: Their files.
        login: Logs in where we are not, and returns as whom.
        session: One of the transfers that the account may have at once.
        policy: How long a transfer puts up with a bad network.
        clock: Says when a file was complete.
        end: Gives up idle connections.
    """

    catalogue: ProductCatalogue
    client: FileClient
    login: Callable[[Stop], str]
    session: HeldSession
    policy: DownloadPolicy
    clock: Clock
    end: Callable[[], None]
    name: str = "files"

    def sign_in(self, stop: Stop) -> str:
        """See `FileRoute`."""
        return self.login(stop)

    def search(self, query: ProductQuery, stop: Stop) -> Iterator[CatalogueProduct]:
        """See `FileRoute`."""
        return self.catalogue.search(query, stop)

    def manifest(self, product: CatalogueProduct, stop: Stop) -> bytes:
        """See `FileRoute`."""
        with self.session(stop):
            return self.client.content(Asset(product.id, product.name, MANIFEST), stop)

    def files(self, product: CatalogueProduct, stop: Stop) -> tuple[Asset, ...]:
        """See `FileRoute`."""
        try:
            found = read_manifest(self.manifest(product, stop), product.name)
        except UserError as error:
            raise TransientError(f"{error}; it was asked for just now, and may come whole the next time") from error
        return tuple(
            Asset(product.id, product.name, file.path, file.size, Checksum(file.algorithm, file.checksum))
            for file in found
        )

    def fetch(self, asset: Asset, target: Path, stop: Stop, received: Callable[[int], None]) -> FilePiece:
        """See `FileRoute`."""
        with self.session(stop):
            size = self.client.size_of(asset, stop) if asset.size is None else asset.size
            source = _stored(asset, size)
            opener = Opener(self.client, asset, size, stop)
            if source.size_alone:  # what an earlier process left cannot be proved to be of the same content
                part_path(target, source.generation).unlink(missing_ok=True)
            receipt = download(
                source,
                opener.open,
                target,
                on_bytes=received,
                stop=stop,
                policy=self.policy,
                clock=self.clock,
                service=opener,
            )
        return self._piece(source, target, receipt, stop)

    def close(self) -> None:
        """Give up idle connections."""
        self.end()

    def _piece(self, source: StoredObject, target: Path, receipt: Receipt, stop: Stop) -> FilePiece:
        log.debug("file.downloaded", name=source.name, bytes=source.size, failures=receipt.failures)
        return FilePiece(
            size=source.size,
            sha256=sha256_of(target, stop),
            checksum=source.checksum,
            at=self.clock.now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            bytes_read=receipt.bytes_read,
            resumed_at=receipt.resumed_at,
        )


def _stored(asset: Asset, size: int) -> StoredObject:
    """Return what a transfer is told: a checksum that nobody here can compute is as good as none."""
    known = asset.checksum if asset.checksum is not None and asset.checksum.algorithm in ALGORITHMS else None
    return StoredObject(
        describe(asset),
        size,
        generation=known.value if known else f"size-{size}",
        checksum=known,
        size_alone=known is None,
    )
