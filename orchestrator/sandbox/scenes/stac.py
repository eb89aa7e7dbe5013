"""
What a folder of STAC items says: which raster is which band, and Earth Engine's properties of each scene.

Asset names are those of Earth Search (`blue`, `nir08`, `scl`); an asset or file named after its band (`B02`)
is understood too. Only rasters that lie beside their item are used: an address elsewhere is not fetched.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.layout import LAYERS, REFLECTANCE

_ASSET_BANDS = {
    "coastal": "B1",
    "blue": "B2",
    "green": "B3",
    "red": "B4",
    "rededge1": "B5",
    "rededge2": "B6",
    "rededge3": "B7",
    "nir": "B8",
    "nir08": "B8A",
    "nir09": "B9",
    "swir16": "B11",
    "swir22": "B12",
    "aot": "AOT",
    "wvp": "WVP",
    "scl": "SCL",
    "cloud": "probability",
    "probability": "probability",
    "cloud_probability": "probability",
}
_FILE_BAND = re.compile(r"(?:^|_)(B\d{1,2}A?|SCL|AOT|WVP)(?:_\d+m)?$", re.IGNORECASE)
_ORDER = [*LAYERS, "probability"]
_PRODUCT = re.compile(r"S2[A-D]_MSIL2A_(\d{8}T\d{6})_\w+")
_RASTERS = {".tif", ".tiff", ".jp2"}


class ScenesError(Exception):
    """A folder of scenes that cannot be served, or a scene that is asked for and cannot; one line, naming the file."""


@dataclass(frozen=True, slots=True)
class Stored:
    """
    How a band lies in its file.

    Attributes:
        index: Its number there, from 1.
        shift: What is added to its numbers, where they are not 0.
        valid: The number of the band that is not 0 where there is data; 0 where numbers themselves say so.
        is_reflectance: The file has reflectance, 1.0 for 1; else numbers as Earth Engine has them, but for `shift`.
    """

    index: int = 1
    shift: int = 0
    valid: int = 0
    is_reflectance: bool = False


PLAIN = Stored()


@dataclass(frozen=True, slots=True)
class Item:
    """
    One scene in one collection: a STAC item, or a product as it was delivered.

    Attributes:
        path: The item's own file.
        index: Earth Engine's `system:index`.
        time_ms: Milliseconds since 1970.
        rasters: Band name to its file, in Earth Engine's order; `probability` last.
        properties: Earth Engine's properties.
        missing: What says that a file it names is not there; empty for an item that is whole.
        geometry: Where the item says that it has data, in EPSG:4326; None where it does not say.
        collection: Earth Engine's, of its reflectance.
        stored: How a band lies in its file, where that is not `PLAIN`.
    """

    path: Path
    index: str
    time_ms: int
    rasters: Mapping[str, Path]
    properties: Mapping[str, Any]
    missing: str = ""
    geometry: BaseGeometry | None = None
    collection: str = REFLECTANCE
    stored: Mapping[str, Stored] = field(default_factory=dict)


def read_items(folder: Path) -> list[Item]:
    """
    Read all STAC items below a folder, in order of their paths.

    Raises:
        ScenesError: If the folder is none, or an item cannot be read.
    """
    if not folder.is_dir():
        raise ScenesError(f"{folder} is not a folder")
    documents = ((path, _document(path)) for path in sorted(folder.rglob("*.json")))
    return [_item(path, document) for path, document in documents if document.get("type") == "Feature"]


def digest_of(items: Iterable[Item]) -> str:
    """Return what tells items from others: of their own text, and the names and sizes of their rasters, not paths."""
    told = sorted(
        [item.index, hashlib.sha256(item.path.read_bytes()).hexdigest()]
        + [f"{band} {path.name} {path.stat().st_size}" for band, path in item.rasters.items()]
        for item in items
    )
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScenesError(f"{path} cannot be read as JSON: {error}") from error
    return document if isinstance(document, dict) else {}


def _item(path: Path, document: Mapping[str, Any]) -> Item:
    given = document.get("properties") or {}
    rasters = dict(_rasters(path, document.get("assets") or {}))
    gone = [f"{path}: names {file.name}, which is not there" for file in rasters.values() if not file.is_file()]
    if not rasters:
        raise ScenesError(f"{path} names no raster of a known band that lies beside it")
    try:
        time = datetime.fromisoformat(given.get("datetime") or given["start_datetime"])
    except (KeyError, TypeError, ValueError) as error:
        raise ScenesError(f"{path} has no readable datetime: {error}") from error
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    tile = _tile(path, document, given)
    time_ms = round(time.timestamp() * 1000)
    index = _index(given, time, tile)
    properties = {"system:index": index, "system:time_start": time_ms, "MGRS_TILE": tile}
    properties |= _sun(path, given) | _named(given)
    ordered = {band: rasters[band] for band in _ORDER if band in rasters}
    return Item(path, index, time_ms, ordered, properties, gone[0] if gone else "", _geometry(path, document))


def _geometry(path: Path, document: Mapping[str, Any]) -> BaseGeometry | None:
    """
    Raises:
        ScenesError: It cannot be read.
    """
    if not document.get("geometry"):
        return None
    try:
        found = shapely.force_2d(shapely.make_valid(shape(document["geometry"])))
    except (shapely.errors.ShapelyError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ScenesError(f"{path} has a geometry that cannot be read: {error}") from error
    return found if found.area > 0 else None


def _rasters(path: Path, assets: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Yield band and file of the assets beside the item, also of those that are not there."""
    for name, asset in assets.items():
        href = str(asset.get("href", "")) if isinstance(asset, dict) else ""
        band = _band(name, href)
        if band is None or "://" in href or Path(href).suffix.lower() not in _RASTERS:
            continue
        yield band, path.parent / href


def _band(name: str, href: str) -> str | None:
    """The band of an asset, by its name first, by its file's name else."""
    if name in _ASSET_BANDS:
        return _ASSET_BANDS[name]
    for label in (name, Path(href).stem):
        match = _FILE_BAND.search(label)
        if match:
            band = re.sub(r"^B0", "B", match[1].upper())
            return band if band in LAYERS else None
    return None


def _tile(path: Path, document: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """`33TWL`, from the MGRS or grid extension, the item's id or its path."""
    if "mgrs:utm_zone" in given:
        zone = int(given["mgrs:utm_zone"])
        return f"{zone:02d}{given.get('mgrs:latitude_band', '')}{given.get('mgrs:grid_square', '')}"
    for text in (given.get("grid:code", ""), given.get("s2:mgrs_tile", ""), document.get("id", ""), path.stem):
        match = re.search(r"(?<!\d)(\d{1,2}[C-X][A-Z]{2})(?![A-Z])", str(text))
        if match:
            return match[1].rjust(5, "0")
    return ""


def _index(given: Mapping[str, Any], time: datetime, tile: str) -> str:
    """`20230818T100031_20230818T100808_T33TWL`: start of the pass from the product's name, of the scene, tile."""
    seen = time.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
    match = _PRODUCT.match(str(given.get("s2:product_uri", "")))
    return f"{match[1] if match else seen}_{seen}_T{tile}"


def _sun(path: Path, given: Mapping[str, Any]) -> dict[str, float]:
    """Angles of the sun from the view extension, else from a granule's metadata beside the item."""
    if "view:sun_azimuth" in given and "view:sun_elevation" in given:
        return _angles(given["view:sun_azimuth"], 90.0 - float(given["view:sun_elevation"]))
    granule = path.parent / "granule_metadata.xml"
    if not granule.is_file():
        return {}
    try:
        mean = ET.parse(granule).find(".//Mean_Sun_Angle")  # noqa: S314 - a file of the user's own
    except ET.ParseError as error:
        raise ScenesError(f"{granule} cannot be read as XML: {error}") from error
    if mean is None:
        return {}
    return _angles(mean.findtext("AZIMUTH_ANGLE", "nan"), mean.findtext("ZENITH_ANGLE", "nan"))


def _angles(azimuth: Any, zenith: Any) -> dict[str, float]:
    return {"MEAN_SOLAR_AZIMUTH_ANGLE": float(azimuth), "MEAN_SOLAR_ZENITH_ANGLE": float(zenith)}


# STAC property to Earth Engine's name.
_NAMES = {
    "eo:cloud_cover": "CLOUDY_PIXEL_PERCENTAGE",
    "s2:nodata_pixel_percentage": "NODATA_PIXEL_PERCENTAGE",
    "s2:snow_ice_percentage": "SNOW_ICE_PERCENTAGE",
    "s2:vegetation_percentage": "VEGETATION_PERCENTAGE",
    "s2:water_percentage": "WATER_PERCENTAGE",
    "s2:cloud_shadow_percentage": "CLOUD_SHADOW_PERCENTAGE",
    "s2:thin_cirrus_percentage": "THIN_CIRRUS_PERCENTAGE",
    "s2:high_proba_clouds_percentage": "HIGH_PROBA_CLOUDS_PERCENTAGE",
    "s2:medium_proba_clouds_percentage": "MEDIUM_PROBA_CLOUDS_PERCENTAGE",
    "s2:not_vegetated_percentage": "NOT_VEGETATED_PERCENTAGE",
    "s2:unclassified_percentage": "UNCLASSIFIED_PERCENTAGE",
    "s2:processing_baseline": "PROCESSING_BASELINE",
    "s2:datatake_id": "DATATAKE_IDENTIFIER",
    "s2:datatake_type": "DATATAKE_TYPE",
    "s2:datastrip_id": "DATASTRIP_ID",
    "s2:granule_id": "GRANULE_ID",
    "s2:reflectance_conversion_factor": "REFLECTANCE_CONVERSION_CORRECTION",
}


def _named(given: Mapping[str, Any]) -> dict[str, Any]:
    properties = {ours: given[theirs] for theirs, ours in _NAMES.items() if theirs in given}
    if "platform" in given:
        properties["SPACECRAFT_NAME"] = str(given["platform"]).title()
    if "s2:product_uri" in given:
        properties["PRODUCT_ID"] = str(given["s2:product_uri"]).removesuffix(".SAFE")
    if "s2:generation_time" in given:
        made = datetime.fromisoformat(str(given["s2:generation_time"]))
        properties["GENERATION_TIME"] = round(made.timestamp() * 1000)
    return properties
