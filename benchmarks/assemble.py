"""
Joining and cutting parts, side by side: `python benchmarks/assemble.py [--sizes 0.45,2,8] [--runs 3]`.

Each method runs in a process of its own, methods in turn, so that a busy machine troubles all alike; wall and CPU
seconds are medians over the runs and leave out what a method loads before it begins, which has a column of its own;
peak memory is the largest seen. All write the same blocks, compressed like the parts, and fsync; the page cache is
warm. Then follow a pixel-by-pixel comparison, profiles of ours (`--no-profile` leaves them out), and, with
`--around 100000`, the same parts and the same area in a grid of so many rows and columns.

Floors: copying the plain result; decoding every block inside the area; decoding and encoding those that its boundary
crosses, which whoever cuts must do; decoding and encoding all. The last three write nothing. *CPU / least* divides by
the sum of what a method cannot do without: copying and cutting, or decoding and encoding.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# ruff: noqa: E402  the checkout is importable only from here on
import numpy as np
import rasterio

from benchmarks.assemble_data import DataSet, create
from benchmarks.assemble_methods import METHODS, Usage, available

BASELINE, FLOOR = "merge + mask", "floor: cp + fsync"
CUTTING, ENCODING = "floor: boundary blocks only", "floor: decode + encode only"
# Of each of ours: what it is compared with, and how many times that it may take.
LIMITS = {
    "ours, plain": (FLOOR, 1.5),
    "ours, COG": (FLOOR, 2.2),
    "ours, decode + encode all": (ENCODING, 1.3),
}
# What each cannot do without.
LEAST = {"ours, plain": (FLOOR, CUTTING), "ours, COG": (FLOOR, CUTTING), "ours, decode + encode all": (ENCODING,)}
PROFILES = {
    "ours, plain": ["overviews=none"],
    "ours, COG": [],
    "ours, decode + encode all": ["overviews=none", "compress=lzw"],
}
# merge and mask hold the raster 2.9 to 4.6 times (measured); where that does not fit they are left out.
MERGE_MEMORY = 4.6


@dataclass
class Runs:
    """What was measured of one method."""

    usages: list[Usage] = field(default_factory=list)
    size: int = 0

    def median(self, of: str) -> float:
        return statistics.median(getattr(usage, of) for usage in self.usages)

    def most(self, of: str) -> float:
        return max(getattr(usage, of) for usage in self.usages)


def main() -> None:
    args = arguments()
    sets = [(float(size), *kind.split(":")) for size in args.sizes.split(",") for kind in args.data.split(",")]
    rows: list[dict[str, Any]] = []
    for gigabytes, dtype, vertices in sets:
        with tempfile.TemporaryDirectory(dir=args.work) as work:
            kept = args.keep or Path(work)
            data = create(kept / f"parts-{dtype}-{gigabytes:g}", gigabytes, dtype, int(vertices))
            for each in [data, *([replace(data, around=args.around).describe()] if args.around else [])]:
                rows += compared(each, Path(work), args)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def compared(data: DataSet, work: Path, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure one data set and show it; return its rows."""
    wanted = [m for m in METHODS if any(word in m for word in args.only.split(",")) and usable(m, data)]
    if data.around > data.side:
        wanted = [m for m in wanted if m in {FLOOR, CUTTING, *LIMITS}]  # others hold the grid
    measured = run_all(data, wanted, work, args.runs)
    show(data, measured, "not compared: see above" if data.around > data.side else same_pixels(work))
    if not args.no_profile:
        for method in [each for each in measured if each in PROFILES]:
            show_profile(method, profile(data, work / "profiled.tif", PROFILES[method]))
    for path in work.glob("*.tif"):
        path.unlink()
    return rows_of(data, measured)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="0.45,2", help="raw gigabytes, separated by commas")
    parser.add_argument("--data", default="uint16:500,float32:20000", help="number type:vertices of the area, ...")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="only methods whose name contains one of these words, ...")
    parser.add_argument("--around", type=int, default=0, help="also in a grid of so many rows and columns, 100000")
    parser.add_argument("--work", default=None, help="where to put up to five times the raw size")
    parser.add_argument("--keep", type=Path, default=None, help="a folder for the parts, which stay there")
    parser.add_argument("--no-profile", action="store_true", help="no profiles")
    parser.add_argument("--json", type=Path, default=None, help="a file for the figures")
    parser.add_argument("--quick", action="store_true", help="0.06 GB, ours and the floors, one run")
    asked = parser.parse_args()
    if asked.quick:
        asked.sizes, asked.data, asked.runs, asked.only = "0.06", "uint16:500", 1, "floor,ours"
    return asked


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
            result.usages.append(run(method, data, target))
            result.size = target.stat().st_size if target.exists() else 0
    return measured


def run(method: str, data: DataSet, target: Path) -> Usage:
    """Return what a method takes, its children included."""
    return Usage(**_told("benchmarks.assemble_methods", method, str(data.description), str(target)))


def profile(data: DataSet, target: Path, options: list[str]) -> dict[str, Any]:
    """Return what `assemble_profile` says."""
    return _told("benchmarks.assemble_profile", str(data.description), str(target), *options)


def _told(module: str, *words: str) -> Any:
    command = [sys.executable, "-m", module, *words]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if told.returncode:
        raise SystemExit(f"{' '.join([module, *words])} ended with {told.returncode}")
    return json.loads(told.stdout.splitlines()[-1])


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
    raw, grid = data.raw_bytes / 1e9, data.grid
    shape = f"{data.side} × {data.side} × 6"
    where = f" in a grid of {grid.height} × {grid.width}" if data.around > data.side else ""
    print(f"\n### {raw:.2f} GB raw, {data.dtype}, {shape}{where}, {len(data.parts)} parts, {data.vertices} vertices\n")
    print("| method | wall s (min-max) | CPU s | imports CPU s | peak MB | output MB", end=" | ")
    print("/ floor: wall | CPU | limit | CPU / least | merge + mask / this: wall | CPU | memory |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    base = measured.get(BASELINE)
    for method, runs in measured.items():
        walls = [usage.wall for usage in runs.usages]
        cells = [
            method,
            f"{runs.median('wall'):.2f} ({min(walls):.2f}-{max(walls):.2f})",
            f"{runs.median('cpu'):.2f}",
            f"{runs.median('imports'):.2f}",
            f"{runs.most('peak'):.0f}",
            f"{runs.size / 1e6:.0f}",
        ]
        name, limit = LIMITS.get(method, (FLOOR, None))
        floor = measured.get(name)
        cells += [f"{runs.median(of) / floor.median(of):.2f}" if floor else "-" for of in ("wall", "cpu")]
        cells += [f"{limit} x {name.removeprefix('floor: ')}" if limit else "-"]
        least = [measured[each].median("cpu") for each in LEAST.get(method, ()) if each in measured]
        cells += [f"{runs.median('cpu') / sum(least):.2f}" if least else "-"]
        ratios = [base.median(of) / runs.median(of) for of in ("wall", "cpu")] if base else []
        ratios += [base.most("peak") / runs.most("peak")] if base else []
        print("| " + " | ".join(cells + [f"{r:.1f}" for r in ratios] + ["-"] * (3 - len(ratios))) + " |")
    print(f"\nPixels against {BASELINE}: {sameness}", flush=True)


def show_profile(method: str, told: dict[str, Any]) -> None:
    print(
        f"\n#### {method}: where {told['cpu']:.2f} CPU s go, {told['wall']:.2f} s wall, {told['faults']} page faults\n"
    )
    print("| what | calls | MB | wall s, all threads | CPU s | % |")
    print("|---|---|---|---|---|---|")
    for name, (calls, size, wall, cpu) in told["rows"].items():
        share = 100 * cpu / told["cpu"]
        print(f"| {name} | {calls} | {size / 1e6:.1f} | {wall:.3f} | {cpu:.3f} | {share:.0f} |")
    rest = told["cpu"] - sum(row[3] for row in told["rows"].values())
    print(f"| the rest | | | | {rest:.3f} | {100 * rest / told['cpu']:.0f} |", flush=True)


def rows_of(data: DataSet, measured: dict[str, Runs]) -> list[dict[str, Any]]:
    around = f", in {data.around}²" if data.around > data.side else ""
    case = f"{data.raw_bytes / 1e9:.2f} GB {data.dtype} {data.vertices} vertices{around}"
    rows = []
    for method, runs in measured.items():
        name, limit = LIMITS.get(method, ("", 0.0))
        floor = measured.get(name)
        for of, unit in (("wall", "s"), ("cpu", "CPU s")):
            least = floor.median(of) if floor else None
            most = least * limit if least is not None else None
            said = {"line": "merge and clip", "case": f"{case}: {method}", "figure": round(runs.median(of), 3)}
            rows.append(said | {"unit": unit, "floor": least, "limit": most})
        said = {"line": "merge and clip", "case": f"{case}: {method}", "figure": round(runs.most("peak"), 1)}
        rows.append(said | {"unit": "MB peak", "floor": None, "limit": 128 if method in LIMITS else None})
    return rows


if __name__ == "__main__":
    main()
