"""What both batch routes share: one exact grid for every export, our own request id, names that tell what a file is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.model.batch import AttemptNames, Described, ExportOrder, Matched, Operation, OrderShape
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.ports import ObjectStore
from orchestrator.routes.filled import filled
from orchestrator.routes.names import Naming, match, prefix_of, wrote

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


class BatchExport:
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
        self._naming = naming
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

    # ----------------------------------------------------------------- names

    def name_attempt(self, run_id: str, task: str, number: int, asked: OrderShape | None = None) -> AttemptNames:
        return self._naming.attempt(run_id, task, number, asked)

    def described(self, description: str) -> Described | None:
        return self._naming.described(description)

    def attempt_of(self, name: str) -> Described | None:
        return self._naming.attempt_of(name)

    def run_prefix(self, run_id: str) -> str:
        return self._naming.run_prefix(run_id)

    def run_of(self, name: str) -> str:
        return self._naming.run_of(name)

    def manifest_name(self, run_id: str) -> str:
        return self._naming.manifest(run_id)

    def prefix_of(self, name: str) -> str:
        return prefix_of(name)

    def files(self, task: TaskPlan, prefix: str, begun: float) -> Matched:
        return match(task, prefix, begun, self.objects.find(prefix))

    def wrote(self, task: TaskPlan, prefix: str, begun: float, source: StoredObject) -> bool:
        return wrote(task, prefix, begun, source)

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
