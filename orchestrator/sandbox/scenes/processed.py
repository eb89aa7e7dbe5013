"""
Preprocessed scenes, `x.tif` with reflectance and `meta.json` beside it, as scenes of COPERNICUS/S2_HARMONIZED.

All bands lie on one grid, and pixels are valid where the band `valid` (or `valid_B02`) is not 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.sandbox.scenes.layout import LEVEL_1C
from orchestrator.sandbox.scenes.products import LAYERS_OF, Product
from orchestrator.sandbox.scenes.stac import Item, ScenesError, Stored

_SCHEMA = "s2pipe.step2.sample_meta."
_SUN = ("MEAN_SOLAR_ZENITH_ANGLE", "MEAN_SOLAR_AZIMUTH_ANGLE")


def read_processed(folder: Path, products: Sequence[Product]) -> tuple[list[Item], list[str]]:
    """
    Read every preprocessed scene below a folder.

    Args:
        folder: Where they lie.
        products: What lies there as it was delivered: a scene that is among them at Level-1C is served from there,
            and at Level-2A tells when this one was seen, so that the two and their clouds are joined.

    Returns:
        The scenes, in the order of their paths, and why others are left out, a sentence each.
    """
    items: list[Item] = []
    left_out: list[str] = []
    for path in sorted(folder.rglob("meta.json")):
        document = _document(path)
        if not str(document.get("schema", "")).startswith(_SCHEMA):
            continue
        try:
            items.append(_item(path, document, products))
        except ScenesError as error:
            left_out.append(f"{error}; the scene is left out")
    return items, left_out


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScenesError(f"{path} cannot be read as JSON: {error}") from error
    return document if isinstance(document, dict) else {}


def _item(path: Path, document: Mapping[str, Any], products: Sequence[Product]) -> Item:
    """
    Raises:
        ScenesError: It holds no reflectance, lacks its raster or its key, or is there as it was delivered.
    """
    raster = path.parent / "x.tif"
    if not raster.is_file():
        raise ScenesError(f"{path}: {raster.name} is not there")
    _check_reflectance(path, document)
    tile, sensed = _key(path, document)
    start = sensed.strftime("%Y%m%dT%H%M%S")
    same = {product.item.collection: product.item for product in products if product.scene == f"{tile} {start}"}
    if LEVEL_1C in same:
        raise ScenesError(f"{path}: the scene is there as it was delivered")
    known = next(iter(same.values()), None)
    index = known.index if known else f"{start}_{start}_T{tile}"
    time_ms = known.time_ms if known else round(sensed.timestamp() * 1000)
    stored = dict(_stored(path, document))
    properties = {"system:index": index, "system:time_start": time_ms, "MGRS_TILE": tile}
    properties |= {name: known.properties[name] for name in _SUN if known and name in known.properties}
    cloud = (document.get("scene") or {}).get("cloud_cover")
    properties |= {"CLOUDY_PIXEL_PERCENTAGE": cloud} if isinstance(cloud, (int, float)) else {}
    return Item(
        path, index, time_ms, dict.fromkeys(stored, raster), properties, collection=LEVEL_1C, stored=stored
    )  # fmt: skip


def _check_reflectance(path: Path, document: Mapping[str, Any]) -> None:
    settings = document.get("settings") or {}
    normalize = settings.get("normalize") or {}
    mode = normalize.get("mode", "none") if isinstance(normalize, dict) else str(normalize)
    if not settings.get("to_toa_reflectance", True):
        raise ScenesError(f"{path}: made with to_toa_reflectance = false, so that x.tif holds no reflectance")
    if mode == "apply_with_stats":
        raise ScenesError(f"{path}: made with normalize.mode = {mode}, so that x.tif holds no reflectance")


def _key(path: Path, document: Mapping[str, Any]) -> tuple[str, datetime]:
    key = document.get("key") or {}
    try:
        sensed = datetime.fromisoformat(str(key["sensing_start_utc"]))
        tile = re.fullmatch(r"T?(\d{2}[A-Z]{3})", str(key["tile_id"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ScenesError(f"{path} has no key with tile_id and sensing_start_utc: {error}") from error
    if tile is None:
        raise ScenesError(f"{path} has the tile_id {str(key['tile_id'])!r}, expected one such as T33UWQ")
    return tile[1], sensed if sensed.tzinfo else sensed.replace(tzinfo=UTC)


def _stored(path: Path, document: Mapping[str, Any]) -> Iterator[tuple[str, Stored]]:
    names = list((((document.get("assets") or {}).get("x")) or {}).get("band_names") or [])
    places = {str(name): place for place, name in enumerate(names, start=1)}
    for band in LAYERS_OF["L1C"]:
        name = re.sub(r"^B(\d)$", r"B0\1", band)
        valid = places.get("valid", places.get(f"valid_{name}", 0))
        if name in places and valid:
            yield band, Stored(places[name], valid=valid, is_reflectance=True)
    if not places.keys() & {"valid", *(name for name in places if name.startswith("valid_"))}:
        raise ScenesError(f"{path} names no band valid among assets.x.band_names")
