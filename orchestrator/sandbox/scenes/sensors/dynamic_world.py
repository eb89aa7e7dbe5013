"""
Dynamic World: the cover of the ground as probabilities, an image for each scene of Sentinel-2 (GOOGLE/DYNAMICWORLD/V1).

Images have the index of the Level-1C scene that they are made of. Pixels that are cloud or its shadow there are masked;
scenes under more than 35 % of cloud have no image, as the data sheet tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Scene
from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.landscape import Surface
from orchestrator.sandbox.scenes.mgrs import TILE_METRES
from orchestrator.sandbox.scenes.noise import mix, unit
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.lattice import Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import FLOAT, UINT8, Layer, Painted, Picture
from orchestrator.sandbox.scenes.sensors.sensor import described
from orchestrator.sandbox.scenes.sensors.sentinel2 import Sentinel2, Sentinel2Scene

COLLECTION = "GOOGLE/DYNAMICWORLD/V1"
_SOURCE = "COPERNICUS/S2_HARMONIZED"
CLASSES = (
    "water",
    "trees",
    "grass",
    "flooded_vegetation",
    "crops",
    "shrub_and_scrub",
    "built",
    "bare",
    "snow_and_ice",
)
# The class of each cover: water, conifer, broadleaf, meadow, crop, soil, town, road.
LABELS = np.array([0, 1, 1, 2, 4, 7, 6, 6], np.uint8)
_LEAST, _SPREAD = 0.55, 0.3  # probability of the class that the ground has
_MOST_CLOUDS = 35.0
_HIDDEN = 0.23  # optical depth of clouds from which a pixel is masked
_SHADED = 0.6


class DynamicWorld:
    """The collection, made of Sentinel-2's."""

    images: tuple[str, ...] = ()
    crowded_days = 2.0

    def __init__(self, earth: Earth, source: Sentinel2) -> None:
        self._earth = earth
        self._source = source
        self.collections: Mapping[str, Mapping[str, Any]] = {COLLECTION: described("Dynamic World V1")}
        self._picture = lru_cache(maxsize=1024)(self._make)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """Yield scenes in order; see `Sensor.scenes`."""
        del collection
        for scene in self._source.scenes(_SOURCE, region, start_ms, end_ms):
            if scene.properties["CLOUDY_PIXEL_PERCENTAGE"] <= _MOST_CLOUDS:
                yield self._picture(scene)

    def scene(self, asset_id: str) -> Scene | None:
        """Find a scene by its id."""
        collection, _, index = asset_id.rpartition("/")
        source = self._source.scene(f"{_SOURCE}/{index}") if collection == COLLECTION else None
        if source is None or source.properties["CLOUDY_PIXEL_PERCENTAGE"] > _MOST_CLOUDS:
            return None
        return self._picture(source)

    def _make(self, source: Sentinel2Scene) -> Picture:
        tile = source.tile
        side = TILE_METRES // 10
        lattice = Lattice(f"EPSG:{tile.epsg}", (10.0, 0.0, float(tile.west), 0.0, -10.0, float(tile.north)), side, side)
        layers = (*(Layer(name, FLOAT) for name in CLASSES), Layer("label", UINT8, "sample"))
        return Picture(
            f"{COLLECTION}/{source.index}",
            layers,
            {"": lattice},
            source.footprint,
            partial(_properties, source),
            partial(self._paint, source),
        )

    def _paint(self, source: Sentinel2Scene, band: str, patch: Patch, cut: Cut) -> Painted:
        surface = self._earth.surface(patch).cut(cut)
        sky = self._earth.sky(patch, source.overpass, cut)
        seen = np.asarray(sky.seen & (sky.depths() <= _HIDDEN) & (sky.shadows() <= _SHADED))
        if band == "label":
            return np.take(LABELS, surface.cover), seen
        return self._probability(CLASSES.index(band), surface, patch, cut), seen

    def _probability(self, number: int, surface: Surface, patch: Patch, cut: Cut) -> NDArray[np.float32]:
        """What the ground is has the highest; the rest is shared by the others, crops and grass taking more."""
        own = np.take(LABELS, surface.cover)
        rows = np.arange(cut[0].start, cut[0].stop, dtype=np.int64)[:, None] + patch.first[0]
        cols = np.arange(cut[1].start, cut[1].stop, dtype=np.int64)[None, :] + patch.first[1]
        sure = np.float32(_LEAST) + np.float32(_SPREAD) * unit(mix(self._earth.seed, 91, rows, cols))
        weights = _ALIKE[:, number][own]
        return np.asarray(np.where(own == number, sure, (1.0 - sure) * weights), np.float32)


def _alike() -> NDArray[np.float32]:
    """How the rest is shared, by (class of the ground, other class); rows add up to 1."""
    table = np.full((len(CLASSES), len(CLASSES)), 1.0)
    for first, second in ((2, 4), (4, 7), (1, 5), (2, 5), (6, 7), (0, 3)):
        table[first, second] = table[second, first] = 4.0
    np.fill_diagonal(table, 0.0)
    return np.asarray(table / table.sum(axis=1, keepdims=True), np.float32)


_ALIKE = _alike()


def _properties(source: Sentinel2Scene) -> dict[str, Any]:
    known = source.properties
    return {
        "system:index": source.index,
        "system:time_start": known["system:time_start"],
        "system:time_end": known["system:time_start"],
        "system:footprint": known["system:footprint"],
        "system:asset_size": 312_345_678,
        "dynamicworld_algorithm_version": "3.5",
        "qa_algorithm_version": "4",
    }
