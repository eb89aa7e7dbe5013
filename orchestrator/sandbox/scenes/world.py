"""The catalogue of the invented Earth: Sentinel-2, and every other family of collections, of one ground."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Scene, Table, invented
from orchestrator.sandbox.scenes.sensors.climate import climate
from orchestrator.sandbox.scenes.sensors.crops import crops
from orchestrator.sandbox.scenes.sensors.dynamic_world import DynamicWorld
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.elevation import DegreeTiles, elevation
from orchestrator.sandbox.scenes.sensors.embeddings import Embeddings
from orchestrator.sandbox.scenes.sensors.hazards import hazards
from orchestrator.sandbox.scenes.sensors.landcover import landcover
from orchestrator.sandbox.scenes.sensors.landforms import landforms
from orchestrator.sandbox.scenes.sensors.landsat import Landsat
from orchestrator.sandbox.scenes.sensors.landsat_level1 import Level1
from orchestrator.sandbox.scenes.sensors.landsat_level2 import Level2
from orchestrator.sandbox.scenes.sensors.lights import lights
from orchestrator.sandbox.scenes.sensors.modis import modis
from orchestrator.sandbox.scenes.sensors.modis_nadir import nadir
from orchestrator.sandbox.scenes.sensors.naip import Naip
from orchestrator.sandbox.scenes.sensors.people import people
from orchestrator.sandbox.scenes.sensors.sensor import Sensor
from orchestrator.sandbox.scenes.sensors.sentinel1 import Sentinel1
from orchestrator.sandbox.scenes.sensors.sentinel2 import Sentinel2
from orchestrator.sandbox.scenes.sensors.water import water
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue
from orchestrator.sandbox.scenes.tables import shipped

_DAY_MS = 86_400_000
_FIRST_MS, _NOW_MS = 1_420_070_400_000, 1_735_689_600_000  # 2015 to 2024, when all but the oldest missions fly


class WorldCatalogue:
    """
    All collections over the whole Earth.

    Args:
        seed: Another seed is another world, with the same orbits.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.sentinel2 = SyntheticCatalogue(seed)
        earth, optical = Earth(seed), Sentinel2(self.sentinel2)
        self._sensors: tuple[Sensor, ...] = (
            optical,
            Landsat(earth, (Level2(), Level1(reflective=False), Level1(reflective=True))),
            Sentinel1(earth),
            elevation(earth),
            DegreeTiles(earth),
            landforms(earth),
            landcover(earth),
            water(earth),
            modis(earth),
            nadir(earth),
            climate(earth),
            DynamicWorld(earth, optical),
            Embeddings(earth),
            lights(earth),
            Naip(earth),
            people(earth),
            crops(earth),
            hazards(earth),
        )
        self._by_collection = {name: sensor for sensor in self._sensors for name in sensor.collections}
        self._by_image = {name: sensor for sensor in self._sensors for name in sensor.images}
        self._collections = {name: each for sensor in self._sensors for name, each in sensor.collections.items()}

    def identity(self) -> str:
        """Return what tells this Earth from those of other seeds."""
        return invented(self._seed)

    def collections(self) -> Mapping[str, Mapping[str, Any]]:
        """Collection id to its properties."""
        return self._collections

    def images(self) -> tuple[str, ...]:
        """Ids of images that belong to no collection."""
        return tuple(self._by_image)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Scene]:
        """
        Yield scenes by (time, index); see `Catalogue.scenes`.

        Raises:
            UnboundedQueryError: If the query has no end.
        """
        sensor = self._by_collection.get(collection)
        if sensor is not None:
            yield from sensor.scenes(collection, region, start_ms, end_ms)

    def is_crowded(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> bool:
        """Tell whether a query surely finds more scenes than can be accumulated, without enumerating them."""
        sensor = self._by_collection.get(collection)
        if sensor is None or region is not None:
            return False
        start = max(_FIRST_MS, -math.inf if start_ms is None else start_ms)
        end = min(_NOW_MS, math.inf if end_ms is None else end_ms)
        return end - start > sensor.crowded_days * _DAY_MS

    def place_of(self, collection: str, name: str, value: Any) -> BaseGeometry | None:
        """Give where all scenes lie that have a value of a property, if that is told; see `SyntheticCatalogue`."""
        sensor = self._by_collection.get(collection)
        if isinstance(sensor, Landsat):
            return sensor.place_of(name, value)
        optical = isinstance(sensor, Sentinel2) and isinstance(value, str)
        return self.sentinel2.place_of(collection, name, value) if optical else None

    def scene(self, asset_id: str) -> Scene | None:
        """Find one image by its id."""
        sensor = self._by_image.get(asset_id) or self._by_collection.get(asset_id.rpartition("/")[0])
        return None if sensor is None else sensor.scene(asset_id)

    def table(self, asset_id: str) -> Table | None:
        """Find one of the shipped tables by its id."""
        return shipped.table(asset_id)
