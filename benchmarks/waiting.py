"""
What waiting costs: a run of thousands of tasks that Earth Engine has not begun, and a state of thousands of runs.

    python benchmarks/waiting.py FOLDER [--tasks 2990] [--parts 10] [--runs 2000] [--seconds 60]

A sandbox whose tasks are stuck; the daemon of a state with one planned run hands all of them over, waits, is killed and
started again. Figures are processor time of the daemon, from the kernel; the sandbox's own is not in them.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from shapely import box

from orchestrator.core.clock import SystemClock
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.grid import Grid, Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.plan_json import plan_to_json
from orchestrator.model.spec import PixelSpec
from orchestrator.model.states import RunState

SIDE = 256
BUCKET = "orchestrator-sandbox"
IMAGE = (
    '{"result":"0","values":{"0":{"functionInvocationValue":{"arguments":{"value":{"constantValue":1}},'
    '"functionName":"Image.constant"}}}}'
)


def the_job(folder: Path, name: str) -> Job:
    area = AreaSource("500000,5100000,500100,5100100;EPSG:32633")
    # Not in blocks: the pilots of a run that learns its part sizes would hold the others back.
    return Job(name, str(folder / "out"), area, "2024-01-01", "2024-02-01", split="square", service="sandbox")


def a_plan(tasks: int, parts: int) -> Plan:
    """Return `tasks` strips one below the other, each of `parts` blocks side by side."""
    grid = Grid("EPSG:32633", (10.0, 0.0, 500_000.0, 0.0, -10.0, 9_000_000.0), tasks * SIDE, parts * SIDE)
    windows = [Window(n * SIDE, 0, SIDE, parts * SIDE) for n in range(tasks)]
    return Plan(
        grid=grid,
        pixels=PixelSpec(("constant",), "float32", -9999.0),
        tasks=tuple(TaskPlan(n, window, SIDE, SIDE) for n, window in enumerate(windows)),
        area_wkb=box(*grid.bounds()).wkb,
        area_pixels=grid.pixels,
        max_part_bytes=48 * 2**20,
        bucket_bytes=1,
        disk_bytes=1,
        memory_bytes=1,
    )


def fill(state: Path, folder: Path, *, tasks: int, parts: int, runs: int) -> str:
    """Write a state of one planned run and many ended ones of `parts` parts; return the planned run."""
    state.mkdir(parents=True)
    store = SqlStore(f"sqlite:///{state / 'state.db'}", SystemClock())
    small = a_plan(1, parts)
    for number in range(runs):
        job = the_job(folder, f"old{number}")
        run = store.runs.admit(Admission(job.base_name, "", job.fingerprints(), job.to_json()))
        store.runs.save_plan(run.id, plan_to_json(small), IMAGE, "{}", small.tasks)
        store.runs.set_state(run.id, RunState.FAILED, "long ago")
    plan, job = a_plan(tasks, parts), the_job(folder, "large")
    run = store.runs.admit(Admission(job.base_name, "", job.fingerprints(), job.to_json()))
    store.runs.save_plan(run.id, plan_to_json(plan), IMAGE, "{}", plan.tasks)
    store.close()
    return run.id


def processor_seconds(pid: int) -> float:
    """Return the processor time a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(url: str, body: Any = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=60) as answer:  # noqa: S310
        return json.loads(answer.read())


def wait_until(happened: Callable[[], bool]) -> None:
    while not happened():
        time.sleep(0.5)


def command(state: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "orchestrator", "--state-dir", str(state), *words]


def measure(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.folder
    state = folder / "state"
    run = fill(state, folder, tasks=arguments.tasks, parts=arguments.parts, runs=arguments.runs)
    print(f"state filled: 1 run of {arguments.tasks} tasks x {arguments.parts} parts, {arguments.runs} ended runs")
    looks = (("status", command(state, "status")), ("status latest", command(state, "status", run)))
    for name, words in looks:
        before = os.times()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        took = after.children_user + after.children_system - before.children_user - before.children_system
        print(f"{name:<28}{took:8.2f} CPU s")
    box = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "orchestrator.sandbox",
            "--die-with-parent",
            "--bucket",
            BUCKET,
            "--data-dir",
            str(folder / "data"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    url = json.loads(box.stdout.readline())["url"] if box.stdout else ""
    ask(f"{url}/sandbox/faults", {"faults": [{"action": "task_stuck", "count": None}]})
    # Ten places of Earth Engine's 3,000 are left to others.
    settings = {"ORCHESTRATOR_EE__LIVE_TASKS": str(arguments.tasks + 10), "ORCHESTRATOR_GCS__MAX_BYTES": "1TiB"}
    serve = command(state, "serve", "--sandbox-url", url)
    pace = {"ORCHESTRATOR_EE__POLL_MIN": "2s", "ORCHESTRATOR_EE__POLL_MAX": "30s"}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(serve, env=os.environ | settings | pace, stderr=(folder / "log").open("ab"))

    daemon, began = start(), time.monotonic()
    wait_until(lambda: ask(f"{url}/sandbox/state")["exportsStarted"] >= arguments.tasks)
    print(f"{'handed over in':<28}{time.monotonic() - began:8.1f} s, {processor_seconds(daemon.pid):.1f} CPU s")
    for phase in ("waiting", "waiting after kill -9"):
        time.sleep(5)
        before, lists = processor_seconds(daemon.pid), count_lists(url)
        time.sleep(arguments.seconds)
        used = processor_seconds(daemon.pid) - before
        print(f"{phase:<28}{used / arguments.seconds:8.1%} of a core, {count_lists(url) - lists} list requests")
        if phase == "waiting":
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
            daemon, began = start(), time.monotonic()
            seen = count_lists(url)
            wait_until(lambda seen=seen: count_lists(url) > seen)
            print(f"{'first list after kill -9':<28}{time.monotonic() - began:8.1f} s")
    print(f"{'exports':<28}{ask(f'{url}/sandbox/state')['exportsStarted']:8d}")
    began = time.monotonic()
    daemon.terminate()
    daemon.wait()
    print(f"{'SIGTERM to end':<28}{time.monotonic() - began:8.1f} s")
    box.kill()


def count_lists(url: str) -> int:
    requests = ask(f"{url}/sandbox/requests")["requests"]
    return sum(r["method"] == "GET" and r["path"].split("?")[0].endswith("/operations") for r in requests)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", type=int, default=2990)
    parser.add_argument("--parts", type=int, default=10)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=60)
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
