"""What both batch routes share: one exact grid for every export, our own request id, one paged list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.model.plan import Plan
from orchestrator.model.ports import ExportOrder, ObjectStore, Operation
from orchestrator.routes.filled import filled


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
        request = self._destination(
            filled(image, plan.pixels, order.bands), order.prefix, **self._options(plan, order)
        ).config
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


def _multiple(side: int, of: int) -> int:
    """Round `side` up: Earth Engine takes file dimensions in whole tiles and clips them to the image."""
    return -(-side // of) * of
