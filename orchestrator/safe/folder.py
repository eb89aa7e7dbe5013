"""
Products in a folder: whole SAFE trees, and files alone as `raw/L1C/tile=T31TDH/sensing=…Z/files`.

Nothing is opened: names of folders and files say what is there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.errors import UserError
from orchestrator.safe.bands import RESOLUTIONS
from orchestrator.safe.names import parse_name

# A band, SCL, AOT, WVP or TCI; Level-2A names the resolution, Level-1C has each band in one. Products that were made
# at home with old Sen2Cor begin with the level.
_IMAGE = re.compile(
    r"(?:L2A_)?T(?P<tile>\d{2}[A-Z]{3})_(?P<datatake>\d{8}T\d{6})_(?P<band>[A-Z0-9]{3})(?:_(?P<metres>10|20|60)m)?\.jp2"
)
_RAW = re.compile(
    r"(?P<level>L1C|L2A)/tile=T(?P<tile>\d{2}[A-Z]{3})/sensing=(?P<sensing>\d{8}T\d{6})Z/files",
)


@dataclass(frozen=True, slots=True)
class ProductFolder:
    """
    The files of one product.

    Attributes:
        path: The SAFE folder, or the folder `files`.
        level: "L1C" or "L2A".
        tile: Without the letter T, "31TDH".
        datatake: UTC, "20180101T105441".
        name: Of the product, with ".SAFE"; "" where files lie alone, for no folder is called like it.
        product_metadata: `MTD_MSIL1C.xml` or `MTD_MSIL2A.xml`, where it is there.
        tile_metadata: `MTD_TL.xml`, where it is there.
        manifest: `manifest.safe`, where it is there.
        images: By band ("B02", "SCL", "AOT", "WVP", "TCI") and resolution in metres.
    """

    path: Path
    level: str
    tile: str
    datatake: str
    name: str
    product_metadata: Path | None
    tile_metadata: Path | None
    manifest: Path | None
    images: Mapping[tuple[str, int], Path]

    def image_path(self, band: str, resolution: int | None = None) -> Path:
        """
        Return where a band is, in its finest resolution unless one is named.

        Raises:
            UserError: It is not there; the message lists what is.
        """
        there = sorted(metres for name, metres in self.images if name == band)
        if resolution is None and there:
            return self.images[band, there[0]]
        if resolution in there:
            return self.images[band, resolution]
        wanted = band if resolution is None else f"{band} in {resolution} m"
        have = ", ".join(f"{name} {metres} m" for name, metres in sorted(self.images)) or "no image at all"
        raise UserError(f"{self.path}: has no {wanted}; there is {have}")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A folder that looks like a product and is not read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class FoundProducts:
    """What lies below a folder, both by path."""

    products: tuple[ProductFolder, ...]
    skipped: tuple[Skipped, ...]


def find_products(folder: Path) -> FoundProducts:
    """
    Find every product below a folder, and the folder itself if it is one.

    Raises:
        UserError: There is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; name the one in which products lie")
    products: list[ProductFolder] = []
    skipped: list[Skipped] = []
    for path in _candidates(folder.absolute()):
        try:
            products.append(read_folder(path))
        except UserError as error:
            skipped.append(Skipped(path, str(error)))
    return FoundProducts(tuple(products), tuple(skipped))


def read_folder(path: Path) -> ProductFolder:
    """
    Return the files of one product: of a SAFE folder or of a folder `files`.

    Raises:
        UserError: Its name is none of a product, or it has no granule or several with files.
    """
    raw = _RAW.fullmatch("/".join(path.parts[-4:]))
    if raw:
        return _product(path, path, raw["level"], raw["tile"], raw["sensing"], "")
    name = parse_name(path.name)
    return _product(path, _granule(path), name.level, name.tile, name.datatake, name.name)


def _candidates(folder: Path) -> Iterator[Path]:
    for place, names, files in os.walk(folder, onerror=_refuse):
        path = Path(place)
        is_safe = path.suffix == ".SAFE" or "GRANULE" in names or "manifest.safe" in files
        if is_safe or _RAW.fullmatch("/".join(path.parts[-4:])):
            names.clear()
            yield path
        names.sort()


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be listed ({error.strerror}); let it be read, or name another folder")


def _granule(path: Path) -> Path:
    """Return the granule with files in it; a second one, empty, occurs."""
    found = sorted(place for place in path.glob("GRANULE/*/") if _has_files(place))
    if not found:
        raise UserError(f"{path}: has no granule with files in it; fetch the product again")
    if len(found) > 1:
        raise UserError(f"{path}: has {len(found)} granules with files in them, expected one: {found[0].name}, …")
    return found[0]


def _has_files(place: Path) -> bool:
    return (place / "MTD_TL.xml").is_file() or any(place.glob("IMG_DATA/**/*.jp2"))


def _product(path: Path, granule: Path, level: str, tile: str, datatake: str, name: str) -> ProductFolder:
    images = granule if granule == path else granule / "IMG_DATA"
    return ProductFolder(
        path=path,
        level=level,
        tile=tile,
        datatake=datatake,
        name=name,
        product_metadata=_there(path / f"MTD_MSI{level}.xml"),
        tile_metadata=_there(granule / "MTD_TL.xml"),
        manifest=_there(path / "manifest.safe"),
        images=dict(_images(images, tile)),
    )


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _images(folder: Path, tile: str) -> Iterator[tuple[tuple[str, int], Path]]:
    for path in sorted(folder.rglob("*.jp2")):
        found = _IMAGE.fullmatch(path.name)
        if found is None or found["tile"] != tile:
            continue
        # Level-1C has its picture in true colours in 10 m.
        yield (found["band"], int(found["metres"] or RESOLUTIONS.get(found["band"], 10))), path
