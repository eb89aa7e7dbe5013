"""Routes whose requests wait for their turn among those of every process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.engine.request_limits import RequestLimits
from orchestrator.model.direct import DirectLimits, DirectRoute, PixelPiece, PixelRequest
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.ports import ObjectStore, Stop
from orchestrator.model.table import ReduceRequest, SampleRequest, TableLimits, TableReply, TableRoute


class LimitedRoute:
    """A direct route whose requests wait for their turn."""

    def __init__(self, route: DirectRoute, requests: RequestLimits) -> None:
        self._route, self._requests = route, requests

    @property
    def name(self) -> str:
        return self._route.name

    @property
    def limits(self) -> DirectLimits:
        return self._route.limits

    def fetch(self, request: PixelRequest, stop: Stop) -> PixelPiece:
        """See `DirectRoute`; also Stopped while waiting, and ThrottleError in a long pause."""
        with self._requests.turn(stop):
            return self._route.fetch(request, stop)

    def close(self) -> None:
        """Give up idle connections."""
        self._route.close()


class LimitedTables:
    """A route of tables whose requests wait for their turn."""

    def __init__(self, route: TableRoute, requests: RequestLimits) -> None:
        self._route, self._requests = route, requests

    @property
    def limits(self) -> TableLimits:
        return self._route.limits

    def sample(self, request: SampleRequest, stop: Stop) -> TableReply:
        """See `TableRoute`; also Stopped while waiting, and ThrottleError in a long pause."""
        with self._requests.turn(stop):
            return self._route.sample(request, stop)

    def reduce(self, request: ReduceRequest, stop: Stop) -> TableReply:
        """See `sample`."""
        with self._requests.turn(stop):
            return self._route.reduce(request, stop)

    def close(self) -> None:
        """Give up idle connections."""
        self._route.close()


class LimitedObjects:
    """An `ObjectStore` whose downloads each wait for their turn among all that the processes of a state do."""

    def __init__(self, objects: ObjectStore, limits: RequestLimits) -> None:
        self._objects, self._limits = objects, limits

    def find(self, prefix: str) -> list[StoredObject]:
        return self._objects.find(prefix)

    def create(self, name: str, content: bytes) -> StoredObject:
        return self._objects.create(name, content)

    def delete(self, source: StoredObject) -> Deletion:
        return self._objects.delete(source)

    def close(self) -> None:
        self._objects.close()

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: Stop) -> None:
        with self._limits.hold(stop):
            self._objects.fetch(source, target, on_bytes, stop)

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> bytes:
        with self._limits.hold(stop):
            return self._objects.read(source, on_bytes, stop)
