"""Named points at which a test may kill the process, to prove that nothing is lost there."""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "ORCHESTRATOR_CRASH_AT"
_passed: Counter[str] = Counter()


def point(name: str) -> None:
    """
    Die by SIGKILL when the environment names this point; otherwise do nothing.

    `NAME` is the first pass of the process, `NAME:3` the third.
    """
    if (armed := os.environ.get(VARIABLE)) is not None:
        _die_if_due(armed, name)


def _die_if_due(armed: str, name: str) -> None:
    wanted, _, number = armed.partition(":")
    if wanted != name:
        return
    _passed[name] += 1
    if _passed[name] == int(number or 1):
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows either ends a process at once
