"""A cloud in the same process for `parts.py`: exports are done at once, objects have no bytes, little is computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.core.files import sha256_of, write_whole
from orchestrator.model.batch import (
    ExportOrder,
    Operation,
    OperationState,
)
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.plan_json import plan_from_json, plan_to_json
from orchestrator.model.product import Evidence, Finishing, Made, MadeFile, RunSnapshot, Settled
from orchestrator.model.unit import Cell
from orchestrator.routes.named import NamedRoute
from orchestrator.routes.names import Naming, prefix_of

NAMING = Naming("benchmark", "orchestrator")


class CloudObjects:
    """`ports.ObjectStore`: objects by the prefix of their attempt; what is fetched is nothing."""

    def __init__(self) -> None:
        self._by_prefix: dict[str, dict[str, StoredObject]] = {}

    def write(self, prefix: str, names: Iterable[str]) -> None:
        self._by_prefix[prefix] = {n: StoredObject(n, 300_000, "1700000000000000", "AAAAAA==") for n in names}

    def find(self, prefix: str) -> list[StoredObject]:
        if (listed := self._by_prefix.get(prefix)) is not None:
            return list(listed.values())
        return [o for key, each in self._by_prefix.items() if key.startswith(prefix) for o in each.values()]

    def fetch(self, source: StoredObject, _target: Path, on_bytes: Callable[[int], None], _stop: object) -> None:
        on_bytes(source.size)

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], _stop: object) -> bytes:
        on_bytes(source.size)
        return b""

    def create(self, name: str, _content: bytes) -> StoredObject:
        self._by_prefix[name] = {name: StoredObject(name, 1, "1", "AAAAAA==")}
        return self._by_prefix[name][name]

    def delete(self, source: StoredObject) -> Deletion:
        held = self._by_prefix.get(prefix_of(source.name) or source.name, {})
        return Deletion.DELETED if held.pop(source.name, None) else Deletion.ABSENT

    def close(self) -> None: ...


class CloudRoute(NamedRoute):
    """`batch.BatchRoute`: an export that was started has succeeded by the next list, with all its files."""

    name = "benchmark"
    rungs: Sequence[Mapping[str, Any]] = ({},)

    def __init__(self) -> None:
        self.naming, self.objects = NAMING, CloudObjects()
        self._started: dict[str, Operation] = {}
        self.stuck = False  # whether exports stay in the queue

    def start(self, _image: str, _plan: Plan, order: ExportOrder) -> Operation:
        name = f"projects/p/operations/{len(self._started):012d}"
        state = OperationState.QUEUED if self.stuck else OperationState.SUCCEEDED
        task = TaskPlan(0, order.window, order.part_height, order.part_width)
        corner = order.window
        names = (f"{order.names.prefix}{w.row - corner.row:010d}-{w.col - corner.col:010d}.tif" for w in task.parts())
        self.objects.write(order.names.prefix, names)
        self._started[name] = Operation(name, state, description=order.names.description, created=name)
        return self._started[name]

    def operations(self) -> Sequence[Operation]:
        return list(self._started.values())

    def find(self, name: str) -> Operation | None:
        return self._started.get(name)

    def cancel(self, name: str) -> None: ...

    def close(self) -> None: ...


class CellsSink:
    """`Sink` that remembers cells and writes nothing."""

    def __init__(self, cells: Iterable[Cell] = ()) -> None:
        self._cells = set(cells)

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        for cell, _content in pieces:
            self._cells.add(cell)
            on_placed(cell)

    def placed(self) -> frozenset[Cell]:
        return frozenset(self._cells)


class CellsProduct:
    """`Product` of a result that says how many cells it has."""

    name = "mosaic"

    def __init__(self, plan: Plan, placed: Iterable[Cell] = ()) -> None:
        self._plan, self.sink = plan, CellsSink(placed)

    def files(self, job: Job) -> tuple[Path, ...]:
        final = Path(job.output) / f"{job.base_name}.tif"
        return final.with_suffix(".json"), final

    def check(self, _job: Job) -> tuple[str, ...]:
        return ()

    def prepare(self, _job: Job) -> Settled:
        return Settled(plan_to_json(self._plan), "image", {}, self._plan.tasks)

    def instead(self, _run: RunSnapshot, _window: Window) -> tuple[()]:
        return ()

    def exports(self, run: RunSnapshot) -> Plan:
        return plan_from_json(run.document)

    def steps(self, _run: RunSnapshot) -> Mapping[str, Any]:
        return {}

    def open(self, _run: RunSnapshot, _folder: Path) -> CellsSink:
        return self.sink

    def finish(self, about: Finishing, sink: CellsSink, evidence: Evidence) -> Made:
        proof, final = self.files(about.run.job)
        write_whole(about.folder / "output", b"cells")
        told = json.dumps({"run": about.run.id, "job": {}, "cells": len(evidence.brought), "sink": len(sink.placed())})
        write_whole(about.folder / "proof", told.encode())
        made = ((r, about.folder / n, f) for r, n, f in (("proof", "proof", proof), ("data", "output", final)))
        return Made(tuple(MadeFile(role, path, name, sha256_of(path)) for role, path, name in made))

    def close(self) -> None: ...
