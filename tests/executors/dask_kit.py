"""A Dask cluster of somebody's: a scheduler and workers as processes, as Dask's own commands begin them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

HOPELESS_SECONDS = 120
LOOPBACK = "127.0.0.1"
HERE = Path(__file__).parent
# What a program of Dask's finds, as an environment with this program in it would have it.
PATH = os.pathsep.join([str(HERE), str(HERE.parents[1])])


def wait_until(happened, seconds=HOPELESS_SECONDS):
    """Look twenty times a second until something has happened in another process."""
    pause = threading.Event()
    for _ in range(seconds * 20):
        if happened():
            return
        pause.wait(0.05)
    raise AssertionError("it never happened")


@dataclass
class Cluster:
    """
    Scheduler and workers.

    Attributes:
        folder: Where they write.
        environment: Variables of theirs.
        processes: All that were begun.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """What the scheduler writes its address into."""
        return self.folder / "scheduler.json"

    def begin(self, what: str, *words: str) -> subprocess.Popen[bytes]:
        told = os.environ | {"PYTHONPATH": PATH} | self.environment
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", LOOPBACK, "--no-dashboard", *words]
        with (self.folder / f"{what}.log").open("ab") as written:
            self.processes.append(subprocess.Popen(command, env=told, stdout=written, stderr=written, cwd=self.folder))
        return self.processes[-1]

    def scheduler(self) -> subprocess.Popen[bytes]:
        """Begin a scheduler, and wait until it has said where it is."""
        self.file.unlink(missing_ok=True)
        begun = self.begin("scheduler", "--port", "0", "--scheduler-file", str(self.file))
        wait_until(self.file.exists)
        return begun

    def worker(self, name: str = "worker", threads: int = 1) -> subprocess.Popen[bytes]:
        """Begin a worker, which is killed with its process: no other of Dask's guards it."""
        told = ["--no-nanny", "--nthreads", str(threads), "--name", name, "--scheduler-file", str(self.file)]
        return self.begin("worker", *told)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
