"""What runs of the small world deliver: one file of the names of their parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import astuple
from pathlib import Path

from model_world import the_plan

from orchestrator.core.files import sha256_of, write_whole
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.model.plan_json import plan_from_json, plan_to_json
from orchestrator.model.product import Evidence, Finishing, Made, MadeFile, RunSnapshot, Settled
from orchestrator.model.unit import Cell
from orchestrator.products.mosaic.covering import prove_cover


class FileSink:
    """`Sink`: a folder with a file for each placed cell, and a list of them as its output."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, pieces: Iterable[tuple[Cell, Path | bytes]], on_placed: Callable[[Cell], None]) -> None:
        for cell, piece in pieces:
            content = piece if isinstance(piece, bytes) else piece.read_bytes()
            window = cell.window
            numbers = [window.row, window.col, window.height, window.width]
            assert json.loads(content)[1:] == numbers, "bytes of another part"
            write_whole(self._folder / "-".join(map(str, numbers)), content, within=self._folder.parent)
            on_placed(cell)

    def placed(self) -> frozenset[Cell]:
        return frozenset(Cell(Window(*map(int, path.name.split("-")))) for path in self._folder.iterdir())

    def finish(self) -> Path:
        output = self._folder.parent / "output"
        entries = [json.loads(path.read_bytes()) for path in sorted(self._folder.iterdir())]
        write_whole(output, json.dumps(entries).encode())
        return output


class WorldProduct:
    """`Product` of a list of pieces and a proof, which is nothing of a mosaic but its files' names."""

    name = "mosaic"

    def __init__(self, plan: Plan | None = None) -> None:
        self.plan = plan or the_plan()

    def files(self, job: Job) -> tuple[Path, ...]:
        final = Path(job.output) / f"{job.base_name}_clipped.tif"
        return final.with_suffix(".json"), final

    def check(self, _job: Job) -> tuple[str, ...]:
        return ()

    def prepare(self, _job: Job) -> Settled:
        return Settled(plan_to_json(self.plan), "image", {}, self.plan.tasks)

    def instead(self, run, window):  # noqa: ARG002  the protocol's signature
        return ()

    def exports(self, run: RunSnapshot) -> Plan:
        return plan_from_json(run.document)

    def steps(self, _run: RunSnapshot) -> dict:
        return {}

    def open(self, _run: RunSnapshot, folder: Path) -> FileSink:
        placed = folder / "placed"
        placed.mkdir(exist_ok=True)
        return FileSink(placed)

    def finish(self, about: Finishing, sink: FileSink, evidence: Evidence) -> Made:
        prove_cover(plan_from_json(about.run.document), [brought.cell.window for brought in evidence.brought])
        proof, final = self.files(about.run.job)
        output = sink.finish()
        parts = [{"window": list(astuple(b.cell.window)), **b.origin} for b in evidence.brought]
        made = {"sha256": sha256_of(output), "bytes": output.stat().st_size}
        told = {"run": about.run.id, "job": {}, "output": made, "parts": parts}
        write_whole(about.folder / "proof", json.dumps(told).encode())
        return Made((MadeFile("proof", about.folder / "proof", proof), MadeFile("data", output, final)), {"valid": {}})

    def close(self) -> None:
        pass
