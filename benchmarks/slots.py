"""
How busy a run by `--route pixels` keeps its 40 places when answers take very unequal time, and what 429 storms do.

A sandbox in a process of its own computes every window. The plan is made for requests of 320 KiB instead of 48 MiB, so
that windows are small and all are there from the beginning. Each request is held before for 3 s times a draw from a
Pareto distribution of shape 2: 6 s in the mean, one in twenty longer than 13 s. Run from the root:
`python benchmarks/slots.py [UNITS]`; by default 600.

Busy is a request from its admission to the end of its answer, by the server's own account. The share is busy seconds /
(40 x seconds) from the first moment with 40 requests under way, to the beginning of the
last request, from which on none is left to claim. In the storm six requests that begin one after the other are
answered 429 after the first 200: the run pauses twice as long each time, and lets half as many go at once.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PLACES = 40
LEAST_SECONDS, SHAPE = 3.0, 2.0
SMALL = """
import sys
from dataclasses import replace
from orchestrator.routes import limits
limits.GOOGLE = replace(limits.GOOGLE, most=5 * 256 * 256)
from orchestrator.faces.cli.main import main
sys.exit(main())
"""
IMAGE = """
import ee


def get_ee_image():
    return ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(10)).select("x")
"""


def main() -> None:
    units = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    print("               windows   requests   refused   seconds   busy share   most at once")
    for storm in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), units, storm=storm)


def _measure(home: Path, units: int, *, storm: bool) -> None:
    (home / "image.py").write_text(IMAGE)
    command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent"]
    command += ["--project", "orchestrator-sandbox", "--data-dir", str(home / "data")]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url = json.loads(server.stdout.readline())["url"]
    here = {"api": "image.computePixels"}
    if storm:
        _call(url + "/sandbox/faults", {"action": "http", "status": 429, "skip": 200, "count": 6, **here})
    held = {"action": "stall", "count": None, "seconds": LEAST_SECONDS, "tail": SHAPE, "seed": 7, **here}
    _call(url + "/sandbox/faults", held)
    began = time.monotonic()
    _run(home, url, units)
    seconds = time.monotonic() - began
    seen = _call(url + "/sandbox/state")["pixels"]
    asked = _call(url + "/sandbox/pixels")
    done = [each for each in asked["pixels"] if each["refusal"] is None]
    refused = {status: count for status, count in seen["statuses"].items() if status != "200"}
    print(
        f"{'storm of 429' if storm else 'heavy tail':12} {len(done):9} {seen['requests']:10} {refused!s:>9} "
        f"{seconds:9.1f} {_share(asked['spans']):12.3f} {seen['mostAtOnce']:14}",
        flush=True,
    )
    server.communicate(timeout=60)


def _share(spans: list[tuple[float, float]]) -> float:
    """Return the share that is busy, or 0 where all places never were."""
    last = max(begin for begin, _ in spans)
    changes = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    counts = itertools.accumulate(change for _, change in changes)
    first = next((at for (at, _), count in zip(changes, counts, strict=True) if count == PLACES), last)
    if first == last:
        return 0.0
    busy = sum(max(0.0, min(end, last) - max(begin, first)) for begin, end in spans)
    return busy / (PLACES * (last - first))


def _call(url: str, body: dict | None = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data)) as answer:  # noqa: S310  loopback
        return json.load(answer)


def _run(home: Path, url: str, units: int) -> None:
    rows = math.isqrt(units)
    cols = -(-units // rows)
    left, top = 512_000, 5_201_920  # multiples of 2,560 m: a window of 256 pixels is a whole one
    area = f"{left},{top - 2560 * rows},{left + 2560 * cols},{top};EPSG:32633"
    words = [
        *(sys.executable, "-c", SMALL, "run", "--route", "pixels", "--sandbox-url", url, "--area", area),
        *("--crs", "EPSG:32633", "--scale", "10", "--output", str(home / "out"), "--base-name", "slots"),
        *("--start-date", "2024-05-01", "--end-date", "2024-06-01", "--recipe", "image-code"),
        *("--param", f"file={home / 'image.py'}", "--bands", "x", "--state-dir", str(home / "state"), "--json"),
    ]
    wanted = {"ORCHESTRATOR_PIXELS__AT_ONCE": str(PLACES), "ORCHESTRATOR_PIXELS__PER_SECOND": "100"}
    subprocess.run(
        words, env=os.environ | wanted | {"ORCHESTRATOR_LOG__LEVEL": "error"}, stdout=subprocess.DEVNULL, check=True
    )


if __name__ == "__main__":
    main()
