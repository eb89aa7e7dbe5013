"""
Joining and cutting parts, side by side: `python benchmarks/assemble.py [--sizes 0.5,2,8] [--runs 3]`.

Each method runs in a process of its own, methods in turn, so that a busy machine troubles all alike; wall and
CPU seconds are medians over the runs, peak memory is the largest seen. All write the same blocks, compressed
like the parts, and fsync; the page cache is warm. The table ends with a pixel-by-pixel comparison.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# ruff: noqa: E402  the checkout is importable only from here on
import numpy as np
import rasterio

from benchmarks.assemble_data import DataSet, create
from benchmarks.assemble_methods import METHODS, available

BASELINE, FLOOR = "merge + mask", "floor: cp + fsync"
# merge and mask hold the raster 2.9 to 4.6 times (measured); where that does not fit they are left out.
MERGE_MEMORY = 4.6


@dataclass
class Runs:
    """What was measured of one method."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    size: int = 0


def main() -> None:
    args = arguments()
    sets = [(float(size), *kind.split(":")) for size in args.sizes.split(",") for kind in args.data.split(",")]
    for gigabytes, dtype, vertices in sets:
        with tempfile.TemporaryDirectory(dir=args.work) as work:
            data = create(Path(work) / "parts", gigabytes, dtype, int(vertices))
            methods = [m for m in METHODS if any(word in m for word in args.only.split(",")) and usable(m, data)]
            measured = run_all(data, methods, Path(work), args.runs)
            show(data, measured, same_pixels(Path(work)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="0.5,2", help="raw gigabytes, separated by commas")
    parser.add_argument("--data", default="uint16:500,float32:20000", help="number type:vertices of the area, ...")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="only methods whose name contains one of these words, ...")
    parser.add_argument("--work", default=None, help="where to put up to five times the raw size")
    return parser.parse_args()


def usable(method: str, data: DataSet) -> bool:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    if "merge" in method and data.raw_bytes * MERGE_MEMORY > memory + page_cache():
        print(f"left out: {method} would need {data.raw_bytes * MERGE_MEMORY / 1e9:.0f} GB of memory")
        return False
    return available(method)


def page_cache() -> int:
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["Cached"].split()[0]) * 1024


def run_all(data: DataSet, methods: list[str], work: Path, runs: int) -> dict[str, Runs]:
    measured = {method: Runs() for method in methods}
    # The floor copies the plain result, so that one is made first, unmeasured.
    run("ours, plain", data, work / "plain.tif")
    for _ in range(runs):
        for method, result in measured.items():
            target = work / f"{method}.tif"
            target.unlink(missing_ok=True)
            wall, cpu, peak = run(method, data, target)
            result.wall.append(wall)
            result.cpu.append(cpu)
            result.peak.append(peak)
            result.size = target.stat().st_size if target.exists() else 0
    return measured


def run(method: str, data: DataSet, target: Path) -> tuple[float, float, float]:
    """Return (wall seconds, CPU seconds, peak megabytes) of a method, its children included."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.assemble_methods",
        method,
        str(data.folder / "dataset.json"),
        str(target),
    ]
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read() if process.stdout else ""
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{method} ended with {process.returncode}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, int(output.split()[-1]) / 1024


def same_pixels(work: Path) -> str:
    reference = work / f"{BASELINE}.tif"
    if not reference.exists():
        return "no merge + mask to compare with"
    sentences = []
    for path in sorted(work.glob("ours*.tif")):
        with rasterio.open(reference) as a, rasterio.open(path) as b:
            windows = [w for _, w in b.block_windows(1)]
            different = sum(count_different(a, b, w) for w in windows)
        sentences.append(f"{path.stem}: {different} differing values")
    return "; ".join(sentences)


def count_different(a: rasterio.DatasetReader, b: rasterio.DatasetReader, window: object) -> int:
    one, other = a.read(window=window), b.read(window=window)
    equal = (one == other) | ((one != one) & (other != other))  # noqa: PLR0124  NaN
    return int(np.count_nonzero(~equal))


def show(data: DataSet, measured: dict[str, Runs], sameness: str) -> None:
    parts = list(data.parts.values())
    raw = data.raw_bytes / 1e9
    shape = f"{data.side} × {data.side} × 6"
    print(f"\n### {raw:.2f} GB raw, {data.dtype}, {shape}, {len(parts)} parts, {data.vertices} vertices\n")
    print("| method | wall s (min-max) | CPU s | peak MB | output MB | wall / floor", end=" | ")
    print("merge + mask / this: wall | CPU | memory |")
    print("|---|---|---|---|---|---|---|---|---|")
    floor, base = measured.get(FLOOR), measured.get(BASELINE)
    for method, runs in measured.items():
        wall, cpu, peak = statistics.median(runs.wall), statistics.median(runs.cpu), max(runs.peak)
        cells = [
            method,
            f"{wall:.2f} ({min(runs.wall):.2f}-{max(runs.wall):.2f})",
            f"{cpu:.2f}",
            f"{peak:.0f}",
            f"{runs.size / 1e6:.0f}",
        ]
        cells.append(f"{wall / statistics.median(floor.wall):.1f}" if floor else "-")
        ratios = (
            (statistics.median(base.wall) / wall, statistics.median(base.cpu) / cpu, max(base.peak) / peak)
            if base
            else ()
        )
        print("| " + " | ".join(cells + [f"{r:.1f}" for r in ratios] + ["-"] * (3 - len(ratios))) + " |")
    print(f"\nPixels against {BASELINE}: {sameness}", flush=True)


if __name__ == "__main__":
    main()
