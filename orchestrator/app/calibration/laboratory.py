"""Where experiments are made: exports that are awaited, files that are read and taken away, and what it has cost."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.core.clock import Clock
from orchestrator.core.errors import OrchestratorError, Stopped
from orchestrator.model.batch import Operation, OperationState
from orchestrator.model.objects import StoredObject
from orchestrator.model.ports import ObjectStore, Stop

SIDE = 256  # pixels of a tile, the least that an export surely takes
_CRS, _ORIGIN = "EPSG:32633", (500_000, 5_200_000)
_POLL_SECONDS = 2.0


class NotTriedError(OrchestratorError):
    """The experiment was not made, or told nothing; the message says why."""


def image(kind: str) -> Any:
    """Give an image of two bands, columns and rows of the grid, masked where the column is below 16."""
    across = ee.Image.pixelCoordinates(ee.Projection(_CRS, transform()))
    masked = across.updateMask(across.select("x").gte(16))
    return masked.toFloat() if kind == "float" else masked.toUint16()


def transform() -> list[float]:
    """Give the grid's transform, in the order of the client."""
    return [10.0, 0.0, float(_ORIGIN[0]), 0.0, -10.0, float(_ORIGIN[1])]


def pixel_grid(width: int, height: int) -> dict[str, Any]:
    """Give the grid of a request for pixels."""
    a, b, c, d, e, f = transform()
    affine = {"scaleX": a, "shearX": b, "translateX": c, "shearY": d, "scaleY": e, "translateY": f}
    return {"crsCode": _CRS, "dimensions": {"width": width, "height": height}, "affineTransform": affine}


@dataclass(slots=True)
class Laboratory:
    """
    Attributes:
        spent_seconds: EECU-seconds of the exports so far.
        budget_seconds: What they may cost.
        wait_seconds: How long one export is awaited.
    """

    engine: EarthEngine
    clock: Clock
    stop: Stop
    budget_seconds: float
    wait_seconds: float
    prefix: str = field(default_factory=lambda: f"calibrate-{secrets.token_hex(6)}-")
    spent_seconds: float = 0.0
    started: list[str] = field(default_factory=list)

    def export(self, destination: Callable[..., Any], name: str, kind: str, tiles: int) -> Operation:
        """
        Export `tiles` × `tiles` files and wait for the end.

        Raises:
            NotTriedError: The budget is used up, or the export failed or did not end in time.
        """
        operation = self.begin(self.request(destination, name, kind, tiles), secrets.token_hex(16))
        self.started.append(operation.name)
        until = self.clock.monotonic() + self.wait_seconds
        while operation.state in (OperationState.QUEUED, OperationState.RUNNING, OperationState.CANCELLING):
            if self.expired(until):
                raise NotTriedError(f"the export did not end within {self.wait_seconds:.0f} s; it is cancelled")
            if self.stop.wait(_POLL_SECONDS if operation.state is OperationState.QUEUED else _POLL_SECONDS / 4):
                raise Stopped
            operation = self.engine.operation(operation.name) or operation
        self.spent_seconds += operation.eecu_seconds
        self.started.remove(operation.name)
        if operation.state is not OperationState.SUCCEEDED:
            raise NotTriedError(f"the export ended as {operation.state.value}: {operation.error}")
        return operation

    def expired(self, until: float) -> bool:
        """Tell whether an export has been awaited long enough."""
        return self.clock.monotonic() > until

    def begin(self, request: dict[str, Any], request_id: str) -> Operation:
        """Start an export once."""
        if self.spent_seconds >= self.budget_seconds:
            raise NotTriedError(f"the budget is used up: {self.spent_seconds:.0f} EECU-seconds")
        return self.engine.export(request_id, request)

    def request(self, destination: Callable[..., Any], name: str, kind: str, tiles: int) -> dict[str, Any]:
        """Write the request of an export."""
        found: dict[str, Any] = destination(
            image(kind),
            self.prefix + name,
            description=self.prefix + name,
            crs=_CRS,
            crsTransform=transform(),
            dimensions=f"{SIDE * tiles}x{SIDE * tiles}",
            shardSize=SIDE,
            fileDimensions=[SIDE, SIDE],
            maxPixels=(SIDE * tiles) ** 2,
        ).config
        return found

    def files(self, store: ObjectStore, name: str) -> list[StoredObject]:
        """List what an export wrote, by name."""
        return sorted(store.find(self.prefix + name), key=lambda each: each.name)

    def read(self, store: ObjectStore, source: StoredObject) -> bytes:
        return store.read(source, lambda _: None, self.stop)

    def tidy(self, stores: list[ObjectStore]) -> list[str]:
        """End what still runs and delete every file of ours; return the names of what could not be taken away."""
        left = []
        for name in dict.fromkeys(self.started):
            try:
                running = self.engine.operation(name)
                if running is not None and running.is_live:
                    self.engine.cancel(name)
            except OrchestratorError as error:
                left.append(f"export {name}, which may still run ({told(error)})")
        for store in stores:
            try:
                found = store.find(self.prefix)
            except OrchestratorError as error:
                left.append(f"whatever begins with {self.prefix} ({told(error)})")
                continue
            for each in found:
                try:
                    store.delete(each)
                except OrchestratorError as error:
                    left.append(f"{each.name} ({told(error)})")
        return left


def told(error: OrchestratorError) -> str:
    """Say why something was left; who was told to stop says nothing."""
    return str(error) or "stopped"
