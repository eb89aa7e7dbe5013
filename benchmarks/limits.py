"""
The limits of a project at full size: a queue of 3,000 tasks, nearly all of others, and 50,000 parts of five runs.

    PYTHONPATH=. python benchmarks/limits.py FOLDER [--others 2985] [--runs 5] [--tasks 200] [--parts 50] [--seconds 60]

A sandbox in a process of its own, whose tasks are stuck: somebody else has handed over all but a few that the queue
takes, and a daemon works on five planned runs. Tasks at once, and lists, are counted by the sandbox; processor time and
memory are the daemon's, from the kernel. Then the daemon is killed and started again, and at last a second process of
the same state asks for its share of the requests while the first is busy.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from waiting import BUCKET, IMAGE, a_plan, ask, command, processor_seconds, the_job, wait_until

from orchestrator.core.clock import SystemClock
from orchestrator.engine.request_limits import RequestLimits
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.plan_json import plan_to_json

PROJECT = "orchestrator-sandbox"
PAGE = 500  # operations; what the client asks for
STUCK = [{"action": "task_stuck", "count": None}]


def fill(state: Path, folder: Path, *, runs: int, tasks: int, parts: int) -> None:
    """Write a state of planned runs."""
    state.mkdir(parents=True)
    store, plan = SqlStore(f"sqlite:///{state / 'state.db'}", SystemClock()), a_plan(tasks, parts)
    for number in range(runs):
        job = the_job(folder, f"large{number}")
        run = store.runs.admit(Admission(job.base_name, "", job.fingerprints(), job.to_json()))
        store.runs.save_plan(run.id, plan_to_json(plan), IMAGE, "{}", plan.tasks)
    store.close()


def others_hand_over(url: str, count: int) -> None:
    """Hand tasks over as other people of the project would."""
    grid = {
        "crsCode": "EPSG:32633",
        "dimensions": {"width": 8, "height": 8},
        "affineTransform": {"scaleX": 10, "translateX": 500000, "scaleY": -10, "translateY": 5100000},
    }
    for number in range(count):
        destination = {"bucket": BUCKET, "filenamePrefix": f"theirs-{number}"}
        body = {
            "expression": json.loads(IMAGE),
            "description": f"theirs-{number}",
            "requestId": f"theirs-{number}",
            "fileExportOptions": {"fileFormat": "GEO_TIFF", "cloudStorageDestination": destination},
            "grid": grid,
        }
        ask(f"{url}/v1/projects/{PROJECT}/image:export", body)


def lists_of(url: str) -> tuple[int, int]:
    """Return how many pages of operations were asked for, and how many lists these were."""
    asked = [r["query"] for r in ask(f"{url}/sandbox/requests?api=operations.list")["requests"]]
    return len(asked), sum("pageToken" not in query for query in asked)


def peak_mebibytes(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def tell(what: str, value: str, bound: str = "") -> None:
    print(f"{what:<44}{value:>14}   {bound}", flush=True)


def measure(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.folder
    state = folder / "state"
    fill(state, folder, runs=arguments.runs, tasks=arguments.tasks, parts=arguments.parts)
    tell("parts in the state", str(arguments.runs * arguments.tasks * arguments.parts))
    words = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent", "--project", PROJECT]
    words += ["--bucket", BUCKET, "--data-dir", str(folder / "data")]
    box = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    url = json.loads(box.stdout.readline())["url"] if box.stdout else ""
    ask(f"{url}/sandbox/faults", {"faults": STUCK})
    others_hand_over(url, arguments.others)
    # By --sandbox-url it would look more often than at Google; this is the usual pace.
    told = {"EE__URL": url, "EE__PROJECT": PROJECT, "GCS__URL": url, "DRIVE__URL": url}
    told |= {"GCS__BUCKET": BUCKET, "GCS__MAX_BYTES": "1TiB", "SERVE__SLOTS": str(arguments.runs)}
    environment = os.environ | {f"ORCHESTRATOR_{name}": value for name, value in told.items()}
    serve = command(state, "serve")

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(serve, env=environment, stdout=subprocess.DEVNULL, stderr=(folder / "log").open("ab"))

    room = min(6, max(0, 3000 - 10 - arguments.others))
    daemon, began = start(), time.monotonic()
    wait_until(lambda: ask(f"{url}/sandbox/state")["exportsStarted"] >= arguments.others + room)
    tell("tasks of ours handed over", f"{room} in {time.monotonic() - began:.1f} s")
    for phase in ("waiting", "waiting after kill -9"):
        time.sleep(10)
        before, (pages, lists) = processor_seconds(daemon.pid), lists_of(url)
        time.sleep(arguments.seconds)
        used, (more_pages, more_lists) = processor_seconds(daemon.pid) - before, lists_of(url)
        tell(phase, f"{used / arguments.seconds:.1%} of a core", "under 5 %")
        polls = max(1, more_lists - lists)
        tell("  pages a list", f"{(more_pages - pages) / polls:.1f} of {polls}", "at most 7")
        tell("  peak resident set", f"{peak_mebibytes(daemon.pid):.0f} MiB", "under 300 MiB")
        if phase == "waiting":
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
            daemon, began, seen = start(), time.monotonic(), lists_of(url)[0]
            wait_until(lambda seen=seen: lists_of(url)[0] > seen)
            took, used = time.monotonic() - began, processor_seconds(daemon.pid)
            tell("first list after kill -9", f"{took:.1f} s", f"within 5 s; {used:.1f} s of a core")
    found: dict[str, Any] = ask(f"{url}/sandbox/state")
    tell("most tasks at once", str(found["mostLive"]), f"at most {arguments.others + room}")
    daemon.terminate()
    daemon.wait()
    box.kill()


def measure_requests(seconds: int, per_second: int) -> None:
    """Take turns as fast as is allowed, in eight threads, and count processor time: what is shared costs that."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(f"sqlite:///{folder}/state.db", SystemClock())
        limits = RequestLimits("ee.requests", 40, per_second, store=store.limits, clock=SystemClock())
        stop, done = threading.Event(), []

        def ask_on() -> None:
            while not stop.is_set():
                with limits.turn(threading.Event()):
                    done.append(1)

        threads = [threading.Thread(target=ask_on) for _ in range(8)]
        before = time.process_time()
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        used = time.process_time() - before
        tell(f"{len(done) / seconds:.0f} turns a second", f"{used / seconds:.1%} of a core", "under 5 %")
        limits.close()
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--others", type=int, default=2985)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--parts", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    measure_requests(10, 100)
    measure(arguments)


if __name__ == "__main__":
    main()
