"""Parts that are spoiled, and the server of Cloud Storage that serves them so; for `corruptions.py`."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import google_crc32c
import numpy as np
import rasterio
from rasterio.io import MemoryFile

BUCKET = "corruptions"
GENERATION = "1700000000000000"
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
