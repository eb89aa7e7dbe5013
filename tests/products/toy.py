"""A product in a few lines: numbers, each made by a unit of its own, listed in one file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from orchestrator.core.errors import UserError
from orchestrator.core.files import write_whole
from orchestrator.model.grid import Window
from orchestrator.model.product import Made, MadeFile, Settled
from orchestrator.model.unit import Cell, Done, UnitPlan


class ToySink:
    def __init__(self, folder):
        self._folder = folder / "cells"
        self._folder.mkdir(exist_ok=True)

    def place(self, pieces, on_placed):
        for cell, content in pieces:
            write_whole(self._folder / str(cell.window.row), content)
            on_placed(cell)

    def placed(self):
        return frozenset(Cell(Window(int(path.name), 0, 1, 1)) for path in self._folder.glob("[0-9]*"))

    def numbers(self):
        return [path.read_text() for path in sorted(self._folder.glob("[0-9]*"), key=lambda path: int(path.name))]


def square(context, unit):
    cell = unit.plan.cell
    content = str(cell.window.row**2).encode()
    if not context.is_placed(cell):
        context.place(cell, content)
    return Done({"sha256": hashlib.sha256(content).hexdigest()})


class Toy:
    name = "toy"

    def files(self, job):
        return (Path(job.output) / f"{job.base_name}.json", Path(job.output) / f"{job.base_name}.txt")

    def check(self, job):
        if job.keys.get("numbers", 4) < 1:
            raise UserError(f"numbers is {job.keys['numbers']}; one at least is needed")
        return ()

    def prepare(self, job):
        self.check(job)
        cells = (Cell(Window(row, 0, 1, 1)) for row in range(job.keys.get("numbers", 4)))
        return Settled('{"version": 1}', units=tuple(UnitPlan("square", f"{c.window.row:03d}", c) for c in cells))

    def exports(self, _run):
        return None

    def steps(self, _run):
        return {"square": square}

    def instead(self, _run, _window):
        return ()

    def open(self, _run, folder):
        return ToySink(folder)

    def finish(self, about, sink, evidence):
        made, proof = about.folder / "made.txt", about.folder / "made.json"
        write_whole(made, "\n".join(sink.numbers()).encode())
        parts = [{"window": [b.cell.window.row, 0, 1, 1], **b.origin} for b in evidence.brought]
        told = {"run": about.run.id, "sha256": hashlib.sha256(made.read_bytes()).hexdigest(), "parts": parts}
        write_whole(proof, json.dumps(told).encode())
        names = self.files(about.run.job)
        return Made((MadeFile("proof", proof, names[0]), MadeFile("data", made, names[1])))

    def close(self):
        pass
