"""
Products of Sentinel-2 as they are delivered, as scenes of Earth Engine's harmonised collections.

A product is a SAFE folder, or its files alone as they were fetched: `raw/L2A/tile=T33UWQ/sensing=...Z/files`. What
its `MTD_TL.xml` says is enough; `MTD_MSIL1C.xml` or `MTD_MSIL2A.xml` adds properties and the outline of the data.
Since processing baseline 04.00 numbers are 1000 higher, which the harmonised collections take away (Earth Engine Data
Catalog, COPERNICUS/S2_SR_HARMONIZED).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.layout import CIRRUS_LAYER, LAYERS, LEVEL_1C, REFLECTANCE, Layer
from orchestrator.sandbox.scenes.stac import Item, ScenesError, Stored

_SHIFTED_SINCE, _SHIFT = "04.00", -1000
_RAW = re.compile(r"(?P<level>L1C|L2A)/tile=T\w{5}/sensing=\w+Z/files")
_IMAGE = re.compile(r"(?:L2A_)?T\w{5}_(?P<datatake>\d{8}T\d{6})_(?P<band>[A-Z0-9]{3})(?:_(?P<metres>10|20|60)m)?\.jp2")
_TILE_ID = re.compile(r"_A(?P<orbit>\d{6})_T(?P<tile>\d{2}[A-Z]{3})_N(?P<baseline>\d\d\.\d\d)$")
_OLD = re.compile(r"S2[A-D]_(OPER|USER)_")
_PICTURE = {"TCI_R": 1, "TCI_G": 2, "TCI_B": 3}
# Band numbers of the metadata.
_IDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")


# What Earth Engine's collection has of a product, by its names and in its order.
LAYERS_OF: Mapping[str, Mapping[str, Layer]] = {
    "L1C": {name: LAYERS.get(name, CIRRUS_LAYER) for name in _IDS},
    "L2A": {name: layer for name, layer in LAYERS.items() if re.fullmatch(r"B\d{1,2}A?|AOT|WVP|SCL|TCI_.", name)},
}


@dataclass(frozen=True, slots=True)
class Product:
    """
    A product that can be served.

    Attributes:
        item: What is served of it.
        scene: Which tile of which datatake, "33UWQ 20251210T100319", whatever the level.
        version: The greater is the newer, of one scene and level.
    """

    item: Item
    scene: str
    version: tuple[str, str]


def read_products(folder: Path) -> tuple[list[Product], list[str]]:
    """
    Read every product below a folder, the newest baseline of each scene.

    Returns:
        The products, in the order of their paths, and why others are left out, a sentence each.
    """
    found: dict[tuple[str, str], Product] = {}
    left_out: list[str] = []
    for place in _places(folder):
        try:
            product = _product(place)
        except ScenesError as error:
            left_out.append(f"{error}; the product is left out")
            continue
        key = (product.item.collection, product.scene)
        older, newer = sorted((found.get(key, product), product), key=lambda each: each.version)
        if older is not newer:
            left_out.append(f"{older.item.path}: a newer product of the same scene is there; it is left out")
        found[key] = newer
    return list(found.values()), left_out


def _places(folder: Path) -> list[Path]:
    """Return the folders where `MTD_TL.xml` lies or should lie; a second granule, empty, occurs."""
    granules = {path.parent for path in folder.rglob("MTD_TL.xml")}
    raw = {path.parent for path in folder.rglob("*.jp2") if _RAW.fullmatch("/".join(path.absolute().parts[-5:-1]))}
    return sorted(granules | raw)


@dataclass(frozen=True, slots=True)
class _Identity:
    """What a product's own names say of it."""

    level: str  # "L1C" or "L2A"
    tile: str
    orbit: str  # absolute
    baseline: str
    datatake: str  # when it began
    strip: str  # when this granule's strip of it began
    name: str  # of the product; empty where nothing says it

    @property
    def index(self) -> str:
        """As Earth Engine makes `system:index`."""
        return f"{self.datatake}_{self.strip}_T{self.tile}"

    def properties(self) -> dict[str, Any]:
        return {
            "system:index": self.index,
            "MGRS_TILE": self.tile,
            "PROCESSING_BASELINE": self.baseline,
            "PRODUCT_ID": self.name,
            "GRANULE_ID": f"{self.level}_T{self.tile}_A{self.orbit}_{self.strip}",
        }


def _product(place: Path) -> Product:
    """
    Raises:
        ScenesError: It cannot be read, has no image, or is of the years when a product was many tiles.
    """
    path = place / "MTD_TL.xml"
    around = place.parents[1] if place.parent.name == "GRANULE" else place
    if _OLD.match(around.name):
        raise ScenesError(f"{around} is a product of before December 2016")
    if not path.is_file():
        raise ScenesError(f"{path} is not there, which says when the scene was seen and how it was processed")
    images, tile = dict(_images(place)), _root(path)
    if not images:
        raise ScenesError(f"{place} has no image (*_B02.jp2, *_B02_10m.jp2, *_SCL_20m.jp2 ...)")
    level = "L1C" if "Level-1C" in tile.tag else "L2A"
    product = next((_root(file) for file in [around / f"MTD_MSI{level}.xml"] if file.is_file()), None)
    name = around.name if around.suffix == ".SAFE" else _text(product, "PRODUCT_URI")
    identity = _identity(path, tile, level, next(iter(images.values())), name.removesuffix(".SAFE"))
    item = _item(path, identity, dict(_rasters(images, level)), tile, product)
    return Product(item, f"{identity.tile} {identity.datatake}", (identity.baseline, identity.name))


def _identity(path: Path, tile: ET.Element, level: str, image: Path, name: str) -> _Identity:
    own = _TILE_ID.search(_text(tile, "TILE_ID"))
    strip = re.search(r"_S(\d{8}T\d{6})_", _text(tile, "DATASTRIP_ID"))
    seen = _IMAGE.fullmatch(image.name)
    if own is None or strip is None or seen is None:
        raise ScenesError(f"{path} has no TILE_ID or no DATASTRIP_ID that can be read")
    return _Identity(level, own["tile"], own["orbit"], own["baseline"], seen["datatake"], strip[1], name)


def _item(
    path: Path, identity: _Identity, rasters: Mapping[str, Path], tile: ET.Element, product: ET.Element | None
) -> Item:
    time_ms = _time(path, tile)
    shift = _SHIFT if identity.baseline >= _SHIFTED_SINCE else 0
    return Item(
        path,
        identity.index,
        time_ms,
        rasters,
        identity.properties() | {"system:time_start": time_ms} | _of_tile(path, tile) | _of_product(product),
        geometry=_outline(product),
        collection=LEVEL_1C if identity.level == "L1C" else REFLECTANCE,
        stored={band: Stored(_PICTURE.get(band, 1), shift if band in _IDS else 0) for band in rasters},
    )


def _root(path: Path) -> ET.Element:
    try:
        return ET.parse(path).getroot()  # noqa: S314 - a file of the user's own
    except (ET.ParseError, OSError) as error:
        raise ScenesError(f"{path} cannot be read as XML: {error}") from error


def _images(place: Path) -> Iterator[tuple[tuple[str, int], Path]]:
    """Yield images by the band and the metres that their names say; 0 metres where they say none."""
    for path in sorted((place / "IMG_DATA" if place.parent.name == "GRANULE" else place).rglob("*.jp2")):
        found = _IMAGE.fullmatch(path.name)
        if found:
            yield (found["band"], int(found["metres"] or 0)), path


def _rasters(images: Mapping[tuple[str, int], Path], level: str) -> Iterator[tuple[str, Path]]:
    """Yield Earth Engine's bands in order: in the resolution that Earth Engine has, else in the finest there is."""
    for name, layer in LAYERS_OF[level].items():
        band = name.partition("_")[0] if name in _PICTURE else re.sub(r"^B(\d)$", r"B0\1", name)
        there = {metres: path for (found, metres), path in images.items() if found == band}
        if there:
            yield name, there.get(layer.metres, there[min(there)])


def _time(path: Path, tile: ET.Element) -> int:
    try:
        time = datetime.fromisoformat(tile.findtext(".//SENSING_TIME", ""))
    except ValueError as error:
        raise ScenesError(f"{path} has no readable SENSING_TIME: {error}") from error
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def _text(root: ET.Element | None, name: str) -> str:
    return (root.findtext(f".//{name}") or "") if root is not None else ""


def _of_tile(path: Path, tile: ET.Element) -> dict[str, Any]:
    found: dict[str, Any] = {"DATASTRIP_ID": _text(tile, "DATASTRIP_ID")}
    try:
        found |= _angles(tile.find(".//Mean_Sun_Angle"), "MEAN_SOLAR_{}_ANGLE")
        for mean in tile.iter("Mean_Viewing_Incidence_Angle"):
            found |= _angles(mean, "MEAN_INCIDENCE_{}_ANGLE_" + _IDS[int(mean.get("bandId", "0"))])
        shares = {each.tag: float(each.text or "nan") for each in tile.iterfind(".//Image_Content_QI/*")}
    except (IndexError, ValueError) as error:
        raise ScenesError(f"{path} has a number that cannot be read: {error}") from error
    found |= {name: value for name, value in shares.items() if name.endswith("_PERCENTAGE")}
    if "CAST_SHADOW_PERCENTAGE" in found:  # what the catalogue's name is, whatever the baseline's
        found["DARK_FEATURES_PERCENTAGE"] = found.pop("CAST_SHADOW_PERCENTAGE")
    if "CLOUD_SHADOW_PERCENTAGE" in found:  # the data sheet's name besides
        found["CLOUDY_SHADOW_PERCENTAGE"] = found["CLOUD_SHADOW_PERCENTAGE"]
    return found


def _angles(mean: ET.Element | None, name: str) -> dict[str, float]:
    if mean is None:
        return {}
    return {name.format(kind): float(mean.findtext(f"{kind}_ANGLE", "nan")) for kind in ("ZENITH", "AZIMUTH")}


def _of_product(root: ET.Element | None) -> dict[str, Any]:
    if root is None:
        return {}
    datatake = root.find(".//Datatake")
    found = {
        "SPACECRAFT_NAME": _text(root, "SPACECRAFT_NAME"),
        "SENSING_ORBIT_DIRECTION": _text(root, "SENSING_ORBIT_DIRECTION"),
        "DATATAKE_TYPE": _text(root, "DATATAKE_TYPE"),
        "DATATAKE_IDENTIFIER": "" if datatake is None else datatake.get("datatakeIdentifier", ""),
    }
    numbers = {
        "SENSING_ORBIT_NUMBER": _text(root, "SENSING_ORBIT_NUMBER"),
        "CLOUD_COVERAGE_ASSESSMENT": _text(root, "Cloud_Coverage_Assessment"),
        "REFLECTANCE_CONVERSION_CORRECTION": _text(root, "U"),
    }
    said = {name: float(text) for name, text in numbers.items() if re.fullmatch(r"\d+(\.\d*)?", text)}
    return {name: text for name, text in found.items() if text} | said


def _outline(root: ET.Element | None) -> BaseGeometry | None:
    """Where the product says that it has data: latitude and longitude in turn."""
    numbers = [float(text) for text in _text(root, "EXT_POS_LIST").split() if re.fullmatch(r"-?\d+(\.\d*)?", text)]
    if len(numbers) < 8 or len(numbers) % 2:
        return None
    found = shapely.make_valid(Polygon(zip(numbers[1::2], numbers[::2], strict=True)))
    return found if found.area > 0 else None
