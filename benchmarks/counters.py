"""
What work costs in things that do not depend on the machine, against what it cost before.

    python benchmarks/counters.py            measure and compare with counters.json; exit code 1 where more is spent
    python benchmarks/counters.py --write    measure and keep it: at a release, or with a change that is worth it

Statements, commits, syncs, requests, bytes read and written, modules; and processor time as a multiple of a floor: work
of Python, zlib and numpy, done in turn with each case, in processes of its own (the least of two of each). A margin is
what chance adds, and how often a run looks whether a service is done; MARGINS states them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import rasterio
from rasterio.transform import from_origin

HERE = Path(__file__).resolve().parent
KEPT = HERE / "counters.json"
# What was compiled once is kept, as by an installation: the first round may compile, the least of both counts.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(HERE.parent), "PYTHONDONTWRITEBYTECODE": ""}
PROJECT = "orchestrator-sandbox"
# How much more than before is too much; CPU is said in floors.
MARGINS = {
    "requests": 1.05,
    "statements": 1.3,
    "commits": 1.3,
    "syncs": 1.2,
    "bytes read": 1.1,
    "bytes written": 1.1,
    "modules": 1.1,
    "cpu": 1.5,
}
REPEATED = 2
# How often these come depends on how long the sandbox computes.
LOOKS = frozenset({"operations.list", "operations.get", "objects.list"})
FLOOR = """
import hashlib, resource, zlib
import numpy as np
data = np.random.default_rng(1).integers(0, 500, 4_000_000, dtype="uint16").tobytes()
for _ in range(2):
    zlib.decompress(zlib.compress(data, 1)); hashlib.sha256(data).digest()
sum(n * n % 7 for n in range(3_000_000))
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime)
"""
IMAGE = """
import ee

def get_ee_image():
    place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(10))
    return place.addBands(place.select("x").multiply(31).add(place.select("y").multiply(17)).mod(1009))
"""
SIDE = 2048  # pixels of the square that is exported


@dataclass(frozen=True)
class Case:
    """
    Attributes:
        words: The command, given its folder.
        prepare: Makes what the command needs in its folder.
        is_remote: Whether it speaks to the sandbox.
    """

    name: str
    words: Callable[[Path], list[str]]
    prepare: Callable[[Path], None] = lambda _folder: None
    is_remote: bool = False


def write_area(folder: Path, corners: int = 4) -> None:
    """Write an outline of `SIDE` pixels across: a diamond, or a wave with many corners."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = SIDE * 5 * (1 if corners == 4 else 0.8 + 0.1 * np.sin(9 * angles))
    ring = np.column_stack([510_240 + radius * np.cos(angles), 5_104_760 + radius * np.sin(angles)]).round(2).tolist()
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    features = [{"type": "Feature", "properties": {}, "geometry": shape}]
    told = {"type": "FeatureCollection", "crs": crs, "features": features}
    (folder / "area.geojson").write_text(json.dumps(told), encoding="utf-8")
    (folder / "image.py").write_text(IMAGE, encoding="utf-8")


def write_parts(folder: Path) -> None:
    """Write 16 parts of 512 x 512 x 3 whole numbers, and an area that cuts them."""
    write_area(folder)
    chance, parts = np.random.default_rng(7), folder / "parts"
    parts.mkdir()
    for row in range(0, 2048, 512):
        for col in range(0, 2048, 512):
            shape = {"driver": "GTiff", "width": 512, "height": 512, "count": 3, "dtype": "uint16", "crs": "EPSG:32633"}
            cut = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate", "nodata": 65535}
            place = from_origin(500_000 + col * 10, 5_115_000 - row * 10, 10, 10)
            path = parts / f"small{row:010d}-{col:010d}.tif"
            with rasterio.open(path, "w", **shape, **cut, transform=place) as part:
                part.write(chance.integers(0, 4000, (3, 512, 512), dtype="uint16"))


def job(folder: Path) -> list[str]:
    options = {
        "--shapefile": folder / "area.geojson",
        "--output": folder / "out",
        "--base-name": "small",
        "--start-date": "2024-05-01",
        "--end-date": "2024-06-01",
        "--crs": "EPSG:32633",
        "--scale": 10,
        "--recipe": "image-code",
        "--param": f"file={folder / 'image.py'}",
        "--bands": "x,y",
        "--max-size-mb": 1,
    }
    return [str(word) for pair in options.items() for word in pair]


CASES = (
    Case("--help", lambda _folder: ["--help"]),
    Case("plan, 20,000 corners", lambda folder: ["plan", *job(folder)], lambda folder: write_area(folder, 20_000)),
    Case("run, exports", lambda folder: ["run", *job(folder)], write_area, is_remote=True),
    Case("run, requests", lambda folder: ["run", *job(folder), "--route", "pixels"], write_area, is_remote=True),
    Case(
        "assemble, 16 parts",
        lambda folder: [
            *("assemble", str(folder / "parts"), "--output", str(folder / "out"), "--base-name", "small"),
            *("--area", str(folder / "area.geojson")),
        ],
        write_parts,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {KEPT.name}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="counters-") as name:
        found = {case.name: measure(case, Path(name)) for case in CASES}
    if asked.write:
        KEPT.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    too_much = show(json.loads(KEPT.read_text(encoding="utf-8")), found)
    if too_much:
        raise SystemExit(f"more is spent than before: {'; '.join(too_much)}. Spend less, or say why and give --write")


def measure(case: Case, scratch: Path) -> dict[str, float]:
    """Run a case some times, in turn with the floor; return the least of each counter, and CPU in floors."""
    rounds, floors = [], []
    for number in range(REPEATED):
        floors.append(float(subprocess.run([sys.executable, "-c", FLOOR], check=True, capture_output=True).stdout))
        folder = scratch / f"{CASES.index(case)}-{number}"
        folder.mkdir()
        case.prepare(folder)
        rounds.append(run(case, folder))
    least = {name: min(each[name] for each in rounds) for name in rounds[0]}
    return {name: value for name, value in least.items() if name != "cpu"} | {
        "cpu": round(least["cpu"] / min(floors), 2)
    }


def run(case: Case, folder: Path) -> dict[str, float]:
    words = ["--state-dir", str(folder / "state"), *case.words(folder)] if case.name != "--help" else ["--help"]
    if not case.is_remote:
        return counted(folder, words)
    with sandbox(folder) as url:
        told = counted(folder, [*words, "--sandbox-url", url, "--bucket", PROJECT])
        with urlopen(f"{url}/sandbox/requests", timeout=30) as answer:  # noqa: S310  of this machine
            apis = Counter(each["api"] for each in json.load(answer)["requests"])
    return told | {"requests": sum(count for api, count in apis.items() if api not in LOOKS | {"control"})}


def counted(folder: Path, words: list[str]) -> dict[str, Any]:
    """Run a command; return what it counted."""
    file = folder / "counted.json"
    command = [sys.executable, str(HERE / "counters_program.py"), str(file), *words]
    ended = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {ended.returncode}: {ended.stderr[-2000:]}")
    return dict(json.loads(file.read_text(encoding="utf-8")))


@contextmanager
def sandbox(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent", "--data-dir", str(folder / "cloud")]
    command += ["--project", PROJECT, "--bucket", PROJECT]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield json.loads(process.stdout.readline())["url"]  # type: ignore[union-attr]  it is a pipe
    finally:
        process.communicate(timeout=30)


def show(before: dict[str, dict[str, float]], now: dict[str, dict[str, float]]) -> list[str]:
    """Print a row for each counter; return what is beyond its margin."""
    too_much = []
    print("| case | counter | before | now | ratio | margin |\n|---|---|---|---|---|---|")
    for case, counters in now.items():
        for name, value in counters.items():
            known = before.get(case, {}).get(name, value)
            ratio = value / known if known else 1.0 + value
            print(f"| {case} | {name} | {known:,.10g} | {value:,.10g} | {ratio:.2f} | {MARGINS[name]:.2f} |")
            if ratio > MARGINS[name]:
                too_much.append(f"{name} of {case!r}: {known:,.10g}, now {value:,.10g}")
    return too_much


if __name__ == "__main__":
    main()
