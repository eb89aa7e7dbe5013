"""
Bytes that arrive wrong: how many of many corruptions each reader takes for the part that was stored.

    PYTHONPATH=. python benchmarks/corruptions.py [--count 100000] [--workers 2]

A small part (a deflate GeoTIFF) is served by a server that spoils it, the same way at each request for the same
object, so that asking again heals nothing. Beside each other: our download (size, CRC32C and generation of the
listing, over the whole file), `Blob.download_to_filename` of google-cloud-storage with its checksum as it is by
default, and GDAL, which is given what came and reads every pixel. A corruption is caught when the file is refused;
it is silent when the reader hands on other bytes, or other pixels, as if they were the part's.
Answers to requests for pixels, which carry no checksum, are a table of their own. Ends with 1 if ours let one through.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import logging
import multiprocessing
import queue
import random
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from corruptions_server import (
    BUCKET,
    GENERATION,
    KINDS,
    PARTS,
    Spoil,
    crc32c,
    doubled,
    flipped,
    named,
    padded,
    page,
    serve,
    shortened,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile

from orchestrator.clients.gcs import connect_gcs
from orchestrator.core.errors import OrchestratorError
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.direct import PixelRequest
from orchestrator.model.grid import Grid, Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.spec import PixelSpec
from orchestrator.routes.npy import read_array
from orchestrator.transfer.download import DownloadPolicy, download

AT_A_TIME = 500
AT_ONCE = DownloadPolicy(retry=RetryPolicy(attempts=2, first_wait_seconds=0))


class Ours:
    def __init__(self, url: str, folder: Path) -> None:
        self._client, self._target = connect_gcs(url, "p", AnonymousCredentials(), BUCKET), folder / "ours.tif"

    def bring(self, name: str, true: bytes) -> bytes | None:
        source, never = StoredObject(name, len(true), GENERATION, crc32c(true)), threading.Event()
        self._target.unlink(missing_ok=True)
        try:
            download(
                source,
                lambda start: self._client.open_body(source, start),
                self._target,
                on_bytes=lambda _count: None,
                stop=never,
                policy=AT_ONCE,
                chance=lambda: 0.0,
                service=self._client,
            )
        except OrchestratorError:
            return None
        return self._target.read_bytes()


class Theirs:
    def __init__(self, url: str, folder: Path) -> None:
        client = storage.Client("p", AnonymousCredentials(), client_options={"api_endpoint": url})
        self._bucket, self._target = client.bucket(BUCKET), folder / "theirs.tif"
        self._retry = DEFAULT_RETRY.with_delay(0.001, 0.002, 1.1).with_timeout(0.3)

    def bring(self, name: str, _true: bytes) -> bytes | None:
        self._target.unlink(missing_ok=True)
        blob = self._bucket.blob(name, generation=int(GENERATION))
        try:
            blob.download_to_filename(str(self._target), retry=self._retry, timeout=5)
        except Exception:  # noqa: BLE001  whatever it raises, it has noticed
            return None
        return self._target.read_bytes()


def pixels_of(data: bytes) -> np.ndarray[Any, Any] | None:
    """Return what GDAL reads of bytes; None where it refuses them."""
    try:
        with MemoryFile(data) as memory, memory.open(driver="GTiff") as source:
            return np.asarray(source.read())
    except (RasterioError, ValueError):
        return None


def work(url: str, first: int, last: int, results: Any) -> None:
    """Count what becomes of the objects with these numbers."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    shown = [pixels_of(data) for data in PARTS]
    memory = Path("/dev/shm")  # noqa: S108  it is not kept
    place = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="corruptions-", dir=place) as folder, rasterio.Env():
        ours, theirs = Ours(url, Path(folder)), Theirs(url, Path(folder))
        counts: collections.Counter[tuple[str, str]] = collections.Counter()
        for number in range(first, last):
            if (number - first) % AT_A_TIME == 0:
                results.put(counts)
                counts = collections.Counter()
            at = number % len(KINDS)
            name = f"{at}-{number}"
            kind, true, spoiled = named(name)
            if spoiled == true:
                continue
            counts[kind, "given"] += 1
            for who, reader in (("ours", ours), ("theirs", theirs)):
                found = reader.bring(name, true)
                counts[kind, who] += found is None or found == true
            read, wanted = pixels_of(spoiled), shown[PARTS.index(true)]
            counts[kind, "gdal"] += read is None
            counts[kind, "same"] += read is not None and np.array_equal(read, wanted)
        results.put(counts)
    results.put(None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    began, made = time.monotonic(), multiprocessing.get_context("fork")
    results, servers, workers = made.Queue(), [], []
    edges = [asked.count * at // asked.workers for at in range(asked.workers + 1)]
    for first, last in itertools.pairwise(edges):
        told = made.Queue()
        servers.append(made.Process(target=serve, args=(told,), daemon=True))
        servers[-1].start()
        url = f"http://127.0.0.1:{told.get()}"
        workers.append(made.Process(target=work, args=(url, first, last, results)))
        workers[-1].start()
    counts = _gathered(results, workers, asked.count)
    for process in servers:
        process.terminate()
    missed = _show(counts)
    missed += _show_direct(asked.count // 10)
    print(f"\n{time.monotonic() - began:.0f} s")
    return 1 if missed else 0


def _gathered(results: Any, workers: list[Any], count: int) -> collections.Counter[tuple[str, str]]:
    """Add up what workers count, and say how far they are; a worker that dies ends all."""
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    working = len(workers)
    while working:
        try:
            more = results.get(timeout=60)
        except queue.Empty:
            if any(process.exitcode for process in workers):
                raise SystemExit("a worker died") from None
            continue
        working -= more is None
        counts.update(more or {})
        given, caught = (
            sum(each for (_, who), each in counts.items() if who == column) for column in ("given", "ours")
        )
        sys.stderr.write(f"\r{given:,} of {count:,}, ours caught {caught:,}")
        sys.stderr.flush()
    return counts


def _show(counts: collections.Counter[tuple[str, str]]) -> int:
    print("| corruption | given | ours caught | google-cloud-storage caught | GDAL refused | GDAL: the same pixels |")
    print("|---|---:|---:|---:|---:|---:|")
    columns = ("given", "ours", "theirs", "gdal", "same")
    for kind in KINDS:
        print(f"| {kind} | {' | '.join(f'{counts[kind, column]:,}' for column in columns)} |")
    total = {column: sum(counts[kind, column] for kind in KINDS) for column in columns}
    print(f"| **all** | {' | '.join(f'{total[column]:,}' for column in columns)} |")
    silent = {who: total["given"] - total[who] for who in ("ours", "theirs")}
    print(f"\nsilent: ours {silent['ours']:,}, google-cloud-storage {silent['theirs']:,}, ", end="")
    print(f"GDAL {total['given'] - total['gdal'] - total['same']:,} with other pixels")
    return total["given"] - total["ours"]


GRID = Grid("EPSG:32633", (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_100_000.0), 64, 64)
REQUEST = PixelRequest({}, GRID, Window(0, 0, 64, 64), PixelSpec(("B2", "B3"), "uint16", 0))


def _answer() -> bytes:
    import io  # noqa: PLC0415

    array = np.zeros((64, 64), [("B2", "<u2"), ("B3", "<u2")])
    array["B2"], array["B3"] = np.random.default_rng(1).integers(1, 4000, (2, 64, 64))
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def _in_header(data: bytes, dice: random.Random) -> bytes:
    return flipped(data[:128], dice) + data[128:]


def _in_values(data: bytes, dice: random.Random) -> bytes:
    return data[:128] + flipped(data[128:], dice)


ANSWERS: dict[str, Spoil] = {
    "cut short": shortened,
    "a page": page,
    "a page of the right size": padded,
    "a piece twice": doubled,
    "one bit of the header": _in_header,
    "one bit of a value": _in_values,
}


def _show_direct(count: int) -> int:
    """Spoil answers to requests for pixels; return how many that can be noticed were not."""
    whole, told = _answer(), collections.Counter[tuple[str, str]]()
    wanted = read_array(whole, REQUEST, ("B2", "B3"))
    for number in range(count):
        kind = list(ANSWERS)[number % len(ANSWERS)]
        spoiled = ANSWERS[kind](whole, random.Random(number))  # noqa: S311  the same each time
        try:
            found = read_array(spoiled, REQUEST, ("B2", "B3"))
            outcome = "the same" if np.array_equal(found, wanted) else "silent"
        except OrchestratorError:
            outcome = "caught"
        told[kind, "given"] += 1
        told[kind, outcome] += 1
    print("\n| answer to a request for pixels | given | caught | the same pixels | silent |\n|---|---:|---:|---:|---:|")
    columns = ("given", "caught", "the same", "silent")
    for kind in ANSWERS:
        print(f"| {kind} | {' | '.join(f'{told[kind, column]:,}' for column in columns)} |")
    print("\nA bit of a value is noticed by nobody but TLS: such answers carry no checksum; `--audit` asks again.")
    return sum(told[kind, "silent"] for kind in ANSWERS if kind != "one bit of a value")


if __name__ == "__main__":
    sys.exit(main())
