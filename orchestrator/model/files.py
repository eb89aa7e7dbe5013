"""Products of a catalogue and the files in them, as they are kept by a service that gives each file by its path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from orchestrator.model.objects import Checksum
from orchestrator.model.ports import Stop

__all__ = ["SENTINEL_2", "Asset", "CatalogueProduct", "Checksum", "FilePiece", "FileRoute", "ProductQuery"]

SENTINEL_2 = "SENTINEL-2"


@dataclass(frozen=True, slots=True)
class Asset:
    """
    A file of a product.

    Attributes:
        product_id: The catalogue's own key of the product.
        product_name: Such as `S2A_MSIL1C_20180101T105441_N0206_R051_T31TDH_20180101T124911.SAFE`.
        path: Inside the product, `/` between its names, such as `GRANULE/L1C_T31TDH_.../IMG_DATA/T31TDH_..._B02.jp2`.
        size: Bytes; None where nobody says.
        checksum: What they add up to; None where nobody says.
    """

    product_id: str
    product_name: str
    path: str
    size: int | None = None
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class CatalogueProduct:
    """
    A product, as the catalogue describes it.

    Attributes:
        id: The catalogue's own key.
        name: See `Asset.product_name`.
        start: When its sensing began, RFC 3339 in UTC as the catalogue writes it, `2018-01-01T10:54:41.000000Z`.
        size: Bytes of all its files; 0 where the catalogue does not know.
        online: Whether its files can be had now.
        checksums: Of the product as one archive; often none.
        footprint: What it covers, GeoJSON in longitude and latitude (EPSG:4326); None where the catalogue has none.
        attributes: Its other properties by name: `cloudCover` (percent), `tileId`, `productType`, ...
    """

    id: str
    name: str
    start: str
    size: int = 0
    online: bool = True
    checksums: tuple[Checksum, ...] = ()
    footprint: Mapping[str, Any] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProductQuery:
    """
    Which products are asked for: those that meet every condition.

    Attributes:
        start: Sensing begins then or later; UTC.
        end: ... and before then; UTC.
        product_types: One of them, such as `S2MSI1C` and `S2MSI2A`; none is every type.
        tile: MGRS tile without its T, `31TDH`; empty is every tile.
        area: A GeoJSON geometry in longitude and latitude that the product's footprint meets; None is the Earth.
        cloud_min: Least cloud cover in percent; None is no bound.
        cloud_max: Greatest cloud cover in percent; None is no bound.
        orbit: Relative orbit; None is every orbit.
        name_parts: Texts that the name contains.
        collection: The catalogue's name of the mission.
    """

    start: datetime
    end: datetime
    product_types: tuple[str, ...] = ()
    tile: str = ""
    area: Mapping[str, Any] | None = None
    cloud_min: float | None = None
    cloud_max: float | None = None
    orbit: int | None = None
    name_parts: tuple[str, ...] = ()
    collection: str = SENTINEL_2


@dataclass(frozen=True, slots=True)
class FilePiece:
    """
    A file that arrived whole.

    Attributes:
        size: Bytes.
        sha256: Of what lies on the disk.
        checksum: The service's own, which the bytes were compared with; None where none is known.
        at: When it was complete, RFC 3339.
        bytes_read: What came over the network for it in this call, wrong and repeated bytes included.
        resumed_at: Bytes that an earlier process had left.
    """

    size: int
    sha256: str
    checksum: Checksum | None
    at: str
    bytes_read: int = 0
    resumed_at: int = 0


class FileRoute(Protocol):
    """The way to a catalogue and to the files of its products. Safe to use from several threads."""

    @property
    def name(self) -> str: ...

    def sign_in(self, stop: Stop) -> str:
        """
        Make sure that files can be had, and return as whom; searching needs nobody.

        Raises:
            CredentialError: The service does not take us; says what to do.
            TransientError: It does not answer.
        """

    def search(self, query: ProductQuery, stop: Stop) -> Iterator[CatalogueProduct]:
        """
        Yield the products of a query, each once, all of them, in the order of sensing within each product type.

        Raises:
            UserError: The query cannot be asked.
            TransientError: The list did not become complete: as many products as the catalogue counts.
        """

    def manifest(self, product: CatalogueProduct, stop: Stop) -> bytes:
        """
        Return the product's list of its own files, a `manifest.safe`; only id and name of the product are looked at.

        Raises:
            NotFoundError: The product is gone, or has none.
        """

    def files(self, product: CatalogueProduct, stop: Stop) -> tuple[Asset, ...]:
        """Return the files that the product's manifest lists, with sizes and checksums; asks for it each time."""

    def fetch(self, asset: Asset, target: Path, stop: Stop, received: Callable[[int], None]) -> FilePiece:
        """
        Bring a file to `target`, whole and verified, or raise; `target` never holds anything less.

        A broken transfer is resumed, also by the next process. `received` is told the bytes of each read. Waits for
        one of the sessions that the service allows, over all processes of the machine.

        Raises:
            CredentialError: The service does not know us, or does not let us; the message says what to do.
            NotFoundError: The service has no such file.
            ThrottleError: The service asked for a pause.
            IntegrityError: The bytes stayed other than size and checksum say.
            SpaceError: The disk is full; what came stays for the next start.
            Stopped: `stop` was set; what came stays for the next start.
            TransientError: The retries ran out; what came stays for the next start.
        """

    def close(self) -> None:
        """Give up idle connections."""
