"""
What exports from synthetic scenes cost the sandbox: processor seconds, wall time and peak memory.

    python benchmarks/sandbox.py [--against FOLDER] [--runs 2]

Each export is a median of four 10 m bands, asked for over REST from a sandbox in a process of its own; the cost of
starting and ending one is taken off. With `--against`, the package of another checkout takes turns with this one, so
that a busy machine troubles both alike. Compare processor seconds: wall time depends on what else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import ee
from google.auth.credentials import AnonymousCredentials

HERE = Path(__file__).resolve().parents[1]
PROJECT, BUCKET = "orchestrator-sandbox", "orchestrator-sandbox"
BANDS = ["B2", "B3", "B4", "B8"]
LEFT, TOP = 520_000, 5_090_000
# Scenes, pixels a side, metres a pixel.
EXPORTS = ((1, 2048, 10), (10, 512, 10), (60, 512, 10), (60, 1024, 10), (60, 1024, 20))


@dataclass(frozen=True)
class Cost:
    """Processor seconds of the sandbox with its children, seconds from the order to the end, peak bytes."""

    processor: float
    wall: float
    peak: int


def main() -> None:
    asked = _arguments()
    places = [HERE] if asked.against is None else [Path(asked.against).resolve(), HERE]
    requests = _requests()
    print(f"{'export':>24} | " + " | ".join(f"{place.name:>34}" for place in places))
    for (scenes, side, metres), request in zip(EXPORTS, requests, strict=True):
        costs: dict[Path, list[Cost]] = {place: [] for place in places}
        for _ in range(asked.runs):
            for place in places:
                idle = _spend(place, None)
                cost = _spend(place, request)
                costs[place].append(Cost(cost.processor - idle.processor, cost.wall, cost.peak))
        cells = []
        for place in places:
            best = min(costs[place], key=lambda cost: cost.processor)
            cells.append(f"{best.processor:6.2f} CPU s {best.wall:6.2f} s {best.peak / 2**20:6.0f} MiB")
        print(f"{scenes:3} scenes, {side}², {metres} m   | " + " | ".join(f"{cell:>34}" for cell in cells), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.strip().partition("\n")[0])
    parser.add_argument("--against", metavar="FOLDER", help="another checkout")
    parser.add_argument("--runs", type=int, default=2, help="of each; the one with the fewest processor seconds counts")
    return parser.parse_args()


def _requests() -> list[dict]:
    """Bodies of `image:export`, made by the real client."""
    with tempfile.TemporaryDirectory() as folder:
        server, url = _start(HERE, Path(folder))
        ee.Initialize(credentials=AnonymousCredentials(), url=url, project=PROJECT)
        found = [_request(*export) for export in EXPORTS]
        _end(server)
    return found


def _request(scenes: int, side: int, metres: int) -> dict:
    place = ee.Geometry.Rectangle([15.3, 45.75, 15.35, 45.8])
    collection = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(place)
    season = collection.filterDate("2023-03-01", "2023-10-30").filter(ee.Filter.eq("MGRS_TILE", "33TWL"))
    expression = json.loads(ee.serializer.toJSON(season.limit(scenes).select(BANDS).median()))
    transform = {"scaleX": metres, "translateX": LEFT, "scaleY": -metres, "translateY": TOP}
    grid = {"dimensions": {"width": side, "height": side}, "affineTransform": transform, "crsCode": "EPSG:32633"}
    options = {"fileFormat": "GEO_TIFF", "cloudStorageDestination": {"bucket": BUCKET, "filenamePrefix": "mosaic"}}
    return {"expression": expression, "fileExportOptions": options, "grid": grid}


def _start(place: Path, folder: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent", "--data-dir", str(folder / "data")]
    command += ["--project", PROJECT, "--bucket", BUCKET]
    environment = {**os.environ, "PYTHONPATH": str(place)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment
    )
    line = process.stdout.readline() if process.stdout else ""
    return process, json.loads(line)["url"]


def _end(process: subprocess.Popen[str]) -> tuple[float, int]:
    """End a sandbox; return its processor seconds, those of its ended children included, and its peak bytes."""
    process.terminate()
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0  # waited for above
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def _spend(place: Path, request: dict | None) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        process, url = _start(place, Path(folder))
        began = time.monotonic()
        if request is not None:
            _export(url, request)
        wall = time.monotonic() - began
        return Cost(*_reordered(_end(process), wall))


def _reordered(used: tuple[float, int], wall: float) -> tuple[float, float, int]:
    return used[0], wall, used[1]


def _export(url: str, request: dict) -> None:
    operation = _call(f"{url}/v1/projects/{PROJECT}/image:export", request)
    while not operation.get("done"):
        time.sleep(0.05)
        operation = _call(f"{url}/v1/{operation['name']}")
    if "error" in operation:
        raise SystemExit(operation["error"])


def _call(url: str, body: dict | None = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:  # noqa: S310  loopback
        return json.load(answer)


if __name__ == "__main__":
    main()
