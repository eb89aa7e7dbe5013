"""What is modelled of Earth Engine: a queue, so many exports at once, files whose weight follows from their pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.app.simulation.costs import RunCosts
from orchestrator.app.simulation.machines import Occupation, Station
from orchestrator.app.simulation.virtual_time import VirtualClock
from orchestrator.core.errors import ThrottleError
from orchestrator.engine.stores.sharing import QUEUE_TASKS
from orchestrator.model.batch import (
    ExportOrder,
    Matched,
    Operation,
    OperationState,
)
from orchestrator.model.grid import Window
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.ports import Stop
from orchestrator.routes.named import NamedRoute
from orchestrator.routes.names import Naming

_NAMING = Naming("simulated")


@dataclass(frozen=True, slots=True)
class ExportModel:
    """What an export of so many pixels takes."""

    costs: RunCosts
    eecu_per_pixel: float
    raw_bytes_per_pixel: int

    def eecu_seconds(self, pixels: int) -> float:
        return pixels * self.eecu_per_pixel

    def seconds(self, pixels: int) -> float:
        """Return how long it has a slot."""
        return self.costs.task_seconds + self.eecu_seconds(pixels) / self.costs.task_eecu_per_second

    def file_bytes(self, pixels: int) -> int:
        return int(pixels * self.raw_bytes_per_pixel * self.costs.file_share)


class SimulatedObjects:
    """See `model.ports.ObjectStore`: bytes are counted, and there are none."""

    def __init__(self, bucket: Occupation) -> None:
        self.bucket = bucket
        self.highest = 0.0

    def wrote(self, size: int) -> None:
        """Take note of a file. It stays until the result is published, as in a run."""
        self.bucket.take(size)
        self.highest = max(self.highest, self.bucket.taken)

    def find(self, prefix: str) -> list[StoredObject]:  # noqa: ARG002  the port's signature
        return []

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: Stop) -> None:  # noqa: ARG002
        on_bytes(source.size)

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> bytes:  # noqa: ARG002
        on_bytes(source.size)
        return b""

    def create(self, name: str, content: bytes) -> StoredObject:
        return StoredObject(name, len(content), "1", "AAAAAA==")

    def delete(self, source: StoredObject) -> Deletion:
        self.bucket.take(-source.size)
        return Deletion.DELETED

    def close(self) -> None:
        """Nothing is kept open."""


class SimulatedExports(NamedRoute):
    """See `model.batch.BatchRoute`: exports of one project, so many at once, in the order in which they were asked."""

    name = "simulated"
    rungs: Sequence[Mapping[str, Any]] = ({"usual": 1},)
    objects: SimulatedObjects

    def __init__(self, model: ExportModel, slots: Station, bucket: Occupation, clock: VirtualClock) -> None:
        self.naming, self.objects = _NAMING, SimulatedObjects(bucket)
        self.most_queued = 0
        self._model, self._slots, self._clock = model, slots, clock
        self._operations: dict[str, Operation] = {}
        self._live: set[str] = set()
        self._files: dict[str, dict[Window, StoredObject]] = {}
        self._changes = 0
        self._listed = -1

    def has_news(self) -> bool:
        """Tell whether something has changed that no list has told."""
        return self._changes != self._listed

    def operations(self) -> Sequence[Operation]:
        """List every operation."""
        self._listed = self._changes
        return list(self._operations.values())

    def start(self, image: str, plan: Plan, order: ExportOrder) -> Operation:  # noqa: ARG002  the port's signature
        if len(self._live) >= QUEUE_TASKS:
            raise ThrottleError(f"Too many tasks already in the queue ({QUEUE_TASKS}).")
        self._clock.advance(self._clock.monotonic() + self._model.costs.submit_seconds)
        name = f"projects/simulated/operations/{len(self._operations):07d}"
        operation = Operation(name, OperationState.QUEUED, description=order.names.description, created=name)
        self._operations[name] = operation
        self._live.add(name)
        self.most_queued = max(self.most_queued, len(self._live))
        self._changes += 1
        self._slots.serve(self._model.seconds(order.window.pixels), lambda: self._succeed(name, order))
        return operation

    def _succeed(self, name: str, order: ExportOrder) -> None:
        task = TaskPlan(0, order.window, order.part_height, order.part_width)
        prefix = order.names.prefix
        files = {
            window: StoredObject(
                f"{prefix}{window.row:010d}-{window.col:010d}.tif",
                self._model.file_bytes(window.pixels),
                "1",
                "AAAAAA==",
            )
            for window in task.parts()
        }
        self._files[prefix] = files
        self.objects.wrote(sum(file.size for file in files.values()))
        spent = self._model.eecu_seconds(order.window.pixels)
        done = replace(self._operations[name], state=OperationState.SUCCEEDED, progress=1.0, eecu_seconds=spent)
        self._operations[name] = done
        self._live.discard(name)
        self._changes += 1

    def find(self, name: str) -> Operation | None:
        return self._operations.get(name)

    def cancel(self, name: str) -> None:
        """Nothing is cancelled in a simulation: whoever asks has no budget left, and it ends."""

    def files(self, task: TaskPlan, prefix: str, begun: float) -> Matched:  # noqa: ARG002  the port's signature
        return Matched(self._files.get(prefix, {}), ())

    def wrote(self, task: TaskPlan, prefix: str, begun: float, source: StoredObject) -> bool:  # noqa: ARG002
        return True

    def close(self) -> None:
        """Nothing is kept open."""
