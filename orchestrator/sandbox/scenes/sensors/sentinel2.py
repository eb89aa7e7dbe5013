"""
Sentinel-2's collections, all of one synthetic scene: Level-1C and Level-2A, harmonised and not, and cloud scores.

Since processing baseline 04.00, on 2022-01-25, reflectance has 1000 added to it; the harmonised collections take that
away again (Earth Engine Data Catalog, COPERNICUS/S2_SR_HARMONIZED). QA60 and MSK_CLASSI are masked when the catalogue
says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Band
from orchestrator.sandbox.scenes.landscape import BANDS
from orchestrator.sandbox.scenes.layout import (
    CIRRUS_LAYER,
    CLOUD_LAYER,
    COLLECTIONS,
    LAYERS,
    LEVEL_1C,
    PROBABILITY,
    REFLECTANCE,
    Layer,
)
from orchestrator.sandbox.scenes.mgrs import TILE_METRES, Tile
from orchestrator.sandbox.scenes.orbit import Pass
from orchestrator.sandbox.scenes.pyramid import Pixels
from orchestrator.sandbox.scenes.sensors.picture import FLOAT, UINT8
from orchestrator.sandbox.scenes.sensors.sensor import described
from orchestrator.sandbox.scenes.sensors.sentinel2_everywhere import everywhere
from orchestrator.sandbox.scenes.sensors.sentinel2_properties import properties_of
from orchestrator.sandbox.scenes.sensors.spectra import WAVELENGTHS
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue, SyntheticScene

SCORE = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
_SHIFTED_SINCE = 1643068800.0  # 2022-01-25
_SHIFT = 1000
# QA60 is masked from 2022-01-25 to 2024-02-28 inclusive, MSK_CLASSI before.
_CLASSES_SINCE = 1709164800.0  # 2024-02-29
_LEVEL_2A_SINCE_MS = 1490659200000  # 2017-03-28
_CLASSES = {"MSK_CLASSI_OPAQUE": 1024, "MSK_CLASSI_CIRRUS": 2048, "MSK_CLASSI_SNOW_ICE": 0}
_CLASS_LAYERS = {name: Layer(name, 60, UINT8, "sample") for name in _CLASSES}
_SHADOW_CLASS, _SHADOW_SCORE = 3, 0.3
_SCORES = {name: Layer(name, 10, FLOAT) for name in ("cs", "cs_cdf")}


def _level_1c() -> dict[str, Layer]:
    """Bands of Level-1C: the reflective ones with B10, and the masks."""
    names = [*BANDS[:10], "B10", *BANDS[10:], "QA10", "QA20", "QA60"]
    return {name: CIRRUS_LAYER if name == "B10" else LAYERS[name] for name in names} | _CLASS_LAYERS


_LEVEL_1C, _LEVEL_2A = _level_1c(), LAYERS | _CLASS_LAYERS


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a collection makes of a scene."""

    title: str
    layers: Mapping[str, Layer]
    level: str  # `1C`, `2A`, or `` for what is derived
    harmonized: bool = True


KINDS = {
    "COPERNICUS/S2": _Kind("Sentinel-2 MSI: MultiSpectral Instrument, Level-1C", _LEVEL_1C, "1C", harmonized=False),
    "COPERNICUS/S2_SR": _Kind("Sentinel-2 MSI: MultiSpectral Instrument, Level-2A", _LEVEL_2A, "2A", harmonized=False),
    LEVEL_1C: _Kind("Harmonized Sentinel-2 MSI: Level-1C (TOA)", _LEVEL_1C, "1C"),
    REFLECTANCE: _Kind(str(COLLECTIONS[REFLECTANCE]["title"]), _LEVEL_2A, "2A"),
    PROBABILITY: _Kind(str(COLLECTIONS[PROBABILITY]["title"]), {CLOUD_LAYER.name: CLOUD_LAYER}, ""),
    SCORE: _Kind("Cloud Score+ S2_HARMONIZED V1", _SCORES, ""),
}


class Sentinel2Scene:
    """One tile of one pass as a collection shows it."""

    def __init__(self, collection: str, base: SyntheticScene, clouds: SyntheticScene) -> None:
        self.collection = collection
        self.index = base.index
        self.asset_id = f"{collection}/{base.index}"
        self.footprint = base.footprint
        self.tile = base.tile
        self.overpass = base.overpass
        self._base = base
        self._clouds = clouds
        self._kind = KINDS[collection]

    def __repr__(self) -> str:
        return f"Sentinel2Scene({self.asset_id})"

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        """Earth Engine's properties."""
        return properties_of(self._base, self._kind.level, self.collection)

    @cached_property
    def bands(self) -> tuple[Band, ...]:
        """Bands in order."""
        return tuple(self._band(layer) for layer in self._kind.layers.values())

    def _band(self, layer: Layer) -> Band:
        tile, step, side = self._base.tile, float(layer.metres), TILE_METRES // layer.metres
        transform = (step, 0.0, float(tile.west), 0.0, -step, float(tile.north))
        return Band(layer.name, layer.type, f"EPSG:{tile.epsg}", transform, side, side, layer.pyramid)

    def read(self, band: str, level: int, row: int, col: int, height: int, width: int) -> Pixels:
        """
        Read a window of a pyramid level; see `Scene.read`.

        Raises:
            KeyError: If the scene has no such band.
        """
        if band not in self._kind.layers:
            raise KeyError(f"{self.asset_id} has no band {band!r}, only {', '.join(self._kind.layers)}")
        window = (level, row, col, height, width)
        if band == CLOUD_LAYER.name:
            return self._clouds.read(band, *window)
        if band in _SCORES:
            return self._score(band, *window)
        if band in _CLASSES:
            return self._classified(band, *window)
        if band == "QA60":
            values, valid = self._base.read(band, *window)
            return values, np.asarray(valid & (not self._in_gap))
        if band == "B10":
            return self._cirrus(*window)
        return self._reflectance(band, *window) if band in BANDS else self._base.read(band, *window)

    @property
    def _in_gap(self) -> bool:
        """Whether QA60 was not made."""
        return _SHIFTED_SINCE <= self._base.time < _CLASSES_SINCE

    def _reflectance(self, band: str, level: int, row: int, col: int, height: int, width: int) -> Pixels:
        values, valid = self._base.read(band, level, row, col, height, width)
        if self._kind.level == "1C":
            share, added = _through_air(BANDS.index(band))
            above = np.asarray(values, np.float32) * np.float32(share) + np.float32(added)
            values = above if values.dtype.kind == "f" else np.rint(above).astype(values.dtype)
        return self._shifted(values, valid), valid

    def _shifted(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[Any]:
        """Add what is added since baseline 04.00, unless the collection is harmonised."""
        if self._kind.harmonized or self._base.time < _SHIFTED_SINCE:
            return np.asarray(np.where(valid, values, values.dtype.type(0)))
        return np.asarray(np.where(valid, values + values.dtype.type(_SHIFT), values.dtype.type(0)))

    def _cirrus(self, level: int, row: int, col: int, height: int, width: int) -> Pixels:
        """The band of cirrus sees high clouds alone: no ground."""
        bits, valid = self._base.read("QA60", level, row, col, height, width)
        values = np.where(bits == 2048, 150, np.where(bits == 1024, 60, 12)).astype(np.uint16)
        return self._shifted(values, valid), valid

    def _classified(self, band: str, level: int, row: int, col: int, height: int, width: int) -> Pixels:
        bits, valid = self._base.read("QA60", level, row, col, height, width)
        found = np.asarray(bits & np.asarray(_CLASSES[band], bits.dtype) > 0)
        return found.astype(np.uint8), valid & (self._base.time >= _CLASSES_SINCE)

    def _score(self, band: str, level: int, row: int, col: int, height: int, width: int) -> Pixels:
        """Cloud Score+: 1 is clear, 0 is not; shadows are low, too. The second band rises steeper in the middle."""
        percent, valid = self._clouds.read(CLOUD_LAYER.name, level, row, col, height, width)
        clear = 1.0 - percent.astype(np.float32) / np.float32(100.0)
        first_row, first_col = row // 2, col // 2
        rows, cols = (row + height - 1) // 2 - first_row + 1, (col + width - 1) // 2 - first_col + 1
        classes, _ = self._base.read("SCL", level, first_row, first_col, rows, cols)
        wide = classes.repeat(2, axis=0).repeat(2, axis=1)[row % 2 : row % 2 + height, col % 2 : col % 2 + width]
        clear = np.where(wide == _SHADOW_CLASS, np.minimum(clear, np.float32(_SHADOW_SCORE)), clear)
        if band == "cs_cdf":
            clear = clear * clear * (np.float32(3.0) - np.float32(2.0) * clear)
        return np.asarray(clear, np.float32), valid


def _through_air(index: int) -> tuple[float, float]:
    """How a clear atmosphere changes a band: what it lets through, and what it adds (reflectance x 10000)."""
    hazy = 0.085 * (WAVELENGTHS[0] / WAVELENGTHS[index]) ** 4
    return 0.97 - 0.9 * hazy, 1e4 * hazy


class Sentinel2:
    """All collections of Sentinel-2."""

    images: tuple[str, ...] = ()
    crowded_days = 0.5  # a satellite alone makes 5,000 scenes in less

    def __init__(self, source: SyntheticCatalogue) -> None:
        self._source = source
        self.collections: Mapping[str, Mapping[str, Any]] = {
            name: described(kind.title, period=0) for name, kind in KINDS.items()
        }
        self._kept = lru_cache(maxsize=2048)(self._make)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Sentinel2Scene]:
        """Yield scenes in order; see `Sensor.scenes`."""
        if KINDS[collection].level == "2A":
            start_ms = max(_LEVEL_2A_SINCE_MS, _LEVEL_2A_SINCE_MS if start_ms is None else start_ms)
        if region is None:
            found = everywhere(self._source, start_ms, end_ms)
        else:
            found = self._source.scenes(REFLECTANCE, region, start_ms, end_ms)
        return (self._kept(collection, scene.tile, scene.overpass) for scene in found)

    def of_tile(self, collection: str, tile: Tile, start_ms: int, end_ms: int) -> Iterator[Sentinel2Scene]:
        """Yield the scenes of a tile with start_ms <= time < end_ms, by time; nothing is asked of its neighbours."""
        first = max(_LEVEL_2A_SINCE_MS, start_ms) if KINDS[collection].level == "2A" else start_ms
        found = self._source.of_tile(REFLECTANCE, tile, first / 1000.0, end_ms / 1000.0)
        for scene in sorted(found, key=lambda scene: scene.time):
            yield self._kept(collection, scene.tile, scene.overpass)

    def scene(self, asset_id: str) -> Sentinel2Scene | None:
        """Find a scene by its id."""
        collection, _, index = asset_id.rpartition("/")
        base = self._source.scene(f"{REFLECTANCE}/{index}") if collection in KINDS else None
        early = base is not None and base.time * 1000 < _LEVEL_2A_SINCE_MS
        if base is None or (early and KINDS[collection].level == "2A"):
            return None
        return self._kept(collection, base.tile, base.overpass)

    def _make(self, collection: str, tile: Tile, overpass: Pass) -> Sentinel2Scene:
        base, clouds = (self._source.at(name, tile, overpass) for name in (REFLECTANCE, PROBABILITY))
        return Sentinel2Scene(collection, base, clouds)
