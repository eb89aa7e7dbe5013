"""
Peak memory of a cube while its dates and its pixels grow.

    python benchmarks/cube.py [--cubes 2x2000 8x2000 2x4000] [--bands B4,B3,B2]

A sandbox in its own process serves the invented Earth; `orchestrator run` is a process of its own for each cube, whose
greatest resident set (getrusage) the table shows, with what the store holds uncompressed. This process stays small,
since Linux counts a parent's pages for a child.
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
from typing import Any

LEFT, TOP, METRES = 500_000, 5_100_000, 10
DAYS = ("2024-05-01", "2024-12-01")


@dataclass(frozen=True)
class Measured:
    """One cube: its dates, the pixels of a side, requests, bytes uncompressed, peak memory in bytes, seconds."""

    dates: int
    side: int
    requests: int
    raw: int
    peak: int
    seconds: float


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="cube-") as folder:
        sandbox, url = _start_sandbox(Path(folder))
        try:
            scenes = _scenes(Path(folder), url)
            cubes = [tuple(map(int, text.split("x"))) for text in asked.cubes]
            found = [_measure(Path(folder), url, scenes[:dates], side, asked.bands) for dates, side in cubes]
        finally:
            sandbox.terminate()
            sandbox.wait()
    _show(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().partition("\n")[0])
    parser.add_argument("--cubes", nargs="+", default=["2x2000", "8x2000", "2x4000"], metavar="DATESxSIDE")
    parser.add_argument("--bands", default="B4,B3,B2")
    return parser.parse_args()


def _start_sandbox(folder: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent", "--data-dir", str(folder / "data")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline() if process.stdout else ""
    return process, json.loads(line)["url"]


def _scenes(folder: Path, url: str) -> list[list[Any]]:
    """Return scenes of one tile, as a job lists them: one for each date."""
    command = [sys.executable, "-m", "orchestrator", "--json", "cube", "--sandbox-url", url, "--dry-run"]
    command += ["--collection", "s2-l2a", "--filter", "MGRS_TILE == 33TWL", "--area", "15.1,45.9,15.2,46.0"]
    command += ["--start", DAYS[0], "--end", DAYS[1], "--bands", "B4", "--output", str(folder), "--base-name", "any"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    dates = json.loads(told)["dates"]
    return [
        [date["images"][0], 1_700_000_000_000 + n, date["satellite"], date["solar_day"]] for n, date in enumerate(dates)
    ]


def _measure(folder: Path, url: str, scenes: list[list[Any]], side: int, bands: str) -> Measured:
    home = folder / f"{len(scenes)}x{side}"
    home.mkdir()
    right, bottom = LEFT + side * METRES, TOP - side * METRES
    job = {
        "product": "cube",
        "area": f"{LEFT},{bottom},{right},{TOP};EPSG:32633",
        "output": str(home / "out"),
        "base_name": "wide",
        "bands": bands.split(","),
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in job.items()]
    lines += ["[grid]", 'crs = "EPSG:32633"', f"scale = {METRES}", "[cube]", f"images = {json.dumps(scenes)}"]
    (home / "cube.toml").write_text("\n".join(lines))
    command = [sys.executable, "-m", "orchestrator", "--json", "--state-dir", str(home / "state"), "run"]
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, "--sandbox-url", url, str(home / "cube.toml")], stdout=subprocess.DEVNULL, env=dict(os.environ)
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status  # waited for above
    seconds = time.monotonic() - began
    proof = json.loads((home / "out" / "wide_cube.json").read_text())
    raw = len(scenes) * side * side * len(bands.split(",")) * 2
    return Measured(len(scenes), side, len(proof["parts"]), raw, used.ru_maxrss * 1024, seconds)


def _show(found: list[Measured]) -> None:
    print("| dates | pixels | requests | uncompressed | peak memory | of the first | seconds |")
    print("|---|---|---|---|---|---|---|")
    for one in found:
        peak, raw = one.peak / 2**20, one.raw / 2**20
        ratio = one.peak / found[0].peak
        told = f"| {one.dates} | {one.side} × {one.side} | {one.requests} | {raw:.0f} MiB | {peak:.0f} MiB"
        print(f"{told} | {ratio:.2f} | {one.seconds:.0f} |")


if __name__ == "__main__":
    main()
