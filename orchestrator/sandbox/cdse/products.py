"""What a catalogue of products is: light records, and the files behind one of them when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Union

import shapely
from shapely.geometry.base import BaseGeometry

# A folder: names with what they are, another folder or a file of so many bytes.
Tree = Mapping[str, Union["Tree", int]]
COLLECTION = "SENTINEL-2"
_SRID = "SRID=4326;"


@dataclass(frozen=True)
class Product:
    """
    A record of the catalogue, as OData has it; no file is touched for it.

    Attributes:
        record: With `Attributes`; `Id`, `Name`, `ContentDate` are there, the rest may be empty or null.
    """

    record: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.record["Id"])

    @property
    def name(self) -> str:
        """The name, with its suffix .SAFE."""
        return str(self.record["Name"])

    @property
    def collection(self) -> str:
        """The collection; every product here is of Sentinel-2 unless its record says otherwise."""
        return str(self.record.get("Collection", COLLECTION))

    @cached_property
    def start(self) -> datetime:
        return moment_of(self.record["ContentDate"]["Start"])

    @cached_property
    def end(self) -> datetime:
        return moment_of(self.record["ContentDate"]["End"])

    @cached_property
    def attributes(self) -> Mapping[tuple[str, str], Any]:
        """The values by type and name, such as `("String", "tileId")`."""
        return {(each["ValueType"], each["Name"]): each["Value"] for each in self.record.get("Attributes", ())}

    @cached_property
    def footprint(self) -> BaseGeometry | None:
        """The outline in degrees, or None."""
        text = self.record.get("Footprint")
        return None if not text else shapely.from_wkt(text.partition(_SRID)[2].rstrip("'"))

    def date(self, name: str) -> datetime:
        """Return a date such as `PublicationDate`."""
        return moment_of(self.record[name])


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    What a query asks of every product, as far as it can be told before one is looked at.

    Attributes:
        start: The least ContentDate/Start, or None.
        end: The greatest, or None.
        parts: Texts that occur in the name.
        values: Attributes that equal a value.
        area: What the footprint touches, in degrees, or None.
    """

    start: datetime | None = None
    end: datetime | None = None
    parts: tuple[str, ...] = ()
    values: Mapping[str, str | float] = field(default_factory=dict)
    area: BaseGeometry | None = None


class Products(Protocol):
    """A catalogue and the files of its products; asked by several threads."""

    def all(self, bounds: Bounds) -> Iterable[Product]:
        """
        Yield every product within `bounds`; others may be among them.

        Raises:
            ApiError: 400 if the bounds are wider than the catalogue can list.
        """
        ...

    def get(self, number: str) -> Product | None:
        """Return the product of an Id."""
        ...

    def tree(self, product: Product) -> Tree:
        """Return what lies in the product's SAFE folder, with the true sizes in bytes."""
        ...

    def open(self, product: Product, path: str) -> Path:
        """Return the file on disk behind a path inside the SAFE folder, such as `GRANULE/L1C_.../MTD_TL.xml`."""
        ...


class ListedProducts:
    """Records in memory; the files are those that `made` writes into a folder, or none."""

    def __init__(
        self, records: Iterable[Mapping[str, Any]], folder_of: Callable[[Product], Path | None] = lambda _: None
    ) -> None:
        self._all = [Product(each) for each in records]
        self._by_id = {each.id: each for each in self._all}
        self._folder_of = folder_of

    def all(self, bounds: Bounds) -> Iterable[Product]:  # noqa: ARG002  there are few enough
        return self._all

    def get(self, number: str) -> Product | None:
        return self._by_id.get(number)

    def tree(self, product: Product) -> Tree:
        folder = self._folder_of(product)
        return {} if folder is None else tree_of(folder)

    def open(self, product: Product, path: str) -> Path:
        folder = self._folder_of(product)
        if folder is None:
            raise FileNotFoundError(path)
        return folder / path


def tree_of(folder: Path) -> Tree:
    """Read a folder of the disk: folders by name, files by their size in bytes."""
    return {each.name: tree_of(each) if each.is_dir() else each.stat().st_size for each in sorted(folder.iterdir())}


def files_of(tree: Tree, above: str = "") -> dict[str, int]:
    """Return every file of a tree by its way inside, with its size in bytes."""
    found: dict[str, int] = {}
    for name, content in tree.items():
        found |= {above + name: content} if isinstance(content, int) else files_of(content, f"{above}{name}/")
    return found


def moment_of(text: str) -> datetime:
    """
    Read a time of ISO 8601; one without a zone is UTC.

    Raises:
        ValueError: It is none.
    """
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def told_of(moment: datetime) -> str:
    """Write a time as the catalogue does: UTC with six digits of a fraction."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
