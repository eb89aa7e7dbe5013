"""
End to end: `orchestrator run` against the same job done the usual way, on one sandbox, in turn.

    python benchmarks/journey.py [--side 4096] [--runs 3]

Both export the same four 10 m bands of one synthetic scene over the same outline, with the same threshold for a
part. The table shows the whole time, most of which is the sandbox's computing, the time from the last part's
arrival to the final file and the CPU seconds of the process meanwhile, and its peak memory; the two files are compared
pixel by pixel. `--only ours` leaves the usual way out, and PYTHONPATH may name another checkout of the program.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from shapely.geometry import Polygon

ORIGIN = (600_000.0, 5_100_000.0)
CRS = "EPSG:32633"
BANDS = ("B2", "B3", "B4", "B8")
NODATA = 65535
NAME = "orchestrator-sandbox"  # project and bucket that `--sandbox-url` expects
CODE = """
import ee

def get_ee_image():
    scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(ee.Geometry.Point([16.6, 45.9]))
    return scenes.filterDate("2024-06-01", "2024-07-01").select(["B2", "B3", "B4", "B8"]).mosaic().toUint16()
"""
HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=4096, help="pixels of the grid's side")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--part-mb", type=float, default=8.0, help="threshold of a part in MiB")
    parser.add_argument("--only", choices=("both", "ours"), default="both")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="journey-") as name:
        folder = Path(name)
        area, code = _write_inputs(folder, asked.side)
        with _sandbox(folder) as told:
            rows: dict[str, list[dict]] = {"orchestrator run": [], "n x n, merge, mask": []}
            for number in range(asked.runs):
                rows["orchestrator run"].append(_ours(folder / f"ours{number}", area, code, told, asked.part_mb))
                if asked.only == "ours":
                    continue
                rows["n x n, merge, mask"].append(_seeds(folder / f"seed{number}", area, code, told, asked.part_mb))
            same = asked.only == "both" and _same(
                folder / "ours0" / "out" / "bench_clipped.tif", folder / "seed0" / "seed_clipped.tif"
            )
    _show(rows, same, asked)


def _write_inputs(folder: Path, side: int) -> tuple[Path, Path]:
    """An outline of 500 corners that fills about half of the square, with a hole."""
    angles = np.linspace(0, 2 * np.pi, 500, endpoint=False)
    chance = np.random.default_rng(7)
    radius = 0.4 + 0.06 * np.sin(5 * angles) + 0.02 * chance.standard_normal(500)
    radius = np.clip(radius, 0.2, 0.5) * side * 10
    middle = np.array([ORIGIN[0] + side * 5, ORIGIN[1] - side * 5])
    ring = middle + np.column_stack([np.cos(angles), np.sin(angles)]) * radius[:, None]
    hole = middle + np.column_stack([np.cos(angles[::20]), np.sin(angles[::20])]) * side * 0.8
    area = folder / "area.gpkg"
    gpd.GeoDataFrame(geometry=[Polygon(ring, [hole])], crs=CRS).to_file(area)
    code = folder / "image.py"
    code.write_text(CODE, encoding="utf-8")
    return area, code


@contextmanager
def _sandbox(folder: Path) -> Iterator[dict]:
    command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent", "--data-dir", str(folder / "cloud")]
    command += ["--project", NAME, "--bucket", NAME]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(30)


def _used(process: int) -> float:
    """Return the CPU seconds that a process has taken so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _measured(command: list[str], on_line: Callable[[str, int], object] = lambda _line, _process: None) -> dict:
    """Run a command; return wall seconds, CPU seconds and peak memory in MB of that process."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        on_line(line, process.pid)
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:6])} .. failed with {process.returncode}")
    return {
        "wall": time.monotonic() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def _command(folder: Path, area: Path, code: Path, told: dict, part_mb: float, verb: str, *more: str) -> list[str]:
    options = {
        "--state-dir": folder / "state",
        "--shapefile": area,
        "--output": folder / "out",
        "--base-name": "bench",
        "--start-date": "2024-06-01",
        "--end-date": "2024-07-01",
        "--recipe": "image-code",
        "--bands": ",".join(BANDS),
        "--crs": CRS,
        "--max-size-mb": part_mb,
        "--sandbox-url": told["url"],
        "--bucket": told["buckets"][0],
    }
    words = [str(word) for pair in options.items() for word in pair]
    params = [f"file={code}", "dtype=uint16", f"nodata={NODATA}"]
    words += [word for param in params for word in ("--param", param)]
    return [sys.executable, "-m", "orchestrator", "--json", verb, *words, *more]


def _ours(folder: Path, area: Path, code: Path, told: dict, part_mb: float) -> dict:
    times: dict[str, tuple[float, float]] = {}

    def note(line: str, process: int) -> None:
        times[json.loads(line).get("event", "")] = time.monotonic(), _used(process)

    row = _measured(_command(folder, area, code, told, part_mb, "run"), note)
    (began, before), (ended, after) = times["part.downloaded"], times["output.published"]
    row |= {"tail": ended - began, "tail_cpu": after - before}
    row["out_mb"] = (folder / "out" / "bench_clipped.tif").stat().st_size / 1e6
    return row


def _seeds(folder: Path, area: Path, code: Path, told: dict, part_mb: float) -> dict:
    folder.mkdir()
    planned: list[dict] = []
    _measured(
        _command(folder, area, code, told, part_mb, "plan", "--split", "square"),
        lambda line, _process: planned.append(json.loads(line)),
    )
    plan = folder / "plan.json"
    plan.write_text(json.dumps(_tiles(planned[-1])), encoding="utf-8")
    told_times: list[dict] = []
    command = [sys.executable, str(HERE / "seeds_way.py"), "--url", told["url"], "--project", told["project"]]
    command += ["--bucket", told["buckets"][0], "--area", str(area), "--code", str(code)]
    row = _measured(
        [*command, "--plan", str(plan), "--folder", str(folder)], lambda s, _process: told_times.append(json.loads(s))
    )
    row |= {"tail": told_times[-1]["final"] - told_times[-1]["last_part"], "tail_cpu": math.nan}
    row["out_mb"] = (folder / "seed_clipped.tif").stat().st_size / 1e6
    return row


def _tiles(plan: dict) -> dict:
    """All n × n tiles of the grid: whether the area touches one is not asked."""
    a, b, c, d, e, f = plan["transform"]
    tiles = [
        {
            "transform": [a, b, c + a * col, d, e, f + e * row],
            "height": min(plan["part_height"], plan["height"] - row),
            "width": min(plan["part_width"], plan["width"] - col),
        }
        for row in range(0, plan["height"], plan["part_height"])
        for col in range(0, plan["width"], plan["part_width"])
    ]
    return {"crs": plan["crs"], "nodata": NODATA, "tiles": tiles}


def _same(ours: Path, seeds: Path) -> bool:
    with rasterio.open(ours) as one, rasterio.open(seeds) as other:
        if one.transform != other.transform or one.shape != other.shape:
            return False
        return all(
            np.array_equal(one.read(window=window), other.read(window=window)) for _, window in one.block_windows(1)
        )


def _show(rows: dict[str, list[dict]], same: bool, asked: argparse.Namespace) -> None:
    print(f"{asked.side} x {asked.side} pixels, {len(BANDS)} bands of uint16, parts under {asked.part_mb:g} MiB")
    sameness = "not compared" if asked.only == "ours" else "pixel-identical" if same else "DIFFER"
    print(f"medians of {asked.runs} runs in turn; files {sameness}")
    print("| way | wall s | last part to final file s | meanwhile CPU s | CPU s | peak MB | output MB |")
    print("|---|---|---|---|---|---|---|")
    for way, found in [(way, found) for way, found in rows.items() if found]:
        middle = {key: statistics.median(row[key] for row in found) for key in found[0]}
        print(
            f"| {way} | {middle['wall']:.1f} | {middle['tail']:.2f} | {middle['tail_cpu']:.2f} | "
            f"{middle['cpu']:.1f} | {middle['peak_mb']:.0f} | {middle['out_mb']:.0f} |"
        )


if __name__ == "__main__":
    main()
