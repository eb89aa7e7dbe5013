"""
Peak memory of plan, download with merge, and completion, for outputs growing tenfold.

    python benchmarks/memory.py [--megapixels 2 6.3 20] [--part-mib 8]

A sandbox in its own process exports an image that follows from the pixels' coordinates. Each stage of a run is a
process of its own, ended by a crash point at the stage's end and followed by one that continues; the table shows the
greatest resident set of each (getrusage). This process stays small, since Linux counts a parent's pages for a child.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

BUCKET = "orchestrator-sandbox"
METRES = 10
LEFT, BOTTOM = 300_000, 5_000_000
IMAGE = """
import ee


def get_ee_image():
    place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(10))
    x, y = place.select("x"), place.select("y")
    mixed = x.multiply(31).add(y.multiply(17)).mod(1009)
    return x.addBands(y).addBands(mixed.rename("mixed")).updateMask(mixed.mod(5).neq(0))
"""
# Stage, and the crash point that ends it; the last ends by itself.
STAGES = (("plan", "run.planned"), ("download, merge", "run.exported"), ("complete, publish", ""))


@dataclass(frozen=True)
class Measured:
    """One size: pixels of the output, its parts, and for each stage peak memory in bytes and seconds."""

    side: int
    parts: int
    largest_part: int
    output: int
    stages: tuple[tuple[int, float], ...]


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        sandbox, url = _start_sandbox(Path(folder))
        try:
            idle = _spend([sys.executable, "-c", "import orchestrator.app, ee, geopandas, rasterio"], {})[0]
            found = [_measure(Path(folder), url, size, asked.part_mib) for size in asked.megapixels]
        finally:
            sandbox.terminate()
            sandbox.wait()
    _show(found, idle)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().partition("\n")[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[2, 6.3, 20], help="sizes of the output")
    parser.add_argument("--part-mib", type=float, default=8, help="threshold of a part file")
    return parser.parse_args()


def _start_sandbox(folder: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent", "--data-dir", str(folder / "data")]
    command += ["--project", "orchestrator-sandbox", "--bucket", BUCKET]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline() if process.stdout else ""
    return process, json.loads(line)["url"]


def _measure(folder: Path, url: str, megapixels: float, part_mib: float) -> Measured:
    side = round((megapixels * 1e6) ** 0.5)
    home = folder / f"side-{side}"
    home.mkdir()
    (home / "image.py").write_text(IMAGE)
    # A diamond: a part of each kind of block (inside, crossed by the boundary, outside) as in a country.
    half = side * METRES / 2
    x, y = LEFT + half, BOTTOM + half
    ring = [(x - half, y), (x, y + half), (x + half, y), (x, y - half), (x - half, y)]
    text = ", ".join(f"{a} {b}" for a, b in ring)
    (home / "area.wkt").write_text(f"SRID=32633;POLYGON(({text}))")
    command = [sys.executable, "-m", "orchestrator", "--json", "run", "--shapefile", str(home / "area.wkt")]
    command += ["--output", str(home / "out"), "--base-name", "wide", "--start-date", "2024-05-01"]
    command += ["--end-date", "2024-06-01", "--crs", "EPSG:32633", "--scale", str(METRES), "--bands", "x,y,mixed"]
    command += ["--recipe", "image-code", "--param", f"file={home / 'image.py'}", "--max-size-mb", str(part_mib)]
    command += ["--sandbox-url", url, "--bucket", BUCKET, "--state-dir", str(home / "state")]
    stages = tuple(_spend(command, {"ORCHESTRATOR_CRASH_AT": point}) for _, point in STAGES)
    proof = json.loads((home / "out" / "wide_clipped.json").read_text())
    sizes = [part["object"]["size"] for part in proof["parts"]]
    return Measured(side, len(sizes), max(sizes), proof["output"]["bytes"], stages)


def _spend(command: list[str], environment: dict[str, str]) -> tuple[int, float]:
    """Run a command; return its peak resident set in bytes and its seconds."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0  # waited for above
    return used.ru_maxrss * 1024, time.monotonic() - began


def _show(found: list[Measured], idle: int) -> None:
    print(f"interpreter with all libraries imported: {idle / 2**20:.0f} MiB")
    head = "".join(f" | {name:>18}" for name, _ in STAGES)
    print(f"{'output pixels':>14} | {'parts':>5} | {'largest part':>12} | {'output file':>11}{head}")
    for one in found:
        cells = "".join(f" | {peak / 2**20:5.0f} MiB {seconds:6.1f} s" for peak, seconds in one.stages)
        sizes = f"{one.largest_part / 2**20:8.2f} MiB | {one.output / 2**20:7.1f} MiB"
        print(f"{one.side:>6} × {one.side:<5} | {one.parts:>5} | {sizes}{cells}")


if __name__ == "__main__":
    main()
