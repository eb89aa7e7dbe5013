"""
Kills an assembly at chosen moments and finishes it: WORK KILLS SEED.

Every system call that changes a file is a moment. The process that does the work is a fork of this one; it
sends itself SIGKILL instead of a call, or after half of a write. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
from assembly import Never, Scene, place, star

from orchestrator.assemble import sealing
from orchestrator.assemble.mosaic import BlockAssembler
from orchestrator.core.files import sha256_of

CALLS = ("pwrite", "copy_file_range", "fsync", "fdatasync", "ftruncate", "rename", "unlink")
STORED = {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "deflate", "predictor": 2}
SCENE = Scene(height=300, width=420, side=128, bands=2, seed=11, profile=STORED)


def scene() -> Scene:
    return Scene(**{**vars(SCENE), "area": star(SCENE, np.random.default_rng(4))})


def order_of(count: int, order: int) -> list[int]:
    """Every other run places the parts in the order of the grid, when room is made in the spool itself."""
    return np.random.default_rng(order).permutation(count).tolist() if order % 2 else list(range(count))


class Calls:
    """Counts the calls that change files, in threads too, and kills at one of them."""

    def __init__(self, deadly: int | None) -> None:
        self.seen = 0
        for name in CALLS:
            setattr(os, name, self._counted(name, getattr(os, name), deadly))
        for name in ("insert_room", "remove_room"):
            setattr(sealing, name, self._counted(name, getattr(sealing, name), deadly))

    def _counted(self, name, call, deadly):
        def counted(*args, **kwargs):
            self.seen += 1
            if self.seen == deadly:
                if name == "pwrite":
                    fd, data, at = args
                    call(fd, memoryview(data)[: len(data) // 2], at)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return counted


def assemble(parts, work: Path, order: int, deadly: int | None) -> dict[str, object]:
    """Place all parts, in an order of its own, and finish; in a fork, whose answer comes through a pipe."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        calls = Calls(deadly)
        building = BlockAssembler().open(scene().spec(), work)
        before = len(building.placed())
        place(building, (parts[index] for index in order_of(len(parts), order)))
        report = building.finish(Never())
        answer = {"sha256": sha256_of(report.path), "calls": calls.seen, "before": before, "path": str(report.path)}
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    _pid, status = os.waitpid(child, 0)
    return json.loads(answer) if answer else {"killed": os.WTERMSIG(status)}


def killed_at(deadly: int, parts, folder: Path, order: int) -> dict[str, object]:
    """Kill at a moment, or sooner: syncs are shared as it happens, one run has fewer calls than another."""
    answer = assemble(parts, folder, order, deadly)
    while "killed" not in answer:
        shutil.rmtree(folder)
        deadly -= 1
        answer = assemble(parts, folder, order, deadly)
    return answer


def main() -> None:
    work, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    parts = list(scene().write(work / "parts").items())
    whole = assemble(parts, work / "whole", 0, None)
    rng = np.random.default_rng(seed)
    results = []
    # Half of the moments lie in the last tenth, where the file is put together.
    early = rng.integers(1, int(whole["calls"]), kills // 2)
    late = rng.integers(int(whole["calls"] * 0.9), int(whole["calls"]) + 1, kills - kills // 2)
    for number, deadly in enumerate([*early.tolist(), *late.tolist()]):
        folder = work / f"killed-{number}"
        order = 0 if rng.random() < 0.7 else 1
        first = killed_at(deadly, parts, folder, order)
        second = assemble(parts, folder, order, int(rng.integers(1, int(whole["calls"]))))
        last = assemble(parts, folder, order, None)
        records = [json.loads(line[9:]) for line in (folder / "journal").read_bytes().splitlines()]
        windows = [str(part["window"]) for r in records for part in r.get("parts", ())]
        results.append({
            "moment": deadly, "killed": first.get("killed"), "again": second.get("killed"),
            "sha256": last.get("sha256"), "placed": len(windows), "distinct": len(set(windows)),
            "files": sorted(p.name for p in folder.iterdir()),
        })  # fmt: skip
    sys.stdout.write(json.dumps({"whole": whole, "parts": len(parts), "results": results}))


if __name__ == "__main__":
    main()
