"""Processes that are stopped for a while, as a paused machine is."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path


def is_stopped(pid):
    """Tell whether a signal has reached a process: it is on its way for a moment."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"


def stop_outside_a_transaction(home, running):
    """Stop a process where it does not hold the database: whoever holds it is waited for."""
    while True:
        running.signal(signal.SIGSTOP)
        home.wait_until(lambda: is_stopped(running.pid))
        try:
            with closing(sqlite3.connect(home.folder / "state" / "state.db", timeout=0.2)) as database:
                database.execute("BEGIN IMMEDIATE").connection.rollback()
        except sqlite3.OperationalError:
            running.signal(signal.SIGCONT)
        else:
            return
