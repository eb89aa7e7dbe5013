"""
Formats of a training set: how large each is, and how quickly it is read, in order and at random.

    PYTHONPATH=. python benchmarks/packs.py [--chips 1000] [--side 100] [--bands 10] [--rounds 3]

Chips are smooth fields with noise, uint16; labels are patches of eleven classes. Every reader gives arrays of image and
label, and the sums are compared. Methods take turns, so that a busy machine troubles all alike; files are in the page
cache, so that what is measured is opening and decoding.
"""

from __future__ import annotations

import argparse
import pickle
import random
import statistics
import tarfile
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
import webdataset

from orchestrator.packing.asked import Packing
from orchestrator.packing.packing import pack
from orchestrator.tiling.file import Tiles, name_tiles, write_tiles

CRS, SCALE, CLASSES = "EPSG:32632", 10.0, 11
RANDOM_READS = 300
HEAD = (
    "format", "MB of samples", "of raw", "files", "packed, wall s", "CPU s", "in order, chips/s", "CPU ms a chip",
    "at random, chips/s", "CPU ms a chip", "in order, against npz",
)  # fmt: skip
Pair = tuple[np.ndarray, np.ndarray]


def smooth(chance: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Return a field that changes over a tenth of the chip."""
    coarse = chance.random((cells + 1, cells + 1))
    at = np.linspace(0, cells, side)
    whole, part = np.minimum(at.astype(int), cells - 1), at - np.minimum(at.astype(int), cells - 1)
    rows = coarse[whole] * (1 - part)[:, None] + coarse[whole + 1] * part[:, None]
    return rows[:, whole] * (1 - part) + rows[:, whole + 1] * part


def make_chips(folder: Path, chips: int, side: int, bands: int) -> Tiles:
    """Write tiles with images and labels as `tiles download` leaves them, without a manifest."""
    across, size = int(chips**0.5) + 1, side * SCALE
    corners = [(300_000 + size * (n % across), 5_500_000 + size * (n // across)) for n in range(chips)]
    frame = geopandas.GeoDataFrame(geometry=[shapely.box(x, y, x + size, y + size) for x, y in corners], crs=CRS)
    frame["split"] = ["test" if n % 10 == 9 else "val" if n % 10 == 8 else "train" for n in range(chips)]
    tiles = write_tiles(name_tiles(frame, "bench", "aschips"), folder)
    chance = np.random.default_rng(1)
    for name, (x, y) in zip(tiles.frame["identifier"], corners, strict=True):
        ground = smooth(chance, side, 10)
        image = np.stack(
            [500 + 3000 * ground * chance.random() + chance.normal(0, 30, ground.shape) for _ in range(bands)]
        )
        label = (ground * CLASSES).astype("uint8")[np.newaxis]
        for dataset, pixels in (("s2", image.clip(0).astype("uint16")), ("cover", label)):
            path = tiles.folder / dataset / f"{name}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            profile = {"driver": "GTiff", "height": side, "width": side, "count": len(pixels), "dtype": pixels.dtype}
            transform = rasterio.Affine(SCALE, 0, x, 0, -SCALE, y + size)
            how = {"compress": "deflate", "predictor": 2, "interleave": "pixel"}
            with rasterio.open(path, "w", crs=CRS, transform=transform, **profile, **how) as target:
                target.write(pixels)
    return tiles


@dataclass
class Reader:
    """How a format is read: all in order, and some at random by the places of its index."""

    name: str
    folder: Path
    in_order: Callable[[], Iterator[Pair]]
    one: Callable[[Any], Pair]


def readers(folder: Path) -> list[Reader]:
    def rows(kind: str) -> list[Any]:
        return list(geopandas.read_parquet(folder / kind / "index.parquet").itertuples())

    def npz(row: Any) -> Pair:
        with np.load(folder / "npz" / row.path, allow_pickle=False) as found:
            return found["image"], found["label"]

    def geotiff(row: Any) -> Pair:
        with (
            rasterio.open(folder / "geotiff" / row.path) as image,
            rasterio.open(folder / "geotiff" / row.label_path) as label,
        ):
            return image.read(), label.read(1)

    def shards() -> Iterator[Pair]:
        tars = sorted(str(path) for path in (folder / "webdataset").glob("*.tar"))
        for one in webdataset.WebDataset(tars, shardshuffle=False).decode():
            yield one["img.npy"], one["label.npy"]

    opened: dict[str, tuple[Any, dict[str, int]]] = {}

    def member(row: Any) -> Pair:
        # The places of members are read once for each shard, as a table of them would be.
        if row.path not in opened:
            with tarfile.open(folder / "webdataset" / row.path) as tar:
                places = {each.name: each.offset_data for each in tar.getmembers()}
            opened[row.path] = (folder / "webdataset" / row.path).open("rb"), places
        file, places = opened[row.path]
        arrays = []
        for name in (row.member, row.label_member):
            file.seek(places[name])
            arrays.append(np.lib.format.read_array(file, allow_pickle=False))
        return arrays[0], arrays[1]

    (archive,) = (folder / "zip-pickle").glob("*.zip")
    zipped = zipfile.ZipFile(archive)

    def pickled(row: Any) -> Pair:
        told = pickle.loads(zipped.read(row.member))  # noqa: S301  made above
        return np.moveaxis(told["chip"], -1, 0), told["label"]

    return [
        Reader("npz", folder / "npz", lambda: map(npz, rows("npz")), npz),
        Reader("webdataset", folder / "webdataset", shards, member),
        Reader("geotiff", folder / "geotiff", lambda: map(geotiff, rows("geotiff")), geotiff),
        Reader("zip-pickle", folder / "zip-pickle", lambda: map(pickled, rows("zip-pickle")), pickled),
    ]


def clocked(pairs: Iterator[Pair]) -> tuple[int, float, float, int]:
    """Return how many were read, wall and processor seconds, and the sum of all values."""
    wall, cpu, count, total = time.perf_counter(), time.process_time(), 0, 0
    for image, label in pairs:
        total += int(image.sum()) + int(label.sum())
        count += 1
    return count, time.perf_counter() - wall, time.process_time() - cpu, total


def main() -> None:
    warnings.simplefilter("ignore", ResourceWarning)  # webdataset leaves files to the collector
    parser = argparse.ArgumentParser()
    for name, default in (("chips", 1000), ("side", 100), ("bands", 10), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        tiles = make_chips(folder / "work", asked.chips, asked.side, asked.bands)
        packed = {}
        for kind in ("npz", "webdataset", "geotiff", "zip-pickle"):
            wall, cpu = time.perf_counter(), time.process_time()
            pack(tiles, Packing("s2", "cover", kind), folder / kind)
            packed[kind] = time.perf_counter() - wall, time.process_time() - cpu
        measure(readers(folder), packed, asked)


def measure(methods: list[Reader], packed: dict[str, tuple[float, float]], asked: argparse.Namespace) -> None:
    chosen = random.Random(1)  # noqa: S311
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    sums = set()
    for _ in range(asked.rounds):
        for one in methods:
            count, wall, cpu, total = clocked(one.in_order())
            times.setdefault((one.name, "order"), []).append((wall / count, cpu / count))
            sums.add((count, total))
            rows = list(geopandas.read_parquet(one.folder / "index.parquet").itertuples())
            some = chosen.sample(rows, min(RANDOM_READS, len(rows)))
            count, wall, cpu, _ = clocked(map(one.one, some))
            times.setdefault((one.name, "random"), []).append((wall / count, cpu / count))
    raw = asked.side**2 * (2 * asked.bands + 1)
    shape = f"{asked.bands} x {asked.side} x {asked.side}"
    print(f"{asked.chips} chips of {shape} uint16 and a label of uint8, {raw * asked.chips / 1e6:.1f} MB raw")
    print(f"every format gave the same values: {len(sums) == 1}\n")
    print(f"| {' | '.join(HEAD)} |")
    print("|---" * len(HEAD) + "|")
    base = statistics.median(wall for wall, _ in times["npz", "order"])
    for one in methods:
        beside = {"README.md", "SHA256SUMS", "pack.json", "statistics.json", "splits.csv", "index.parquet"}
        files = [p for p in one.folder.rglob("*") if p.is_file() and p.name not in beside and "stac" not in p.parts]
        size = sum(path.stat().st_size for path in files)
        order, at_random = (
            tuple(statistics.median(column) for column in zip(*times[one.name, how], strict=True))
            for how in ("order", "random")
        )
        wall, cpu = packed[one.name]
        cells = (
            one.name, f"{size / 1e6:.1f}", f"{size / raw / asked.chips:.2f}", len(files), f"{wall:.1f}", f"{cpu:.1f}",
            f"{1 / order[0]:.0f}", f"{1000 * order[1]:.2f}", f"{1 / at_random[0]:.0f}", f"{1000 * at_random[1]:.2f}",
            f"{base / order[0]:.1f}",
        )  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
