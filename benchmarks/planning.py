"""
What a plan costs as areas grow: `python benchmarks/planning.py [--quick] [--only LINE,...] [--json FILE]`.

Each case is a command of ours, in a process of its own: `orchestrator plan` of Russia at 80, 40, 20 and 10 m, of an
outline of up to a million vertices, of up to 50,000 islands, of up to 20,000 squares side by side, cut into up to
20,000 square tiles; and `orchestrator tiles grid` of as many. Sizes double, so that growth can be read: *growth* is the
exponent of size between a case and the one before, after the start of a process (a plan of a box) is taken off; 1 is
linear. CPU seconds are those of the process, imports and picture included; the peak is its largest resident set.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT_CPU_S, LIMIT_MB = 10.0, 500.0
SURFACE = 45_672e6  # of the outline, m²
ALBERS = "ESRI:102025"  # equal areas in one piece from Kaliningrad to Chukotka
WHAT = ["--start-date", "2024-06-01", "--end-date", "2024-07-01", "--bands", "B4,B3,B2", "--base-name", "bench"]


@dataclass(frozen=True)
class Case:
    """
    A command.

    Attributes:
        line: What grows.
        size: How much of it there is.
        kind, drawn: What `planning_areas.py` draws, and how large; nothing where `kind` is empty.
        told: Arguments of `orchestrator`; FILE and FOLDER stand for the area's and the output's.
    """

    line: str
    size: int
    kind: str
    drawn: int
    told: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """What a case took; `about` is what the command said."""

    cpu_s: float
    peak_mb: float
    about: dict[str, Any]


def plan(*more: str) -> tuple[str, ...]:
    return ("plan", *more, "--output", "FOLDER", *WHAT)


START = Case("start", 1, "", 0, plan("--area", "15,50,15.001,50.001"))


def cases() -> Iterator[Case]:
    for scale in (80, 40, 20, 10):
        told = plan("--area", "Russia", "--crs", ALBERS, "--scale", str(scale))
        yield Case("Russia, rows of pixels in 1,000", 4_375 // scale, "", 0, told)
    for size in (25_000, 50_000, 100_000, 200_000):
        told = plan("--area", "FILE", "--crs", ALBERS)
        yield Case("Russia at 10 m, vertices", size, "russia", size, told)
    for size in (125_000, 250_000, 500_000, 1_000_000):
        yield Case("vertices", size, "vertices", size, plan("--area", "FILE"))
    for size in (6_250, 12_500, 25_000, 50_000):
        yield Case("islands", size, "islands", size, plan("--area", "FILE"))
    for size in (2_500, 5_000, 10_000, 20_000):
        yield Case("squares as an area", size, "squares", size, plan("--area", "FILE"))
    for size in (2_500, 5_000, 10_000, 20_000):  # of 256 × 256 pixels, which are all that 1.3 MB hold
        scale = str(round(math.sqrt(SURFACE / size) / 256, 2))
        told = plan("--area", "FILE", "--split", "square", "--max-size-mb", "1.3", "--scale", scale)
        yield Case("square tiles of a plan", size, "vertices", 10_000, told)
    for size in (2_500, 5_000, 10_000, 20_000):
        side = str(round(math.sqrt(SURFACE / size)))
        told = ("tiles", "grid", "FILE", "--size", side, "-o", "FOLDER", "--name", "bench")
        yield Case("square tiles of a file", size, "vertices", 100_000, told)


def drawn(case: Case, folder: Path) -> Path:
    """Return the file of a case's area; it is drawn where it is not there."""
    path = folder / f"{case.kind}_{case.drawn}.gpkg"
    if case.kind and not path.exists():
        program = str(Path(__file__).with_name("planning_areas.py"))
        subprocess.run([sys.executable, program, case.kind, str(case.drawn), str(path)], check=True)
    return path


def measured(case: Case, folder: Path) -> Cost:
    """Carry a case out, and return what it took."""
    area = drawn(case, folder)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        replaced = {"FILE": str(area), "FOLDER": out}
        told = ["--json", "--state-dir", f"{out}/state", *(replaced.get(word, word) for word in case.told)]
        with subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *told], stdout=subprocess.PIPE, text=True
        ) as child:
            lines = child.stdout.read().splitlines() if child.stdout else []
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{case.line} {case.size:,} ended with {child.returncode}: {lines[-1:]}")
    about = next((told for told in map(json.loads, lines) if told["message_type"] in {"plan", "tiles"}), {})
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, about)


def growth(case: Case, cost: Cost, before: tuple[Case, Cost] | None, start: Cost) -> float | None:
    """Return the exponent of size with which CPU seconds grew since the case before."""
    if before is None or before[0].line != case.line:
        return None
    own, earlier = cost.cpu_s - start.cpu_s, before[1].cpu_s - start.cpu_s
    return math.log(max(own, 1e-3) / max(earlier, 1e-3)) / math.log(case.size / before[0].size)


def rows(case: Case, cost: Cost, start: Cost) -> Iterator[dict[str, Any]]:
    about = {"line": "planner", "case": f"{case.line}: {case.size:,}"}
    yield about | {
        "figure": round(cost.cpu_s, 2),
        "unit": "CPU s",
        "floor": round(start.cpu_s, 2),
        "limit": LIMIT_CPU_S,
    }
    yield about | {"figure": round(cost.peak_mb), "unit": "MB", "floor": round(start.peak_mb), "limit": LIMIT_MB}


def run(chosen: Sequence[Case], folder: Path) -> list[dict[str, Any]]:
    """Carry cases out one after the other, and print the table."""
    start = measured(START, folder)
    print(f"A plan of a box: {start.cpu_s:.1f} CPU s, {start.peak_mb:.0f} MB.\n")
    print("| what grows | size | CPU s | growth | peak MB | tasks | parts |\n|---|---:|---:|---:|---:|---:|---:|")
    found = list(rows(START, start, start))
    before: tuple[Case, Cost] | None = None
    for case in chosen:
        cost = measured(case, folder)
        power = growth(case, cost, before, start)
        grew = "" if power is None else f"{power:.2f}"
        tasks, parts = (f"{cost.about[key]:,}" if key in cost.about else "" for key in ("tasks", "parts"))
        print(
            f"| {case.line} | {case.size:,} | {cost.cpu_s:.1f} | {grew} | {cost.peak_mb:.0f} | {tasks} | {parts} |",
            flush=True,
        )
        found += rows(case, cost, start)
        before = (case, cost)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest two of each line")
    parser.add_argument("--only", help="lines that begin with one of these words, separated by commas")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    chosen = [case for case in cases() if not asked.only or case.line.startswith(tuple(asked.only.split(",")))]
    if asked.quick:
        chosen = [case for case in chosen if [c.line for c in chosen[: chosen.index(case)]].count(case.line) < 2]
    with tempfile.TemporaryDirectory(prefix="planning-") as folder:
        found = run(chosen, Path(folder))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
