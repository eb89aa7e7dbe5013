"""
What a table of pixels (`--route region`) costs beside an array (`--route pixels`), and how many requests cuts take.

A sandbox in a process of its own serves pixel coordinates, so that what is computed costs it nearly nothing. Run from
the root: `python benchmarks/region.py [SIDE ...]`; by default 64 to 1,024 pixels a side, one band of uint16. Printed, a
line for each side: seconds and bytes of the reply by either route in the same run, and their ratios; the pixels are
compared. Then a strip of 10,000 × 10, a box off the lattice, and the windows of 2,000² × 3 bands × 12 images, of which
the first is fetched: requests as planned, as the server counts them, and refusals.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ee
import shapely
from google.auth.credentials import AnonymousCredentials

from orchestrator.clients.earthengine import EarthEngine, serialise
from orchestrator.clients.pixels import PixelClient
from orchestrator.clients.region import RegionClient, rectangle
from orchestrator.model.direct import Counted, DirectRoute, PixelRequest
from orchestrator.model.grid import Grid, Window
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.align import fix_grid
from orchestrator.plan.requests import RequestSize, plan_requests
from orchestrator.raster.spans import SpanTable
from orchestrator.routes.limits import REGION
from orchestrator.routes.pixels import PixelRoute
from orchestrator.routes.region import RegionRoute, inset
from orchestrator.routes.region_rows import scatter

CRS, STOP = "EPSG:32633", threading.Event()
PIXELS = PixelSpec(("x",), "uint16", 0)


@contextmanager
def sandbox() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent"]
        command += ["--project", "orchestrator-sandbox", "--data-dir", folder]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        yield json.loads(server.stdout.readline())["url"]  # type: ignore[union-attr]  # a pipe
        server.communicate(timeout=60)


def image(shift: int = 0) -> Any:
    place = ee.Image.pixelCoordinates(ee.Projection(CRS).atScale(10))
    return place.select("x").add(place.select("y").multiply(7)).add(shift).mod(60000).toUint16()


def grid_of(height: int, width: int) -> Grid:
    return Grid(CRS, (10.0, 0.0, 500000.0, 0.0, -10.0, 5200000.0), height, width)


def timed(route: DirectRoute, request: PixelRequest) -> tuple[float, int, bytes]:
    began = time.monotonic()
    piece = route.fetch(request, STOP)
    return time.monotonic() - began, piece.reply_bytes, piece.content


def compare(region: DirectRoute, pixels: DirectRoute, sides: list[int]) -> None:
    print("  side   values     region s   pixels s   ratio   region MiB   pixels MiB   ratio   same file")
    for side in sides:
        grid = grid_of(side, side)
        request = PixelRequest(serialise(image()), grid, grid.window, PIXELS)
        slow, large, table = timed(region, request)
        quick, small, array = timed(pixels, request)
        print(
            f"{side:6} {side * side:8,} {slow:12.2f} {quick:10.2f} {slow / quick:7.1f} {large / 2**20:12.3f} "
            f"{small / 2**20:12.3f} {large / small:7.1f}   {table == array}",
            flush=True,
        )


def answers(url: str) -> list[int]:
    with urllib.request.urlopen(url + "/sandbox/requests?api=value.compute") as answer:  # noqa: S310  loopback
        return [each["status"] for each in json.load(answer)["requests"]]


def fetched(url: str, name: str, route: DirectRoute, grid: Grid, spans: SpanTable) -> None:
    """Fetch everything that is planned for a grid, and say what the server counted."""
    before = len(answers(url))
    size = RequestSize.of(PIXELS, REGION)
    windows = plan_requests(grid, spans, size)
    for window in windows:
        route.fetch(PixelRequest(serialise(image()), grid, window, PIXELS), STOP)
    seen = answers(url)[before:]
    least = math.ceil(grid.pixels * size.per_pixel / size.most)
    said = f"{len(windows)} windows planned (least {least}), {len(seen)} requests, {seen.count(400)} refused"
    print(f"{name}: {grid.height} × {grid.width} from {grid.transform[2]:.0f}, {grid.transform[5]:.0f}: {said}")


def cube(url: str, client: RegionClient, bands: int, images: int) -> None:
    """Plan 2,000 × 2,000 pixels of several images, and fetch the first of the windows."""
    grid = grid_of(2000, 2000)
    size = RequestSize(bands * images, REGION.most, REGION.max_side, Counted.VALUES)
    windows = plan_requests(grid, SpanTable.full(grid), size)
    least = math.ceil(grid.pixels * size.per_pixel / size.most)
    names = tuple("abcdef"[:bands])
    each = [
        ee.Image.cat(*(image(100 * n + k) for k in range(bands))).rename(names).set("system:time_start", n * 86_400_000)
        for n in range(images)
    ]
    before, began = len(answers(url)), time.monotonic()
    where = rectangle(inset(grid, windows[0]), CRS)
    reply = client.rows(ee.ImageCollection(each), where, STOP, crs=CRS, transform=grid.window_transform(windows[0]))
    found = scatter(reply, grid, windows[0], PixelSpec(names, "uint16", 0))
    seen, seconds = answers(url)[before:], time.monotonic() - began
    print(
        f"2,000² × {bands} bands × {images} images: {len(windows)} windows planned (least {least}); the first, of "
        f"{size.count(windows[0]):,} values: {len(seen)} request, {seen.count(400)} refused, array "
        f"{found.values.shape}, {seconds:.1f} s, {reply.receipt.reply_bytes / 2**20:.0f} MiB"
    )


def main() -> None:
    sides = [int(text) for text in sys.argv[1:]] or [64, 128, 256, 512, 1024]
    with sandbox() as url:
        engine = EarthEngine(
            project="orchestrator-sandbox", credentials=AnonymousCredentials(), url=url, stop=threading.Event()
        )
        client = RegionClient(engine)
        route = RegionRoute(client)
        timed(route, PixelRequest(serialise(image()), grid_of(8, 8), Window(0, 0, 8, 8), PIXELS))  # what loads once
        compare(route, PixelRoute(PixelClient(engine)), sides)
        strip = grid_of(10_000, 10)
        fetched(url, "strip", route, strip, SpanTable.full(strip))
        box = shapely.box(500_003, 5_199_001, 500_997, 5_199_996)
        grid, area = fix_grid(box, CRS, scale=10, out_crs=CRS)
        fetched(url, "box 500003,5199001,500997,5199996", route, grid, SpanTable.from_geometry(area, grid))
        cube(url, client, 3, 12)


if __name__ == "__main__":
    main()
