"""
Download the same pixels with five published clients and with ours, and print what each asked of the server.

Install the clients as `foreign_clients.py` says; then, with the project's own Python, from the root:

    PYTHONPATH=. python benchmarks/peers.py foreign/bin/python [--case median,area,strip,storm] [--only geedim]

Every row has a sandbox and a process of its own, one at a time, so that nothing is warm. Compared are all values with
the scenes as the catalogue has them, read without the evaluator; masked pixels are zero on both sides. Requests are
counted by the server: those for pixels, all others, and those refused. The exit code is 1 if a value of anybody
differs, or if ours fails or has a request refused that nobody ordered to be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from peers_programs import PROGRAMS
from peers_truth import Case, cases

HERE = Path(__file__).parent
SECONDS = 560
PIXELS = ("image.computePixels", "assets.getPixels", "thumbnails.getPixels")
STORM = 8  # requests for pixels in a row that are answered with 429
OURS = ("ours run --route pixels", "ours run --route region", "ours orc.export_image")
# A process inherits the peak memory of the one that starts it: so a small one starts it.
WATCH = """
import os, subprocess, sys
process = subprocess.Popen(["timeout", *sys.argv[1:]], stdout=sys.stderr)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
IMAGE = """
import ee


def get_ee_image():
    job = {job}
    if job["kind"] == "scene":
        return ee.Image(job["scene"]).select(job["bands"])
    found = ee.ImageCollection(job["collection"]).filterBounds(ee.Geometry.Point(job["point"]))
    return found.filterDate(*job["dates"]).select(job["bands"]).median()
"""


@dataclass
class Row:
    """What came of one client: how it ended, what it cost, what the server counted."""

    name: str
    seconds: float = 0.0
    peak_mb: float = 0.0
    requests: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    result: str = ""

    def shown(self) -> str:
        wanted = ("value.compute",) if self.name.endswith("region") else PIXELS
        pixels = sum(self.requests.get(api, 0) for api in wanted)
        cells = [self.name, f"{self.seconds:.1f}", pixels, sum(self.requests.values()) - pixels, self.refused]
        return "| " + " | ".join(map(str, [*cells, f"{self.peak_mb:.0f}", self.result])) + " |"


class Server:
    """A sandbox in a process of its own."""

    def __init__(self, folder: Path) -> None:
        words = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent", "--data-dir", str(folder)]
        words += ["--project", "orchestrator-sandbox", "--bucket", "orchestrator-sandbox"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self._process.stdout.readline())["url"]  # type: ignore[union-attr]

    def call(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "text/plain"})  # noqa: S310  loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)

    def catalogue_page(self) -> str:
        """An empty page of the catalogue, which geedim looks up by its address."""
        bucket = "/storage/v1/b/orchestrator-sandbox/o"
        self.call(f"/upload{bucket}?uploadType=media&name=catalog.json", {"links": []})
        return f"{self.url}{bucket}/catalog.json?alt=media"

    def storm(self) -> None:
        orders = [{"action": "http", "sentence": "too_many_requests", "api": api, "count": STORM} for api in PIXELS]
        self.call("/sandbox/faults", {"faults": orders})

    def end(self) -> None:
        self._process.communicate(timeout=60)


def run(python: str, name: str, case: Case) -> Row:
    """Let one client download a case."""
    row = Row(name)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = Server(home / "sandbox")
        try:
            job = {**case.job, "url": server.url, "folder": folder, "stac": server.catalogue_page(), "project": "p"}
            (home / "job.json").write_text(json.dumps(job))
            before = server.call("/sandbox/state")["requests"]
            if case.storm:
                server.storm()
            words = _ours(home, server.url, name, case) if name.startswith("ours run") else None
            why = _measured(words or [python, str(HERE / "peers_programs.py"), name, str(home / "job.json")], row, home)
            after = server.call("/sandbox/state")
            row.requests = {
                api: n - before.get(api, 0) for api, n in after["requests"].items() if n > before.get(api, 0)
            }
            entries = server.call("/sandbox/requests")["requests"]
            row.refused = sum(entry["status"] >= 400 for entry in entries)
            row.result = why or case.judged(*_found(home, name, case))
        finally:
            server.end()
    return row


def _measured(words: list[str], row: Row, home: Path) -> str:
    """Run a process; note its seconds and its peak memory; return why it failed, or nothing."""
    told = home / "told.txt"
    path = os.pathsep.join((str(HERE.parent), str(HERE)))
    environment = os.environ | {"PYTHONPATH": path, "ORCHESTRATOR_LOG__LEVEL": "error"}
    with told.open("wb") as log:
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-S", "-c", WATCH, str(SECONDS), *words], check=False,
                              env=environment, stdout=subprocess.PIPE, stderr=log, cwd=home)  # fmt: skip
    row.seconds = time.monotonic() - began
    peak, _, status = done.stdout.decode().strip().rpartition("\n")[2].partition(" ")
    row.peak_mb = int(peak) / 1024
    if status == "0":
        return ""
    said = [line for line in told.read_text(errors="replace").splitlines() if line.strip()] or ["?"]
    return f"died: {said[-1].strip()[:160]}"


def _ours(home: Path, url: str, name: str, case: Case) -> list[str]:
    (home / "image.py").write_text(IMAGE.format(job=json.dumps(case.job)))
    a, _, c, _, e, f = case.job["transform"]
    height, width = case.job["height"], case.job["width"]
    area = f"{c},{f + e * height},{c + a * width},{f};{case.job['crs']}"
    return [
        *(sys.executable, "-m", "orchestrator", "run", "--route", name.rsplit(maxsplit=1)[-1], "--sandbox-url", url),
        *("--area", area, "--crs", case.job["crs"], "--scale", str(a), "--output", str(home / "out")),
        *("--base-name", "found", "--start-date", "2024-05-01", "--end-date", "2024-06-01", "--recipe", "image-code"),
        *("--param", f"file={home / 'image.py'}", "--param", f"dtype={case.dtype}", "--param", "nodata=0"),
        *("--bands", ",".join(case.job["bands"]), "--state-dir", str(home / "state"), "--json"),
    ]


def _found(home: Path, name: str, case: Case) -> tuple[Any, Any]:
    """Give what was downloaded, as (pixels, expected)."""
    if name.startswith("geetiles"):  # on the grids that its files tell, which follow from boxes of degrees
        files = [home / f"geetile_{number}.tif" for number in range(len(case.job["chips"]))]
        if not all(each.exists() for each in files):
            return None, None
        return np.stack([_read(each) for each in files]), np.stack([_expected(each, case) for each in files])
    paths = [home / "found.npy", home / "found.tif", home / "out" / "found_clipped.tif"]
    path = next((each for each in paths if each.exists()), None)
    return (None if path is None else _read(path)), case.pixels


def _read(path: Path) -> Any:
    if path.suffix == ".npy":
        return np.load(path)
    with rasterio.open(path) as source:
        return source.read()


def _expected(path: Path, case: Case) -> Any:
    with rasterio.open(path) as source:
        return case.on(source.crs.to_string(), tuple(source.transform)[:6], source.height, source.width)


def _can(name: str) -> bool:
    """Tell whether ours has this way yet."""
    if name.endswith("region"):
        shown = subprocess.run(
            [sys.executable, "-m", "orchestrator", "run", "--help"], capture_output=True, check=False
        )
        return b"region" in shown.stdout
    if name.endswith("export_image"):
        from orchestrator import api  # noqa: PLC0415

        return hasattr(api, "export_image")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="of the virtual environment with the clients")
    parser.add_argument("--case", default="median,area,strip,storm", help="which cases, by comma")
    parser.add_argument("--only", default="", help="clients whose names contain this")
    options = parser.parse_args()
    names = [*(name for name in PROGRAMS if not name.startswith("ours")), *(name for name in OURS if _can(name))]
    wrong = 0
    for case in cases(options.case.split(",")):
        print(f"\n### {case.title}\n")
        print("| client | seconds | requests for pixels | others | refused | peak MiB | values |", flush=True)
        print("|---|---|---|---|---|---|---|")
        for name in names:
            if options.only not in name or (name in case.not_for):
                continue
            row = run(sys.executable if name in OURS else options.python, name, case)
            bad = "differ" in row.result or (name in OURS and ("equal" not in row.result or row.refused > case.ordered))
            wrong += bad
            print(row.shown(), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
