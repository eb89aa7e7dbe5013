"""
Whether `orchestrator simulate` tells how long a run takes: learned from small runs, foretold of larger ones, then done.

A sandbox on loopback in a process of its own; every export stays under way for EXPORT_SECONDS, every request for pixels
for REQUEST_SECONDS, so that the time is theirs and not the processor's. For each kind a small run is done first;
`simulate --measure` learns from it what steps take, and foretells the larger one, which is then done:

* exports: a mosaic by `--route gcs`, two exports at once;
* requests: a mosaic by `--route pixels`, eight requests at once.

The makespan of a run is from the moment that it was entered in the state to the event that its result is published.
Run from the root: `python benchmarks/simulate.py [--export-seconds 20 --request-seconds 3 --only exports]`. Exit code 1
where one is foretold by more than 15 % wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestrator.core.clock import SystemClock
from orchestrator.engine.stores.sql import SqlStore

MOST_WRONG = 0.15
# A limit of 320 KiB a request instead of 48 MiB: windows are small, and there are many.
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
LEFT, TOP = 512_000, 5_201_920  # multiples of 2,560 m: a window of 256 pixels is a whole one


@dataclass(frozen=True)
class Case:
    """A kind of run: how many blocks of 256 pixels the small and the large area have, in rows and columns."""

    name: str
    small: tuple[int, int]
    large: tuple[int, int]
    words: tuple[str, ...]


CASES = (
    # Eight exports of two parts each, then eight of 28.
    Case("exports", (4, 4), (14, 16), ("--route", "gcs", "--max-size-mb", "1")),
    Case("requests", (8, 8), (20, 16), ("--route", "pixels")),
)


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--export-seconds", type=float, default=20.0)
    asked.add_argument("--request-seconds", type=float, default=3.0)
    asked.add_argument("--only", choices=[case.name for case in CASES])
    told = asked.parse_args()
    print("kind       pieces   foretold s    real s   wrong", flush=True)
    wrong = [
        _check(case, told) for case in CASES if told.only in (None, case.name)
    ]  # every case, whatever the first was
    return int(any(wrong))


def _check(case: Case, told: argparse.Namespace) -> bool:
    """Foretell a run and do it; tell whether it was wrong."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "image.py").write_text(IMAGE)
        server, url = _sandbox(home)
        try:
            stay = {"action": "task_hold", "count": None, "after": 0.5, "seconds": told.export_seconds}
            _call(url + "/sandbox/faults", stay)
            held = {"action": "stall", "count": None, "seconds": told.request_seconds, "api": "image.computePixels"}
            _call(url + "/sandbox/faults", held)
            _orchestrate(home, url, case, "small", case.small, "run")
            foretold = _orchestrate(home, url, case, "large", case.large, "simulate", "--measure")[-1]
            done = _orchestrate(home, url, case, "large", case.large, "run")
            seconds = _seconds(home, done[-1]["run"])
        finally:
            server.communicate(timeout=60)
    wrong = foretold["makespan_seconds"] / seconds - 1
    pieces = foretold["parts"] or foretold["requests"]
    print(f"{case.name:9} {pieces:7} {foretold['makespan_seconds']:12.1f} {seconds:9.1f} {wrong:7.1%}", flush=True)
    return abs(wrong) > MOST_WRONG


def _sandbox(home: Path) -> tuple[subprocess.Popen, str]:
    command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent"]
    command += [
        "--project",
        "orchestrator-sandbox",
        "--bucket",
        "orchestrator-sandbox",
        "--data-dir",
        str(home / "data"),
    ]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return server, json.loads(server.stdout.readline())["url"]


def _orchestrate(
    home: Path, url: str, case: Case, name: str, blocks: tuple[int, int], verb: str, *more: str
) -> list[dict]:
    """Call a command on the area of a case; return the messages."""
    rows, cols = blocks
    area = f"{LEFT},{TOP - 2560 * rows},{LEFT + 2560 * cols},{TOP};EPSG:32633"
    words = [
        *(sys.executable, "-c", SMALL, verb, *case.words, *more, "--sandbox-url", url, "--area", area),
        *("--crs", "EPSG:32633", "--scale", "10", "--output", str(home / "out"), "--base-name", name),
        *("--start-date", "2024-05-01", "--end-date", "2024-06-01", "--recipe", "image-code"),
        *("--param", f"file={home / 'image.py'}", "--bands", "x", "--state-dir", str(home / "state"), "--json"),
    ]
    wanted = {"ORCHESTRATOR_LOG__LEVEL": "error"}
    done = subprocess.run(words, env=os.environ | wanted, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        raise RuntimeError(f"{verb} {name}: {done.stdout.splitlines()[-1:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _seconds(home: Path, run_id: str) -> float:
    """Return how long a run took, by its state."""
    store = SqlStore(f"sqlite:///{home / 'state' / 'state.db'}", SystemClock())
    head = store.runs.head(run_id)
    published = [event.at for event in store.events.since(run_id, 0, 100_000) if event.name == "output.published"]
    store.close()
    return (datetime.fromisoformat(published[-1]) - datetime.fromisoformat(head.created)).total_seconds()


def _call(url: str, body: dict) -> dict:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode())) as answer:  # noqa: S310  loopback
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
