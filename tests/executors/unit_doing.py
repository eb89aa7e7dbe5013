"""What does a unit in these tests, in processes that import it by its name; what it is to do is the unit's key."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import distributed

from orchestrator.clients.dask_cluster import WorkerRefusedError
from orchestrator.core import log
from orchestrator.model.unit import UnitClaim

HOPELESS_SECONDS = 120


def claim(folder, key, fence=1):
    return UnitClaim(str(folder), "unit", key, fence)


def begin(_settings, _config_dir, stop):
    """Return what does a unit in a process of ours."""
    return partial(do, stop)


def begin_when_allowed(settings, config_dir, stop):
    """The same; the process is not there before a file is."""
    while not Path(os.environ["UNIT_DOING_GO"]).exists():
        os.sched_yield()
    return begin(settings, config_dir, stop)


def do(stop, what):
    folder, word = Path(what.run_id), what.key.split("-")[0]
    with (folder / "done").open("a") as done:
        done.write(f"{os.getpid()} {what.key}\n")
    match word:
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "wait":
            (folder / f"ended-{what.key}").write_text("left" if stop.wait(HOPELESS_SECONDS) else "never")
        case "log":
            log.get("unit").info("unit.said", pid=os.getpid(), token="ya29.secret")  # noqa: S106  to be masked
        case "fail":
            raise ValueError("no number")


def do_for_dask(_version, run_id, _kind, key, _fence):
    """The same in a worker of Dask's, which has no wish to leave a unit."""
    folder = Path(run_id)
    with (folder / "done").open("a") as done:
        done.write(f"{os.getpid()} {key}\n")
    match key.split("-")[0]:
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "refuse":
            raise WorkerRefusedError("this worker has another version", distributed.get_worker().address)
        case "wait":
            while not (folder / "go").exists():
                os.sched_yield()


def done_in(folder):
    """Return (process, key) of every unit that was begun, in order."""
    path = Path(folder) / "done"
    return [(int(line.split()[0]), line.split()[1]) for line in path.read_text().splitlines()] if path.exists() else []
