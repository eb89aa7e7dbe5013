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
import base64
import collections
import itertools
import json
import logging
import multiprocessing
import queue
import random
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import google_crc32c
import numpy as np
import rasterio
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

BUCKET = "corruptions"
GENERATION = "1700000000000000"
AT_A_TIME = 500
AT_ONCE = DownloadPolicy(retry=RetryPolicy(attempts=2, first_wait_seconds=0))
Spoil = Callable[[bytes, random.Random], bytes]


def part(number: int) -> bytes:
    """Return a part: 96 × 96 pixels of two bands."""
    pixels = np.random.default_rng(number).integers(0, 4000, (2, 96, 96), dtype=np.uint16)
    with MemoryFile() as memory:
        profile = {"width": 96, "height": 96, "count": 2, "dtype": "uint16", "nodata": 0, "crs": "EPSG:32633"}
        tiles = {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "deflate", "interleave": "pixel"}
        place = rasterio.Affine(10, 0, 500_000, 0, -10, 5_100_000)
        with memory.open(driver="GTiff", transform=place, **profile, **tiles) as target:
            target.write(pixels)
        return bytes(memory.getbuffer())


def flipped(data: bytes, dice: random.Random) -> bytes:
    body = bytearray(data)
    body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
    return bytes(body)


def swapped(data: bytes, dice: random.Random) -> bytes:
    """Exchange two pieces of 512 bytes."""
    one, other = sorted(dice.sample(range(len(data) // 512), 2))
    cut = [data[at * 512 : at * 512 + 512] for at in (one, other)]
    between = data[one * 512 + 512 : other * 512]
    return data[: one * 512] + cut[1] + between + cut[0] + data[other * 512 + 512 :]


def zeroed(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) - 1024)
    return data[:at] + bytes(1024) + data[at + 1024 :]


def shortened(data: bytes, dice: random.Random) -> bytes:
    return data[: -dice.randrange(1, len(data) // 2)]


def doubled(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) - 512)
    return data[:at] + data[at : at + 512] + data[at:]


def page(_data: bytes, _dice: random.Random) -> bytes:
    return b"<html><body>Sign in to the network</body></html>"


def padded(data: bytes, _dice: random.Random) -> bytes:
    """Return a page of the size of the part."""
    return b"<html>".ljust(len(data), b" ")


def another(data: bytes, _dice: random.Random) -> bytes:
    """Return the part beside it, whole, cut or filled up to the same size."""
    return PARTS[(PARTS.index(data) + 1) % len(PARTS)][: len(data)].ljust(len(data), b"\0")


PARTS = [part(number) for number in range(4)]
# What is done to the bytes; whether the connection is cut in the middle and resumed; what the headers say of them.
KINDS: dict[str, tuple[Spoil, bool, str]] = {
    "one bit": (flipped, False, "listed"),
    "one bit, resumed after a cut": (flipped, True, "listed"),
    "one bit, no checksum in the headers": (flipped, False, "none"),
    "one bit, checksum of the wrong bytes": (flipped, False, "own"),
    "1,024 bytes of zeros": (zeroed, False, "listed"),
    "zeros, resumed after a cut": (zeroed, True, "listed"),
    "two pieces swapped": (swapped, False, "listed"),
    "two pieces swapped, after a cut": (swapped, True, "listed"),
    "a piece twice": (doubled, False, "listed"),
    "cut short": (shortened, False, "listed"),
    "tail missing after a cut": (shortened, True, "listed"),
    "a page": (page, False, "none"),
    "a page of the right size": (padded, False, "none"),
    "another part": (another, False, "own"),
    "another generation": (another, False, "newer"),
    "another part after a cut": (another, True, "own"),
}


def crc32c(data: bytes) -> str:
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()


def named(name: str) -> tuple[str, bytes, bytes]:
    """Return kind, true and spoiled bytes of an object `kind-number`; the same whenever it is asked for."""
    at, number = map(int, name.split("-"))
    kind, true = list(KINDS)[at], PARTS[number % len(PARTS)]
    spoiled = KINDS[kind][0](true, random.Random(number))  # noqa: S311  the same each time
    return kind, true, spoiled


class Spoiler(BaseHTTPRequestHandler):
    """Cloud Storage for as much as the two clients ask."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if "/o/" not in path:
            self._answer(404, b"", {})
            return
        kind, true, spoiled = named(unquote(path.rpartition("/o/")[2]))
        if "/download/" not in path:
            told = {"kind": "storage#object", "name": path.rpartition("/o/")[2], "size": str(len(true))}
            told |= {"generation": GENERATION, "crc32c": crc32c(true), "bucket": BUCKET}
            self._answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})
            return
        _, cut, says = KINDS[kind]
        stated = {"listed": true, "own": spoiled, "newer": spoiled}.get(says)
        headers = {"x-goog-generation": GENERATION, "Content-Type": "image/tiff"}
        headers |= {} if stated is None else {"x-goog-hash": f"crc32c={crc32c(stated)}"}
        headers |= {"x-goog-generation": str(int(GENERATION) + 1)} if says == "newer" else {}
        start = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        if cut and not start:
            self._broken(spoiled, len(true), headers)
        elif start:
            body = spoiled[start:]
            last = max(len(spoiled) - 1, start)
            self._answer(206, body, headers | {"Content-Range": f"bytes {start}-{last}/{len(true)}"})
        else:
            self._answer(200, spoiled, headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _broken(self, body: bytes, size: int, headers: dict[str, str]) -> None:
        """Promise all of it, send a third, and end the connection."""
        self.send_response(200)
        for name, value in (headers | {"Content-Length": str(size)}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: size // 3])
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """On loopback; a client that goes away is no error."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Spoiler)

    def handle_error(self, *_: Any) -> None:
        pass


def serve(told: Any) -> None:
    """Serve until the process is ended."""
    server = Server()
    told.put(server.server_address[1])
    server.serve_forever()


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
