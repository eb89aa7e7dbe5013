"""Workers as processes beside a run."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

BY_WORKERS = {"ORCHESTRATOR_ENGINE__EXECUTOR": "workers"}  # the holder does no unit itself
LEASE = {"ORCHESTRATOR_ENGINE__LEASE": "1"}  # seconds after which a worker that is not heard of has lost its units


class Worker:
    """A worker beside the run; it is killed at the end of its block where it still lives."""

    def __init__(self, program, folder, *words, **environment):
        self.running = program.start(["worker", *words, "--state-dir", "state"], folder, **LEASE, **environment)
        self.ended = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.ended is None:
            self.signal(signal.SIGKILL)
            self.wait()

    def signal(self, number):
        self.running.signal(number)

    def wait(self):
        self.ended = self.ended or self.running.wait()
        return self.ended

    @property
    def name(self):
        """What its name among the processes of a state begins with."""
        return f"worker {self.running.pid}@"


def units(folder):
    """Return (kind, state, worker, fence) of each unit that was not cut, of the state in a folder."""
    with closing(sqlite3.connect(folder / "state" / "state.db")) as state:
        return state.execute("SELECT kind, state, worker, fence FROM units WHERE state <> 'SPLIT'").fetchall()


def workers(folder):
    """Return the names of the workers that have not ended by their own word."""
    with closing(sqlite3.connect(folder / "state" / "state.db")) as state:
        return {name for (name,) in state.execute("SELECT name FROM processes WHERE name LIKE 'worker %'")}
