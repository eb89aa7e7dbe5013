"""
Sentinel-2 from Copernicus, side by side: files fetched and scenes made ready for training, ours and the usual loop.

    PYTHONPATH=. python benchmarks/copernicus.py [--products FOLDER] [--scenes 3] [--pixels 10980]
                                                  [--target B02] [--only download|preprocess|stats]

Makes L1C products of the invented ground once (minutes at the full 10,980 pixels; kept in `--products` when named),
serves them by a sandbox in a process of its own, and runs in turn: a plain loop with `requests` and
`orchestrator copernicus download`; the straightforward rasterio script of `copernicus_peers.py` and
`orchestrator copernicus preprocess`; ours on one scene and on all, for the memory; ours with one and with two
processes, for the bytes of stats.json. Each is a process: wall clock, processor seconds and peak memory are of it and
its children.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
TILE, START, END = "33TWL", "2024-06-01", "2024-08-01"
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
OURS = (sys.executable, "-m", "orchestrator")
PEER = (sys.executable, str(HERE / "copernicus_peers.py"))


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float
    peak: int
    code: int


def measured(command: Sequence[str], log: Path) -> Cost:
    """Run a command in a process whose only child it is, so that what is counted is it and its children."""
    began = time.monotonic()
    with log.open("ab") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, env=os.environ | {"PYTHONPATH": "."})
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status))


def made(folder: Path, scenes: int, pixels: int) -> Path:
    if not list(folder.glob("*.SAFE")):
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        command = [sys.executable, "-m", "orchestrator.sandbox.safe", str(folder), "--tile", TILE, "--start", START]
        command += ["--end", END, "--levels", "L1C", "--scenes", str(scenes), "--pixels", str(pixels)]
        subprocess.run(command, check=True, cwd=ROOT)
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        print(f"products made in {time.monotonic() - began:.0f} s, {cpu:.0f} CPU s")
    return folder


@contextmanager
def sandbox(products: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent", "--data-dir", folder]
        command += ["--copernicus", str(products)]
        server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield json.loads(server.stdout.readline())["url"]  # type: ignore[union-attr]  # a pipe
        finally:
            server.communicate(timeout=120)


def weight(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def show(name: str, cost: Cost, bytes_moved: int = 0) -> None:
    speed = f"  {bytes_moved / 1e6 / cost.wall:6.1f} MB/s  {bytes_moved / 1e6:.0f} MB" if bytes_moved else ""
    print(f"{name:44} {cost.wall:7.1f} s  CPU {cost.cpu:7.1f} s  peak {cost.peak / 2**20:6.0f} MiB  {cost.code}{speed}")


def fetch(products: Path, work: Path, *, beside: bool) -> Path:
    """Bring the products by both ways, or by ours alone; return the index."""
    with sandbox(products) as url:
        if beside:
            names = ("download", url, str(work / "loop"), "S2", *BANDS)
            show(
                "loop with requests, one file at a time", measured((*PEER, *names), work / "log"), weight(work / "loop")
            )
        command = (*OURS, "--state-dir", str(work / "state"), "copernicus", "download", "--tile", TILE)
        command += ("--start", START, "--end", END, "--levels", "L1C", "--out", str(work / "ours"))
        show(
            "orchestrator copernicus download",
            measured((*command, "--sandbox-url", url), work / "log"),
            weight(work / "ours" / "raw"),
        )
    return work / "ours" / "meta" / "step1" / "index.json"


def ready(index: Path, out: Path, target: str, *more: str) -> tuple[str, ...]:
    return (
        *OURS, "--state-dir", str(out.parent / f"state-{out.name}"), "copernicus", "preprocess", "--index", str(index),
        "--out", str(out), "--target-grid", target, "--bands", ",".join(BANDS), "--no-labels", *more,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=Path)
    parser.add_argument("--scenes", type=int, default=3)
    parser.add_argument("--pixels", type=int, default=10980)
    parser.add_argument("--target", default="B02")
    parser.add_argument("--peer-scenes", type=int, default=0, help="of the rasterio script; 0 is all")
    parser.add_argument("--only", choices=("download", "preprocess", "stats"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="copernicus-") as folder:
        work = Path(folder)
        products = made(asked.products or work / "products", asked.scenes, asked.pixels)
        index = fetch(products, work, beside=asked.only in (None, "download"))
        if asked.only in (None, "preprocess"):
            theirs = asked.peer_scenes or asked.scenes
            peer = (*PEER, "preprocess", str(index), str(work / "script"), f"{asked.target}:{theirs}", *BANDS)
            show(f"rasterio script, {theirs} scenes", measured(peer, work / "log"))
            for scenes in (1, asked.scenes):
                command = ready(index, work / f"ready{scenes}", asked.target, "--max-scenes", str(scenes))
                show(f"orchestrator copernicus preprocess, {scenes}", measured(command, work / "log"))
        if asked.only in (None, "stats"):
            found = set()
            for processes in (0, 2):
                out = work / f"stats{processes}"
                more = ("--normalize", "compute_only", "--num-workers", str(processes))
                show(
                    f"... its first pass, {processes or 'no'} processes",
                    measured(ready(index, out, asked.target, *more), work / "log"),
                )
                found.add(hashlib.sha256((out / "normalize" / "stats.json").read_bytes()).hexdigest())
            print(f"stats.json of both: {'the same bytes' if len(found) == 1 else 'DIFFERENT'}")


if __name__ == "__main__":
    main()
