"""What both batch routes share: one exact grid for every export, our own request id, names that tell what a file is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.model.batch import ExportOrder, Operation
from orchestrator.model.plan import Plan
from orchestrator.model.ports import ObjectStore
from orchestrator.routes.filled import filled
from orchestrator.routes.named import NamedRoute
from orchestrator.routes.names import Naming

# Earth Engine computes an export in tiles of this side; a quarter of the pixels at once needs about a quarter of the
# memory there.
SHARDS = (256, 128, 64)


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """
    What every export of a process is asked to be.

    Attributes:
        cloud_optimized: Whether the files are Cloud Optimized GeoTIFFs.
        priority: Of the tasks among the project's own; None leaves it to the service.
    """

    cloud_optimized: bool = True
    priority: int | None = None


class BatchExport(NamedRoute):
    """
    A route by `image:export`: `model.batch.BatchRoute`. `destination` adds where the files go to a task's parameters
    and chooses the client's function that writes the request.
    """

    rungs: Sequence[Mapping[str, Any]] = tuple({"shard": shard} for shard in SHARDS)

    def __init__(
        self,
        name: str,
        engine: EarthEngine,
        objects: ObjectStore,
        destination: Callable[..., Any],
        naming: Naming,
        options: ExportOptions,
    ) -> None:
        self.name = name
        self.objects = objects
        self._engine = engine
        self._destination = destination
        self.naming = naming
        self._options = options

    def start(self, image: str, plan: Plan, order: ExportOrder) -> Operation:
        parameters = self._parameters(plan, order)
        request = self._destination(filled(image, plan.pixels, order.bands), order.names.prefix, **parameters).config
        return self._engine.export(order.names.request_id, request)

    def find(self, name: str) -> Operation | None:
        return self._engine.operation(name)

    def cancel(self, name: str) -> None:
        self._engine.cancel(name)

    def close(self) -> None:
        self.objects.close()
        self._engine.close()

    # --------------------------------------------------------------- request

    def _parameters(self, plan: Plan, order: ExportOrder) -> dict[str, Any]:
        window = order.window
        shard = SHARDS[min(order.rung, len(SHARDS) - 1)]
        parameters = {
            "description": order.names.description,
            "crs": plan.grid.crs,
            "crsTransform": list(plan.grid.window_transform(window)),
            "dimensions": f"{window.width}x{window.height}",
            "maxPixels": window.pixels,
            "shardSize": shard,
            "fileDimensions": [_multiple(order.part_width, shard), _multiple(order.part_height, shard)],
            "fileFormat": "GeoTIFF",
            "formatOptions": {"cloudOptimized": self._options.cloud_optimized, "noData": plan.pixels.nodata},
        }
        priority = self._options.priority
        return parameters if priority is None else parameters | {"priority": priority}


def _multiple(side: int, of: int) -> int:
    """Round `side` up: Earth Engine takes file dimensions in whole tiles and clips them to the image."""
    return -(-side // of) * of
