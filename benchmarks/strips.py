"""
One raster from strips: `PYTHONPATH=. python benchmarks/strips.py [--sides 1500,20000] [--workers 1,2]`.

Parts are those of `benchmarks/assemble.py`. Strips are made by processes, one strip at a time each, and joined by this
one, in a folder and in the sandbox's Cloud Storage. Printed: whether the SHA-256 is that of one machine, the bytes that
the join has read and written as a share of the file (in a bucket as the sandbox counts them, in a folder those of
blocks and head: what the kernel copies into the file is not moved through the process), and seconds. The largest
default takes ten gigabytes of disk while it runs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import struct
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import shapely
import shapely.prepared

from benchmarks.assemble_data import BANDS, DataSet, write_part
from orchestrator.assemble.joining import StripJoin
from orchestrator.assemble.mosaic import BlockAssembler
from orchestrator.assemble.strip import StripMosaic
from orchestrator.assemble.strip_index import StripIndex
from orchestrator.core.files import sha256_of
from orchestrator.model.grid import Window
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.model.places import ObjectPlace
from orchestrator.model.spec import PixelSpec
from orchestrator.model.strip import OutputStrip
from orchestrator.places.folder import FolderPlace
from orchestrator.plan.strips import cut_strips

STRIP_ROWS = 4096  # 2^4 blocks
DRAWN = 4  # parts of each size; the others are copies of them elsewhere


@dataclass(frozen=True)
class Whereabouts:
    """A place that a process can open: a folder, or a bucket at an address."""

    kind: str
    where: str
    bucket: str = ""

    def place(self) -> ObjectPlace:
        if self.kind == "folder":
            return FolderPlace(Path(self.where))
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415

        from orchestrator.clients.gcs import connect_gcs  # noqa: PLC0415
        from orchestrator.core.retry import RetryPolicy  # noqa: PLC0415
        from orchestrator.places.bucket import BucketPlace  # noqa: PLC0415

        client = connect_gcs(self.where, "sandbox", AnonymousCredentials(), self.bucket, stop=threading.Event())
        return BucketPlace(client, f"gs://{self.bucket}/work", "work", RetryPolicy(), threading.Event())


def main() -> None:
    asked = arguments()
    print(
        "| pixels | file MB | strips | place | workers | same sha256 | moved by the join | strips s | join s | whole |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    if asked.folder:
        Path(asked.folder).mkdir(parents=True, exist_ok=True)
    for side in map(int, asked.sides.split(",")):
        with tempfile.TemporaryDirectory(dir=asked.folder) as name:
            measure(side, Path(name), [int(n) for n in asked.workers.split(",")], asked.places.split(","))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", default="1500,3000,6000,12000,20000")
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--places", default="folder,bucket")
    parser.add_argument("--folder", default=None, help="of what is made, and taken away again")
    return parser.parse_args()


def measure(side: int, folder: Path, workers: list[int], places: list[str]) -> None:
    began = time.perf_counter()
    data = data_set(folder / "data", side)
    parts = touched(data)
    print(f"{side:,}²: {len(parts)} parts made in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    spec = spec_of(data, threads=2)
    began = time.perf_counter()
    mosaic = BlockAssembler().open(spec, folder / "whole")
    mosaic.place(parts.items(), lambda _window: None)
    report = mosaic.finish(threading.Event())
    alone, wanted = time.perf_counter() - began, sha256_of(report.path)
    report.path.unlink()
    strips = cut_strips(data.grid, list(parts), -(-side // STRIP_ROWS))
    for kind in places:
        for count in workers:
            with tempfile.TemporaryDirectory(dir=folder) as name, there(kind, Path(name)) as whereabouts:
                row = joined(data, strips, whereabouts, count, Path(name))
            same = "yes" if row["sha256"] == wanted and row["size"] == report.size else "NO"
            cells = [f"{side:,}²", f"{report.size / 1e6:.1f}", len(strips), kind, count, same]
            cells += [f"{row['moved'] / report.size:.2%}", f"{row['strips']:.1f}", f"{row['join']:.2f}", f"{alone:.1f}"]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def data_set(folder: Path, side: int) -> DataSet:
    """Make those parts of a grid of exactly this side that the area touches, as a plan would; few of them are drawn."""
    data = DataSet(folder, side, "uint16", 2000)
    folder.mkdir(parents=True)
    alike: dict[tuple[int, int], list[Window]] = {}
    for window in touched(data):
        alike.setdefault((window.height, window.width), []).append(window)
    drawn = [window for windows in alike.values() for window in windows[:DRAWN]]
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(write_part, repeat(data), drawn, [data.parts[window] for window in drawn]))
    for windows in alike.values():
        for number, window in enumerate(windows[DRAWN:]):
            copy_part(data, windows[number % DRAWN], window)
    (folder / "dataset.json").write_text(json.dumps({"side": side, "dtype": "uint16", "vertices": 2000}))
    return data


def copy_part(data: DataSet, source: Window, target: Window) -> None:
    """Write a part of the pixels of another of the same size: its tie point tells where it lies."""
    tie = [
        struct.pack("<6d", 0, 0, 0, transform[2], transform[5], 0)
        for transform in (data.grid.window_transform(source), data.grid.window_transform(target))
    ]
    data.parts[target].write_bytes(data.parts[source].read_bytes().replace(*tie))


def touched(data: DataSet) -> dict[Window, Path]:
    """Return the parts with pixels of the area, in the order of the grid."""
    area = shapely.prepared.prep(data.area())
    left, _bottom, _right, top = data.grid.bounds()

    def box(window: Window) -> shapely.Geometry:
        return shapely.box(
            left + 10 * window.col, top - 10 * window.bottom, left + 10 * window.right, top - 10 * window.row
        )

    return {window: path for window, path in data.parts.items() if area.intersects(box(window))}


def spec_of(data: DataSet, threads: int) -> MosaicSpec:
    pixels = PixelSpec(BANDS, data.dtype, data.nodata)
    return MosaicSpec(data.grid, pixels, area_wkb=shapely.to_wkb(data.area()), threads=threads)


class there:  # noqa: N801  reads as a word of its block
    """A place of a kind, for as long as the block lasts."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder, self._sandbox = kind, folder, None

    def __enter__(self) -> Whereabouts:
        if self.kind == "folder":
            return Whereabouts("folder", str(self.folder / "place"))
        from orchestrator.sandbox.server import Options, Sandbox  # noqa: PLC0415

        self._sandbox = Sandbox(
            None, Options(data_dir=self.folder / "sandbox", buckets=("strips",)), evaluator=object()
        )
        return Whereabouts("bucket", self._sandbox.__enter__().url, "strips")

    def __exit__(self, *error: object) -> None:
        if self._sandbox is not None:
            self._sandbox.__exit__(*error)


def joined(
    data: DataSet, strips: tuple[OutputStrip, ...], whereabouts: Whereabouts, workers: int, folder: Path
) -> dict[str, Any]:
    began = time.perf_counter()
    make = partial(make_strip, data.folder / "dataset.json", whereabouts, folder)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        indexes = [StripIndex.from_json(text) for text in pool.map(make, strips)]
    made = time.perf_counter()
    place = whereabouts.place()
    done = StripJoin(spec_of(data, threads=2), indexes, place, folder / "join", threading.Event()).run("out.tif")
    ended = time.perf_counter()
    return {
        "sha256": digest(place, done.stored, folder),
        "size": done.stored.size,
        "moved": done.moved,
        "strips": made - began,
        "join": ended - made,
    }


def make_strip(description: Path, whereabouts: Whereabouts, folder: Path, strip: OutputStrip) -> bytes:
    """Make one strip, in a process of its own."""
    os.nice(5)
    data = DataSet.load(description)
    parts = touched(data)
    clear = max((window.bottom for window in parts if window.row < strip.row), default=0)
    made = StripMosaic.open(spec_of(data, threads=1), strip, folder / f"strip-{strip.index}", clear=clear)
    made.place([(w, path) for w, path in parts.items() if strip.has(w)], lambda _window: None)
    return made.publish(whereabouts.place(), f"{strip.index}/", threading.Event()).to_json()


def digest(place: ObjectPlace, stored: Any, folder: Path) -> str:
    """Return the SHA-256 of an object; not part of the join."""
    if isinstance(place, FolderPlace):
        return sha256_of(Path(place.url) / stored.name)
    target = folder / "fetched.tif"
    place.fetch(stored, target, lambda _size: None, threading.Event())
    return hashlib.file_digest(target.open("rb"), "sha256").hexdigest()


if __name__ == "__main__":
    main()
