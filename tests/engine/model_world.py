"""
A small world the engine works in: an Earth Engine, a bucket and an assembler, as plain values.

These are models of the contracts in `model/ports.py` and `model/batch.py`, to be driven through every order of events;
how the real clients keep them is tested elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.core.errors import GenerationError, NotFoundError, ThrottleError, TransientError
from orchestrator.model.batch import (
    AlreadyStartedError,
    ExportOrder,
    Operation,
    OperationState,
)
from orchestrator.model.grid import Grid, Window
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.ports import Diagnosis, RefusedError
from orchestrator.model.spec import PixelSpec
from orchestrator.model.states import Failure
from orchestrator.routes.named import NamedRoute
from orchestrator.routes.names import Naming

NAMING = Naming("me", "p")
BLOCK = 256
TASKS = (
    TaskPlan(0, Window(0, 0, 512, 512), BLOCK, BLOCK),
    TaskPlan(1, Window(0, 512, 512, 256), BLOCK, BLOCK),
    TaskPlan(2, Window(512, 0, 300, 700), BLOCK, BLOCK),
)
GRID = Grid("EPSG:32633", (10.0, 0.0, 0.0, 0.0, -10.0, 0.0), 812, 768)
MAX_PART_BYTES = 400_000


def the_plan() -> Plan:
    """Three rectangles of several parts, disjoint, not covering the whole grid."""
    return Plan(
        grid=GRID,
        pixels=PixelSpec(("B2",), "uint16", 0),
        tasks=TASKS,
        area_wkb=b"",
        area_pixels=1,
        max_part_bytes=MAX_PART_BYTES,
        bucket_bytes=sum(task.window.pixels for task in TASKS),
        disk_bytes=0,
        memory_bytes=0,
    )


class FakeClock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2024, 6, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class NoStop:
    """Nobody asks for an end; waiting lets the time pass."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.seconds += timeout or 0.0
        return False


@dataclass(slots=True)
class Blob:
    """An object: its bytes, the generation of them, and who wrote them."""

    content: bytes
    generation: str
    foreign: bool = False


@dataclass(slots=True)
class Started:
    """What the service knows of an operation."""

    order: ExportOrder
    operation: Operation
    hidden: list[tuple[str, bytes]] = field(default_factory=list)  # files that are not listed yet
    unlisted: int = 0  # how many lists of operations it will still be missing from
    unknown: bool = False  # whether the service says that there is none of its name


class World:
    """The service's side. `known` tells whether a description was committed before it is sent."""

    def __init__(self) -> None:
        self.blobs: dict[str, Blob] = {}
        self.started: dict[str, Started] = {}
        self.by_request: dict[str, str] = {}
        self.burnt: set[str] = set()
        self.prefixes: dict[str, str] = {}
        self.written: set[tuple[str, str]] = set()
        self.listed: set[tuple[str, str]] = set()
        self.shown: set[str] = set()  # the operations that the last list showed; none where it could not be had
        self.next_submission = ""
        self.refuses_known_ids = False
        self.list_fails = False
        self.bytes_per_pixel = 1.0
        self.dash = False
        self.masked: list[Window] = []  # where an export found nothing but masked pixels
        self.known: Callable[[str], bool] = lambda _description: False
        self.in_ledger: Callable[[StoredObject], bool] = lambda _source: False
        self._generations = 0

    # ------------------------------------------------------------- operations

    def submit(self, order: ExportOrder) -> Operation:
        """Start an export as Google may: with an answer, without one, or not at all."""
        assert self.known(order.names.description), "an export was asked for that the store does not know"
        assert self.prefixes.setdefault(order.names.prefix, order.names.request_id) == order.names.request_id, (
            "a prefix was used twice"
        )
        how, self.next_submission = self.next_submission, ""
        if how == "throttled":
            raise ThrottleError("too many requests")
        if how == "for days":
            raise ThrottleError("come back in eleven days", 999_999.0)
        if how == "refused":
            raise RefusedError("the service says no", Diagnosis(Failure.PERMANENT))
        if how == "burnt":
            self.burnt.add(order.names.request_id)
        if how == "unreachable":
            raise TransientError("no route to host")
        if order.names.request_id in self.burnt:
            raise AlreadyStartedError("already started with the given request_id")
        if name := self.by_request.get(order.names.request_id):
            if self.refuses_known_ids:
                raise AlreadyStartedError("already started with the given request_id")
            return self.started[name].operation
        operation = self._start(order)
        if how == "answer lost":
            self.started[operation.name].unlisted = 2
            raise TransientError("connection reset")
        return operation

    def _start(self, order: ExportOrder) -> Operation:
        for other in self.started.values():
            overlap = other.operation.is_live and other.order.window.intersection(order.window)
            assert not overlap, f"{order.names.description} was started while {other.order.names.description} was live"
        number = len(self.prefixes) * 1000 + len(self.started)
        name = f"projects/p/operations/{number}"
        operation = Operation(name, OperationState.QUEUED, description=order.names.description, created=f"{number:09d}")
        self.started[name] = Started(order, operation)
        self.by_request[order.names.request_id] = name
        return operation

    def live(self) -> list[str]:
        return [name for name, started in self.started.items() if started.operation.is_live]

    def advance(self, name: str, *, late: int = 0) -> None:
        """QUEUED becomes RUNNING; RUNNING becomes SUCCEEDED, with all its files but the last `late` listed."""
        started = self.started[name]
        if started.operation.state is OperationState.QUEUED:
            self._become(name, OperationState.RUNNING)
            return
        files = self._files(started.order)
        shown = len(files) - min(late, len(files))
        for file in files[:shown]:
            self.write(*file)
        started.hidden = files[shown:]
        self._become(name, OperationState.SUCCEEDED)

    def fail(self, name: str, failure: Failure, *, leaving: int) -> None:
        """End an operation badly, `leaving` some of its files behind."""
        for file in self._files(self.started[name].order)[:leaving]:
            self.write(*file)
        if failure is Failure.EMPTY:
            self.masked.append(self.started[name].order.window)
        state = OperationState.CANCELLED if failure is Failure.CANCELLED else OperationState.FAILED
        self._become(name, state, error=f"the service says {failure}", failure=failure)

    def show_late_files(self) -> None:
        for started in self.started.values():
            for file in started.hidden:
                self.write(*file)
            started.hidden = []

    def cancel(self, name: str) -> None:
        if self.started[name].operation.is_live:
            self._become(name, OperationState.CANCELLED, failure=Failure.CANCELLED)

    def _become(self, name: str, state: OperationState, error: str = "", failure: Failure | None = None) -> None:
        started = self.started[name]
        started.operation = replace(started.operation, state=state, error=error, failure=failure)

    def _files(self, order: ExportOrder) -> list[tuple[str, bytes]]:
        task = TaskPlan(0, order.window, order.part_height, order.part_width)
        return [(self._name(order, task, w), self._content(order, w)) for w in task.parts()]

    def _name(self, order: ExportOrder, task: TaskPlan, window: Window) -> str:
        """Name a file as reported of Cloud Storage, or, with `dash`, as reported of Drive."""
        if window == task.window:
            return f"{order.names.prefix}.tif"
        dash = "-" if self.dash else ""
        return f"{order.names.prefix}{dash}{window.row - task.window.row:010d}-{window.col - task.window.col:010d}.tif"

    def _content(self, order: ExportOrder, window: Window) -> bytes:
        head = json.dumps([order.names.prefix, window.row, window.col, window.height, window.width]).encode()
        return head.ljust(int(window.pixels * self.bytes_per_pixel) // 100)  # a hundredth of the bytes is enough

    # ---------------------------------------------------------------- objects

    def write(self, name: str, content: bytes, *, foreign: bool = False) -> None:
        """Write a blob under a new generation, in place of what was there."""
        self._generations += 1
        generation = str(self._generations)
        self.blobs[name] = Blob(content, generation, foreign)
        if not foreign:
            self.written.add((name, generation))

    def find(self, prefix: str) -> list[StoredObject]:
        found = [
            StoredObject(name, len(blob.content) * 100, blob.generation, "AAAAAA==")
            for name, blob in sorted(self.blobs.items())
            if name.startswith(prefix)
        ]
        self.listed |= {(source.name, source.generation) for source in found}
        return found

    def read(self, source: StoredObject) -> bytes:
        blob = self.blobs.get(source.name)
        if blob is None:
            raise NotFoundError(f"{source.name} is gone")
        if blob.generation != source.generation:
            raise GenerationError(f"{source.name} was replaced")
        return blob.content

    def delete(self, source: StoredObject) -> Deletion:
        assert (source.name, source.generation) in self.listed, "a generation was deleted that was never listed"
        assert self.in_ledger(source), "an object was deleted that the ledger does not hold"
        blob = self.blobs.get(source.name)
        if blob is None:
            return Deletion.ABSENT
        if blob.generation != source.generation:
            return Deletion.CHANGED
        assert not blob.foreign, "a foreign object was deleted"
        del self.blobs[source.name]
        return Deletion.DELETED


@dataclass(frozen=True, slots=True)
class WorldObjects:
    """`ports.ObjectStore` on a world."""

    world: World

    def find(self, prefix: str) -> list[StoredObject]:
        return self.world.find(prefix)

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: object) -> None:
        target.write_bytes(self.read(source, on_bytes, stop))

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], _stop: object) -> bytes:
        content = self.world.read(source)
        on_bytes(len(content))
        return content

    def create(self, name: str, content: bytes) -> StoredObject:
        if name in self.world.blobs:
            raise GenerationError(f"{name} is there already")
        self.world.write(name, content)
        return next(source for source in self.world.find(name) if source.name == name)

    def delete(self, source: StoredObject) -> Deletion:
        return self.world.delete(source)


@dataclass(frozen=True, slots=True)
class WorldRoute(NamedRoute):
    """`batch.BatchRoute` on a world, and the list of its operations."""

    world: World
    name: str = "model"
    naming: Naming = NAMING
    rungs: Sequence[Mapping[str, Any]] = ({"shard": 256}, {"shard": 128}, {"shard": 64})

    @property
    def objects(self) -> WorldObjects:
        return WorldObjects(self.world)

    def start(self, _image: str, _plan: Plan, order: ExportOrder) -> Operation:
        return self.world.submit(order)

    def operations(self) -> Sequence[Operation]:
        self.world.shown = set()
        if self.world.list_fails:
            self.world.list_fails = False
            raise TransientError("the list cannot be had")
        shown = [started.operation for started in self.world.started.values() if not started.unlisted]
        for started in self.world.started.values():
            started.unlisted = max(0, started.unlisted - 1)
        self.world.shown = {operation.name for operation in shown}
        return shown

    def find(self, name: str) -> Operation | None:
        started = self.world.started.get(name)
        return started.operation if started and not started.unknown else None

    def cancel(self, name: str) -> None:
        self.world.cancel(name)

    def close(self) -> None:
        pass
