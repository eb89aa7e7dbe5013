"""
Bring 2,774 chips of 100 × 100 pixels through a sandbox that fails at one answer in twenty, killed three times.

    PYTHONPATH=. python benchmarks/chips.py [--chips N] [--area FILE] [--peer PYTHON] [--only ours]
                                             [--no-kills] [--burst N]

Ours is `tiles download` as a process, killed by SIGKILL when a quarter, a half and three quarters of the chips were
answered (of the other: lie in its folder), and given again each time. With `--peer` the same by geetiles 0.1.7
(installed as `foreign_clients.py` says), its own code: a pool of ten processes, getDownloadURL, three tries with two
seconds between them, `skip_if_exists`; what is set is the address of the service. Both see the same order of faults:
each twentieth answer is a 500, a 503, a 429 or a connection that breaks, and once
`--burst` answers in a row are a 503.
Each has a sandbox of its own, which serves pixel coordinates, so that computing costs it next to nothing. Printed:
chips that are there and whole, lost, damaged; how many the server answered more than once; requests and MB a second,
processor seconds, peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely

from orchestrator.tiling.file import Tiles, name_tiles, read_tiles, write_tiles

HERE = Path(__file__).parent
ROOT = HERE.parent
BANDS, SIDE = ("x", "y", "mixed"), 100
BURST = 40
Kills = tuple[float | None, ...]  # shares of the chips at which a process is killed; None goes on to the end
APIS = ("image.computePixels", "thumbnails.create", "thumbnails.getPixels", "value.compute")
ANSWERS = r"computePixels|thumbnails|value:compute"
DATES = ("--start", "2024-05-01", "--end", "2024-06-01")
CODE = """
import ee


class DatasetDefinition:
    def __init__(self, name):
        self.name = name

    def get_dataset_name(self):
        return "places"

    def get_dtype(self):
        return "int32"

    def get_gee_image(self, **_):
        place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32632").atScale(10))
        x, y = place.select("x"), place.select("y")
        return x.addBands(y).addBands(x.multiply(31).add(y.multiply(17)).mod(1009).rename("mixed")).toInt32()
"""
PEER = """
import functools, json, runpy, sys, ee, geopandas
from google.auth.credentials import AnonymousCredentials
from geetiles import gee
job = json.loads(sys.argv[1])
ee.Initialize = functools.partial(ee.Initialize, credentials=AnonymousCredentials(), url=job["url"])
definition = runpy.run_path(job["code"])["DatasetDefinition"]
definition.__module__ = "__main__"
DatasetDefinition = definition
gee.download_tiles(
    geopandas.read_file(job["tiles"]), job["folder"], definition("places"), "somebody", n_processes=10,
    pixels_lonlat=(100, 100), skip_if_exists=True,
)
"""


@dataclass
class Cost:
    """What the processes of one way took together."""

    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    codes: list[int] = field(default_factory=list)


@contextmanager
def sandbox() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent"]
        command += ["--project", "orchestrator-sandbox", "--data-dir", folder]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield json.loads(server.stdout.readline())["url"]  # type: ignore[union-attr]  # a pipe
        finally:
            server.communicate(timeout=120)


def told(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310  loopback
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310  loopback
        return json.load(answer)


def faults(answers: int, burst: int) -> list[dict[str, Any]]:
    """One answer in twenty, by turns; and forty in a row."""
    kinds = [{"status": 500}, {"status": 503}, {"action": "reset"}, {"status": 429}]
    every = [{"skip": 20 * at + 19, **kinds[at % len(kinds)]} for at in range(answers // 20)]
    every.append({"skip": answers // 3, "status": 503, "count": burst})
    return [{"action": "http", "path": ANSWERS, **each} for each in every]


def tiles_of(area: Path | None, count: int, folder: Path) -> Tiles:
    """The published grid of an area; without one, so many cells in rows of 60."""
    if area is not None:
        command = [
            sys.executable,
            "-m",
            "orchestrator",
            "tiles",
            "grid",
            str(area),
            "--size",
            "1000",
            "--cover",
            "legacy",
        ]
        subprocess.run([*command, "--name", "bench", "-o", str(folder)], check=True, capture_output=True)
        found = read_tiles(next(folder.glob("*.parquet")))
        return write_tiles(name_tiles(found.frame.iloc[:count], "bench", "chips", found.about), folder)
    cells = [(280_000 + 1000 * (n % 60), 5_450_000 + 1000 * (n // 60)) for n in range(count)]
    frame = geopandas.GeoDataFrame(geometry=[shapely.box(x, y, x + 1000, y + 1000) for x, y in cells], crs="EPSG:32632")
    about = {"kind": "grid", "cover": "full", "size": 1000, "crs": "EPSG:32632"}
    return write_tiles(name_tiles(frame, "bench", "chips", about), folder)


def watched(command: list[str], cost: Cost, folder: Path, there: Any, kill_at: int | None) -> int:
    """Run a command in a group of its own, and kill that when so many chips were answered; return its exit code."""
    began = time.monotonic()
    with (folder / "said.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        over = threading.Event()

        def kill() -> None:
            while not over.wait(0.25):
                if kill_at is not None and there() >= kill_at:
                    os.killpg(process.pid, signal.SIGKILL)
                    return

        killer = threading.Thread(target=kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)
        over.set()
        killer.join()
    cost.seconds += time.monotonic() - began
    cost.cpu += usage.ru_utime + usage.ru_stime
    cost.peak = max(cost.peak, usage.ru_maxrss * 1024)
    code = os.waitstatus_to_exitcode(status)
    cost.codes.append(code)
    return code


def seen(url: str) -> Counter[str]:
    """How often each chip's pixels were answered."""
    return Counter(f"{e['transform']}" for e in told(f"{url}/sandbox/pixels")["pixels"] if e["refusal"] is None)


def answered(url: str) -> int:
    """How many chips were answered so far."""
    return int(told(f"{url}/sandbox/state")["pixels"]["statuses"].get("200", 0))


def links(url: str) -> Counter[str]:
    """How often each link to a file was followed to its end."""
    every = told(f"{url}/sandbox/requests?api=thumbnails.getPixels")["requests"]
    return Counter(each["path"] for each in every if each["status"] == 200)


def asked_for(url: str) -> int:
    """Count the requests for pixels, whatever became of them."""
    return sum(len(told(f"{url}/sandbox/requests?api={api}")["requests"]) for api in APIS)


def report(name: str, tiles: Tiles, folder: Path, answers: int, requests: int, cost: Cost, states: str) -> None:
    whole, damaged = 0, 0
    for identifier in tiles.frame["identifier"]:
        try:
            with rasterio.open(folder / f"{identifier}.tif") as raster:
                values = raster.read()
                whole += bool(values.shape[0] == len(BANDS) and np.isfinite(values).all())
        except rasterio.RasterioIOError:
            damaged += (folder / f"{identifier}.tif").exists()
    count, weight = len(tiles.frame), answers * SIDE * SIDE * len(BANDS) * 4
    print(
        f"{name}: {whole:,} of {count:,} chips whole, {count - whole - damaged:,} lost, {damaged:,} damaged; {states}"
    )
    print(f"  {answers:,} chips answered, {answers - count:,} more than there are; exit codes {cost.codes}")
    print(
        f"  {cost.seconds:.0f} s, {requests / cost.seconds:.1f} requests/s, "
        f"{weight / cost.seconds / 1e6:.2f} MB/s, {cost.cpu:.0f} CPU s, peak {cost.peak / 1e6:.0f} MB",
        flush=True,
    )


def ours(tiles: Tiles, home: Path, kills: Kills, burst: int) -> None:
    with sandbox() as url:
        count, cost = len(tiles.frame), Cost()
        told(f"{url}/sandbox/faults", {"faults": faults(count, burst)})
        command = [sys.executable, "-m", "orchestrator", "--state-dir", str(home / "state"), "tiles", "download"]
        command += [str(tiles.path), "--dataset", str(home / "code.py"), "--bands", ",".join(BANDS), "--name", "places"]
        command += ["--pixels", str(SIDE), str(SIDE), "--sandbox-url", url]
        for share in kills:
            watched(command, cost, home, lambda: answered(url), share and int(share * count))
        while cost.codes[-1] == 3 and len(cost.codes) < 8:  # partly done: the same command again
            watched(command, cost, home, lambda: 0, None)
        about = json.loads((tiles.folder / "places" / "dataset.json").read_text())
        said = f"the table says {about['counts']}"
        report("ours", tiles, tiles.folder / "places", seen(url).total(), asked_for(url), cost, said)


def peer(tiles: Tiles, home: Path, python: str, kills: Kills, burst: int) -> None:
    """geetiles, whose pool is a group of processes: memory is that of the largest, processor time of all."""
    degrees = write_tiles(tiles, home, ".geojson").path
    with sandbox() as url:
        count, cost, folder = len(tiles.frame), Cost(), home / "theirs"
        folder.mkdir()
        told(f"{url}/sandbox/faults", {"faults": faults(3 * count, burst)})  # it asks three times for each chip
        job = {"url": url, "code": str(home / "code.py"), "tiles": str(degrees), "folder": str(folder)}
        command = [python, "-c", PEER, json.dumps(job)]
        for share in kills:
            watched(command, cost, home, lambda: len(list(folder.glob("*.tif"))), share and int(share * count))
        said = "nothing says which are missing"
        report("geetiles", tiles, folder, links(url).total(), asked_for(url), cost, said)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chips", type=int, default=2774)
    parser.add_argument("--area", type=Path)
    parser.add_argument("--peer", default="")
    parser.add_argument("--only", choices=["ours", "peer"])
    parser.add_argument("--burst", type=int, default=BURST)
    parser.add_argument("--no-kills", action="store_true")
    given = parser.parse_args()
    kills: Kills = (None,) if given.no_kills else (0.25, 0.5, 0.75, None)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "code.py").write_text(CODE)
        tiles = tiles_of(given.area, given.chips, home)
        if given.only != "peer":
            ours(tiles, home, kills, given.burst)
        if given.peer and given.only != "ours":
            peer(tiles, home, given.peer, kills, given.burst)


if __name__ == "__main__":
    main()
