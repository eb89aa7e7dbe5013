"""The catalogue of the invented Earth: Sentinel-2, and every other family of collections, of one ground."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes.catalogue import Scene
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.elevation import elevation
from orchestrator.sandbox.scenes.sensors.landcover import landcover
from orchestrator.sandbox.scenes.sensors.landsat import Landsat
from orchestrator.sandbox.scenes.sensors.landsat_level2 import Level2
from orchestrator.sandbox.scenes.sensors.sensor import Sensor
from orchestrator.sandbox.scenes.sensors.sentinel1 import Sentinel1
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue


class WorldCatalogue:
    """
    All collections over the whole Earth.

    Args:
        seed: Another seed is another world, with the same orbits.
    """

    def __init__(self, seed: int = 0) -> None:
        self.sentinel2 = SyntheticCatalogue(seed)
        earth = Earth(seed)
        self._sensors: tuple[Sensor, ...] = (
            Landsat(earth, (Level2(),)),
            Sentinel1(earth),
            elevation(earth),
            landcover(earth),
        )
        self._by_collection = {name: sensor for sensor in self._sensors for name in sensor.collections}
        self._by_image = {name: sensor for sensor in self._sensors for name in sensor.images}
        self._collections: dict[str, Mapping[str, Any]] = dict(self.sentinel2.collections())
        for sensor in self._sensors:
            self._collections |= sensor.collections

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
        if sensor is None:
            yield from self.sentinel2.scenes(collection, region, start_ms, end_ms)
        else:
            yield from sensor.scenes(collection, region, start_ms, end_ms)

    def scene(self, asset_id: str) -> Scene | None:
        """Find one image by its id."""
        sensor = self._by_image.get(asset_id) or self._by_collection.get(asset_id.rpartition("/")[0])
        return self.sentinel2.scene(asset_id) if sensor is None else sensor.scene(asset_id)
