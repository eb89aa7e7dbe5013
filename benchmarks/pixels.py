"""
How much memory a run by `--route pixels` takes as its area grows, and how many requests.

A sandbox in a process of its own serves pixel coordinates, so that neither its memory nor its scenes count. Run from
the root: `python benchmarks/pixels.py [SIDE | ROWSxCOLS ...]`; by default 1,500, 6,000 and 20,000 pixels a side, four
bands of float32. Printed: requests against the least there can be (bytes as the service counts them / 48 MiB),
seconds, peak memory of the process and its ratio to that of the first shape.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

LIMIT = 50_331_648
BANDS, BYTES = 4, 4
IMAGE = """
import ee


def get_ee_image():
    place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(10))
    x, y = place.select("x"), place.select("y")
    return x.addBands(y).addBands(x.multiply(3).rename("a")).addBands(y.multiply(7).rename("b"))
"""


def main() -> None:
    shapes = [_shape(text) for text in sys.argv[1:]] or [(1500, 1500), (6000, 6000), (20000, 20000)]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "image.py").write_text(IMAGE)
        command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent"]
        command += ["--project", "orchestrator-sandbox", "--data-dir", str(home / "data")]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        url = json.loads(server.stdout.readline())["url"]
        print("  rows ×   cols   requests   least   refused   seconds   peak MiB   ratio")
        first = 0.0
        for height, width in shapes:
            _call(url + "/sandbox/pixels", "DELETE")
            seconds, peak = _run(home, url, height, width)
            first = first or peak
            seen = _call(url + "/sandbox/state")["pixels"]
            refused = sum(count for status, count in seen["statuses"].items() if status != "200")
            least = math.ceil(height * width * BANDS * (BYTES + 1) / LIMIT)
            print(
                f"{height:6} × {width:6} {seen['requests']:10} {least:7} {refused:9} {seconds:9.0f} "
                f"{peak:10.0f} {peak / first:7.2f}",
                flush=True,
            )
        server.communicate(timeout=60)


def _shape(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    return int(height), int(width or height)


def _call(url: str, method: str = "GET") -> dict:
    with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:  # noqa: S310  loopback
        return json.load(answer)


def _run(home: Path, url: str, height: int, width: int) -> tuple[float, float]:
    """Run in a process of its own; return (seconds, peak MiB)."""
    left, top = 500_000, 5_200_000
    area = f"{left},{top - 10 * height},{left + 10 * width},{top};EPSG:32633"
    words = [
        *(sys.executable, "-m", "orchestrator", "run", "--route", "pixels", "--sandbox-url", url, "--area", area),
        *("--crs", "EPSG:32633", "--scale", "10", "--output", str(home / "out"), "--base-name", f"b{height}x{width}"),
        *("--start-date", "2024-05-01", "--end-date", "2024-06-01", "--recipe", "image-code"),
        *("--param", f"file={home / 'image.py'}", "--bands", "x,y,a,b", "--state-dir", str(home / "state"), "--json"),
    ]
    began = time.monotonic()
    environment = os.environ | {"ORCHESTRATOR_LOG__LEVEL": "error"}
    run = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(run.pid, 0)  # with its peak memory
    if status:
        raise SystemExit(f"the run of {height} × {width} ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
