"""
Many scheduled jobs of one daemon, of which a tenth always fails and a tenth is held: who goes when, and are slots idle?

A sandbox in a process of its own, and `serve --until-idle` as another, over a config.toml with JOBS jobs of one task
each and five priorities. Of each ten jobs one has a band that does not exist, which fails at planning; one wants more
valid pixels than there are, which holds its run for a person when all its pixels are there. Run from the root:
`PYTHONPATH=. python benchmarks/priorities.py [JOBS]`; by default 300.

Printed are the states at the end; by how many places a good run began earlier or later than its priority says, at most
(slots - 1 is what threads that begin together may swap); and, of the daemon's beats while runs were waiting that had
not been begun, how many found every slot taken.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

SLOTS = 3
IMAGE = """
import ee


def get_ee_image():
    x = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(10)).select("x")
    return x.updateMask(x.toInt().mod(2))
"""
JOB = """
[jobs.{name}]
area = "{left},5201856,{right},5201920;EPSG:32633"
output = "out"
base_name = "{name}"
start_date = "2024-05-01"
end_date = "2024-06-01"
recipe = "image-code"
params = {{ file = "image.py" }}
bands = ["{band}"]
grid = {{ crs = "EPSG:32633", scale = 10 }}
min_valid = {share}
priority = {priority}
every = "1d"
"""


def main() -> None:
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), jobs)


def _measure(home: Path, jobs: int) -> None:
    (home / "image.py").write_text(IMAGE)
    kinds = {f"{_kind(n)}{n:03d}": (n * 7 + n // 10) % 5 for n in range(jobs)}
    (home / "config.toml").write_text("".join(_table(n, name, kinds[name]) for n, name in enumerate(kinds)))
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
    url = json.loads(server.stdout.readline())["url"]
    began = time.monotonic()
    beats = _serve(home, url)
    seconds = time.monotonic() - began
    server.communicate(timeout=60)
    with closing(sqlite3.connect(home / "state" / "state.db")) as database:
        states = Counter((name[:4], state) for name, state in database.execute("SELECT job_name, state FROM runs"))
        order = [
            name
            for (name,) in database.execute(
                "SELECT job_name FROM events JOIN runs ON runs.id = events.run_id WHERE job_name LIKE 'good%' "
                "AND name = 'run.planned' ORDER BY sequence"
            )
        ]
    wanted = sorted((name for name in kinds if name.startswith("good")), key=lambda name: -kinds[name])
    off = max(abs(place - wanted.index(name)) for place, name in enumerate(order))
    print(f"{jobs} jobs in {SLOTS} slots, {seconds:.0f} s")
    for (kind, state), count in sorted(states.items()):
        print(f"  {kind}  {state:9} {count}")
    print(f"  good runs that began in another place than their priority says: by {off} at most")
    print(f"  beats while runs waited: {len(beats)}; with every slot taken: {sum(busy == SLOTS for busy in beats)}")


def _kind(number: int) -> str:
    return {3: "fail", 7: "held"}.get(number % 10, "good")


def _table(number: int, name: str, priority: int) -> str:
    left = 512_000 + 640 * number
    return JOB.format(
        name=name,
        left=left,
        right=left + 640,
        band="nope" if name.startswith("fail") else "x",
        share=0.9 if name.startswith("held") else 0.0,
        priority=priority,
    )


def _serve(home: Path, url: str) -> list[int]:
    """Let the daemon work until it is idle; return how many slots were taken, at each beat while runs were waiting."""
    words = [
        sys.executable,
        "-m",
        "orchestrator",
        "serve",
        "--until-idle",
        "--sandbox-url",
        url,
        "--state-dir",
        "state",
    ]
    wanted = {"ORCHESTRATOR_SERVE__SLOTS": str(SLOTS), "ORCHESTRATOR_LOG__LEVEL": "error"}
    wanted |= {"ORCHESTRATOR_EE__POLL_MIN": "0.1", "ORCHESTRATOR_SERVE__PATIENCE": "5"}
    wanted |= {"ORCHESTRATOR_SERVE__ALLOW_CODE": "true", "PYTHONPATH": str(Path.cwd())}
    daemon = subprocess.Popen(words, cwd=home, env=os.environ | wanted, stderr=subprocess.DEVNULL)
    seen: dict[float, int] = {}
    while daemon.poll() is None:
        time.sleep(1)
        _look(home / "state" / "state.db", seen)
    return list(seen.values())


def _look(path: Path, seen: dict[float, int]) -> None:
    if not path.exists():
        return
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        try:
            row = database.execute("SELECT beat, facts FROM processes").fetchone()
            (waiting,) = database.execute("SELECT count(*) FROM runs WHERE state = 'ADMITTED'").fetchone()
        except sqlite3.OperationalError:  # it is being made
            return
    if row and waiting > SLOTS and json.loads(row[1])["waiting"] > SLOTS:
        seen[row[0]] = json.loads(row[1])["busy"]


if __name__ == "__main__":
    main()
