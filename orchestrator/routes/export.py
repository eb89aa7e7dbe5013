"""What both batch routes share: one exact grid for every export, our own request id, one paged list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine, deserialise
from orchestrator.model.plan import Plan
from orchestrator.model.ports import ExportOrder, ObjectStore, Operation

_image_of = lru_cache(maxsize=8)(deserialise)


class BatchExport:
    """
    A route by `image:export`. `destination` adds where the files go to a task's parameters and chooses the
    client's function that writes the request.
    """

    def __init__(
        self,
        name: str,
        separator: str,
        engine: EarthEngine,
        objects: ObjectStore,
        destination: Callable[..., Any],
        *,
        cloud_optimized: bool,
        priority: int | None,
    ) -> None:
        self.name = name
        self.separator = separator
        self.objects = objects
        self._engine = engine
        self._destination = destination
        self._cloud_optimized = cloud_optimized
        self._priority = priority

    def submit(self, image: str, plan: Plan, order: ExportOrder) -> Operation:
        request = self._destination(_filled(image, plan, order), order.prefix, **self._options(plan, order)).config
        return self._engine.export(order.request_id, request)

    def operations(self) -> Sequence[Operation]:
        return self._engine.operations()

    def operation(self, name: str) -> Operation | None:
        return self._engine.operation(name)

    def cancel(self, name: str) -> None:
        self._engine.cancel(name)

    def close(self) -> None:
        self.objects.close()
        self._engine.close()

    def _options(self, plan: Plan, order: ExportOrder) -> dict[str, Any]:
        window = order.window
        options = {
            "description": order.description,
            "crs": plan.grid.crs,
            "crsTransform": list(plan.grid.window_transform(window)),
            "dimensions": f"{window.width}x{window.height}",
            "maxPixels": window.pixels,
            "shardSize": order.shard,
            "fileDimensions": [_multiple(order.part_width, order.shard), _multiple(order.part_height, order.shard)],
            "fileFormat": "GeoTIFF",
            "formatOptions": {"cloudOptimized": self._cloud_optimized, "noData": plan.pixels.nodata},
        }
        return options if self._priority is None else options | {"priority": self._priority}


def _filled(image: str, plan: Plan, order: ExportOrder) -> Any:
    """
    Return the image with every masked pixel set to nodata.

    What Earth Engine writes for a masked pixel of a float export is not documented, so nothing is left to it.
    """
    selected = _image_of(image).select(list(order.bands))
    return selected.unmask(ee.Image.constant(plan.pixels.nodata).cast(_like(plan)), False)


def _like(plan: Plan) -> dict[str, str]:
    names = {"float32": "float", "float64": "double"}
    return {"constant": names.get(plan.pixels.dtype, plan.pixels.dtype)}


def _multiple(side: int, of: int) -> int:
    """Round `side` up: Earth Engine takes file dimensions in whole tiles and clips them to the image."""
    return -(-side // of) * of
